"""Evidence of every alarm of a data set: put through log and evaluator, taken from the database, and verified.

`python -m benchmarks.evidence floodnet` does so in a database of its own and prints what it came to.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alerts.counters import EvaluatorCounters
from alerts.evaluator import run_evaluator
from alerts.hand_over import HandOver
from alerts.recovery import EvaluatorLimits
from alerts.rule_file import default_packs
from app.cases import CaseLimits
from app.embedded.database import embedded_database
from app.evidence import lines_of_alarm, take_evidence
from app.evidence_file import EvidenceError, verify_bytes, written
from app.services import close_pool, prepare_database
from app.settings import load_settings
from benchmarks.detection.occurrences import data_folder, load
from store.batches import IncomingReadings, write_batch
from store.pool import Pool, open_pool
from store.rule_packs import StoredPack, activate
from store.sensors import import_sensors

LIMITS = EvaluatorLimits()
READINGS_PER_BATCH = 500


class Exported(NamedTuple):
    """Of an alarm: its file's size in bytes, the seconds to take and to verify it, and why it does not hold, if so.

    `altered` is what was said of the same file with one byte altered, None where nothing was.
    """

    alarm: str
    kind: str
    size: int
    take_s: float
    verify_s: float
    lines: int
    made: int
    fault: str | None
    altered: str | None


async def fill(pool: Pool, name: str, sensors: Collection[str] | None = None) -> int:
    """Put a data set, or some sensors of it, into the log as it came, let it be evaluated, and return its readings."""
    registry, recording = load(data_folder() / name)
    kept = [one for one in registry.sensors.values() if sensors is None or one.sensor in sensors]
    await import_sensors(pool, kept, list(registry.cities.values()))
    await activate(pool, [StoredPack(p.pack, p.version, p.content) for p in default_packs()], "benchmark")
    rows = await pool.fetch("select sensor, sensor_key from sensor")
    keys = np.full(len(registry.known), -1, np.int32)
    for row in rows:
        keys[registry.keys[row["sensor"]]] = row["sensor_key"]
    written_in_all = 0
    for batch in recording.batches(READINGS_PER_BATCH):
        own = keys[batch.sensor] >= 0
        if own.any():
            its = IncomingReadings(keys[batch.sensor][own], batch.time[own], batch.value[own], batch.quality[own])
            await write_batch(pool, batch.clock, its)
            written_in_all += int(own.sum())
    handed, stop, counters = HandOver(), asyncio.Event(), EvaluatorCounters()
    evaluating = asyncio.create_task(run_evaluator(pool, handed, LIMITS, stop, counters))
    newest = await pool.fetchval("select max(sequence) from batch")
    while counters.cursor < newest and not evaluating.done():  # noqa: ASYNC110 - the counters are another task's, and have no event
        await asyncio.sleep(0.05)
    stop.set()
    handed.committed.set()
    await evaluating
    return written_in_all


async def export_all(pool: Pool) -> list[Exported]:
    """Take and verify evidence of every alarm there is."""
    found = []
    random = np.random.default_rng(20)
    for row in await pool.fetch("select alarm, kind from alarm order by alarm"):
        began = time.perf_counter()
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            question, lines = await lines_of_alarm(connection, row["alarm"])
            evidence = await take_evidence(connection, question, lines, CaseLimits(), LIMITS.passage_readings_max)
        content = "".join(written(evidence)).encode()
        taken = time.perf_counter()
        made, fault = _verified(content)
        seconds = (taken - began, time.perf_counter() - taken)
        altered = bytearray(content)
        altered[int(random.integers(len(content)))] ^= int(random.integers(1, 256))
        _, said = _verified(bytes(altered))
        found.append(Exported(row["alarm"], row["kind"], len(content), *seconds, len(lines), made, fault, said))
    return found


def _verified(content: bytes) -> tuple[int, str | None]:
    """Return how many lines came out, and why the file does not hold, if so."""
    try:
        return verify_bytes(content).shown.lines_made, None
    except EvidenceError as error:
        return 0, str(error)


def told(found: list[Exported]) -> Iterator[str]:
    """Yield what all came to, and what does not hold."""
    kinds: dict[str, int] = {}
    for one in found:
        kinds[one.kind] = kinds.get(one.kind, 0) + 1
    lines, made = sum(one.lines for one in found), sum(one.made for one in found)
    yield f"{len(found)} alarms, {lines} journal lines, {made} of them of the engine"
    yield f"{sum(one.altered is not None for one in found)} files refused after a byte was altered"
    yield ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    for name in ("size", "take_s", "verify_s"):
        values = sorted(getattr(one, name) for one in found)
        high = values[len(values) * 95 // 100]
        yield f"{name}: median {np.median(values):.3g}, 95 % {high:.3g}, most {values[-1]:.3g}"
    for one in found:
        if one.fault is not None:
            yield f"{one.alarm}: {one.fault}"


async def _main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_database(Path(folder), load_settings().programs, print) as database:
            pool = await open_pool(database.url)
            await prepare_database(pool, print)
            began = time.perf_counter()
            print(f"{await fill(pool, name)} readings in {time.perf_counter() - began:.0f} s")
            print(*told(await export_all(pool)), sep="\n")
            await close_pool(pool)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
