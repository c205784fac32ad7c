"""The store, measured: batches written and read back, beside psql's binary copy of the same rows in the same run."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.embedded.database import embedded_database
from app.services import close_pool, prepare_database
from benchmarks.measure import Bench, Case, case, machine
from store.batches import IncomingReadings, read_batches, write_batch
from store.binary_copy import COLUMNS, encode_rows
from store.pool import Pool, open_pool

SENSORS = 10_000  # one reading each a minute: each row of a batch goes to another place of the key
START_MS = 1_790_000_000_000
SEED = 1

Progress = Callable[[str], None]


class RowsMissing(Exception):
    """The table does not hold exactly what was written; the figure would be worth nothing."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; the defaults take about a minute."""

    rows: int = 500_000
    batches: tuple[int, ...] = (1_000, 10_000)
    repetitions: int = 5


@dataclass(frozen=True, slots=True)
class _Place:
    url: str
    pool: Pool
    psql: Path
    folder: Path


async def bench_store(programs: Path, progress: Progress, sizes: Sizes | None = None) -> Bench:
    """Measure the store on a database of its own.

    The limit of writing is psql: one session, one binary copy a batch, each its own transaction, of rows that are
    sorted and encoded beforehand, into a table with the same key, index and chunks. The limit of reading back is one
    binary copy of the same rows out. Repeated batches have no limit of their own and stand beside psql's clean ones.
    """
    sizes = sizes or Sizes()
    cases: list[Case] = []
    async with _place(programs, progress) as place:
        for size in sizes.batches:
            progress(f"store: {sizes.rows} readings in batches of {size} …")
            batches = _batches(sizes.rows, size)
            script = await _script(place, batches)
            ours: list[float] = []
            limits: list[float] = []
            for _ in range(sizes.repetitions):
                await _empty(place)
                limits.append(await _rate(place, "bench", sizes.rows, _psql(place, script)))
                await _empty(place)
                ours.append(await _rate(place, "reading", sizes.rows, _write(place, batches)))
            cases.append(case(f"copy_{size}", "rows/s", ours, limits))
        cases += await _repeated_and_read(place, batches, size, limits, sizes)
    return Bench("store", machine(), cases)


async def _repeated_and_read(
    place: _Place, batches: Sequence[IncomingReadings], size: int, limits: Sequence[float], sizes: Sizes
) -> list[Case]:
    # The batches of the last repetition are in the table: each of these readings is a repeat.
    repeated: list[float] = []
    read: list[float] = []
    read_limits: list[float] = []
    out = place.folder / "out"
    copy_out = f"\\copy (select {', '.join(COLUMNS)} from reading order by batch, position) to '{out}' binary\n"
    (place.folder / "read.sql").write_text(copy_out, "utf-8")
    for _ in range(sizes.repetitions):
        repeated.append(await _rate(place, "reading", sizes.rows, _write(place, batches)))
    for _ in range(sizes.repetitions):
        began = time.perf_counter()
        after = found = 0
        while following := await read_batches(place.pool, after):
            found += sum(len(batch) for batch in following)
            after = following[-1].sequence
        read.append(sizes.rows / (time.perf_counter() - began))
        if found != sizes.rows:
            raise RowsMissing(f"{sizes.rows} readings were written, {found} were read back")
        began = time.perf_counter()
        await _psql(place, place.folder / "read.sql")
        read_limits.append(sizes.rows / (time.perf_counter() - began))
    return [
        case(f"repeated_{size}", "rows/s", repeated, limits),
        case("read_back", "rows/s", read, read_limits),
    ]


async def _rate(place: _Place, table: str, rows: int, work: Awaitable[None]) -> float:
    """Return rows a second of the work, after which the table has to hold exactly so many."""
    began = time.perf_counter()
    await work
    elapsed = time.perf_counter() - began
    found = await place.pool.fetchval(f"select count(*) from {table}")
    if found != rows:
        raise RowsMissing(f"{rows} rows were written, {found} are there")
    return rows / elapsed


async def _empty(place: _Place) -> None:
    await place.pool.execute("truncate reading, bench, batch, conflict")
    await place.pool.execute("checkpoint", timeout=120)


async def _write(place: _Place, batches: Sequence[IncomingReadings]) -> None:
    for batch in batches:
        await write_batch(place.pool, START_MS, batch)


async def _psql(place: _Place, script: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        place.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", place.url, "-f", script,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    if await process.wait():
        raise RowsMissing("psql failed; its words are above")


def _batches(rows: int, size: int) -> list[IncomingReadings]:
    """Every sensor once a minute, in batches whose rows arrive in any order."""
    chance = np.random.default_rng(SEED)
    found = []
    for start in range(0, rows, size):
        number = chance.permutation(np.arange(start, start + size))
        found.append(
            IncomingReadings(
                (number % SENSORS + 1).astype(np.int32),
                START_MS + number // SENSORS * 60_000,
                chance.normal(100, 10, size),
                np.zeros(size, np.uint16),
            )
        )
    return found


async def _script(place: _Place, batches: Sequence[IncomingReadings]) -> Path:
    lines = []
    for number, batch in enumerate(batches):
        rows = np.lexsort((batch.time, batch.sensor))
        encoded = encode_rows(
            batch.time[rows], batch.value[rows], number, batch.sensor[rows], rows, batch.quality[rows]
        )
        file = place.folder / f"{number}.copy"
        file.write_bytes(b"".join([piece async for piece in encoded]))
        lines.append(f"\\copy bench ({', '.join(COLUMNS)}) from '{file}' binary\n")
    script = place.folder / f"write-{len(batches)}.sql"
    script.write_text("".join(lines), "utf-8")
    return script


@asynccontextmanager
async def _place(programs: Path, progress: Progress) -> AsyncIterator[_Place]:
    with tempfile.TemporaryDirectory(prefix="lifeline-bench-") as folder:
        async with embedded_database(Path(folder) / "home", programs, progress) as database:
            psql = database.programs.folder / "psql"
            pool = await open_pool(database.url, connections_max=2)
            try:
                await prepare_database(pool, progress)
                await pool.execute("create table bench (like reading including all)")
                if database.programs.timescaledb is not None:
                    await pool.execute(
                        "select create_hypertable('bench', 'time', create_default_indexes => false, chunk_time_interval"
                        " => (select time_interval from timescaledb_information.dimensions"
                        " where hypertable_name = 'reading'))"
                    )
                yield _Place(database.url, pool, psql if psql.exists() else Path(shutil.which("psql") or "psql"),
                             Path(folder))  # fmt: skip
            finally:
                await close_pool(pool)
