"""A machine's temperature with four known failures: alarms inside and outside the labelled windows.

A window is found where a process alarm of its sensor is raised within it; an alarm raised outside all windows is false.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.detection.occurrences import Occurrence, Truth, data_folder, load, read_truth, run
from benchmarks.measure import Case, case


@dataclass(frozen=True, slots=True)
class Windows:
    """For each window the delay in seconds from its begin to the first alarm in it (None: missed), and false alarms."""

    delay_s: list[float | None]
    false: int

    @property
    def found(self) -> int:
        """The number of windows with an alarm."""
        return sum(delay is not None for delay in self.delay_s)

    @property
    def f1(self) -> float:
        """The F1 score of windows found, windows missed and false alarms."""
        return self.found / (self.found + (self.false + len(self.delay_s) - self.found) / 2)


def cases() -> list[Case]:
    """Return the figures of the set; goals are the limits: every window, and few false alarms."""
    folder = data_folder() / "nab"
    registry, recording = load(folder)
    found = score(read_truth(folder), run(registry, recording))
    delays = [delay / 3600 for delay in found.delay_s if delay is not None]
    return [
        case("nab_f1", "of 1", [found.f1], [1.0]),
        case("nab_windows_found", "of windows", [found.found / len(found.delay_s)], [1.0]),
        case("nab_false_alarms", "alarms", [found.false]),
        case("nab_delay_median", "h", [float(np.median(delays))]),
    ]


def score(truth: Sequence[Truth], alarms: Sequence[Occurrence]) -> Windows:
    """Hold the process alarms against the windows."""
    raised = [(alarm.sensor, alarm.raised) for alarm in alarms if alarm.alarm_class == "process"]
    delays: list[float | None] = []
    for window in truth:
        inside = [time for sensor, time in raised if sensor == window.sensor and window.start <= time <= window.end]
        delays.append((min(inside) - window.start) / 1000 if inside else None)
    false = sum(
        not any(sensor == window.sensor and window.start <= time <= window.end for window in truth)
        for sensor, time in raised
    )
    return Windows(delays, false)
