"""Street floods with four levels: the depth rule at its first reading, and the rise rule ahead of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.recording import Recording
from benchmarks.detection.occurrences import Occurrence, Truth, data_folder, load, read_truth, run
from benchmarks.measure import Case, case
from model.registry import Registry

LEVELS_CM = (15.0, 27.0, 40.0, 60.0)
LEAD_S_MIN = 300.0


@dataclass(frozen=True, slots=True)
class Flood:
    """A flood of the truth with its readings: times in epoch milliseconds, depths in cm, both of shape (n,)."""

    sensor: str
    time: NDArray[np.int64]
    depth: NDArray[np.float64]

    def reached(self, level: int) -> int | None:
        """When the depth first was at level 1 to 4 or above; None where it never was."""
        at = np.flatnonzero(self.depth >= LEVELS_CM[level - 1])
        return int(self.time[at[0]]) if len(at) else None


@dataclass(frozen=True, slots=True)
class Levels:
    """Of the floods that reached a level, how many have a depth alarm raised at the first reading at blue or above, and
    how many one that stood in the flood with its highest level; and how many depth alarms there are in all.
    """

    floods: int
    at_once: int
    right_severity: int
    alarms: int


@dataclass(frozen=True, slots=True)
class Leads:
    """What the rise rule foretold: of each (flood, level) that came, the lead in seconds (0: none), and false ones.

    A lead is a forecast alarm for a level before the flood's first reading at it; false where that level never came.
    `next_s` has the longest lead of each flood that reached a level.
    """

    lead_s: list[float]
    next_s: list[float]
    false: int

    @property
    def share_in_time(self) -> float:
        """The share of levels that came five minutes or more after their forecast."""
        return sum(lead >= LEAD_S_MIN for lead in self.lead_s) / len(self.lead_s)

    @property
    def share_of_floods_in_time(self) -> float:
        """The share of floods of which a level came five minutes or more after its forecast."""
        return sum(lead >= LEAD_S_MIN for lead in self.next_s) / len(self.next_s)

    @property
    def share_false(self) -> float:
        """False leads among all leads."""
        told = self.false + sum(lead > 0 for lead in self.lead_s)
        return self.false / told if told else 0.0


def cases() -> list[Case]:
    """Return the figures of the set with their goals as limits (at least, or for false leads at most)."""
    folder = data_folder() / "floodnet"
    registry, recording = load(folder)
    known, alarms = floods(registry, recording, read_truth(folder)), run(registry, recording)
    found, levels = score(known, alarms), score_levels(known, alarms)
    return [
        case("floodnet_floods_raised_at_first_reading", "of floods", [levels.at_once / levels.floods], [1.0]),
        case("floodnet_floods_with_right_severity", "of floods", [levels.right_severity / levels.floods], [1.0]),
        case("floodnet_alarms_per_flood", "alarms", [levels.alarms / levels.floods], [1.02]),
        case("floodnet_levels_led_5_min", "of levels", [found.share_in_time], [0.5]),
        case("floodnet_floods_led_5_min", "of floods", [found.share_of_floods_in_time], [0.5]),
        case("floodnet_leads_false", "of leads", [found.share_false], [0.2]),
        case("floodnet_lead_median", "min", [float(np.median([s for s in found.lead_s if s > 0])) / 60]),
    ]


def floods(registry: Registry, recording: Recording, truth: Sequence[Truth]) -> list[Flood]:
    """Return the floods of the truth with their readings."""
    readings = recording.readings
    found = []
    for flood in truth:
        rows = np.flatnonzero(readings.sensor == registry.keys[flood.sensor])
        time = readings.time[rows]
        inside = rows[(time >= flood.start) & (time <= flood.end)]
        order = inside[np.argsort(readings.time[inside], kind="stable")]
        found.append(Flood(flood.sensor, readings.time[order], readings.value[order]))
    return found


def score(floods: Sequence[Flood], alarms: Sequence[Occurrence]) -> Leads:
    """Hold the forecasts among the alarms against the floods."""
    forecasts = defaultdict(list)
    for alarm in alarms:
        if alarm.kind == "forecast":
            forecasts[alarm.sensor].append(alarm)
    leads, longest, false = [], [], 0
    for flood in floods:
        of_flood = [0.0]
        for level in range(1, len(LEVELS_CM) + 1):
            told = _told(forecasts[flood.sensor], level, flood)
            came = flood.reached(level)
            if came is not None:
                of_flood.append(0.0 if told is None else max(0.0, (came - told) / 1000))
            elif told is not None:
                false += 1
        leads += of_flood[1:]
        if len(of_flood) > 1:
            longest.append(max(of_flood))
    return Leads(leads, longest, false)


def score_levels(floods: Sequence[Flood], alarms: Sequence[Occurrence]) -> Levels:
    """Hold the alarms of the depth itself against the floods."""
    by_sensor = defaultdict(list)
    for alarm in alarms:
        if alarm.kind == "threshold":
            by_sensor[alarm.sensor].append(alarm)
    reached = [flood for flood in floods if flood.reached(1) is not None]
    at_once = right = 0
    for flood in reached:
        at_once += flood.reached(1) in [alarm.raised for alarm in by_sensor[flood.sensor]]
        standing = [
            alarm.peak
            for alarm in by_sensor[flood.sensor]
            if alarm.raised <= flood.time[-1] and (alarm.returned is None or alarm.returned >= flood.time[0])
        ]
        right += max(level for level in (1, 2, 3, 4) if flood.reached(level) is not None) in standing
    return Levels(len(reached), at_once, right, sum(len(found) for found in by_sensor.values()))


def _told(forecasts: Sequence[Occurrence], level: int, flood: Flood) -> int | None:
    begin, end = int(flood.time[0]), int(flood.time[-1])
    times = [time for one in forecasts if (time := one.reached(level)) is not None and begin <= time <= end]
    return min(times, default=None)
