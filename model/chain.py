"""A chain of rows: each bears the hash of the one before, so that one that was changed, removed or slipped in shows.

The audit and the alarm journal are such chains. One that was written anew as a whole, or whose end was cut off, holds:
that shows only against a head, the number and hash of a row, that was kept elsewhere.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

GENESIS = "00" * 32  # the hash before the first row

Row: TypeAlias = tuple[int, *tuple[str | int | None, ...], str, str]
"""A row as it is hashed: its number first, the hash before and its own last, both in hexadecimal."""
Head: TypeAlias = tuple[int, str]
"""Number and hash of a row."""


class Broken(NamedTuple):
    """The first number at which the chain does not hold, and why."""

    number: int
    why: str


class Verdict(NamedTuple):
    """How many rows hold, the first and last of them, the last one's hash, and what breaks the chain, if anything."""

    rows: int
    first: int | None
    last: int
    hash: str
    broken: Broken | None


class Chain:
    """Walks over a chain's rows in order and finds the first that breaks it.

    It begins after the row `begins`; None where the first row's own word on what was before is taken. `head` is that of
    a row that was kept elsewhere and must be in the chain, unless the chain begins after it.
    """

    def __init__(self, begins: Head | None = None, head: Head | None = None) -> None:
        self._begins = begins
        self._head = head
        self._head_found = head is None or head == begins
        self.last = begins
        self.first: int | None = None
        self.rows = 0

    def follow(self, rows: Iterable[Row]) -> Broken | None:
        """Walk over the next rows; None where all hold."""
        for row in rows:
            broken = self._broken(row)
            if broken is not None:
                return broken
            self.first = row[0] if self.first is None else self.first
            self.last = row[0], row[-1]
            self._head_found |= self.last == self._head
            self.rows += 1
        return None

    def verdict(self, broken: Broken | None = None) -> Verdict:
        """Return what was found once all rows were walked over, or up to the one that is `broken`."""
        if broken is None and self._head is not None and not self._head_found and not self._before(self._head):
            broken = Broken(self._head[0], "it is missing, or has another hash than the one that was kept")
        last, own = (0, "") if self.last is None else self.last
        return Verdict(self.rows, self.first, last, own, broken)

    def _before(self, head: Head) -> bool:
        return self._begins is not None and head[0] < self._begins[0]

    def _broken(self, row: Row) -> Broken | None:
        number, previous, own = row[0], row[-2], row[-1]
        if self.last is not None and number != self.last[0] + 1:
            return Broken(self.last[0] + 1, f"it is missing: {number} follows {self.last[0]}")
        if not own:
            return Broken(number, "it has no hash: it was put in without being chained")
        if self.last is not None and previous != self.last[1]:
            return Broken(number, "it does not follow the row before: that one was changed, or this one put in")
        if hash_of(row) != own:
            return Broken(number, "it was changed: its hash is another")
        return None


def hash_of(row: Row) -> str:
    """Return the hash that a row must have, in hexadecimal: SHA-256 over all its columns but the hash itself.

    Each as its length in bytes of UTF-8, a colon, its text and a comma; an absent one as a minus and a comma.
    """
    written = bytearray()
    for part in row[:-1]:
        text = b"-" if part is None else str(part).encode()
        written += (b"" if part is None else b"%d:" % len(text)) + text + b","
    return hashlib.sha256(written).hexdigest()
