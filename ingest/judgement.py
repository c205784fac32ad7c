"""What a batch means beside each reading by itself: the rate limit, the course of each sensor, gaps, and the bound on
what is kept of rejections. Judged when the batch before is committed, and moved on when this one is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.budget import RATE_LIMITED, BudgetLimits, Condensed, RejectionBudget
from ingest.course import Course, Judged, with_bits
from ingest.gaps import GapChanges, GapTracker, encode_states
from ingest.gathered import NO_SEQUENCE
from ingest.limiter import Limited, Limiter, RateLimit
from ingest.settings import IngestLimits
from model.instant import format_instant
from model.reading import Rejection
from model.registry import Registry
from model.vocabulary import PROPERTIES
from store.batches import IncomingReadings
from store.gaps import store_gaps, store_sequences
from store.pool import Connection
from store.rejections import store_counts


@dataclass(frozen=True, slots=True)
class Ruling:
    """A batch as it is to be stored, and how the state goes on when it is."""

    readings: IncomingReadings
    rejections: list[Rejection]
    reasons: Counter[str]  # of all rejections, those that are only counted too
    limited: Limited
    course: Judged
    gaps: GapChanges | None
    sequences: bytes
    condensed: Condensed

    async def store(self, connection: Connection, batch: int, clock: int) -> None:
        """Write what belongs to the batch beside readings and rejections, within its transaction."""
        await store_counts(connection, self.condensed.counts)
        if self.gaps is not None:
            await store_gaps(connection, clock, self.gaps.opened, self.gaps.filled)
            await store_sequences(connection, batch, self.sequences)


class Judgement:
    """The state of all checks that look beyond one reading. One writer, batches one after the other."""

    def __init__(
        self,
        registry: Registry,
        limits: IngestLimits,
        rate: RateLimit | None = None,
        budget: BudgetLimits | None = None,
    ) -> None:
        self.course = Course(registry, limits)
        self.gaps = GapTracker()
        self.limiter = Limiter(rate or RateLimit())
        self.budget = RejectionBudget(budget or BudgetLimits())
        self._rate = rate or RateLimit()
        self._registry = registry
        self._source_of = np.full(len(registry.known), -1, np.int64)  # by registry key: its place in `gaps`

    def judge(
        self,
        registry: Registry,
        readings: IncomingReadings,
        rejections: Sequence[Rejection],
        arrived: int,
        sequence: NDArray[np.int64] | None = None,
    ) -> Ruling:
        """Judge a batch that arrived at `arrived` (epoch milliseconds); nothing changes until `commit`.

        `sequence`, shape (n,), is the devices' own count of the readings, NO_SEQUENCE where there is none.
        """
        limited = self.limiter.judge(readings.sensor, readings.time, arrived)
        all_rejections = list(rejections)
        gaps = self._judge_gaps(registry, readings, sequence)  # what is over the limit has come all the same
        if limited.over.any():
            all_rejections += rate_rejections(registry, readings, np.flatnonzero(limited.over), self._rate)
            readings = _rows(readings, np.flatnonzero(~limited.over))
        course = self.course.judge(registry, readings, arrived)
        condensed = self.budget.condense(all_rejections, arrived, registry.cities.keys())
        return Ruling(
            replace(readings, quality=with_bits(readings.quality, course.bits)),
            condensed.kept,
            Counter(rejection.reason for rejection in all_rejections),
            limited,
            course,
            gaps,
            b"" if gaps is None else encode_states(self.gaps.states(gaps)),
            condensed,
        )

    def commit(self, ruling: Ruling) -> None:
        """Go on from a batch that was stored."""
        self.limiter.commit(ruling.limited)
        self.course.commit(ruling.course)
        self.budget.commit(ruling.condensed)
        if ruling.gaps is not None:
            self.gaps.commit(ruling.gaps)

    def _judge_gaps(
        self, registry: Registry, readings: IncomingReadings, sequence: NDArray[np.int64] | None
    ) -> GapChanges | None:
        if sequence is None:
            return None
        rows = np.flatnonzero(sequence != NO_SEQUENCE)
        if not len(rows):
            return None
        return self.gaps.judge(self._sources(registry, readings.sensor[rows]), sequence[rows], readings.time[rows])

    def _sources(self, registry: Registry, keys: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the places of sensors among the sources of sequences, each looked up by its name only once."""
        if registry is not self._registry:
            self._registry, self._source_of = registry, np.full(len(registry.known), -1, np.int64)
        new = np.unique(keys[self._source_of[keys] < 0])
        if len(new):
            self._source_of[new] = self.gaps.places([registry.sensors[key].sensor for key in new.tolist()])
        return self._source_of[keys]


def rate_rejections(
    registry: Registry, readings: IncomingReadings, rows: NDArray[np.intp], rate: RateLimit
) -> list[Rejection]:
    """Return rejections for readings over the rate limit; their payloads say what was understood, in the same form."""
    rejections = []
    for row in rows.tolist():
        sensor = registry.sensors[int(readings.sensor[row])]
        payload = msgspec.json.encode(
            {
                "time": format_instant(int(readings.time[row])),
                "value": float(readings.value[row]),
                "unit": PROPERTIES[sensor.property].unit,
            }
        )
        detail = (
            f"the sensor sends more than {rate.readings_s_max:g} readings a second; find out why it chatters, then "
            "replay what is needed"
        )
        topic = f"lifeline/{sensor.city}/{sensor.system}/{sensor.sensor}"
        rejections.append(Rejection(topic, payload, len(payload), RATE_LIMITED, detail, sensor.sensor))
    return rejections


def _rows(readings: IncomingReadings, rows: NDArray[np.intp]) -> IncomingReadings:
    return IncomingReadings(readings.sensor[rows], readings.time[rows], readings.value[rows], readings.quality[rows])
