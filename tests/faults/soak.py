"""Random faults for as long as wished: `make soak MINUTES=60 SEED=1`.

python -m tests.faults.soak --minutes 60 --seed 1 [--sensors 600] [--load 1500] [--report FILE]

The whole service runs with its own database, a broker beside it, and the misbehaving network between. Gateways publish
at a load and keep a ledger; faults come one after the other, drawn from the seed, with pauses. Each round ends quiet:
everything that the broker acknowledged must be stored or in quarantine (L), once (D), and the journal must be the one
that the engine writes of the same readings alone (A). Exit code 1 where one of them does not hold.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np

from app.embedded.broker import embedded_broker
from app.services import close_pool, prepare_database
from model.instant import to_datetime
from store.evaluation import read_cursor
from store.journal import read_journal
from store.keys import create_key
from store.pool import open_pool
from store.sensors import import_sensors, load_registry
from tests.conftest import ACK_WAIT_S
from tests.faults.device import until_status
from tests.faults.outcome import has_rows, until
from tests.faults.proxy import proxy_to
from tests.faults.service import WholeService
from tests.faults.soak_city import STEP_MS, Gateway, SoakCity, expected
from tests.faults.soak_faults import FAULTS, Scene, memory_and_handles
from tests.faults.stream import START_MS
from tests.faults.test_kill_broker import killable
from tests.integration.service import judged

ROUND_S = 150.0
PAUSE_S = (2.0, 8.0)  # between a recovery and the next fault
SENSORS_PER_GATEWAY = 30
SHOWN_MAX = 5  # differences that are shown
SAID_CHARACTERS = 3_000  # of the service's log, where it fails


@dataclass
class Soak:
    """What is asked for, and what came of it."""

    seed: int
    duration_s: float
    sensors: int = 600
    load: float = 1_500.0  # readings a second
    length: float = 1.0  # of faults that last
    faults: Sequence[str] = tuple(FAULTS)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)
    processes: list[dict[str, Any]] = field(default_factory=list)  # memory (MB) and handles, by round
    scene: Scene | None = None

    def report(self) -> dict[str, Any]:
        """Return it for JSON."""
        assert self.scene is not None
        return {
            "seed": self.seed,
            "commit": commit(),
            "again": f"make soak MINUTES={self.duration_s / 60:g} SEED={self.seed}",
            "sensors": self.sensors,
            "load_wanted_s": self.load,
            "rounds": self.rounds,
            "faults": {
                name: {"times": len(took), "recovery_s_median": round(float(np.median(took)), 1),
                       "recovery_s_max": round(max(took), 1)}
                for name, took in sorted(self.recoveries.items())
            },
            "bad_inputs": len(self.scene.broken),
            "api_answers": dict(self.scene.answers),
            "processes_at_start": self.processes[0] if self.processes else {},
            "processes_at_end": self.processes[-1] if self.processes else {},
            "failures": self.failures,
        }  # fmt: skip


def commit() -> str:
    """Return the commit of the checkout, with a mark where files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    return told.stdout.strip() or "unknown"


async def run(soak: Soak, home: Path) -> None:
    """Run it; what does not hold is in `failures`."""
    instants = random.Random(soak.seed)
    city = SoakCity(soak.seed, soak.sensors)
    async with _scene(soak, city, instants, home) as scene:
        soak.scene = scene
        ends = time.monotonic() + soak.duration_s
        waiting: list[str] = []
        while time.monotonic() < ends and not soak.failures:
            try:
                await _round(soak, scene, city, waiting, min(ends, time.monotonic() + ROUND_S))
                soak.processes.append(_processes(scene))
            except Exception as error:  # whatever it is, the report is to tell it, and what the service said last
                traceback.print_exc()
                said = scene.service.said()[-SAID_CHARACTERS:]
                soak.failures.append(f"{type(error).__name__}: {error}; the service says: {said}")
        if not soak.failures and scene.service.stop() != 0:
            soak.failures.append("the service did not stop in order")


@asynccontextmanager
async def _scene(soak: Soak, city: SoakCity, instants: random.Random, home: Path) -> AsyncIterator[Scene]:
    async with (
        killable(
            lambda port: embedded_broker(home / "mqtt", "127.0.0.1", port, _quiet, ack_wait_s=ACK_WAIT_S)
        ) as broker,
        proxy_to(broker.url, random.Random(soak.seed)) as before_worker,
        proxy_to(broker.url, random.Random(soak.seed)) as before_devices,
    ):
        service = WholeService(
            home / "home",
            LIFELINE_MQTT_URL=before_worker.url,
            LIFELINE_MQTT_PROTOCOL="3.1.1",
            LIFELINE_MQTT_REDELIVERY_S=str(ACK_WAIT_S + 1),
            LIFELINE_TICK_S="1",
        )
        try:
            await asyncio.to_thread(service.start)
            pool = await open_pool(service.database_url, connections_max=2)
            await prepare_database(pool, _quiet)
            await import_sensors(pool, city.sensors, [city.city])
            registry, key = await load_registry(pool), await create_key(pool, role="engineer", areas=["*"])
            await close_pool(pool)
            await until_status(broker.url, "lifeline-ingest", "connected")
            parts = [
                range(first, min(first + SENSORS_PER_GATEWAY, soak.sensors))
                for first in range(0, soak.sensors, SENSORS_PER_GATEWAY)
            ]
            gateways = [Gateway(city, part, soak.load / soak.sensors) for part in parts]
            yield Scene(
                service,
                broker,
                before_worker,
                before_devices,
                gateways,
                registry,
                key,
                instants,
                soak.seed,
                soak.length,
            )
        finally:
            if service.process is not None and service.process.poll() is None:
                await asyncio.to_thread(service.stop)


async def _round(soak: Soak, scene: Scene, city: SoakCity, waiting: list[str], ends: float) -> None:
    began, first = time.monotonic(), scene.gateways[0].done
    for gateway in scene.gateways:
        gateway.last = None
    publishing = asyncio.gather(*(gateway.publish(scene.before_devices.url) for gateway in scene.gateways))
    done: list[str] = []
    try:
        while time.monotonic() < ends or not done:
            await asyncio.sleep(scene.lasting(*PAUSE_S))
            if not waiting:  # each once, then again in another order
                waiting += scene.instants.sample(list(soak.faults), len(soak.faults))
            done.append(name := waiting.pop())
            before = await _newest(scene)
            _say(f"{name} …")
            await FAULTS[name](scene)
            took = await _recovered(scene, before)
            soak.recoveries[name].append(took)
            _say(f"{name}: readings are stored again after {took:.1f} s")
    except AssertionError as error:
        soak.failures.append(f"round {len(soak.rounds) + 1}, {done[-1] if done else 'no fault'}: {error}")
    last = max(gateway.done for gateway in scene.gateways) + 1
    for gateway in scene.gateways:
        gateway.last = last
    await publishing
    took_s = time.monotonic() - began
    count = (last - first) * soak.sensors
    found = {"round": len(soak.rounds) + 1, "faults": done, "readings": count, "load_s": round(count / took_s, 1)}
    soak.rounds.append(found | await _judged(soak, scene, city, first, last))
    _say(f"round {found['round']}: {json.dumps(soak.rounds[-1])}")


async def _judged(soak: Soak, scene: Scene, city: SoakCity, first: int, last: int) -> dict[str, Any]:
    """Wait until all is stored and evaluated, and hold it against the ledger and the engine."""
    url = scene.service.database_url
    try:
        await until(url, lambda c: has_rows(c, last * soak.sensors), f"{last * soak.sensors} readings are stored")
        await until(url, _is_evaluated, "the log is evaluated to its end")
        drained = True
    except AssertionError as error:
        soak.failures.append(str(error))
        drained = False
    qualities, journal = await asyncio.to_thread(expected, city, scene.registry, last)
    connection = await asyncpg.connect(url, timeout=30)
    try:
        counted = await connection.fetchrow(
            "select (select sum(readings) from batch)::bigint as logged, (select count(*) from reading) as stored,"
            " (select max(sequence) - count(*) from batch) as holes, (select count(*) from conflict) as conflicts,"
            " (select count(*) from late_reading) as late, (select sum(duplicates) from batch)::bigint as duplicates,"
            " (select coalesce(sum(upper(part) - lower(part)), 0) from gap cross join unnest(missing) as part)"
            " as missing"
        )
        rows = await connection.fetch(
            "select sensor_key, (extract(epoch from time) * 1000)::bigint as time, value, quality from reading"
            " where time >= $1 and time < $2",
            to_datetime(START_MS + first * STEP_MS),
            to_datetime(START_MS + last * STEP_MS),
        )
        rejected = {row["payload"] for row in await connection.fetch("select payload from rejection")}
        lines = judged([json.loads(line) for line in await read_journal(connection, None, None)])
    finally:
        await connection.close()
    stored = np.full((last - first, soak.sensors), np.nan)
    quality = np.zeros((last - first, soak.sensors), np.uint16)
    place_of = {scene.registry.keys[sensor.sensor]: place for place, sensor in enumerate(city.sensors)}
    for key, when, value, bits in rows:
        step, place = (when - START_MS) // STEP_MS - first, place_of[key]
        stored[step, place], quality[step, place] = value, bits
    lost = int(np.isnan(stored).sum())
    wrong = int((~np.isnan(stored) & (stored != city.values(first, last))).sum())
    doubted = int((~np.isnan(stored) & (quality != qualities[first:])).sum())
    differing = _differing(lines, journal)
    holds = {
        "L": drained and lost == wrong == counted["missing"] == 0 and rejected == scene.broken,
        "D": counted["logged"] == counted["stored"] == last * soak.sensors
        and counted["conflicts"] == counted["holes"] == 0,
        "A": not differing and doubted == 0 and counted["late"] == 0,
    }
    figures = {
        "lost": lost, "wrong": wrong, "doubles": max(counted["logged"], counted["stored"]) - last * soak.sensors,
        "quarantined": len(rejected), "quarantine_differs": len(rejected ^ scene.broken),
        "gaps": int(counted["missing"]), "duplicates_not_stored": counted["duplicates"],
        "conflicts": counted["conflicts"],
        "holes": counted["holes"], "late": counted["late"], "other_qualities": doubted, "journal_lines": len(lines),
        "differing_transitions": len(differing), "holds": holds,
    }  # fmt: skip
    if not all(holds.values()):
        failed = "".join(name for name, good in holds.items() if not good)
        soak.failures.append(f"{failed} does not hold: {json.dumps(figures)}; {' | '.join(differing[:SHOWN_MAX])}")
    return figures


def _differing(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[str]:
    if found == wanted:
        return []
    here, there = ({json.dumps(line, sort_keys=True) for line in lines} for lines in (found, wanted))
    differing = [f"only stored: {line}" for line in sorted(here - there)]
    differing += [f"only expected: {line}" for line in sorted(there - here)]
    return differing or ["the same lines in another order or number"]


async def _newest(scene: Scene) -> int:
    connection = await asyncpg.connect(scene.service.database_url, timeout=30)
    try:
        return int(await connection.fetchval("select coalesce(max(sequence), 0) from batch where readings > 0"))
    finally:
        await connection.close()


async def _recovered(scene: Scene, before: int) -> float:
    """Wait for readings that are stored after the fault, and return the seconds since then."""
    ended = time.time()

    async def has_more(connection: asyncpg.Connection) -> bool:
        return bool(
            await connection.fetchval(
                "select exists (select from batch where sequence > $1 and readings > 0"
                " and arrived_at > to_timestamp($2))",
                before,
                ended,
            )
        )

    return await until(scene.service.database_url, has_more, "readings are stored again")


async def _is_evaluated(connection: asyncpg.Connection) -> bool:
    filled = await connection.fetchval("select coalesce(max(sequence), 0) from batch where readings > 0")
    return await read_cursor(connection) >= int(filled)


def _processes(scene: Scene) -> dict[str, Any]:
    assert scene.service.process is not None
    found = {
        "service": memory_and_handles(scene.service.process.pid, alone=True),  # the database is a child of it
        "database": memory_and_handles(scene.service.postmaster, alone=False),
        "broker": memory_and_handles(scene.broker.pid, alone=True),
    }
    return {name: {"memory_mb": memory, "open_files": handles} for name, (memory, handles) in found.items()}


def _quiet(_text: str) -> None: ...


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def told(report: dict[str, Any]) -> str:
    """Return a report as text."""
    rounds = report["rounds"]
    lines = [
        f"seed {report['seed']}, commit {report['commit']}, {report['sensors']} sensors",
        f"{len(rounds)} rounds, {sum(one['readings'] for one in rounds)} readings, "
        f"{np.mean([one['load_s'] for one in rounds] or [0.0]):.0f} a second of {report['load_wanted_s']:g} wanted",
        f"{'fault':28}{'times':>6}{'recovery s: median':>20}{'most':>8}",
    ]
    lines += [
        f"{name:28}{one['times']:6}{one['recovery_s_median']:20}{one['recovery_s_max']:8}"
        for name, one in report["faults"].items()
    ]
    end = rounds[-1] if rounds else {}
    lines.append(f"bad inputs: {report['bad_inputs']}; answers of the flooded API: {report['api_answers']}")
    lines.append(
        f"lost {sum(one['lost'] for one in rounds)}, doubles {end.get('doubles')}, differing transitions "
        f"{end.get('differing_transitions')} of {end.get('journal_lines')}, duplicates not stored "
        f"{end.get('duplicates_not_stored')}"
    )
    for name, first in report["processes_at_start"].items():
        last = report["processes_at_end"][name]
        lines.append(
            f"{name}: {first['memory_mb']} MB and {first['open_files']} open files after the first round, "
            f"{last['memory_mb']} MB and {last['open_files']} at the end"
        )
    lines += [f"FAILED {failure}" for failure in report["failures"]]
    if report["failures"]:
        lines.append(f"to repeat: {report['again']}")
    return "\n".join(lines)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sensors", type=int, default=600)
    parser.add_argument("--load", type=float, default=1_500, help="readings a second")
    parser.add_argument("--report", type=Path, help="where the report goes as JSON")
    chosen = parser.parse_args()
    soak = Soak(chosen.seed, chosen.minutes * 60, chosen.sensors, chosen.load)
    _say(f"seed {soak.seed}, commit {commit()}")
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o711)  # the database's own account passes through
        asyncio.run(run(soak, Path(home)))
    report = soak.report()
    print(told(report))
    if chosen.report:
        chosen.report.write_text(json.dumps(report, indent=1), "utf-8")
    return 1 if soak.failures else 0


if __name__ == "__main__":
    sys.exit(main())
