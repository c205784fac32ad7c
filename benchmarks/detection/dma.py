"""Ten metered districts: night-flow alarms where no leak is known, and how soon leaks put into the readings are found.

A leak is a constant flow, a share of the district's mean inflow, added to its readings from an hour between noon and
midnight on. A case is a copy of the district's readings from 130 days before to the noon after the third night: enough
for the base and the noise of the rules, and the districts, days and hours are drawn from all there are. A leak is found
where a night-flow alarm is raised, or rises, from its beginning on. The same copies without a leak tell how many would
have been "found" by chance.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from app.recording import Recording
from benchmarks.detection.occurrences import Occurrence, data_folder, load, run
from benchmarks.measure import Case, case
from model.registry import Registry
from store.batches import IncomingReadings

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
YEAR_MS = 365.25 * DAY_MS
HISTORY_DAYS, NIGHTS = 130, 3
SMALL, LARGE = 0.05, 0.10
"""Of the mean inflow: one to be found within three nights, one the next morning."""
LEAKS_PER_DISTRICT = 40


@dataclass(frozen=True, slots=True)
class Leak:
    """What is added to a district's readings: a share of the mean inflow from `start` (epoch milliseconds) on."""

    district: int
    start: int
    share: float


def cases() -> list[Case]:
    """Return the figures of the set with their goals as limits (at most for false alarms, at least for leaks)."""
    registry, recording = load(data_folder() / "dma")
    districts = len(registry.sensors)
    false = false_alarms(registry, run(registry, recording))
    years = district_years(registry, recording)
    made = [
        case("dma_false_night_flow_alarms", "1/(area year)", [sum(false.values()) / years], [1.0]),
        case("dma_false_night_flow_alarms_worst_area", "1/year", [max(false.values()) * districts / years]),
        case(
            "dma_rises_of_5_percent_for_3_nights_by_themselves",
            "1/(area year)",
            [sum(own_rises(registry, recording, SMALL).values()) / years],
        ),
    ]
    for name, share, nights, goal in (
        ("dma_leaks_of_5_percent_in_3_nights", SMALL, NIGHTS, [0.9]),
        ("dma_leaks_of_10_percent_next_morning", LARGE, 1, [0.9]),
        ("dma_leaks_of_10_percent_in_3_nights", LARGE, NIGHTS, []),
        ("dma_leaks_of_20_percent_in_3_nights", 0.2, NIGHTS, []),
        ("dma_leaks_of_nothing_in_3_nights", 0.0, NIGHTS, []),
    ):
        found = found_leaks(registry, recording, leaks(registry, recording, share, LEAKS_PER_DISTRICT), nights)
        made.append(case(name, f"of {len(found)} leaks", [sum(found) / len(found)], goal))
    return made


def district_years(registry: Registry, recording: Recording) -> float:
    """Return how many years of all districts together the readings span."""
    spans = [np.ptp(part.time) for part in (_of_district(recording, key) for key in registry.sensors)]
    return float(sum(spans)) / YEAR_MS


def false_alarms(registry: Registry, alarms: Iterable[Occurrence]) -> dict[str, int]:
    """Count the night-flow alarms of each sensor."""
    found = dict.fromkeys((sensor.sensor for sensor in registry.sensors.values()), 0)
    for alarm in alarms:
        if alarm.kind == "night_flow":
            found[alarm.sensor] += 1
    return found


def own_rises(registry: Registry, recording: Recording, share: float) -> dict[str, int]:
    """Count for each sensor how often its readings as they are rise like a leak of `share` of the mean inflow.

    That is, the least reading between 1 and 6 o'clock lies as much above the median of the seven nights before for
    three nights in a row, at most once in two weeks. Whatever finds such leaks has to tell them from these.
    """
    found = {}
    for key, sensor in registry.sensors.items():
        part = _of_district(recording, key)
        days, hours = part.time // DAY_MS, part.time % DAY_MS // HOUR_MS
        night = (hours >= 1) & (hours < 6)
        least = np.full(int(np.ptp(days)) + 1, np.nan)
        np.fmin.at(least, days[night] - days.min(), part.value[night])
        rises, newest = 0, -14
        for place in range(9, len(least)):
            last, before = least[place - 2 : place + 1], least[place - 9 : place - 2]
            if not np.isnan(last).any() and np.isfinite(before).sum() >= 5 and place - newest >= 14:
                risen = last.min() - np.nanmedian(before) >= share * part.value.mean()
                rises, newest = rises + int(risen), place if risen else newest
        found[sensor.sensor] = rises
    return found


def leaks(registry: Registry, recording: Recording, share: float, per_district: int, seed: int = 1) -> list[Leak]:
    """Draw as many leaks for each district: any day that has the history before and the nights after it."""
    chance = np.random.default_rng(seed)
    found = []
    for district in registry.sensors:
        times = _of_district(recording, district).time
        first, last = int(times.min() // DAY_MS) + HISTORY_DAYS + 1, int(times.max() // DAY_MS) - NIGHTS - 1
        days = chance.choice(np.arange(first, last), per_district, replace=False)
        hours = chance.integers(12, 24, per_district)
        found += [
            Leak(district, int(day) * DAY_MS + int(hour) * HOUR_MS, share)
            for day, hour in zip(days, hours, strict=True)
        ]
    return found


def found_leaks(registry: Registry, recording: Recording, leaks: Sequence[Leak], nights: int) -> list[bool]:
    """Tell of each leak whether the default packs find it by the noon after so many nights."""
    sensors = {
        key: msgspec.structs.replace(registry.sensors[leak.district], sensor=f"case-{key}")
        for key, leak in enumerate(leaks)
    }
    alarms = run(Registry(1, sensors, registry.cities), _with_leaks(recording, leaks))
    found = [False] * len(leaks)
    for alarm in alarms:
        if alarm.kind == "night_flow":
            key = int(alarm.sensor.removeprefix("case-"))
            start = leaks[key].start
            noon = (start // DAY_MS + nights) * DAY_MS + DAY_MS // 2
            found[key] |= any(start <= time <= noon for time, _ in alarm.rises)
    return found


def _of_district(recording: Recording, district: int) -> IncomingReadings:
    rows = recording.readings.sensor == district
    columns = recording.readings.sensor, recording.readings.time, recording.readings.value, recording.readings.quality
    return IncomingReadings(*(column[rows] for column in columns))


def _with_leaks(recording: Recording, leaks: Sequence[Leak]) -> Recording:
    """Return copies of the districts' readings, of sensor k with leak k."""
    parts = []
    for key, leak in enumerate(leaks):
        whole = _of_district(recording, leak.district)
        midnight = leak.start // DAY_MS * DAY_MS
        rows = (whole.time >= midnight - HISTORY_DAYS * DAY_MS) & (whole.time <= midnight + (NIGHTS + 0.6) * DAY_MS)
        flow = leak.share * whole.value.mean() * (whole.time[rows] >= leak.start)
        sensor = np.full(int(rows.sum()), key, np.int32)
        parts.append((sensor, whole.time[rows], whole.value[rows] + flow, whole.quality[rows]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[1], kind="stable")
    readings = IncomingReadings(*(column[order] for column in columns))
    return Recording(readings, readings.time)
