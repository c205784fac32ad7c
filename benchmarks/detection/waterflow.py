"""A pipeline branch's hourly inflow: each labelled drop at its first samples, and how many alarms came besides.

The truth's segments were read off the series, and begin up to two samples after the flow began to fall: an alarm that
stands already when the segment begins, raised no more than two samples before, is of the drop, with a delay of 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.recording import Recording
from benchmarks.detection.occurrences import Occurrence, Truth, data_folder, load, read_truth, run
from benchmarks.measure import Case, case
from model.registry import Registry

WEEK_MS = 7 * 86_400_000.0
AHEAD_MAX = 2
"""Samples before a segment at which the alarm of a drop may be raised."""


@dataclass(frozen=True, slots=True)
class Drops:
    """For each drop of the truth the samples from its first to its first alarm (None: it has none), and the rest.

    `others` are process alarms of no segment of the truth, drop or peak; `weeks` is the record's length.
    """

    delays: list[int | None]
    others: int
    weeks: float

    @property
    def in_time(self) -> int:
        """The number of drops with an alarm within one sample."""
        return sum(delay is not None and delay <= 1 for delay in self.delays)


def cases() -> list[Case]:
    """Return the figures of the set with their goals as limits (at least for drops, at most for other alarms)."""
    folder = data_folder() / "waterflow"
    registry, recording = load(folder)
    found = score(registry, recording, read_truth(folder), run(registry, recording))
    return [
        case("waterflow_drops_within_one_sample", "of drops", [found.in_time / len(found.delays)], [1.0]),
        case("waterflow_other_alarms", "1/week", [found.others / found.weeks], [1.0]),
    ]


def score(registry: Registry, recording: Recording, truth: Sequence[Truth], alarms: Sequence[Occurrence]) -> Drops:
    """Hold the process alarms of all rules against the truth."""
    readings = recording.readings
    process = [alarm for alarm in alarms if alarm.alarm_class == "process"]
    delays: list[int | None] = []
    explained: list[Occurrence] = []
    for part in truth:
        times = np.sort(readings.time[readings.sensor == registry.keys[part.sensor]])
        first = int(np.searchsorted(times, part.start))
        earliest = times[max(0, first - AHEAD_MAX)]
        of_part = [
            alarm
            for alarm in process
            if alarm.sensor == part.sensor
            and earliest <= alarm.raised <= part.end
            and (alarm.returned is None or alarm.returned >= part.start)
        ]
        explained += of_part
        if part.kind == "drop":
            raised = [int(np.searchsorted(times, alarm.raised)) for alarm in of_part]
            delays.append(max(0, min(raised) - first) if raised else None)
    others = sum(alarm not in explained for alarm in process)
    return Drops(delays, others, float(readings.time.max() - readings.time.min()) / WEEK_MS)
