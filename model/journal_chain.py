"""A line of the alarm journal with all that its hash is made of; model.chain.hash_of makes and checks it."""

from typing import NamedTuple


class ChainedLine(NamedTuple):
    """A row of the journal and its place in the chain: a model.chain.Row. Hashes in hexadecimal."""

    event: int
    alarm: str
    sequence: int  # of the line within its alarm
    time: str  # of the line, RFC 3339 in microseconds
    city: str
    system: str
    district: str
    line: str  # as model.alarm.encode_line wrote it
    previous: str
    hash: str
