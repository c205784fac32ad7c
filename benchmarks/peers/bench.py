"""The bench of the peers: rates of all tools in turns, Lifeline's ratio to each, and what two kills cost each."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.ingest import AGO_S, Place, open_place, run_worker
from benchmarks.measure import Bench, Case, case, machine
from benchmarks.peers.install import install
from benchmarks.peers.run import Loss, loss_at_steady_rate, loss_of_backlog, seconds
from benchmarks.peers.tools import Tool, tools
from benchmarks.preload import Load

START_MESSAGES = 1_000  # whose time is taken off the load's: what is compared is the rate, not the start
KILL_AT = 0.4  # of the time that the tool took for the load without being killed, after each connection
RUN_S_MAX = 870.0  # with the installation and the end below 15 minutes

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured; the defaults take about six minutes where nothing else runs.

    Messages come in thousands, one of each sensor.
    """

    messages: int = 100_000
    steady_messages: int = 30_000
    repetitions: int = 3
    brokers: tuple[str, ...] = ("nats", "mosquitto")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on one broker: readings a second by tool and turn, their limit by turn, losses by tool."""

    broker: str
    limits: list[float] = field(default_factory=list)
    rates: dict[str, list[float]] = field(default_factory=dict)
    backlog: dict[str, Loss] = field(default_factory=dict)
    steady: dict[str, Loss] = field(default_factory=dict)


async def bench_peers(programs: Path, progress: Progress, sizes: Sizes | None = None) -> Bench:
    """Measure Lifeline and the peers on each broker; a broker that RUN_S_MAX cuts off is left out.

    Raises TimeoutError where none was finished, CommandFailed and other EmbeddedErrors, ToolFailed.
    """
    sizes = sizes or Sizes()
    chosen = tools(await install(progress))
    cases: list[Case] = []
    try:
        async with asyncio.timeout(RUN_S_MAX):
            for broker in sizes.brokers:
                with tempfile.TemporaryDirectory() as home:
                    async with open_place(broker, Path(home), programs, progress) as place:
                        cases += cases_of(await _measure(broker, place, chosen, sizes, progress))
    except TimeoutError:
        if not cases:
            raise
        progress("the time is up; what was not finished is left out")
    return Bench("peers", machine(), cases)


async def _measure(broker: str, place: Place, chosen: Sequence[Tool], sizes: Sizes, progress: Progress) -> Measured:
    measured = Measured(broker)
    took: dict[str, list[float]] = {tool.name: [] for tool in chosen}
    for tool in chosen:
        await seconds(tool, place, _load(START_MESSAGES))  # what is compiled or read once for all is there then
    # In turns, so that what else the machine does meets all of them alike.
    for turn in range(sizes.repetitions):
        progress(f"{broker}: turn {turn + 1} of {sizes.repetitions} …")
        limit = await run_worker(place, _load(sizes.messages), store=False)
        measured.limits.append(sizes.messages / limit.elapsed_s)
        for tool in chosen:
            start_s = await seconds(tool, place, _load(START_MESSAGES))
            took[tool.name].append(await seconds(tool, place, _load(sizes.messages)))
            rate = (sizes.messages - START_MESSAGES) / (took[tool.name][-1] - start_s)
            measured.rates.setdefault(tool.name, []).append(rate)
            progress(f"{broker}: {tool.name} {rate:,.0f} readings/s after {start_s:.2f} s for the first thousand")
    for tool in (tool for tool in chosen if tool.is_killed):
        backlog = await loss_of_backlog(
            tool, place, _load(sizes.messages), KILL_AT * statistics.median(took[tool.name])
        )
        steady = await loss_at_steady_rate(tool, place, _load(sizes.steady_messages))
        measured.backlog[tool.name], measured.steady[tool.name] = backlog, steady
        for kind, loss in (("waited", backlog), ("came at a steady rate", steady)):
            progress(
                f"{broker}: {tool.name} lost {loss.lost} of {loss.published} that {kind}; "
                f"killed at {loss.rows_at_kills[0]} and {loss.rows_at_kills[1]} rows"
            )
    return measured


def cases_of(measured: Measured) -> list[Case]:
    """Return the cases of one broker: rates beside the broker's limit, Lifeline's ratio to each peer, losses.

    The limit of a loss is how many readings were published and acknowledged.
    """
    suffix = "" if measured.broker == "nats" else f"_{measured.broker}"
    cases = [case(f"{name}{suffix}", "readings/s", rates, measured.limits) for name, rates in measured.rates.items()]
    ours = measured.rates["lifeline"]
    for name, rates in measured.rates.items():
        if name != "lifeline":
            ratios = [our / their for our, their in zip(ours, rates, strict=True)]
            cases.append(case(f"lifeline_over_{name}{suffix}", "times", ratios))
    for kind, losses in (("backlog", measured.backlog), ("steady", measured.steady)):
        for name, loss in losses.items():
            published = [loss.published]
            cases.append(case(f"{name}_lost_two_kills_{kind}{suffix}", "readings", [loss.lost], published))
            cases.append(case(f"{name}_doubles_two_kills_{kind}{suffix}", "readings", [loss.doubles], published))
    return cases


def _load(messages: int) -> Load:
    return Load(messages, 1, (int(time.time()) - AGO_S) * 1_000)
