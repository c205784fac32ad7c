"""Daily GNSS positions: steps at the truth's instants, and how many alarms came beside them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.recording import Recording
from benchmarks.detection.occurrences import Occurrence, Truth, data_folder, load, read_truth, run
from benchmarks.measure import Case, case
from model.registry import Registry

YEAR_MS = 365.25 * 86_400_000
AFTERMATH_MS = 3 * 86_400_000
SEVERITY_RED = 4


@dataclass(frozen=True, slots=True)
class Steps:
    """How the stations' alarms stand against the truth.

    `delays` has the samples from each step of the truth to its first step alarm, None where it has none within one;
    `others` the alarms of all rules, by station, that are not of a step of the truth, nor from the three days after it;
    `years` the record's length; `at_outliers` step alarms at single outliers; `red` alarms that reached red.
    """

    delays: list[int | None]
    others: Counter[str]
    stations: int
    years: float
    at_outliers: int
    red: int

    @property
    def others_per_station_and_year(self) -> float:
        """The mean over all stations."""
        return self.others.total() / (self.stations * self.years)

    @property
    def others_of_the_worst_station(self) -> float:
        """The most that one station has in a year, averaged over the record."""
        return max(self.others.values(), default=0) / self.years


def station_of(sensor: str) -> str:
    """Return the station of a component: the sensor's name before its last dash."""
    return sensor.rpartition("-")[0]


def cases() -> list[Case]:
    """Return the figures of the set with their goals as limits (at most, but for the share of stations found)."""
    folder = data_folder() / "gnss"
    registry, recording = load(folder)
    found = score(registry, recording, read_truth(folder), run(registry, recording))
    return [
        case("gnss_steps_within_one_sample", "of steps", [_share(found)], [1.0]),
        case("gnss_other_alarms", "1/(station year)", [found.others_per_station_and_year], [1.0]),
        case("gnss_other_alarms_worst_station", "1/year", [found.others_of_the_worst_station], [1.0]),
        case("gnss_step_alarms_at_single_outliers", "alarms", [found.at_outliers]),
        case("gnss_red_alarms", "alarms", [found.red]),
    ]


def score(registry: Registry, recording: Recording, truth: Sequence[Truth], alarms: Sequence[Occurrence]) -> Steps:
    """Hold the alarms of all rules against the steps of the truth, whose `sensor` names a station."""
    readings = recording.readings
    days = {
        name: np.sort(readings.time[readings.sensor == key])
        for name, key in registry.keys.items()
        if registry.known[key]
    }
    delays: list[int | None] = []
    for step in truth:
        told = [
            int(np.searchsorted(days[alarm.sensor], alarm.raised) - np.searchsorted(days[alarm.sensor], step.start))
            for alarm in alarms
            if alarm.kind == "step" and station_of(alarm.sensor) == step.sensor and alarm.raised >= step.start
        ]
        delays.append(min((delay for delay in told if delay <= 1), default=None))
    others = [alarm for alarm in alarms if not _follows(alarm, truth)]
    stations = {station_of(name) for name in days}
    years = float(readings.time.max() - readings.time.min()) / YEAR_MS
    return Steps(
        delays,
        Counter(station_of(alarm.sensor) for alarm in others),
        len(stations),
        years,
        sum(_is_outlier(registry, recording, alarm) for alarm in alarms if alarm.kind == "step"),
        sum(alarm.peak >= SEVERITY_RED for alarm in alarms if alarm.alarm_class == "process"),
    )


def _share(found: Steps) -> float:
    return sum(delay is not None for delay in found.delays) / len(found.delays)


def _follows(alarm: Occurrence, truth: Sequence[Truth]) -> bool:
    """Whether the alarm is of a step of the truth: at its station, at the step or in the aftermath."""
    return any(
        station_of(alarm.sensor) == step.sensor and step.start <= alarm.raised <= step.end + AFTERMATH_MS
        for step in truth
    )


def _is_outlier(registry: Registry, recording: Recording, alarm: Occurrence) -> bool:
    """Whether one of the two samples up to the alarm departs alone, the other by less than a quarter or not so.

    Measured from the median of the ten samples before these two.
    """
    readings = recording.readings
    rows = np.flatnonzero(readings.sensor == registry.keys[alarm.sensor])
    values = readings.value[rows[np.argsort(readings.time[rows], kind="stable")]]
    at = int(np.searchsorted(np.sort(readings.time[rows]), alarm.raised))
    one, other = values[at - 1 : at + 1] - np.median(values[max(0, at - 11) : at - 1])
    return bool(one * other <= 0 or min(abs(one), abs(other)) < 0.25 * max(abs(one), abs(other)))
