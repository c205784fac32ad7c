"""Rules tried before they are put into force: the journals of two sets of packs over the same readings, compared."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alerts.backtest import Earlier, backtest
from alerts.difference import Difference, difference
from alerts.engine import Engine
from alerts.gateways import shared_gateways
from alerts.judged_outcome import JudgedOutcome, judged_outcome
from alerts.occurrences import occurrences
from alerts.position_load import PositionLoad, position_loads
from alerts.recovery import EvaluatorLimits
from alerts.rules import Pack
from app.log_file import LogFile, LogFileWriter
from model.alarm import JournalLine, journal_order
from model.area import covers
from model.handling import JudgedAlarm
from model.position import Position, default_position
from model.reading import ReadingBatch
from model.registry import Registry
from store.judged_alarms import judged_alarms
from store.log_span import find_span, read_span
from store.pool import Pool
from store.positions import find_positions
from store.rule_packs import RuleTaken, packs_in_force
from store.sensors import load_registry

READINGS_MAX = 100_000_000
"""Of a trial over the database's history: about 3 GB in a temporary file, whatever the memory."""

JUDGED_MAX = 10_000
"""Judged alarms that are held against a trial, the newest; about 3 MB of memory."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial: `journal` is that of the packs tried, sorted, with the warm-up before `start`.

    Times are epoch milliseconds; `missing` counts the readings of the span that were deleted since. `positions` and
    `judged` tell of the positions and judged alarms that were given.
    """

    start: int
    end: int
    readings: int
    missing: int
    difference: Difference
    positions: list[PositionLoad]
    judged: JudgedOutcome
    journal: list[JournalLine]
    unbound: list[tuple[str, str]]


def in_place(present: Sequence[Pack], given: Sequence[Pack]) -> list[Pack]:
    """Return the packs with the given ones in place of those of their names. Raises RuleTaken, as activation does."""
    names = {pack.pack for pack in given}
    staying = [pack for pack in present if pack.pack not in names]
    owners = {rule.rule: pack.pack for pack in staying for rule in pack.rules}
    for pack in given:
        for rule in pack.rules:
            if rule.rule in owners:
                raise RuleTaken(rule.rule, pack.pack, owners[rule.rule])
    return [*staying, *given]


def try_packs(
    batches: Iterable[ReadingBatch],
    registry: Registry,
    before: Sequence[Pack],
    after: Sequence[Pack],
    start: int,
    end: int,
    *,
    readings: int,
    acknowledge_after_ms: int | None = 60_000,
    missing: int = 0,
    settle_ms: int = 10_000,
    clock_gap_ms_max: int | None = None,
    positions: Sequence[Position] | None = None,
    judged: Sequence[JudgedAlarm] = (),
    earlier: Earlier | None = None,
) -> Trial:
    """Evaluate both sets of packs over the same batches and compare what began at start <= time < end.

    Where no positions are given, it is each city's default one. `earlier` is for batches that are not all in memory
    (alerts.backtest).
    """
    journals = []
    for packs in (before, after):
        engine = Engine(packs, registry, settle_ms=settle_ms, clock_gap_ms_max=clock_gap_ms_max)
        journals.append(sorted(backtest(engine, batches, acknowledge_after_ms, earlier), key=journal_order))
    present, changed = (occurrences(lines) for lines in journals)
    sensors = {sensor.sensor: sensor for sensor in registry.sensors.values()}
    if positions is None:
        positions = [default_position(city) for city in sorted(registry.cities)]
    return Trial(
        start=start,
        end=end,
        readings=readings,
        missing=missing,
        difference=difference(journals[0], journals[1], start, end, interval_s=intervals(registry)),
        positions=position_loads(present, changed, positions, sensors, start, end),
        judged=judged_outcome(judged, present, changed),
        journal=journals[1],
        unbound=engine.unbound,
    )


async def try_over_history(
    pool: Pool,
    given: Sequence[Pack],
    start: int,
    end: int,
    *,
    warm_up_ms: int = 86_400_000,
    acknowledge_after_ms: int | None = 60_000,
    limits: EvaluatorLimits | None = None,
    readings_max: int = READINGS_MAX,
    areas: Sequence[str] = ("*",),
    run: Callable[[Callable[[], Trial]], Awaitable[Trial]] = asyncio.to_thread,
) -> Trial:
    """Try packs in the place of those of their names in force, over what arrived at start <= clock < end.

    Both are evaluated with the registry as it stands, at the sensors of the areas (model.area), from `warm_up_ms`
    before, by `run`. Raises RuleTaken and store.log_span.SpanTooLarge.

    Temporary limits are left out on both sides: designs are compared.
    """
    limits = limits or EvaluatorLimits()
    present = [Pack.model_validate_json(pack.content) for pack in await packs_in_force(pool)]
    tried = in_place(present, given)
    registry = _within(await load_registry(pool), areas)
    span = await find_span(pool, start - warm_up_ms, end, readings_max)
    positions = await find_positions(pool, areas)
    judged = await judged_alarms(pool, areas, start, end, JUDGED_MAX)
    with TemporaryDirectory(prefix="lifeline-trial-", ignore_cleanup_errors=True) as folder:
        found = 0
        with LogFileWriter(Path(folder)) as writer:
            async for batches in read_span(pool, span):
                writer.write(batches, registry.known)
                found += sum(len(batch) for batch in batches)
        work = partial(
            _try_file,
            Path(folder),
            registry,
            present,
            tried,
            start,
            end,
            readings=writer.readings,
            acknowledge_after_ms=acknowledge_after_ms,
            missing=span.readings - found,
            settle_ms=round(limits.settle_s * 1000),
            clock_gap_ms_max=limits.clock_gap_ms_max,
            positions=positions,
            judged=judged,
        )
        return await run(work)


def _try_file(
    folder: Path, registry: Registry, before: Sequence[Pack], after: Sequence[Pack], start: int, end: int, **more: Any
) -> Trial:
    log = LogFile(folder)
    return try_packs(log, registry, before, after, start, end, earlier=log.earlier, **more)


def _within(registry: Registry, areas: Sequence[str]) -> Registry:
    """Return the registry without the sensors outside the areas, and without exercises: they are no history."""
    sensors = {
        key: sensor
        for key, sensor in registry.sensors.items()
        if covers(areas, sensor.city, sensor.district) and registry.mode_of(sensor) != "exercise"
    }
    events = {key: its for key, its in registry.events.items() if key in sensors}
    shared = shared_gateways(sensors.values(), registry.sensors.values())
    return Registry(registry.version, sensors, registry.cities, events, shared)


def intervals(registry: Registry) -> dict[str, float]:
    """Return the reporting intervals (seconds) of the sensors, by sensor."""
    return {sensor.sensor: sensor.interval_s for sensor in registry.sensors.values()}
