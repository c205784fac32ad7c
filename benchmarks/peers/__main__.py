"""Measure Lifeline beside Node-RED and mq-bridge on two cores: `.venv/bin/python -m benchmarks.peers [--json]`."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

import uvloop

from app.embedded.errors import EmbeddedError
from app.settings import load_settings
from benchmarks.ingest import ReadingsMissing
from benchmarks.measure import Bench, Case
from benchmarks.peers.bench import Sizes, bench_peers
from benchmarks.peers.run import ToolFailed
from benchmarks.preload import SENSORS

CORES = 2
MESSAGES_MIN = 10_000  # fewer would measure little but the start
NOTE = """\
Losses are those of processes that were killed (SIGKILL), twice in mid stream, and started again; not of power cuts.
backlog: the load waited in the broker; steady: it came at 2,000 readings a second.
limit: what the broker delivers to a subscriber that only acknowledges; of losses, what was published."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench, print its cases, and return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for a machine to read")
    parser.add_argument("--messages", type=_thousands, default=Sizes().messages, help="that wait; thousands")
    parser.add_argument("--repetitions", type=int, default=Sizes().repetitions)
    parser.add_argument("--brokers", nargs="+", choices=Sizes().brokers, default=Sizes().brokers)
    chosen = parser.parse_args(arguments)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # and so of every process that is started
    sizes = Sizes(messages=chosen.messages, repetitions=chosen.repetitions, brokers=tuple(chosen.brokers))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            bench = runner.run(bench_peers(load_settings().programs, _progress, sizes))
    except (EmbeddedError, ReadingsMissing, ToolFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except TimeoutError:
        print("not finished within 15 minutes; take fewer --messages or one of the --brokers", file=sys.stderr)
        return 1
    if chosen.json:
        _progress(NOTE)
        print(json.dumps(asdict(bench)))
    else:
        print(table(bench))
    return 0


def table(bench: Bench) -> str:
    """Return the bench for people: the machine, a line a case, and what the losses mean."""
    return "\n".join((bench.machine, *map(_line, bench.cases), NOTE))


def _line(one: Case) -> str:
    figure = f"{one.value:,.2f}" if one.unit == "times" else f"{one.value:,.0f}"
    limit = "" if one.limit is None else f"  limit {one.limit:,.0f}, ratio {one.ratio:.2f}"
    repeated = f"  (median of {one.repetitions}, spread {one.spread:.0%})" if one.repetitions > 1 else ""
    return f"{one.name:<52} {figure:>10} {one.unit:<11}{limit}{repeated}"


def _thousands(text: str) -> int:
    number = int(text)
    if number < MESSAGES_MIN or number % SENSORS:
        raise argparse.ArgumentTypeError(f"must be a multiple of {SENSORS}, {MESSAGES_MIN} at least")
    return number


def _progress(said: str) -> None:
    print(said, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
