"""The entries of one message that could not be used: so many each by itself with its cause, the others together."""

from collections.abc import Iterable

from ingest.message import Refused
from ingest.reasons import Fault

REFUSED_ONE_BY_ONE_MAX = 100  # of a message; to explain thousands would keep the others waiting


class Refusals:
    """Gathers the entries that a message of `count` entries loses.

    Once it is `full`, a decoder need not find the cause of more. What it gives to `add_unexplained` is kept together,
    as one JSON array of the entries' bytes, under the reason of the last one that was explained.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._explained: list[Refused] = []
        self._others: list[bytes] = []

    @property
    def full(self) -> bool:
        """Whether no more causes need be found."""
        return len(self._explained) >= REFUSED_ONE_BY_ONE_MAX

    def add(self, place: int, raw: bytes, fault: Fault, sensor: str | None) -> None:
        """Note the entry at `place` (from 0) and what is wrong with it."""
        where = f"entry {place + 1} of {self._count}: " if self._count > 1 else ""
        self._explained.append(Refused(raw, Fault(fault.reason, where + fault.detail), sensor))

    def add_unexplained(self, raws: Iterable[bytes]) -> None:
        """Note entries that are not looked into, when `full`."""
        self._others.extend(raws)

    def all(self) -> list[Refused]:
        """Return them in order, the one that stands for the others last."""
        if not self._others:
            return self._explained
        last = self._explained[-1].fault
        detail = (
            f"{len(self._others)} further entries are kept together, as {len(self._explained)} of the message are "
            f"refused already and no more are looked into; the last of those: {last.detail}"
        )
        others = b"[" + b",".join(self._others) + b"]"
        return [*self._explained, Refused(others, Fault(last.reason, detail))]
