"""How long a restart takes until alarms are judged again: 100,000 sensors, a day of service, a checkpoint a minute.

The service was killed just before its next checkpoint: what a minute brought is in the log alone. The restart is a
process of its own, which is measured from its start.
"""

import asyncio
import json
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alerts.checkpoint import copy_state, encode_state, restore_state
from alerts.engine import Engine
from alerts.kernels import load_kernels
from alerts.recovery import EvaluatorLimits, bound_as_defined, recover, save_all
from alerts.rules import Pack
from app.embedded.database import embedded_database
from app.services import close_pool, prepare_database
from benchmarks.engine_city import CITY, FEW_SENSORS, few_of, sensor
from benchmarks.engine_load import START_MS, batches_of, repeat
from benchmarks.measure import Bench, case, machine
from store.batches import IncomingReadings, read_batches, write_batch
from store.evaluation import advance_cursor, load_checkpoint, read_cursor
from store.pool import Pool, open_pool
from store.rule_packs import packs_in_force
from store.sensors import import_sensors, load_registry

MINUTES_A_DAY = 1_440
PARTS = ("start", "kernels", "registry", "checkpoint", "binding", "state", "log", "evaluation")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RecoverySizes:
    """How much is measured; the defaults take about three minutes."""

    sensors: int = 100_000  # a multiple of FEW_SENSORS
    batch: int = 500
    repetitions: int = 5


class NotRecovered(Exception):
    """A restart ended otherwise than the service that was killed; the figure would be worth nothing."""


async def bench_recovery(programs: Path, progress: Progress, sizes: RecoverySizes | None = None) -> Bench:
    """Measure on a database of its own in a temporary directory.

    `ready` is the whole of a restart, with `alerts.recovery.recover` as the service calls it; the parts are measured in
    restarts of their own that do the same one after the other. The registry is what ingest reads of it. Each sensor has
    the default rules of its kind, and one reading a minute; what is remembered of it is that of one of FEW_SENSORS
    after a day. The readings of the day itself are not in the database: of them nothing is read.
    """
    sizes = sizes or RecoverySizes()
    with tempfile.TemporaryDirectory(prefix="lifeline-bench-") as folder:
        async with embedded_database(Path(folder) / "home", programs, progress) as database:
            pool = await open_pool(database.url, connections_max=2)
            try:
                await prepare_database(pool, progress)
                written_s, bytes_packed = await _serve_a_day(pool, sizes, progress)
                restarts = []
                for number in range(sizes.repetitions):
                    progress(f"recovery: restart {number + 1} of {sizes.repetitions} …")
                    whole = await _restarted(database.url, "recover")
                    restarts.append({**await _restarted(database.url, "parts"), **whole})
            finally:
                await close_pool(pool)
    suffix = f"{sizes.sensors}_sensors"
    cases = [case(f"ready_{suffix}", "s", [one["ready"] for one in restarts])]
    cases += [case(f"ready_{suffix}_{part}", "s", [one[part] for one in restarts]) for part in PARTS]
    cases += [
        case(f"memory_{suffix}", "MB", [one["memory"] for one in restarts]),
        case(f"memory_peak_{suffix}", "MB", [one["memory_peak"] for one in restarts]),
        case(f"checkpoint_{suffix}", "MB", [bytes_packed / 1e6]),
        case(f"checkpoint_written_{suffix}", "s", [written_s]),
    ]
    return Bench("recovery", machine(), cases)


async def _serve_a_day(pool: Pool, sizes: RecoverySizes, progress: Progress) -> tuple[float, int]:
    """Leave in the database what a service leaves that was killed after a day and a minute.

    Returns how long the checkpoint took to be written, in seconds, and how many bytes it has.
    """
    progress(f"recovery: {sizes.sensors} sensors are registered …")
    for start in range(0, sizes.sensors, 10_000):
        await import_sensors(pool, [sensor(number) for number in range(start, start + 10_000)], [CITY])
    registry = await load_registry(pool)
    packs = [Pack.model_validate_json(pack.content) for pack in await packs_in_force(pool)]
    progress(f"recovery: a day of {FEW_SENSORS} sensors is evaluated …")
    keys = sorted(registry.sensors)
    few = few_of(packs, registry, MINUTES_A_DAY)
    engine = Engine(packs, registry)
    repeat(few, engine)
    progress("recovery: the checkpoint and the log of a minute are written …")
    began = time.perf_counter()
    await save_all(pool, engine, 0)
    written_s = time.perf_counter() - began
    bytes_packed = len(await asyncio.to_thread(zlib.compress, encode_state(copy_state(engine)), 1))
    sequence = 0
    for following in batches_of(MINUTES_A_DAY, keys, sizes.batch):
        incoming = IncomingReadings(following.sensor, following.time, following.value, following.quality)
        sequence = (await write_batch(pool, following.clock, incoming)).batch.sequence
    async with pool.acquire() as connection, connection.transaction():
        await advance_cursor(connection, 0, sequence, following.clock)
    return written_s, bytes_packed


async def _restarted(url: str, way: str) -> Mapping[str, float]:
    """Return the seconds and 10^6 bytes of a restart. Raises NotRecovered."""
    began = time.time()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.recovery", url, way, str(began), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise NotRecovered("the restart failed; its words are above")
    found: dict[str, float] = json.loads(told)
    return found


async def _restart(url: str, way: str, began: float) -> Mapping[str, float]:
    found = {"start": time.time() - began}  # of the interpreter, and what it imports

    def lap(part: str, since: float) -> float:
        now = time.perf_counter()
        found[part] = now - since
        return now

    at = time.perf_counter()
    load_kernels()
    at = lap("kernels", at)
    pool = await open_pool(url, connections_max=2)
    await load_registry(pool)
    at = lap("registry", at)
    limits = EvaluatorLimits()
    if way == "recover":
        engine, cursor = await recover(pool, limits)
        if not cursor or cursor != await read_cursor(pool) or engine.clock < START_MS + MINUTES_A_DAY * 60_000:
            raise NotRecovered(f"recovered to batch {cursor}, clock {engine.clock}")
        found = {"ready": time.time() - began, "memory": _memory_mb("VmRSS"), "memory_peak": _memory_mb("VmHWM")}
    else:
        checkpoint = await load_checkpoint(pool, await read_cursor(pool))
        assert checkpoint is not None
        at = lap("checkpoint", at)
        engine = bound_as_defined(checkpoint.version, checkpoint.definition, limits)
        at = lap("binding", at)
        restore_state(engine, zlib.decompress(checkpoint.state))
        at = lap("state", at)
        batches, after = [], checkpoint.batch
        while following := await read_batches(pool, after, limits.readings_per_transaction_max):
            batches += following
            after = following[-1].sequence
        at = lap("log", at)
        for batch in batches:
            engine.evaluate(batch)
        lap("evaluation", at)
    await close_pool(pool)
    return found


def _memory_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_restart(sys.argv[1], sys.argv[2], float(sys.argv[3])))))
