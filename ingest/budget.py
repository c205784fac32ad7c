"""Bounds what is kept of a flood of rejections: so many of a kind whole in each minute, the others counted.

Nothing is dropped silently: what is not kept is counted by minute, reason and scope, in the same transaction.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ingest.topics import parse_topic
from model.reading import Rejection
from store.rejections import RejectionCount

MINUTE_MS = 60_000
RATE_LIMITED = "rate_limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimits:
    """How much is kept whole in a minute of the arrival clock."""

    rejections_per_scope_max: int = 5_000  # of one reason and city
    bytes_per_scope_max: int = 16 * 1024 * 1024
    rate_limited_per_sensor_max: int = 10


@dataclass(frozen=True, slots=True)
class Condensed:
    """The rejections to keep, the counts of the others, and what was spent of this minute's budget with them."""

    kept: list[Rejection]
    counts: list[RejectionCount]
    minute: int
    spent: Counter[tuple[str, str]]
    spent_bytes: Counter[tuple[str, str]]


class RejectionBudget:
    """What was kept in the present minute. Condensing changes nothing; `commit` does, after the batch was stored.

    The scope of a rejection is the city of its topic, where it is registered, and the sensor's id where it is over its
    rate limit, which only registered sensors can be: so memory and rows are bounded whatever is sent.
    """

    def __init__(self, limits: BudgetLimits) -> None:
        self._limits = limits
        self._minute = 0
        self._spent: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()

    def condense(self, rejections: Sequence[Rejection], arrived: int, cities: Collection[str]) -> Condensed:
        """Return what to keep of a batch's rejections, the first ones of each kind, and the counts of the others."""
        minute = arrived - arrived % MINUTE_MS
        same = minute == self._minute
        spent = Counter(self._spent) if same and rejections else Counter()
        spent_bytes = Counter(self._bytes) if same and rejections else Counter()
        kept: list[Rejection] = []
        left: Counter[tuple[str, str]] = Counter()
        left_bytes: Counter[tuple[str, str]] = Counter()
        for rejection in rejections:
            kind = (rejection.reason, _scope(rejection, cities))
            most = self._limits.rejections_per_scope_max
            if rejection.reason == RATE_LIMITED:
                most = self._limits.rate_limited_per_sensor_max
            size = len(rejection.payload)
            if spent[kind] < most and spent_bytes[kind] + size <= self._limits.bytes_per_scope_max:
                spent[kind] += 1
                spent_bytes[kind] += size
                kept.append(rejection)
            else:
                left[kind] += 1
                left_bytes[kind] += rejection.payload_bytes
        counts = [RejectionCount(minute, *kind, count, left_bytes[kind]) for kind, count in left.items()]
        return Condensed(kept, counts, minute, spent, spent_bytes)

    def commit(self, condensed: Condensed) -> None:
        """Take over what was spent, after the batch was stored."""
        if condensed.kept or condensed.counts:
            self._minute, self._spent, self._bytes = condensed.minute, condensed.spent, condensed.spent_bytes


def _scope(rejection: Rejection, cities: Collection[str]) -> str:
    if rejection.reason == RATE_LIMITED:
        return rejection.sensor or ""
    topic = parse_topic(rejection.topic)
    return topic.city if topic is not None and topic.city in cities else ""
