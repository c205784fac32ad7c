"""A database and a broker on one machine without containers: real servers as children that end with Lifeline.

In the order of use: `process` starts and stops a child (through `launch`), `lock` keeps a directory to one user,
`debian` fetches packages, `programs` builds PostgreSQL with TimescaleDB, `accounts` finds as whom it runs,
`datadirectory` makes its files, `database` runs it; `broker` runs the NATS server, `mosquitto` an MQTT 5 broker.
"""
