"""Seven public records, imported and replayed through broker, store and evaluator of one running service."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import numpy as np
import pytest

from model.reading import HELD_BACK, Quality
from model.sensor import Sensor
from model.sensor_file import read_sensor_file
from simulators.replay import replay_file
from store.batches import IncomingReadings
from tests.integration.service import Service, judged, running, settled
from tests.integration.test_summaries import assert_summaries_equal, joined

DATA = Path(os.environ.get("LIFELINE_DATA", Path(__file__).parents[3] / "shared" / "data"))
SETS = ("bridge", "dma", "floodnet", "gnss", "nab", "skab", "waterflow")
FOUND = tuple(name for name in SETS if (DATA / name).is_dir())
ONE_A_MESSAGE_MAX = 50_000  # rows; longer records come in arrays, as from gateways: a broker's time goes by messages
READINGS_PER_MESSAGE = 100
DUPLICATES = "lifeline_ingest_duplicates_total "
COUNTS = "select (select count(*) from reading), (select count(*) from rejection), (select count(*) from conflict)"
WAIT_S_MAX = 300.0

pytestmark = pytest.mark.timeout(600)


def needs(*names: str) -> pytest.MarkDecorator:
    """Skip a test, and say so, where a data set is missing."""
    missing = ", ".join(name for name in names if name not in FOUND)
    return pytest.mark.skipif(bool(missing), reason=f"no {missing} in {DATA}; name the data's folder in LIFELINE_DATA")


in_each = pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in SETS])
in_any = pytest.mark.skipif(not FOUND, reason=f"no data sets in {DATA}; name their folder in LIFELINE_DATA")


class Record(NamedTuple):
    """A data set as its file says it: the finite readings, the first of each key, sensors by their ids."""

    sensor: np.ndarray[Any, np.dtype[np.str_]]
    time: np.ndarray[Any, np.dtype[np.int64]]
    value: np.ndarray[Any, np.dtype[np.float64]]
    rows: int
    unusable: int  # rows without a finite number
    contradicted: int  # rows whose key has another value already


def read_record(name: str) -> Record:
    with gzip.open(DATA / name / "readings.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [(row["time"], row["sensor"], row["value"]) for row in csv.DictReader(file)]
    times, sensors, texts = zip(*rows, strict=True)
    sensor = np.array(sensors)
    value = np.array([text or "nan" for text in texts]).astype(np.float64)
    moment = np.array([text.removesuffix("Z") for text in times], "datetime64[ms]").astype(np.int64)
    usable = np.isfinite(value)
    sensor, moment, value = sensor[usable], moment[usable], value[usable]
    ids, index = np.unique(sensor, return_inverse=True)
    _, first, key = np.unique(moment * len(ids) + index, return_index=True, return_inverse=True)
    kept = np.sort(first)
    contradicted = int((value != value[first][key]).sum())
    return Record(sensor[kept], moment[kept], value[kept], len(rows), int((~usable).sum()), contradicted)


def sensors_of(name: str) -> Sequence[Sensor]:
    return read_sensor_file(DATA / name / "sensors.csv")[0]


@dataclass(frozen=True)
class Replayed:
    """The service when all sets have gone through it."""

    service: Service
    records: dict[str, Record]
    flood_journal: list[dict[str, Any]]  # of the back-test

    def ask(self, work: Callable[[asyncpg.Connection], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run(_ask(self.service, work))

    def duplicates(self) -> int:
        """Readings that ingest has seen again, with the value that stands."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.service.port}/metrics", timeout=30) as answer:
            figures = answer.read().decode()
        return int(float(next(line.split()[1] for line in figures.splitlines() if line.startswith(DUPLICATES))))

    def keys_of(self, name: str) -> dict[str, int]:
        """Registry keys of a set's sensors."""
        ids = np.unique(self.records[name].sensor).tolist()

        async def work(connection: asyncpg.Connection) -> dict[str, int]:
            rows = await connection.fetch("select sensor, sensor_key from sensor where sensor = any($1)", ids)
            return {row["sensor"]: row["sensor_key"] for row in rows}

        found: dict[str, int] = self.ask(work)
        return found

    def stored(self, name: str) -> IncomingReadings:
        """What has to be stored of a set, in the units of its properties; the quality is what stands with it."""
        record, keys = self.records[name], self.keys_of(name)
        conversions = {sensor.sensor: sensor.conversion for sensor in sensors_of(name)}
        ids, index = np.unique(record.sensor, return_inverse=True)
        factor, offset = np.array([conversions[one] for one in ids.tolist()]).T
        key = np.array([keys[one] for one in ids.tolist()], np.int32)[index]
        quality = self.ask(lambda connection: _qualities(connection, sorted(keys.values())))
        order = np.lexsort((record.time, key))
        value = record.value * factor[index] + offset[index]
        return IncomingReadings(key[order], record.time[order], value[order], quality)


async def _ask(service: Service, work: Callable[[asyncpg.Connection], Coroutine[Any, Any, Any]]) -> Any:
    connection = await asyncpg.connect(service.note["database_url"], timeout=30, command_timeout=120)
    try:
        return await work(connection)
    finally:
        await connection.close()


async def _qualities(connection: asyncpg.Connection, keys: list[int]) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Quality bits of the sensors' readings, by sensor and time."""
    sql = "select quality from reading where sensor_key = any($1) order by sensor_key, time"
    return np.fromiter((row[0] for row in await connection.fetch(sql, keys)), np.uint16)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    with running(tmp_path_factory.mktemp("data-sets") / "home") as service:
        _register(service)
        records = {name: read_record(name) for name in FOUND}
        began = time.monotonic()
        flood_journal = asyncio.run(_replay(service, records))
        sql = "select (select count(*) from reading) + (select count(*) from rejection)"
        expected = sum(len(record.value) + record.unusable for record in records.values())
        while asyncio.run(_ask(service, lambda c: c.fetchval(sql))) < expected:
            assert time.monotonic() - began < WAIT_S_MAX, service.said()
            time.sleep(0.2)
        rows = sum(record.rows for record in records.values())
        print(f"{rows} readings replayed and stored in {time.monotonic() - began:.1f} s")
        yield Replayed(service, records, flood_journal)


def _register(service: Service) -> None:
    """Cities as test cities, for a replay refuses others; then the sensors of each set."""
    zones = {}
    for name in FOUND:
        with (DATA / name / "sensors.csv").open(encoding="utf-8", newline="") as file:
            zones.update({row["city"]: row["time_zone"] for row in csv.DictReader(file)})
    cities = service.home / "cities.csv"
    lines = [f"{city},{city},{zone},test" for city, zone in zones.items()]
    cities.write_text("\n".join(["city,name,time_zone,mode", *lines]), "utf-8")
    service.run("cities", "import", str(cities))
    _finish([service.background("sensors", "import", str(DATA / name / "sensors.csv")) for name in FOUND])


async def _replay(service: Service, records: dict[str, Record]) -> list[dict[str, Any]]:
    """Publish all records, and return what the back-test makes of the floods meanwhile."""
    commands = [
        service.background(
            "replay", str(DATA / name / "readings.csv.gz"), "--sensors", str(DATA / name / "sensors.csv"),
            "--speed", "max",
        )
        for name, record in records.items() if record.rows <= ONE_A_MESSAGE_MAX
    ]  # fmt: skip
    journal = service.home / "floods.ndjson"
    if "floodnet" in records:
        folder = DATA / "floodnet"
        commands.append(
            service.background(
                "backtest", "--readings", str(folder / "readings.csv.gz"), "--sensors", str(folder / "sensors.csv"),
                "--acknowledge-after", "never", "--out", str(journal),
            )
        )  # fmt: skip
    for name, record in records.items():
        if record.rows > ONE_A_MESSAGE_MAX:
            by_id = {sensor.sensor: sensor for sensor in sensors_of(name)}
            path, url = DATA / name / "readings.csv.gz", service.note["mqtt_url"]
            await replay_file(path, by_id, url, speed=None, readings_per_message=READINGS_PER_MESSAGE)
    await asyncio.to_thread(_finish, commands)
    return judged([json.loads(line) for line in journal.read_text("utf-8").splitlines()]) if journal.exists() else []


def _finish(commands: list[subprocess.Popen[str]]) -> None:
    for command in commands:
        output, _ = command.communicate(timeout=WAIT_S_MAX)
        assert command.returncode == 0, output


@in_each
def test_every_finite_reading_is_stored_once(replayed: Replayed, name: str) -> None:
    record, keys = replayed.records[name], replayed.keys_of(name)

    async def work(connection: asyncpg.Connection) -> Any:
        sql = "select sensor_key, count(*), count(distinct time) from reading where sensor_key = any($1) group by 1"
        return {row[0]: (row[1], row[2]) for row in await connection.fetch(sql, list(keys.values()))}

    ids, counts = np.unique(record.sensor, return_counts=True)
    assert set(keys) == set(ids.tolist())
    expected = {keys[one]: (count, count) for one, count in zip(ids.tolist(), counts.tolist(), strict=True)}
    assert replayed.ask(work) == expected


@in_any
def test_what_is_no_reading_is_refused_and_what_contradicts_one_is_kept_beside_it(replayed: Replayed) -> None:
    async def work(connection: asyncpg.Connection) -> tuple[int, int]:
        return tuple(
            [await connection.fetchval(f"select count(*) from {table}") for table in ("rejection", "conflict")]
        )

    records = replayed.records.values()
    assert replayed.ask(work) == (sum(one.unusable for one in records), sum(one.contradicted for one in records))


@in_any
def test_minute_and_hour_summaries_equal_numpy(replayed: Replayed) -> None:
    """Values as the files say them; which readings count as bad is what stands with them."""
    stored = [replayed.stored(name) for name in replayed.records]

    async def work(connection: asyncpg.Connection) -> None:
        await assert_summaries_equal(connection, joined(stored))

    replayed.ask(work)


@in_each
def test_only_what_is_out_of_range_is_bad(replayed: Replayed, name: str) -> None:
    """None of these records has a fault of an instrument in it that the checks should have seen, or think they see."""
    stored, keys = replayed.stored(name), replayed.keys_of(name)
    ranges = {keys[sensor.sensor]: sensor.valid_range for sensor in sensors_of(name) if sensor.sensor in keys}
    low, high = np.array([ranges[key] for key in stored.sensor.tolist()]).T
    held_back = (stored.quality & int(HELD_BACK)) != 0
    assert set(stored.quality[held_back].tolist()) <= {int(Quality.OUT_OF_RANGE | Quality.DELAYED)}
    np.testing.assert_array_equal(held_back, (stored.value < low) | (stored.value > high))


@needs("floodnet")
def test_the_journal_of_the_floods_is_that_of_the_backtest(replayed: Replayed) -> None:
    """In arrays, live, among six other records: line by line what the engine says without services."""
    floods = replayed.keys_of("floodnet")
    assert replayed.flood_journal
    assert [line for line in judged(settled(replayed.service)) if line["sensor"] in floods] == replayed.flood_journal


@in_any
def test_a_replay_of_the_same_changes_nothing(replayed: Replayed) -> None:
    service = replayed.service
    name, record = min(replayed.records.items(), key=lambda item: item[1].rows)

    async def work(connection: asyncpg.Connection) -> tuple[int, ...]:
        return tuple(await connection.fetchrow(COUNTS))

    before, repeated = replayed.ask(work), replayed.duplicates()
    folder = DATA / name
    service.run("replay", str(folder / "readings.csv.gz"), "--sensors", str(folder / "sensors.csv"), "--speed", "max")
    expected = repeated + record.rows - record.unusable - record.contradicted
    deadline = time.monotonic() + WAIT_S_MAX
    while replayed.duplicates() < expected and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (replayed.duplicates(), replayed.ask(work)) == (expected, before)
