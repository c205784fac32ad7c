"""A water loop with faults, scored as its benchmark does: sample by sample, over all runs together.

A run is the sensors whose ids begin with its name. Each time at which the run has readings is a sample; it is positive
while a process alarm of any of the run's sensors stands. The engine sees each run from its beginning and learns what is
usual from its first minutes, with the default packs as they are: nothing was trained on any run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.recording import Recording
from benchmarks.detection.occurrences import Occurrence, Truth, data_folder, load, read_truth, run
from benchmarks.measure import Case, case
from model.registry import Registry

PUBLISHED_F1 = 0.76
"""Of T2 and Q statistics on the whole set, as its authors list it."""


@dataclass(frozen=True, slots=True)
class Samples:
    """How many samples were rightly and wrongly positive and negative, and how late each fault was found (None: not).

    Delays are seconds from the labelled beginning to the first sample that is positive.
    """

    right: int
    false: int
    missed: int
    quiet: int
    delay_s: list[float | None]

    @property
    def f1(self) -> float:
        """The F1 score of the samples."""
        return self.right / (self.right + (self.false + self.missed) / 2)

    @property
    def false_alarm_rate(self) -> float:
        """False positives among all samples without a fault."""
        return self.false / (self.false + self.quiet)

    @property
    def missed_alarm_rate(self) -> float:
        """False negatives among all samples with a fault."""
        return self.missed / (self.missed + self.right)


def cases() -> list[Case]:
    """Return the figures of the set; the limit of F1 is the published one, to be exceeded."""
    folder = data_folder() / "skab"
    registry, recording = load(folder)
    found = score(registry, recording, read_truth(folder), run(registry, recording))
    delays = [delay for delay in found.delay_s if delay is not None]
    return [
        case("skab_f1", "of 1", [found.f1], [PUBLISHED_F1]),
        case("skab_false_alarm_rate", "of samples", [found.false_alarm_rate]),
        case("skab_missed_alarm_rate", "of samples", [found.missed_alarm_rate]),
        case("skab_faults_found", "of faults", [len(delays) / len(found.delay_s)]),
        case("skab_delay_median", "s", [float(np.median(delays))]),
    ]


def score(registry: Registry, recording: Recording, truth: Sequence[Truth], alarms: Sequence[Occurrence]) -> Samples:
    """Hold the process alarms against the faults, sample by sample."""
    right = false = missed = quiet = 0
    delays: list[float | None] = []
    for fault in truth:
        keys = [key for key, sensor in registry.sensors.items() if _is_of(fault.sensor, sensor.sensor)]
        times = np.unique(recording.readings.time[np.isin(recording.readings.sensor, keys)])
        faulty = (times >= fault.start) & (times <= fault.end)
        positive = np.zeros(len(times), np.bool_)
        for alarm in alarms:
            if alarm.alarm_class == "process" and _is_of(fault.sensor, alarm.sensor):
                until = times[-1] + 1 if alarm.returned is None else alarm.returned
                positive |= (times >= alarm.raised) & (times < until)
        right += int((positive & faulty).sum())
        false += int((positive & ~faulty).sum())
        missed += int((~positive & faulty).sum())
        quiet += int((~positive & ~faulty).sum())
        found = times[positive & faulty]
        delays.append(float(found[0] - fault.start) / 1000 if len(found) else None)
    return Samples(right, false, missed, quiet, delays)


def _is_of(run_name: str, sensor: str) -> bool:
    return sensor.startswith(f"{run_name}-")
