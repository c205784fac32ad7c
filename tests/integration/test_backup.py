"""A backup brings everything back, is checked, and goes only where it belongs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import asyncpg
import msgspec
import numpy as np
import pytest

from app.archive import MANIFEST, ArchiveError, back_up, program_folders, restore
from migrations.runner import migrate
from model.instant import parse_instant
from model.reading_file import read_rows
from model.sensor_file import read_sensor_file
from store.audit import record, verify_audit
from store.batches import IncomingReadings, read_batches, write_batch
from store.capabilities import read_versions
from store.journal_chain import read_head, verify_journal
from store.maintenance import maintain_once
from store.manifest import Manifest, TableFigures, read_manifest
from store.pool import open_pool
from store.sensors import import_sensors
from tests.api.service import change, journal
from tests.integration.test_store import NOON, readings, rows_of, whole_log

LIFELINE = Path(sys.prefix) / "bin" / "lifeline"
DATA = Path(os.environ.get("LIFELINE_DATA", Path(__file__).parents[3] / "shared" / "data"))
FLOODNET = DATA / "floodnet"


def floodnet() -> IncomingReadings:
    """The floods' readings in file order, sensors numbered as they appear."""
    sensors: dict[str, int] = {}
    rows = [
        (sensors.setdefault(row.sensor, len(sensors) + 1), parse_instant(row.time), float(row.value))
        for row in read_rows(FLOODNET / "readings.csv.gz")
    ]
    sensor, time, value = zip(*rows, strict=True)
    quality = np.zeros(len(rows), np.uint16)
    return IncomingReadings(np.array(sensor, np.int32), np.array(time), np.array(value), quality)


async def fill(url: str) -> None:
    pool = await open_pool(url)
    try:
        if FLOODNET.is_dir():
            await import_sensors(pool, *read_sensor_file(FLOODNET / "sensors.csv"))
            given = floodnet()
            for start in range(0, len(given), 20_000):
                part = slice(start, start + 20_000)
                columns = (given.sensor[part], given.time[part], given.value[part], given.quality[part])
                await write_batch(pool, NOON, type(given)(*columns))
        await write_batch(pool, NOON, readings((1, NOON, 1.5), (1, NOON, 2.5), (7, NOON, -0.0)))
        await maintain_once(pool, NOON)
        await journal(pool, [change("GAS-1", 0, 1)])
        await record(pool, actor="wang", action="key-created", subject="desk")
    finally:
        await pool.close()


async def figures(url: str) -> dict[str, TableFigures]:
    connection = await asyncpg.connect(url)
    try:
        return (await read_manifest(connection, await read_versions(connection), "")).tables
    finally:
        await connection.close()


async def backed_up(url: str, file: Path) -> Manifest:
    connection = await asyncpg.connect(url)
    try:
        return await back_up(connection, url, file, program_folders(None), print)
    finally:
        await connection.close()


async def restored(url: str, file: Path) -> Manifest:
    connection = await asyncpg.connect(url)
    try:
        return await restore(connection, url, file, program_folders(None), print)
    finally:
        await connection.close()


async def plain_database(url: str) -> None:
    """Bring a database without TimescaleDB to this version's schema."""
    connection = await asyncpg.connect(url)
    try:
        await migrate(connection)
    finally:
        await connection.close()


def test_a_backup_brings_everything_back(database_url: str, new_database: Callable[[str], str], tmp_path: Path) -> None:
    async def run() -> None:
        await fill(database_url)
        file = tmp_path / "lifeline.backup"
        manifest = await backed_up(database_url, file)
        assert manifest.tables == await figures(database_url)
        assert (manifest.tables["journal"].rows, manifest.tables["conflict"].rows) == (1, 1)
        assert [path.name for path in tmp_path.iterdir()] == ["lifeline.backup"]

        target = new_database("template0")
        await restored(target, file)
        assert await figures(target) == manifest.tables

        before, after = await open_pool(database_url), await open_pool(target)
        for ours, theirs in zip(await whole_log(before), await whole_log(after), strict=True):
            assert (ours.sequence, ours.clock, rows_of(ours)) == (theirs.sequence, theirs.clock, rows_of(theirs))
        chunks = "select count(*) from show_chunks('reading')"
        if manifest.timescaledb:
            assert await after.fetchval(chunks) == await before.fetchval(chunks)
        # It works on: the log, the key, the summaries, the journal that nobody changes.
        receipt = await write_batch(after, NOON, readings((1, NOON, 1.5), (1, NOON + 1, 3.5)))
        assert len(receipt.batch) == 1
        assert receipt.batch.sequence == manifest.tables["batch"].rows + 1
        await maintain_once(after, NOON)
        assert await after.fetchval("select last from reading_hour where sensor_key = 1 order by start desc") == 3.5
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await after.execute("delete from journal")
        await journal(after, [change("GAS-2", 0, 1)])
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await after.execute("delete from audit")
        await record(after, actor="wang", action="key-revoked", subject="desk")
        async with after.acquire() as connection:
            assert (await verify_audit(connection))[:3] == (2, 1, 2)
            assert (await verify_journal(connection, await read_head(before)))[:3] == (2, 1, 2)
        await before.close()
        await after.close()

    asyncio.run(run())


def test_a_database_that_holds_anything_is_refused(
    database_url: str, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    async def run() -> None:
        file = tmp_path / "lifeline.backup"
        await backed_up(database_url, file)
        with pytest.raises(ArchiveError, match="not empty"):
            await restored(database_url, file)
        other = new_database("template0")
        connection = await asyncpg.connect(other)
        await connection.execute("create table theirs (n integer)")
        await connection.close()
        with pytest.raises(ArchiveError, match="theirs"):
            await restored(other, file)

    asyncio.run(run())


def test_a_file_that_is_not_whole_is_refused(
    database_url: str, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    async def run() -> None:
        file = tmp_path / "lifeline.backup"
        await backed_up(database_url, file)
        torn, changed = tmp_path / "torn", tmp_path / "changed"
        torn.write_bytes(file.read_bytes()[:-100])
        with zipfile.ZipFile(file) as archive, zipfile.ZipFile(changed, "w") as copy:
            manifest = msgspec.json.decode(archive.read(MANIFEST))
            manifest["tables"]["city"]["rows"] += 1
            copy.writestr("database.dump", archive.read("database.dump"))
            copy.writestr(MANIFEST, json.dumps(manifest))
        with pytest.raises(ArchiveError, match="no whole backup"):
            await restored(new_database("template0"), torn)
        with pytest.raises(ArchiveError, match="differs from the backup in city"):
            await restored(new_database("template0"), changed)

    asyncio.run(run())


def test_a_plain_postgresql_moves_to_timescaledb(new_database: Callable[[str], str], tmp_path: Path) -> None:
    async def run() -> None:
        plain, target = new_database("template0"), new_database("template0")
        await plain_database(plain)
        await fill(plain)
        manifest = await backed_up(plain, tmp_path / "plain.backup")
        assert manifest.timescaledb is None
        await restored(target, tmp_path / "plain.backup")
        pool = await open_pool(target)
        if (await read_versions(pool)).timescaledb:
            tables = await pool.fetch("select hypertable_name from timescaledb_information.hypertables order by 1")
            assert [row[0] for row in tables] == ["reading", "summary_hour", "summary_minute"]
        assert len(await read_batches(pool, 0, 10**9)) == manifest.tables["batch"].rows
        await pool.close()

    asyncio.run(run())


def test_the_commands(tmp_path: Path, programs: Path) -> None:
    """From the embedded database of one home to that of another."""
    file = tmp_path / "lifeline.backup"

    def lifeline(home: str, *arguments: str, expected: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFELINE_")}
        environment |= {"LIFELINE_HOME": str(tmp_path / home), "LIFELINE_PROGRAMS": str(programs)}
        done = subprocess.run([LIFELINE, *arguments], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == expected, done.stderr + done.stdout
        return done

    sensors = tmp_path / "sensors.csv"
    sensors.write_text(
        "sensor,city,system,property,unit,longitude,latitude,name,interval_s\nS,c,gas,gas_flow,m3/h,,,,60\n"
    )
    lifeline("one", "sensors", "import", str(sensors))
    assert "1 sensors" in lifeline("one", "backup", str(file)).stdout
    before = file.read_bytes()
    assert "is there already" in lifeline("one", "backup", str(file), expected=1).stderr
    assert file.read_bytes() == before
    file.write_bytes(b"something else")
    assert "1 sensors" in lifeline("one", "backup", str(file), "--force").stdout
    assert "restored and checked: 1 sensors" in lifeline("two", "restore", str(file)).stdout
    assert "S\tc\tgas" in lifeline("two", "sensors", "list").stdout
    assert "the chain holds" in lifeline("two", "audit", "verify").stdout
    told = [json.loads(line)["action"] for line in lifeline("two", "audit", "list", "--json").stdout.splitlines()]
    assert told[:3] == ["restored", "backed-up", "sensors-imported"]
    refused = lifeline("two", "restore", str(file), expected=1).stderr
    assert "the database is not empty" in refused
    assert "Traceback" not in refused
    assert "is not there" in lifeline("three", "restore", str(tmp_path / "none"), expected=1).stderr
