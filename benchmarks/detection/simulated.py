"""The default packs against the simulators' own truth: each scenario's events found, right, in time, and no others."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from alerts.backtest import backtest
from alerts.engine import Engine
from alerts.rule_file import default_packs
from benchmarks.detection.occurrences import READINGS_PER_BATCH, Occurrence, occurrences
from benchmarks.measure import Case, case
from ingest.checks import RawReadings, check
from ingest.course import Course, with_bits
from ingest.settings import IngestLimits
from model.reading import ReadingBatch
from model.registry import Registry
from model.severity import LABELS
from simulators.instruments import Samples, taken
from simulators.platforms import Platform, load_platform
from simulators.scenarios import SCENARIOS, Scenario
from simulators.stream import simulate
from simulators.truth import TruthRow, truth

SEED = 1
WHOLE_CITY_S_MAX = 2 * 86_400.0  # beyond, only the things that show a scenario are simulated
HOUR_MS = 3_600_000
WEEK_S = 7 * 86_400.0
SENSOR_BITS = 20  # of a key: a city's sensors


class Score(NamedTuple):
    """Rows of the truth at which an alarm is due, those found in time, those with the right severity, and the rest.

    `others` are process alarms that no row explains.
    """

    rows: int
    found: int
    right: int
    missed: list[TruthRow]
    wrong: list[tuple[TruthRow, Occurrence]]
    others: list[Occurrence]


def cases() -> list[Case]:
    """Return the figures of all scenarios on Jiayuguan, or on the first platform that can show them."""
    figures = []
    for scenario in SCENARIOS.values():
        found = score_of(platform_for(scenario), scenario)
        name = f"simulated_{scenario.name.replace('-', '_')}"
        if found.rows:
            figures.append(case(f"{name}_found", "of rows of the truth", [found.found / found.rows], [1.0]))
            figures.append(case(f"{name}_right_severity", "of those found", [found.right / max(found.found, 1)], [1.0]))
        hours = scenario.duration_s / 3_600.0
        figures.append(case(f"{name}_others", "process alarms an hour", [len(found.others) / hours]))
    week = alarms_of(load_platform("jiayuguan"), SCENARIOS["quiet-day"], SEED, WEEK_S)
    red = sum(alarm.alarm_class == "process" and alarm.peak == len(LABELS) for alarm in week)
    figures.append(case("simulated_quiet_week", "alarms an hour", [len(week) / (WEEK_S / 3_600.0)], [6.0]))
    figures.append(case("simulated_quiet_week_red", "red alarms", [red], [0.0]))
    return figures


def platform_for(scenario: Scenario, share: float = 1.0) -> Platform:
    """Return the first platform of which a city can show the scenario."""
    for name in ("jiayuguan", "jinchang"):
        platform = load_platform(name, share=share)
        if scenario.tell(platform.places[0], SEED).events:
            return platform
    return load_platform("jiayuguan", share=share)


def score_of(platform: Platform, scenario: Scenario, seed: int = SEED, duration_s: float | None = None) -> Score:
    """Simulate a scenario, run the default packs over it and hold the alarms against its truth."""
    duration = scenario.duration_s if duration_s is None else duration_s
    only = None if duration <= WHOLE_CITY_S_MAX else scenario.shown
    alarms = alarms_of(platform, scenario, seed, duration, only)
    return score(truth(platform, scenario, seed, duration, only=only), alarms)


def alarms_of(
    platform: Platform, scenario: Scenario, seed: int, duration_s: float, only: Collection[str] | None = None
) -> list[Occurrence]:
    """Return the alarms of the default packs over a simulated stream."""
    registry = Registry(1, dict(enumerate(platform.sensors)), {city.city: city for city in platform.cities})
    chunks = simulate(platform, scenario, seed, duration_s, only=only)
    return occurrences(backtest(Engine(default_packs(), registry), batches(registry, chunks)))


def batches(registry: Registry, chunks: Iterator[Samples]) -> Iterator[ReadingBatch]:
    """Yield a stream as the log would hand it over: checked and judged as on the way in, in batches by arrival."""
    limits = IngestLimits()
    course = Course(registry, limits)
    sequence = 0
    taken_keys = np.empty(0, np.int64)
    for chunk in chunks:
        keys = (chunk.time << SENSOR_BITS) + chunk.sensor
        first = np.zeros(len(keys), np.bool_)
        first[np.unique(keys, return_index=True)[1]] = True
        chunk = taken(chunk, first & ~np.isin(keys, taken_keys))  # the store takes a reading once
        taken_keys = keys
        start = 0
        while start < len(chunk.time):
            newest = chunk.arrival[min(start + READINGS_PER_BATCH, len(chunk.time)) - 1]
            part = taken(chunk, slice(start, int(np.searchsorted(chunk.arrival, newest, side="right"))))
            start += len(part.time)
            sequence += 1
            checked = check(
                registry, RawReadings(part.sensor, part.time, part.value, None, part.quality), part.arrival, limits
            )
            arrived, usable = part.arrival[checked.rows], checked.readings
            judged = course.judge(registry, usable, arrived)
            course.commit(judged)
            quality = with_bits(usable.quality, judged.bits)
            yield ReadingBatch(sequence, int(newest), usable.sensor, usable.time, usable.value, quality, arrived)


def score(rows: Sequence[TruthRow], alarms: Sequence[Occurrence]) -> Score:
    """Hold alarms against the truth.

    A row is found by an alarm of its sensor, of the process or of the instrument as the row is, that stands or is
    raised between its start and when it is due. Others are process alarms at sensors that no row names at that time.
    """
    by_sensor: dict[str, list[Occurrence]] = {}
    for alarm in alarms:
        by_sensor.setdefault(alarm.sensor, []).append(alarm)
    found = right = 0
    missed, wrong = [], []
    due = [row for row in rows if row.within_s is not None]
    for row in due:
        candidates = [alarm for alarm in by_sensor.get(row.sensor, ()) if _answers(row, alarm)]
        if not candidates:
            missed.append(row)
            continue
        found += 1
        if not row.severities or any(LABELS[alarm.peak - 1] in row.severities for alarm in candidates):
            right += 1
        else:
            wrong.append((row, max(candidates, key=lambda alarm: alarm.peak)))
    spans: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        spans.setdefault(row.sensor, []).append((row.start - HOUR_MS, row.end + HOUR_MS))
    others = [
        alarm for alarm in alarms
        if alarm.alarm_class == "process"
        and not any(begin <= alarm.raised <= end for begin, end in spans.get(alarm.sensor, ()))
    ]  # fmt: skip
    return Score(len(due), found, right, missed, wrong, others)


def _answers(row: TruthRow, alarm: Occurrence) -> bool:
    of_class = (alarm.alarm_class == "process") == bool(row.severities)
    stands = alarm.returned is None or alarm.returned >= row.start
    return of_class and stands and alarm.raised <= row.start + 1000.0 * (row.within_s or 0.0)
