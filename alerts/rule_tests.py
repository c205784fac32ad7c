"""Rule authors' tests: readings in, transitions expected at times, in YAML beside the pack."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from alerts.backtest import known_at_once
from alerts.engine import Engine, Evaluated
from alerts.rules import Pack
from alerts.steps import after_step
from alerts.suppression import Suppressing
from alerts.words import Level, Part
from model.alarm import Alarm, JournalLine, State
from model.instant import parse_instant
from model.reading import Quality, ReadingBatch, empty_batch
from model.registry import Registry
from model.sensor import City, InvalidSensor, Sensor, check_city, check_sensor
from model.vocabulary import PROPERTIES
from model.yaml_file import parse_model, read_text

SUFFIX = ".test.yaml"
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z: second 0 of every test
READINGS_MAX = 200_000
Value = Annotated[float, Field(allow_inf_nan=False)]
Second = Annotated[float, Field(ge=0, le=4e9, allow_inf_nan=False)]

QUALITIES = {
    "good": Quality.GOOD,
    "uncertain": Quality.REPORTED_UNCERTAIN,
    "bad": Quality.REPORTED_BAD,
    "full_scale": Quality.SATURATED,
    "stuck": Quality.STUCK,
}


class TestSensor(Part):
    """A sensor of a test; what is left out is as plain as can be."""

    sensor: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    system: str
    property: str
    interval_s: Annotated[float, Field(gt=0)] = 60.0
    city: str = "test"
    district: str = ""
    longitude: float | None = None
    latitude: float | None = None
    reporting: str = "periodic"
    attributes: dict[str, str] = Field(default_factory=dict)


class TestReadings(Part):
    """Readings of one sensor: `values` every `every_s` from `from_s` on, all of them `times` over; or one at `from_s`.

    Values are in the property's own unit. They arrive at their own times, or `late_s` after them.
    """

    sensor: str
    from_s: Second = 0.0
    every_s: Annotated[float, Field(gt=0, le=4e9, allow_inf_nan=False)] = 60.0
    values: list[Value] = Field(min_length=1)
    times: Annotated[int, Field(ge=1, le=100_000)] = 1
    quality: str = "good"
    late_s: Second = 0.0

    @model_validator(mode="after")
    def _quality_is_known(self) -> Self:
        if self.quality not in QUALITIES:
            raise ValueError(f"quality {self.quality!r}; use {', '.join(QUALITIES)}")
        return self


class Expected(Part):
    """A transition of a rule at a sensor (or gateway): the severity from `time_s` on, `normal` where it returned.

    Rules about instruments have no severity: write `active` or `normal`. While others keep an alarm quiet by design its
    transitions are `suppressed_by_design`, and one that latches goes to `latched_unacknowledged`: nobody acknowledges.
    """

    time_s: Second
    rule: str
    sensor: str
    to: Level | Literal["normal", "active", "suppressed_by_design", "latched_unacknowledged"]


class RuleTest(Part):
    """One test: what is measured, and every transition that the pack's rules make of it, no more and no fewer."""

    test: Annotated[str, Field(min_length=1, max_length=200)]
    sensors: list[TestSensor] = Field(min_length=1)
    readings: list[TestReadings] = Field(min_length=1)
    time_zone: str = "Asia/Shanghai"
    until_s: Second | None = None  # how long the clock runs on without readings
    expect: list[Expected]


class RuleTests(Part):
    """A file of tests; `rules` are paths of rule files from it on, by default the one beside it."""

    rules: list[str] = Field(default_factory=list)
    tests: list[RuleTest] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that makes no sense, or did not come out as expected, then with the difference line by line."""

    test: str
    reason: str
    difference: str = ""


class NoSense(Exception):
    """A test that cannot be run; the text says why, and what to do."""


def tests_beside(rule_file: Path) -> Path:
    """Return where the tests of a rule file are."""
    return rule_file.with_name(rule_file.stem + SUFFIX)


def load_tests(path: Path) -> tuple[RuleTests, list[Path]]:
    """Return a file of tests and the rule files that they are about. Raises YamlFileError."""
    tests = parse_model(str(path), read_text(path), RuleTests, "the file is empty; it needs tests")
    beside = path.with_name(path.name.removesuffix(SUFFIX) + ".yaml")
    return tests, [path.parent / name for name in tests.rules] or [beside]


def run_tests(tests: Iterable[RuleTest], packs: Sequence[Pack]) -> list[Failure]:
    """Run tests against packs and return those that failed, among them those that make no sense."""
    failures = []
    for test in tests:
        try:
            lines = _evaluate(test, packs)
        except NoSense as error:
            failures.append(Failure(test.test, str(error)))
            continue
        expected = sorted(_line(e.time_s, e.rule, e.sensor, e.to) for e in test.expect)
        found = sorted(
            _line((parse_instant(line.time) - START_MS) / 1000, line.rule, line.sensor, _reached(line))
            for line in lines
        )
        if expected != found:
            compared = difflib.unified_diff(expected, found, "expected", "found", lineterm="", n=1)
            difference = "\n".join(line for line in compared if not line.startswith("@@"))
            failures.append(Failure(test.test, "not as expected", difference))
    return failures


def _line(time_s: float, rule: str, sensor: str, to: str) -> str:
    return f"{time_s:>12.3f} s  {rule} at {sensor}: {to}"


def _reached(line: JournalLine) -> str:
    if line.to in (State.SUPPRESSED_BY_DESIGN, State.LATCHED_UNACKNOWLEDGED):
        return str(line.to)
    return "normal" if line.condition == "normal" else line.severity or "active"


def stream_of(test: RuleTest) -> tuple[Registry, list[ReadingBatch]]:
    """Return the sensors of a test and its readings in the order of arrival: one batch, and a tick where it runs on.

    Raises NoSense.
    """
    registry = _registry(test)
    count = sum(len(given.values) * given.times for given in test.readings)
    if count > READINGS_MAX:
        raise NoSense(f"readings: {count} of them; give at most {READINGS_MAX}")
    rows = []
    for given in test.readings:
        if given.sensor not in registry.keys:
            raise NoSense(f"readings: no sensor {given.sensor!r}; add it under sensors, or correct its name")
        key, quality = registry.keys[given.sensor], int(QUALITIES[given.quality])
        for place, value in enumerate(given.values * given.times):
            time = START_MS + round((given.from_s + place * given.every_s) * 1000)
            rows.append((time + round(given.late_s * 1000), time, key, value, quality))
    rows.sort(key=lambda row: row[:2])
    arrived, times, keys, values, qualities = (np.array(column) for column in zip(*rows, strict=True))
    columns = keys.astype(np.int32), times, values.astype(np.float64), qualities.astype(np.uint16), arrived
    batches = [ReadingBatch(1, int(arrived[-1]), *columns)]
    if test.until_s is not None:
        batches.append(empty_batch(2, START_MS + round(test.until_s * 1000)))
    return registry, batches


def _evaluate(test: RuleTest, packs: Sequence[Pack]) -> list[JournalLine]:
    registry, batches = stream_of(test)
    engine = Engine(packs, registry)
    evaluated = [engine.evaluate(batch) for batch in batches]
    return _lines(Suppressing(engine.rules, registry), evaluated)


def _lines(suppressing: Suppressing, evaluated: Iterable[Evaluated]) -> list[JournalLine]:
    """Return the journal of what was evaluated, with nobody who acknowledges."""
    alarms: dict[str, Alarm] = {}
    lines = []
    for one in evaluated:
        for step in suppressing.step(known_at_once(one.changes), known_at_once(one.unannounced)):
            stepped = after_step(alarms.get(step.alarm), step)
            if stepped is not None:
                alarms[step.alarm], line = stepped
                lines.append(line)
    return lines


def _registry(test: RuleTest) -> Registry:
    sensors = {}
    for key, given in enumerate(test.sensors):
        if given.property not in PROPERTIES:
            raise NoSense(f"sensors: property {given.property!r} is not known; use one of {', '.join(PROPERTIES)}")
        try:
            sensors[key] = Sensor(unit=PROPERTIES[given.property].unit, **given.model_dump())
            check_sensor(sensors[key])
        except (InvalidSensor, ValidationError, TypeError) as error:
            raise NoSense(f"sensors: {given.sensor}: {error}") from None
    cities = {s.city: City(city=s.city, mode="test", time_zone=test.time_zone) for s in sensors.values()}
    try:
        for city in cities.values():
            check_city(city)
    except InvalidSensor as error:
        raise NoSense(str(error)) from None
    return Registry(0, sensors, cities)
