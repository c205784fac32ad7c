"""The back-test of the default packs over a data set, and its journal as occurrences that can be held against truth."""

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from alerts.backtest import backtest
from alerts.engine import Engine
from alerts.rule_file import default_packs
from app.recording import Recording, load_recording
from ingest.settings import IngestLimits
from model.alarm import JournalLine
from model.instant import parse_instant
from model.registry import Registry
from model.sensor_file import read_sensor_file
from model.severity import LABELS

READINGS_PER_BATCH = 5_000
_SEVERITIES = {None: 0, **{label: place for place, label in enumerate(LABELS, 1)}}


@dataclass(slots=True)
class Occurrence:
    """An alarm from raised to returned; times in epoch milliseconds, `returned` None where it stands at the end.

    `rises` holds when it first reached each severity, 1 blue to 4 red; instrument alarms have 1.
    """

    rule: str
    kind: str
    alarm_class: str
    sensor: str
    raised: int
    returned: int | None = None
    rises: list[tuple[int, int]] = field(default_factory=list)

    @property
    def peak(self) -> int:
        """The highest severity that it reached."""
        return max(severity for _, severity in self.rises)

    def reached(self, severity: int) -> int | None:
        """When it first reached a severity; None where it did not."""
        return next((time for time, reached in self.rises if reached >= severity), None)


@dataclass(frozen=True, slots=True)
class Truth:
    """A row of a truth file; times in epoch milliseconds."""

    sensor: str
    start: int
    end: int
    kind: str
    note: str


def data_folder() -> Path:
    """Return the folder of the data sets: LIFELINE_DATA, or `shared/data` beside the checkout."""
    return Path(os.environ.get("LIFELINE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def read_truth(folder: Path) -> list[Truth]:
    """Return the rows of a data set's truth file."""
    with (folder / "truth.csv").open(encoding="utf-8") as file:
        return [
            Truth(row["sensor"], parse_instant(row["start"]), parse_instant(row["end"]), row["kind"], row["note"])
            for row in csv.DictReader(file)
        ]


def load(folder: Path) -> tuple[Registry, Recording]:
    """Return the sensors and the readings of a data set."""
    sensors, cities = read_sensor_file(folder / "sensors.csv", mode="test")
    registry = Registry(1, dict(enumerate(sensors)), {city.city: city for city in cities})
    return registry, load_recording(folder / "readings.csv.gz", registry, IngestLimits())


def run(registry: Registry, recording: Recording) -> list[Occurrence]:
    """Run the default packs over a recording and return the occurrences in the order in which they were raised."""
    engine = Engine(default_packs(), registry)
    return occurrences(backtest(engine, recording.batches(READINGS_PER_BATCH)))


def occurrences_in(journal: bytes) -> list[Occurrence]:
    """Return the occurrences of a journal as it is written out."""
    lines = [msgspec.json.decode(text, type=JournalLine) for text in journal.splitlines()]
    return occurrences(sorted(lines, key=lambda line: line.sequence))


def occurrences(lines: Iterable[JournalLine]) -> list[Occurrence]:
    """Return the occurrences of journal lines, each one's in order, sorted by when they were raised."""
    found: dict[str, Occurrence] = {}
    for line in lines:
        time = parse_instant(line.time)
        one = found.get(line.alarm)
        if one is None:
            one = found[line.alarm] = Occurrence(line.rule, line.kind, line.class_, line.sensor, time)
        severity = _SEVERITIES[line.severity] if line.class_ == "process" else int(line.condition != "normal")
        if not one.rises or severity > one.rises[-1][1]:
            one.rises.append((time, severity))
        if line.condition == "normal" and one.returned is None:
            one.returned = time
    return sorted(found.values(), key=lambda one: (one.raised, one.rule, one.sensor))
