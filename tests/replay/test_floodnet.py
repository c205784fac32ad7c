"""New York's street floods: every flood has its alarm, at the right sample and severity, and often one ahead of it."""

import csv
import subprocess
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.detection import floodnet
from benchmarks.detection.occurrences import data_folder, load, occurrences_in, read_truth
from model.reading_file import read_rows

DATA = data_folder()
LIMITS = {"blue": 15.0, "yellow": 27.0, "orange": 40.0, "red": 60.0}
LIFELINE = Path(sys.prefix) / "bin" / "lifeline"

pytestmark = pytest.mark.skipif(
    not (DATA / "floodnet").is_dir(), reason=f"the data set floodnet is not in {DATA}; name its folder in LIFELINE_DATA"
)


def run_backtest(out: Path, *more: str) -> bytes:
    folder = DATA / "floodnet"
    files = ["--readings", str(folder / "readings.csv.gz"), "--sensors", str(folder / "sensors.csv")]
    subprocess.run([LIFELINE, "backtest", *files, "--out", str(out), *more], check=True, timeout=120)
    return out.read_bytes()


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return run_backtest(tmp_path_factory.mktemp("backtest") / "journal.ndjson")


@pytest.fixture(scope="module")
def occurrences(journal: bytes) -> dict[str, list[list[dict[str, Any]]]]:
    """The alarms of the depth itself by sensor, each a list of its lines in order."""
    lines = defaultdict(list)
    for text in journal.splitlines():
        line = msgspec.json.decode(text)
        if line["kind"] == "threshold":
            lines[line["alarm"]].append(line)
    by_sensor = defaultdict(list)
    for found in lines.values():
        found.sort(key=lambda line: line["sequence"])
        by_sensor[found[0]["sensor"]].append(found)
    return by_sensor


def floods() -> Iterator[dict[str, str]]:
    with (DATA / "floodnet" / "truth.csv").open() as file:
        yield from (row for row in csv.DictReader(file) if row["kind"] != "flood:none")


@pytest.fixture(scope="module")
def readings() -> dict[str, list[tuple[str, float]]]:
    found = defaultdict(list)
    for row in read_rows(DATA / "floodnet" / "readings.csv.gz"):
        found[row.sensor].append((row.time, float(row.value)))
    return found


def test_the_journal_does_not_depend_on_the_batch_size(journal: bytes, tmp_path: Path) -> None:
    assert run_backtest(tmp_path / "one.ndjson", "--batch", "1") == journal
    assert run_backtest(tmp_path / "odd.ndjson", "--batch", "977") == journal


def test_every_flood_has_an_alarm_with_the_severity_of_its_peak(occurrences: dict[str, Any]) -> None:
    wrong = []
    for flood in floods():
        inside = [
            alarm[-1]["peak_severity"]
            for alarm in occurrences[flood["sensor"]]
            if alarm[0]["time"] <= flood["end"] and alarm[-1]["time"] >= flood["start"]
        ]
        if flood["kind"].removeprefix("flood:") not in inside:
            wrong.append((flood, inside))
    assert not wrong


def test_an_alarm_is_raised_at_the_first_sample_at_or_above_the_level(
    occurrences: dict[str, Any], readings: dict[str, list[tuple[str, float]]]
) -> None:
    for flood in floods():
        series = readings[flood["sensor"]]
        begin = bisect_left(series, (flood["start"], float("-inf")))
        first = next(time for time, value in series[begin:] if value >= LIMITS["blue"])
        assert first in [alarm[0]["time"] for alarm in occurrences[flood["sensor"]]], flood


def test_a_rise_is_noted_at_the_first_sample_at_or_above_the_level(
    occurrences: dict[str, Any], readings: dict[str, list[tuple[str, float]]]
) -> None:
    for sensor, alarms in occurrences.items():
        values = dict(readings[sensor])
        for alarm in alarms:
            for line in alarm:
                if line["reason"] == "limit_reached":
                    assert values[line["time"]] == line["value"] >= LIMITS[line["severity"]]


def test_there_are_at_most_102_alarms_for_100_floods(occurrences: dict[str, Any]) -> None:
    alarms = sum(len(found) for found in occurrences.values())
    assert alarms <= 1.02 * sum(1 for _ in floods())


def test_the_rise_rule_leads_most_levels_by_five_minutes_with_few_false_leads(journal: bytes) -> None:
    folder = DATA / "floodnet"
    registry, recording = load(folder)
    found = floodnet.score(floodnet.floods(registry, recording, read_truth(folder)), occurrences_in(journal))
    assert found.share_in_time >= 0.5
    assert found.share_of_floods_in_time >= 0.5
    assert found.share_false < 0.2
