"""`lifeline bench`: how fast each step of the way is on this machine, beside its physical limit."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from app.commands.output import positive, progress
from app.settings import load_settings
from benchmarks.measure import Bench, Case, machine


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommand."""
    bench = commands.add_parser(
        "bench", help="measure the steps of the way on this machine",
        description="Measure steps of the way, each beside its physical limit in the same run, with an embedded "
        "database and broker in a temporary directory. Nothing that runs is touched, but it shares the machine.",
        epilog="example: lifeline bench ingest --json",
    )  # fmt: skip
    bench.add_argument("step", nargs="?", default="all", metavar="STEP",
                       choices=(*STEPS, *ASKED_FOR, "all"),
                       help=f"{', '.join(STEPS)}, or all of these; {', '.join(ASKED_FOR)} (take long)")  # fmt: skip
    bench.add_argument("--minutes", type=float, default=10.0, metavar="M", help="of steady load: memory (10)")
    bench.add_argument("--waiting", type=positive, default=200_000, metavar="N",
                       help="messages that wait in the broker: memory (200000)")  # fmt: skip
    bench.add_argument("--clients", type=positive, default=10_000, metavar="N",
                       help="of the feed at one time: feeds (10000)")  # fmt: skip
    bench.add_argument("--data", type=Path, metavar="FOLDER",
                       help="where the filled database is kept for the next run: api (a temporary one)")  # fmt: skip
    bench.add_argument("--points", type=positive, default=10_000, metavar="N",
                       help="that are explained: explanations (10000)")  # fmt: skip
    bench.add_argument("--json", action="store_true", help="for a machine to read")
    bench.set_defaults(run=_bench)


def _decode() -> Bench:
    from benchmarks.decode import bench_decode

    return bench_decode()


def _store() -> Bench:
    from benchmarks.store import bench_store

    return _awaited(bench_store(load_settings().programs, progress))


def _engine() -> Bench:
    from benchmarks.engine import bench_engine

    return bench_engine(progress)


def _detection() -> Bench:
    from benchmarks.detection import bridge, dma, floodnet, gnss, nab, skab, waterflow

    sets = (floodnet, waterflow, gnss, bridge, dma, skab, nab)
    return Bench("detection", machine(), [case for module in sets for case in module.cases()])


def _scenarios(_chosen: argparse.Namespace) -> Bench:
    from benchmarks.detection import incidents, simulated

    return Bench("scenarios", machine(), [*simulated.cases(), *incidents.cases()])


def _recovery() -> Bench:
    from benchmarks.recovery import bench_recovery

    return _awaited(bench_recovery(load_settings().programs, progress))


def _ingest() -> Bench:
    from benchmarks.ingest import bench_ingest

    return _awaited(bench_ingest(load_settings().programs, progress))


def _feed() -> Bench:
    from benchmarks.feed import bench_feed

    return _awaited(bench_feed(load_settings().programs, progress))


def _feeds(chosen: argparse.Namespace) -> Bench:
    from benchmarks.feed_crowd import CrowdSizes, bench_feed_crowd

    sizes = CrowdSizes(clients=chosen.clients)
    return _awaited(bench_feed_crowd(load_settings().programs, progress, sizes))


def _city(_chosen: argparse.Namespace) -> Bench:
    from benchmarks.city_load import bench_city_load

    return _awaited(bench_city_load(load_settings().programs, progress))


def _api(chosen: argparse.Namespace) -> Bench:
    from benchmarks.api import bench_api

    return _awaited(bench_api(load_settings().programs, progress, home=chosen.data))


def _explanations(chosen: argparse.Namespace) -> Bench:
    from benchmarks.explanations import bench_explanations

    return bench_explanations(chosen.points, progress)


def _awaited(measuring: Coroutine[Any, Any, Bench]) -> Bench:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measuring)


def _memory(chosen: argparse.Namespace) -> Bench:
    from benchmarks.memory import MemorySizes, bench_memory

    sizes = MemorySizes(waiting=chosen.waiting, minutes=chosen.minutes)
    return _awaited(bench_memory(load_settings().programs, progress, sizes))


STEPS: dict[str, Callable[[], Bench]] = {
    "decode": _decode,
    "store": _store,
    "engine": _engine,
    "recovery": _recovery,
    "ingest": _ingest,
    "feed": _feed,
    "detection": _detection,
}
# Take long, and run only when asked for.
ASKED_FOR: dict[str, Callable[[argparse.Namespace], Bench]] = {
    "memory": _memory,
    "scenarios": _scenarios,
    "feeds": _feeds,
    "api": _api,
    "city": _city,
    "explanations": _explanations,
}


def _bench(chosen: argparse.Namespace) -> int:
    benches = []
    for step in STEPS if chosen.step == "all" else (chosen.step,):
        progress(f"measuring {step} …")
        benches.append(STEPS[step]() if step in STEPS else ASKED_FOR[step](chosen))
    cases = [one for bench in benches for one in bench.cases]
    if chosen.json:
        sys.stdout.write(json.dumps(asdict(Bench(chosen.step, machine(), cases))) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in (machine(), *map(_line, cases))))
    return 0


def _line(one: Case) -> str:
    limit = "" if one.limit is None else f"  limit {_figure(one.limit)}  ratio {one.ratio:.2f}"
    return (
        f"{one.name:<36} {_figure(one.value):>12} {one.unit:<16}{limit}"
        f"  (median of {one.repetitions}, spread {one.spread:.0%})"
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
