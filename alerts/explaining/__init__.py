"""Why a rule fired or did not at a sensor and a time: found by evaluating the readings concerned once more.

A Case (case.py) holds all that a decision hangs on: rules and sensors as the engine was bound to them, and the readings
concerned in the order of the log. The same engine evaluates it (replay.py), as it was known then and as it is known
now; what comes out is told (explanation.py), and changed until the decision is another (smallest.py). Nothing here
reads a clock or a database, so that a case gives the same explanation wherever it is evaluated.
"""
