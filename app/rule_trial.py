"""Rules tried before they are put into force: the journals of two sets of packs over the same readings, compared."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from msgspec import to_builtins

from alerts.backtest import backtest
from alerts.difference import Difference, Pair, difference
from alerts.engine import Engine
from alerts.occurrences import Occurrence
from alerts.recovery import EvaluatorLimits
from alerts.rules import Pack
from model.alarm import JournalLine, journal_order
from model.area import covers
from model.instant import format_instant
from model.reading import ReadingBatch
from model.registry import Registry
from store.log_span import read_span
from store.pool import Pool
from store.rule_packs import RuleTaken, packs_in_force
from store.sensors import load_registry

READINGS_MAX = 10_000_000
"""Of a trial over the database's history: about 300 MB of memory."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial: `journal` is that of the packs tried, sorted, with the warm-up before `start`.

    Times are epoch milliseconds; `missing` counts the readings of the span that were deleted since.
    """

    start: int
    end: int
    readings: int
    missing: int
    difference: Difference
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
    batches: Sequence[ReadingBatch],
    registry: Registry,
    before: Sequence[Pack],
    after: Sequence[Pack],
    start: int,
    end: int,
    *,
    acknowledge_after_ms: int | None = 60_000,
    missing: int = 0,
    settle_ms: int = 10_000,
    clock_gap_ms_max: int | None = None,
) -> Trial:
    """Evaluate both sets of packs over the same batches and compare what began at start <= time < end."""
    journals = []
    for packs in (before, after):
        engine = Engine(packs, registry, settle_ms=settle_ms, clock_gap_ms_max=clock_gap_ms_max)
        journals.append(sorted(backtest(engine, batches, acknowledge_after_ms), key=journal_order))
    compared = difference(journals[0], journals[1], start, end, interval_s=intervals(registry))
    readings = sum(len(batch) for batch in batches)
    return Trial(start, end, readings, missing, compared, journals[1], engine.unbound)


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
    executor: Executor | None = None,
) -> Trial:
    """Try packs in the place of those of their names in force, over what arrived at start <= clock < end.

    Both are evaluated with the registry as it stands, at the sensors of the areas (model.area), from `warm_up_ms`
    before, by the executor (a thread where none is given). Raises RuleTaken and store.log_span.SpanTooLarge.

    Temporary limits are left out on both sides: designs are compared.
    """
    limits = limits or EvaluatorLimits()
    present = [Pack.model_validate_json(pack.content) for pack in await packs_in_force(pool)]
    tried = in_place(present, given)
    registry = _within(await load_registry(pool), areas)
    batches, missing = await read_span(pool, start - warm_up_ms, end, readings_max)
    work = partial(
        try_packs,
        [_known(batch, registry) for batch in batches],
        registry,
        present,
        tried,
        start,
        end,
        acknowledge_after_ms=acknowledge_after_ms,
        missing=missing,
        settle_ms=round(limits.settle_s * 1000),
        clock_gap_ms_max=limits.clock_gap_ms_max,
    )
    return await asyncio.get_running_loop().run_in_executor(executor, work)


def _within(registry: Registry, areas: Sequence[str]) -> Registry:
    """Return the registry without the sensors outside the areas, and without exercises: they are no history."""
    sensors = {
        key: sensor
        for key, sensor in registry.sensors.items()
        if covers(areas, sensor.city, sensor.district) and registry.mode_of(sensor) != "exercise"
    }
    events = {key: its for key, its in registry.events.items() if key in sensors}
    return Registry(registry.version, sensors, registry.cities, events)


def _known(batch: ReadingBatch, registry: Registry) -> ReadingBatch:
    """Return a batch without the readings of sensors that the registry does not have."""
    known = np.zeros(len(batch), np.bool_)
    inside = batch.sensor < len(registry.known)
    known[inside] = registry.known[batch.sensor[inside]]
    if known.all():
        return batch
    columns = {name: getattr(batch, name)[known] for name in ("sensor", "time", "value", "quality", "arrived")}
    return replace(batch, **columns)


def intervals(registry: Registry) -> dict[str, float]:
    """Return the reporting intervals (seconds) of the sensors, by sensor."""
    return {sensor.sensor: sensor.interval_s for sensor in registry.sensors.values()}


def trial_document(trial: Trial, told_max: int | None = None) -> dict[str, Any]:
    """Return what came of a trial as JSON has it, with times in RFC 3339.

    `told_max` bounds each list; `counts` has the whole numbers.
    """
    found = trial.difference
    told = slice(told_max)
    lists = ("added", "removed", "moved", "changed_peak", "changed_return")
    return {
        "from": format_instant(trial.start),
        "to": format_instant(trial.end),
        "readings": trial.readings,
        "readings_missing": trial.missing,
        "counts": {name: len(getattr(found, name)) for name in lists} | {"unchanged": found.unchanged},
        "added": [_occurrence(one) for one in found.added[told]],
        "removed": [_occurrence(one) for one in found.removed[told]],
        "moved": [_pair(pair) | {"moved_s": pair.moved_s} for pair in found.moved[told]],
        "changed_peak": [_pair(pair) for pair in found.changed_peak[told]],
        "changed_return": [_pair(pair) for pair in found.changed_return[told]],
        "figures": {"before": to_builtins(found.figures_before), "after": to_builtins(found.figures_after)},
    }


def _occurrence(one: Occurrence) -> dict[str, Any]:
    return {
        "alarm": one.alarm,
        "rule": one.rule,
        "sensor": one.sensor,
        "raised": format_instant(one.raised),
        "ended": None if one.ended is None else format_instant(one.ended),
        "peak_severity": one.peak_severity,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {"before": _occurrence(pair.before), "after": _occurrence(pair.after)}
