"""A database like that of a large city after a day: 85,000 sensors, a reading of each every six minutes, open alarms.

It is filled through the store's own doors, and can be kept for the next run.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from alerts.changes import record_steps
from alerts.engine import Engine
from alerts.recovery import save_all
from alerts.rule_file import default_packs
from alerts.suppression import Judged
from app.embedded.database import embedded_database
from app.services import close_pool, prepare_database
from benchmarks.engine_city import CITY, sensor
from model.alarm import ConditionChange
from model.instant import parse_instant
from store.batches import IncomingReadings, write_batch
from store.keys import create_key
from store.pool import Pool, open_pool
from store.sensors import import_sensors, load_registry

START_MS = parse_instant("2026-03-01T00:00:00.000Z")
DAY_MS, WEEK_MS = 86_400_000, 7 * 86_400_000
BATCH_READINGS = 20_000
ALARMS_A_TRANSACTION = 500
MAINTENANCE_S_MAX = 600.0
NOTE = "bench-api.json"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CitySizes:
    """How much is there; the defaults are 21 million readings, and take some minutes to fill and 4 GB."""

    sensors: int = 85_000
    interval_s: int = 360  # on the day
    weeks: int = 10  # before the day, with a reading of each sensor: so many more chunks
    minute_sensors: int = 100  # of which the day has a reading every minute
    alarms: int = 500
    silent: int = 850

    @property
    def readings(self) -> int:
        """Of all sensors together."""
        usual = DAY_MS // (self.interval_s * 1_000)
        return self.sensors * (usual + self.weeks) + self.minute_sensors * (1_440 - usual)


async def filled_city(home: Path, programs: Path, progress: Progress, sizes: CitySizes) -> str:
    """Fill a database in `home`, unless it is there from an earlier run, and return a key to read it."""
    note = home / NOTE
    async with embedded_database(home, programs, progress) as database:
        pool = await open_pool(database.url, connections_max=2, command_s_max=MAINTENANCE_S_MAX)
        try:
            await prepare_database(pool, progress)
            if not note.exists() or json.loads(note.read_text()) != asdict(sizes):
                await _fill(pool, progress, sizes)
                note.write_text(json.dumps(asdict(sizes)))
            return await create_key(pool, role="viewer", areas=[CITY.city])
        finally:
            await close_pool(pool)


async def _fill(pool: Pool, progress: Progress, sizes: CitySizes) -> None:
    progress(f"registering {sizes.sensors} sensors …")
    await import_sensors(pool, [sensor(number) for number in range(sizes.sensors)], [CITY])
    registry = await load_registry(pool)
    progress("binding the rules …")
    await save_all(pool, Engine(default_packs(), registry), 0)  # by which alarms and their absence are explained
    keys = np.array(sorted(registry.sensors), np.int32)
    written, told = 0, -1
    for batch, clock in _batches(keys, sizes):
        written += len((await write_batch(pool, clock, batch)).batch)
        if written // 5_000_000 > told:
            told = written // 5_000_000
            progress(f"{written} of {sizes.readings} readings …")
    if written != sizes.readings:
        raise ValueError(f"{written} of {sizes.readings} readings were stored; begin again in an empty folder")
    progress("raising alarms …")
    changes = list(_changes(sizes, {s.sensor: key for key, s in registry.sensors.items()}))
    for start in range(0, len(changes), ALARMS_A_TRANSACTION):
        async with pool.acquire() as connection, connection.transaction():
            part = changes[start : start + ALARMS_A_TRANSACTION]
            await record_steps(connection, [Judged(change, None) for change in part], registry)
    await pool.execute(
        "update evaluation_cursor set (batch, clock) ="
        " (select sequence, arrived_at from batch order by sequence desc limit 1)"
    )
    progress("tidying up as the database does by and by …")
    for table in ("sensor", "alarm", "reading"):
        await pool.execute(f"vacuum (analyze) {table}")
    await pool.execute("checkpoint")


def _batches(keys: np.typing.NDArray[np.int32], sizes: CitySizes) -> Iterator[tuple[IncomingReadings, int]]:
    """All sensors in turn, round after round, as they come from a city: a sensor's day lies in as many places."""
    chance = np.random.default_rng(1)
    rounds = [(START_MS - week * WEEK_MS, keys) for week in range(sizes.weeks, 0, -1)]
    for minute in range(1_440):
        usual = minute * 60 % sizes.interval_s == 0
        rounds.append((START_MS + minute * 60_000, keys if usual else keys[: sizes.minute_sensors]))
    for start_ms, heard in rounds:
        for begin in range(0, len(heard), BATCH_READINGS):
            part = heard[begin : begin + BATCH_READINGS]
            when = start_ms + part.astype(np.int64) % 1_000
            value = np.round(chance.normal(10.0, 1.0, len(part)), 2)
            yield IncomingReadings(part, when, value, np.zeros(len(part), np.uint16)), start_ms + 2_000


def _changes(sizes: CitySizes, keys: dict[str, int]) -> Iterator[ConditionChange]:
    known_at = START_MS + DAY_MS
    for number in range(sizes.alarms + sizes.silent):
        name = f"s{number * 61 % sizes.sensors}"
        silent = number >= sizes.alarms
        yield ConditionChange(
            sensor=name, sensor_key=keys[name], mode=CITY.mode, time=known_at - 60_000, raised=known_at - 60_000,
            known_at=known_at, severity_from=0, severity=1 if silent else number % 4 + 1,
            rule="sensor-silent" if silent else "level", kind="stale" if silent else "threshold",
            rule_version="0123456789ab", alarm_class="instrument" if silent else "process",
            priority="low" if silent else "high", value=42.0, limit=40.0, cause="silence" if silent else "reading",
            reason="silent" if silent else "limit_reached",
        )  # fmt: skip
