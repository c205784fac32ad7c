"""`lifeline simulate` as it is called: the same files for the same arguments, and an exercise in a running service."""

import csv
import json
import time
import urllib.request
from pathlib import Path

import pytest

from app.cli import main
from model.sensor_file import read_sensor_file
from simulators.truth import read_truth
from tests.integration.service import Service, running

SCENARIO = ("--scenario", "gas-leak", "--seed", "3")


def made(folder: Path, *more: str) -> dict[str, bytes]:
    folder.mkdir()
    files = {name: str(folder / name) for name in ("readings.csv.gz", "sensors.csv", "truth.csv")}
    arguments = ("--duration", "20m", "--out", files["readings.csv.gz"], "--sensors", files["sensors.csv"])
    assert main(["simulate", "jiayuguan", *SCENARIO, *arguments, "--truth", files["truth.csv"], *more]) == 0
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_same_arguments_make_the_same_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = made(tmp_path / "one")
    assert first == made(tmp_path / "two")
    assert "1 of 1 h" in capsys.readouterr().err
    sensors, _ = read_sensor_file(tmp_path / "one" / "sensors.csv")
    assert len(sensors) > 12_000
    rows = list(read_truth(tmp_path / "one" / "truth.csv"))
    assert {row.what for row in rows} == {"gas"}
    other = made(tmp_path / "three", "--start", "2026-07-01T00:00:00+08:00")
    assert other["sensors.csv"] == first["sensors.csv"]
    assert other["readings.csv.gz"] != first["readings.csv.gz"]


def test_networks_are_written_for_the_tools_that_read_them(tmp_path: Path) -> None:
    made(tmp_path / "one", "--networks", str(tmp_path / "networks"))
    names = sorted(path.name for path in (tmp_path / "networks").iterdir())
    assert names == ["jiayuguan-drainage.inp", "jiayuguan-sensors.csv", "jiayuguan-water.inp", "jiayuguan.geojson"]
    media = {f["properties"]["medium"] for f in json.loads((tmp_path / "networks" / names[3]).read_text())["features"]}
    assert media == {"drainage", "gas", "water", "heating"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("atlantis", "--scenario", "gas-leak", "--seed", "1", "--duration", "1h"), "jiayuguan, jinchang, yunnan"),
        (("jiayuguan", "--scenario", "Flood", "--seed", "1", "--duration", "1h"), "there is no scenario 'Flood'"),
        (("jiayuguan", "--scenario", "gas-leak", "--seed", "-1", "--duration", "1h"), "whole number from 0"),
        (("jiayuguan", "--scenario", "gas-leak", "--seed", "1", "--duration", "0s"), "give more"),
    ],
)
def test_what_cannot_be_simulated_is_said(
    arguments: tuple[str, ...], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments, "--out", str(tmp_path / "a.csv")]) == 1
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("--out", "."), "is a folder"),
        (("--out", "nowhere/a.csv"), "there is no folder nowhere"),
        (("--out", "a.csv", "--truth", "a.csv"), "two outputs have one name"),
    ],
)
def test_files_that_cannot_be_written_are_refused_before_anything_is_made(
    files: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", "jiayuguan", *SCENARIO, "--duration", "1h", *files]) == 1
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("scenario", "words"),
    [("goaf-collapse", "nothing of goaf-collapse can happen in jiayuguan"), ("slow-leak", "slow-leak takes 52d")],
)
def test_what_will_not_be_seen_is_said(
    scenario: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--scenario", scenario, "--seed", "1", "--duration", "60s", "--out", str(tmp_path / "a.csv"))
    assert main(["simulate", "jiayuguan", *arguments]) == 0
    assert words in capsys.readouterr().err


def test_an_exercise_is_raised_in_a_city_of_its_own_and_marked_so(tmp_path: Path) -> None:
    with running(tmp_path / "home") as service:
        service.run("sensors", "import", str(_real(tmp_path)))
        service.run(
            "simulate", "jiayuguan", *SCENARIO, "--duration", "20m", "--publish", "--exercise", "--speed", "max"
        )
        key = service.run("keys", "create", "--role", "operator").stdout.split()[0]
        found: list[dict[str, object]] = []
        deadline = time.monotonic() + 120
        while not any(alarm["severity"] == "red" for alarm in found) and time.monotonic() < deadline:
            time.sleep(0.25)  # the service has the machine meanwhile
            found = _get(service, key, "/alarms?mode=exercise&limit=200")["alarms"]
        assert any(alarm["severity"] == "red" for alarm in found)
        assert {alarm["mode"] for alarm in found} == {"exercise"}
        assert {str(alarm["sensor"]).split("-")[0] for alarm in found} == {"ex"}
        assert _get(service, key, "/alarms")["alarms"] == []
        totals = _get(service, key, "/status")["totals"]
        assert totals["operational"]["sensors"] == 1
        assert totals["exercise"]["sensors"] > 12_000
        networks = _get(service, key, "/networks?city=jiayuguan-exercise")["networks"]
        assert {(one["medium"], one["mode"]) for one in networks} == {
            (medium, "exercise") for medium in ("drainage", "gas", "heating", "water")
        }, "the map shows where its pipes lie, and incidents know what lies beside what"


def _real(folder: Path) -> Path:
    """A sensors file of the real city, whose one sensor stands beside those of the exercise."""
    path = folder / "real.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ("sensor", "city", "system", "property", "unit", "longitude", "latitude", "name", "interval_s", "mode")
        )
        row = ("jyg-1", "jiayuguan", "gas", "combustible_gas", "%{LEL}", 98.29, 39.77, "", 60, "operational")
        writer.writerow(row)
    return path


def _get(service: Service, key: str, path: str) -> dict[str, list[dict[str, object]]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{service.port}/api/v1{path}", headers={"Authorization": f"Bearer {key}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, list[dict[str, object]]] = json.load(answer)
        return found
