"""A readings file read whole: what repeats and what contradicts is counted as the store counts it."""

from pathlib import Path

import pytest

from app.cli import main
from app.recording import Recording, load_recording
from ingest.settings import IngestLimits
from model.registry import Registry
from model.sensor import City, Sensor

SENSORS = {
    key: Sensor(sensor=sensor, city="c", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60)
    for key, sensor in enumerate(("a", "b"))
}
TAKEN = ("a", 0, 1.0)

# name: (readings as sensor, second and value; duplicates, conflicts)
REPEATS = {
    "nothing": ([], 0, 0),
    "each time once": ([TAKEN, ("a", 1, 1.0), ("b", 0, 1.0)], 0, 0),
    "a repeat": ([TAKEN, TAKEN], 1, 0),
    "a repeat later": ([TAKEN, ("b", 0, 1.0), ("a", 1, 2.0), TAKEN], 1, 0),
    "another value": ([TAKEN, ("a", 0, 2.0)], 0, 1),
    "another value, repeated": ([TAKEN, ("a", 0, 2.0), ("a", 0, 2.0)], 1, 1),
    "two other values": ([TAKEN, ("a", 0, 2.0), ("a", 0, 3.0), TAKEN], 1, 2),
    "of two sensors": ([TAKEN, ("b", 0, 5.0), ("b", 0, 6.0), TAKEN], 1, 1),
}


def recording(folder: Path, rows: list[tuple[str, int, float]]) -> Recording:
    file = folder / "readings.csv"
    lines = [f"{sensor},2026-11-22T08:00:{second:02}Z,{value}" for sensor, second, value in rows]
    file.write_text("\n".join(["sensor,time,value", *lines]) + "\n", "utf-8")
    return load_recording(file, Registry(1, SENSORS, {"c": City(city="c", mode="test")}), IngestLimits())


@pytest.mark.parametrize("name", REPEATS)
def test_what_is_repeated_and_what_contradicts_is_counted(name: str, tmp_path: Path) -> None:
    rows, duplicates, conflicts = REPEATS[name]
    found = recording(tmp_path, rows)
    kept = len(rows) - duplicates - conflicts
    assert (len(found.readings), found.duplicates, found.conflicts) == (kept, duplicates, conflicts)


def test_the_back_test_tells_of_them_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording(tmp_path, [TAKEN, TAKEN, ("a", 0, 2.0), ("b", 0, 1.0)])
    sensors = tmp_path / "sensors.csv"
    sensors.write_text(
        "sensor,city,system,property,unit,longitude,latitude,name,interval_s\n"
        + "".join(f"{sensor},c,gas,combustible_gas,%{{LEL}},,,,60\n" for sensor in "ab"),
        "utf-8",
    )
    assert main(["backtest", "--readings", str(tmp_path / "readings.csv"), "--sensors", str(sensors)]) == 0
    said = capsys.readouterr().err
    assert "2 readings evaluated; 1 repeated, 1 in conflict" in said
