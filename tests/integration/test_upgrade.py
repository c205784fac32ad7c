"""The schema is upgraded while ingest runs: nothing is lost or doubled, nobody waits long, and it ends the same way.

`OLDEST` is the first schema that the present ingest works on. What stands for a newer Lifeline are this version's files
with further ones behind them, which alter the tables that ingest writes to.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import asyncpg
import pytest

from ingest.counters import IngestCounters
from ingest.pipeline import run_ingest
from ingest.settings import IngestLimits, MqttSettings, broker_address
from migrations.runner import COMPATIBLE, LOCK, MigrationError, migrate, migration_files
from model.reading import ReadingBatch
from model.sensor import City, Sensor
from store.pool import Pool, open_pool
from store.sensors import import_sensors
from tests.conftest import ACK_WAIT_S
from tests.integration.schema import migrated, schema, until
from tests.integration.service import Service, running

OLDEST = "0041_areas.sql"
WAIT_S_MAX = 60.0
NOW = int(time.time() * 1000) // 1000 * 1000
GROUP = 50
NEWER = (
    "9001_columns.sql",
    "-- compatible: columns that may be left out, and an index.\n"
    "alter table reading add column origin smallint;\n"
    "alter table batch add column worker text not null default '';\n"
    "alter table sensor add column owner text;\n"
    "create index batch_newest on batch (newest_time);\n"
    "alter table rejection add column weight integer not null default 1;\n",
)
BREAKING = ("9002_breaking.sql", "alter table rejection rename column detail to explanation;\n")


# --- while ingest runs -------------------------------------------------------------------------------------------


class Load:
    """A worker on the database and devices that publish without a pause until they are asked to stop."""

    def __init__(self, pool: Pool, city: str) -> None:
        self.pool = pool
        self.city = city
        self.counters = IngestCounters()
        self.followed: list[ReadingBatch] = []
        self.published = 0
        self.done = asyncio.Event()
        self.devices: asyncio.Task[None]

    async def publish(self, broker_url: str) -> None:
        address = broker_address(broker_url)
        async with aiomqtt.Client(address.host, address.port) as client:
            client.pending_calls_threshold = 1_000
            while not self.done.is_set():
                numbers = range(self.published, self.published + GROUP)
                await asyncio.gather(*(self._publish_one(client, number) for number in numbers))
                self.published += GROUP
                await asyncio.sleep(0.01)

    async def _publish_one(self, client: aiomqtt.Client, number: int) -> None:
        payload = json.dumps({"time": NOW - 3_600_000 + number, "value": number % 50})
        await client.publish(f"lifeline/{self.city}/gas/gas-{number % 2}", payload, qos=1)

    async def rows(self) -> int:
        return int(await self.pool.fetchval("select count(*) from reading", timeout=60))

    async def more(self, count: int = 500) -> None:
        """Wait until so many more readings are stored."""
        wanted = await self.rows() + count
        await waited(lambda: _reached(self.rows(), wanted), lambda: f"{wanted} rows: {self.counters}")

    async def check(self) -> None:
        """All that was published is stored once, logged once, handed on once, and nothing was quarantined."""
        self.done.set()
        await self.devices
        published = self.published
        await waited(lambda: _reached(self.rows(), published), lambda: f"{published} published: {self.counters}")
        found = await self.pool.fetch("select sensor, time, value from reading join sensor using (sensor_key)")
        numbers = sorted(round(row["time"].timestamp() * 1000) - NOW + 3_600_000 for row in found)
        assert numbers == list(range(published))
        assert all(row["sensor"] == f"gas-{int(row['value']) % 2}" for row in found)
        assert await self.pool.fetchval("select sum(readings) from batch") == published
        assert await self.pool.fetchval("select count(*) from conflict") == 0
        assert await self.pool.fetchval("select count(*) from rejection") == 0
        sequences = [row["sequence"] for row in await self.pool.fetch("select sequence from batch order by 1")]
        assert sequences == list(range(1, len(sequences) + 1))
        assert [batch.sequence for batch in self.followed] == sequences[: len(self.followed)]


@asynccontextmanager
async def load(url: str, broker_url: str) -> AsyncIterator[Load]:
    city = f"city-{secrets.token_hex(4)}"
    pool = await open_pool(url)
    sensors = [
        Sensor(sensor=f"gas-{n}", city=city, system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60)
        for n in range(2)
    ]
    await import_sensors(pool, sensors, [City(city=city, mode="test")])
    under = Load(pool, city)
    settings = MqttSettings(
        url=broker_url, protocol="3.1.1", client_id=f"ingest-{city}", subscriptions=(f"lifeline/{city}/+/+",),
        reconnect_s_max=1.0, redelivery_s=ACK_WAIT_S + 1, session_is_new=True,
    )  # fmt: skip
    limits = IngestLimits(tick_s=0.2, batch_age_ms_max=20, batch_readings_max=100)
    stop = asyncio.Event()
    worker = asyncio.create_task(
        run_ingest(pool, settings, limits, _clock, under.followed.append, stop, under.counters)
    )
    await waited(lambda: _is(worker.done() or under.counters.connected), lambda: "the worker does not connect")
    assert not worker.done(), worker.result()
    under.devices = asyncio.create_task(under.publish(broker_url))
    try:
        yield under
    finally:
        under.done.set()
        stop.set()
        await asyncio.wait_for(asyncio.gather(worker, under.devices), WAIT_S_MAX)
        await pool.close()


def test_a_running_worker_goes_on_through_an_upgrade(bare_database_urls: Callable[[], str], broker_url: str) -> None:
    """From the oldest schema that it works on to the present one, and on to a newer one than it knows."""

    async def run() -> None:
        url, fresh = bare_database_urls(), bare_database_urls()
        await migrated(url, until(OLDEST))
        async with load(url, broker_url) as under:
            await under.more()
            missing = [name for name, _ in migration_files() if name > OLDEST]
            assert await migrated(url) == missing
            await under.more()
            assert await migrated(url, [*migration_files(), NEWER]) == [NEWER[0]]
            await under.more()
            await under.check()
        await migrated(fresh, [*migration_files(), NEWER])
        assert await schema(url) == await schema(fresh)

    asyncio.run(run())


def test_a_migration_that_waits_for_a_lock_does_not_hold_ingest_up(
    bare_database_urls: Callable[[], str], broker_url: str
) -> None:
    """A long look, as a backup takes, holds the tables. Behind a migration that waited for them ingest would stand."""

    async def run() -> None:
        url = bare_database_urls()
        await migrated(url)
        said: list[str] = []
        async with load(url, broker_url) as under:
            await under.more()
            backup = await asyncpg.connect(url, server_settings={"application_name": "a backup"})
            transaction = backup.transaction()
            await transaction.start()
            for table in ("reading", "batch", "sensor"):
                await backup.fetch(f"select from {table} limit 1")
            upgrade = asyncio.create_task(migrated(url, [*migration_files(), NEWER], said.append))
            await waited(lambda: _is(len(said) > 1), lambda: f"the migration does not wait: {said}")
            for _ in range(3):
                await under.more()
                assert not upgrade.done()
            await transaction.rollback()
            assert await asyncio.wait_for(upgrade, WAIT_S_MAX) == [NEWER[0]]
            await backup.close()
            await under.more()
            await under.check()
        assert said[0] == "migrating the database: 9001_columns.sql"
        assert "'a backup'" in said[1]

    asyncio.run(run())


def test_a_worker_waits_where_the_schema_is_not_its_own(bare_database_urls: Callable[[], str], broker_url: str) -> None:
    """The table of batches is gone under it: it acknowledges nothing, and goes on where it stood when it is back."""

    async def run() -> None:
        url = bare_database_urls()
        await migrated(url)
        async with load(url, broker_url) as under:
            await under.more()
            await under.pool.execute("alter table batch rename to batch_of_another_version")
            retries = under.counters.store_retries
            await waited(lambda: _is(under.counters.store_retries > retries + 1), lambda: "the worker does not wait")
            before = under.counters.messages
            await under.pool.execute("alter table batch_of_another_version rename to batch")
            await waited(lambda: _is(under.counters.messages > before + 500), lambda: str(under.counters))
            await under.check()

    asyncio.run(run())


# --- a worker that starts ----------------------------------------------------------------------------------------


@pytest.fixture
def worker(tmp_path: Path, broker_url: str) -> Callable[[str], dict[str, str]]:
    """The environment of a `lifeline ingest` on a database."""

    def environment(url: str) -> dict[str, str]:
        return {
            "LIFELINE_DATABASE_URL": url,
            "LIFELINE_MQTT_URL": broker_url,
            "LIFELINE_MQTT_PROTOCOL": "3.1.1",
            "LIFELINE_MQTT_CLIENT_ID": f"upgrade-{secrets.token_hex(4)}",
        }

    return environment


def test_ingest_brings_an_older_schema_up_and_starts(
    bare_database_urls: Callable[[], str], worker: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    url, fresh = bare_database_urls(), bare_database_urls()
    asyncio.run(migrated(url, until("0003_alarm_known_at.sql")))
    with running(tmp_path, ("ingest",), **worker(url)) as service:
        assert "migrating the database: 0004" in service.said()
        assert "migrating the database: 0003" not in service.said()
    asyncio.run(migrated(fresh))
    assert asyncio.run(schema(url)) == asyncio.run(schema(fresh))


def test_ingest_waits_for_another_that_migrates(
    bare_database_urls: Callable[[], str], worker: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    async def run() -> None:
        url = bare_database_urls()
        await migrated(url, until(OLDEST))
        other = await asyncpg.connect(url)
        await other.execute("select pg_advisory_lock($1)", LOCK)
        service = Service(tmp_path, ("ingest",), **worker(url))
        starting = asyncio.create_task(asyncio.to_thread(service.start))
        try:
            await waited(lambda: _is("another process migrates the database" in service.said()), service.said)
            assert "is up" not in service.said()
            await other.close()
            await starting
        finally:
            await other.close()
            service.stop()

    asyncio.run(run())


@pytest.mark.parametrize(("newer", "starts"), [(NEWER, True), (BREAKING, False)], ids=["compatible", "breaking"])
def test_an_older_ingest_that_starts_on_a_newer_schema(
    bare_database_urls: Callable[[], str],
    worker: Callable[[str], dict[str, str]],
    tmp_path: Path,
    newer: tuple[str, str],
    starts: bool,
) -> None:
    """It works beside a newer one where that said so, and is refused in one sentence where it did not."""
    url = bare_database_urls()
    asyncio.run(migrated(url, [*migration_files(), newer]))
    service = Service(tmp_path, ("ingest",), **worker(url))
    if starts:
        service.start()
        assert service.stop() == 0
        assert "a newer Lifeline (9001_columns.sql), beside which this one works" in service.said()
    else:
        said = service.run("ingest", expected=1).stderr
        assert re.fullmatch(r"lifeline ingest: .*9002_breaking.sql.*use the newer Lifeline\n", said)


def test_an_account_that_may_only_read_and_write_starts_on_a_whole_schema(
    bare_database_urls: Callable[[], str],
) -> None:
    async def run() -> None:
        url = bare_database_urls()
        await migrated(url, until(OLDEST))
        role = f"writer_{secrets.token_hex(4)}"
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(
                f"create role {role}; grant select, insert, update on all tables in schema public to {role};"
                f"set role {role}"
            )
            with pytest.raises(MigrationError, match=f"{role!r} may not apply them.*run lifeline migrate"):
                await migrate(connection)
            await connection.execute("reset role")
            await migrate(connection)
            await connection.execute(f"set role {role}")
            assert await migrate(connection) == []
        finally:
            await connection.execute(f"reset role; drop owned by {role}; drop role {role}")
            await connection.close()

    asyncio.run(run())


def test_a_table_of_migrations_from_before_is_taken_over(bare_database_urls: Callable[[], str]) -> None:
    """The table of earlier versions does not say which migrations are compatible."""

    async def run() -> None:
        url, fresh = bare_database_urls(), bare_database_urls()
        await migrated(url, until("0020_sensor_event.sql"))  # the last before any that is compatible
        connection = await asyncpg.connect(url)
        await connection.execute("alter table lifeline_migration drop column compatible")
        await connection.close()
        await migrated(url)
        await migrated(fresh)
        ours, theirs = await schema(url), await schema(fresh)
        assert [row for row in ours if row[0] == "migration"] == [row for row in theirs if row[0] == "migration"]
        assert any(row[3] == "true" for row in ours if row[0] == "migration") == any(
            sql.startswith(COMPATIBLE) for _, sql in migration_files()
        )

    asyncio.run(run())


async def waited(condition: Callable[[], Awaitable[bool]], describe: Callable[[], str]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not await condition():
        assert time.monotonic() < deadline, describe()
        await asyncio.sleep(0.02)


async def _is(condition: bool) -> bool:
    return condition


async def _reached(number: Awaitable[int], wanted: int) -> bool:
    return await number >= wanted


def _clock() -> int:
    return time.time_ns() // 1_000_000
