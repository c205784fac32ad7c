"""`lifeline backtest --incidents`: which alarms of a recording belong together, the same whatever the batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli import main

HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,asset\n"
SENSORS = HEADER + "".join(
    f"G-{k},town,gas,combustible_gas,%{{LEL}},{98.2 + k * 0.0024:.4f},39.77,Chamber {k},60,N{k}\n" for k in range(3)
)  # some 205 m apart: too far for places alone, near enough through the pipe


def _readings() -> str:
    rows = ["time,sensor,value"]
    for minute in range(30):
        for k, value in ((0, 30.0 if minute >= 5 else 1.0), (1, 60.0 if minute >= 8 else 1.0), (2, 1.0)):
            rows.append(f"2026-11-22T08:{minute:02}:00.000Z,G-{k},{value}")
    return "\n".join(rows) + "\n"


def _network() -> str:
    def pipe(k: int) -> dict[str, Any]:
        line = [[98.2 + j * 0.0024, 39.77] for j in (k, k + 1)]
        facts = {"id": f"P{k}", "from": f"N{k}", "to": f"N{k + 1}", "medium": "gas", "length_m": 205}
        return {"type": "Feature", "geometry": {"type": "LineString", "coordinates": line}, "properties": facts}

    return json.dumps({"type": "FeatureCollection", "features": [pipe(0), pipe(1)]})


@pytest.fixture
def recording(tmp_path: Path) -> list[str]:
    for name, text in (("readings.csv", _readings()), ("sensors.csv", SENSORS), ("pipes.geojson", _network())):
        (tmp_path / name).write_text(text, "utf-8")
    return ["backtest", "--readings", str(tmp_path / "readings.csv"), "--sensors", str(tmp_path / "sensors.csv")]


def _incidents(recording: list[str], tmp_path: Path, *further: str) -> bytes:
    out = tmp_path / "incidents.ndjson"
    assert main([*recording, "--incidents", str(out), *further]) == 0
    return out.read_bytes()


def test_incidents_by_place_alone_and_through_the_network(recording: list[str], tmp_path: Path) -> None:
    alone = [json.loads(line) for line in _incidents(recording, tmp_path).splitlines()]
    assert [sorted({m["sensor"] for m in one["members"]}) for one in alone] == [["G-0"], ["G-1"]]
    pipes = str(tmp_path / "pipes.geojson")
    (one,) = [json.loads(line) for line in _incidents(recording, tmp_path, "--networks", pipes).splitlines()]
    assert (one["city"], one["mode"], one["systems"], one["closed_at"]) == ("town", "test", ["gas"], None)
    assert (one["probable_cause"]["kind"], one["probable_cause"]["subject"]) == ("gas_leak", "N1")
    assert "N1" in one["probable_cause"]["words"]["zh"]
    joined = next(member for member in one["members"] if member["sensor"] == "G-1")
    reason = joined["reason"]
    assert (reason["relation"], reason["path_m"], reason["links"]) == ("connected", 205.0, 1)
    assert [change["change"] for change in one["history"]][:2] == ["opened", "joined"]


def test_the_same_bytes_whatever_the_batches(recording: list[str], tmp_path: Path) -> None:
    further = ("--networks", str(tmp_path / "pipes.geojson"))
    assert _incidents(recording, tmp_path, *further, "--batch", "1") == _incidents(recording, tmp_path, *further)


def test_the_journal_goes_where_it_is_asked_for(
    recording: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _incidents(recording, tmp_path)
    assert capsys.readouterr().out == ""
    _incidents(recording, tmp_path, "--out", str(tmp_path / "journal.ndjson"))
    assert (tmp_path / "journal.ndjson").stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--networks", "pipes.geojson"], "--incidents"),
        (["--incidents", "x", "--against", "default"], "--against"),
    ],
)
def test_what_does_not_go_together(
    recording: list[str], arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*recording, *arguments])
    assert word in capsys.readouterr().err


def test_a_network_file_with_an_error_is_refused(recording: list[str], tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "pipes.geojson").write_text("{}", "utf-8")
    asked = ["--incidents", str(tmp_path / "x"), "--networks", str(tmp_path / "pipes.geojson")]
    assert main([*recording, *asked]) != 0
    assert "pipes.geojson" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
