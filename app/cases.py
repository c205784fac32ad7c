"""A case read from the database: what a rule's decision at a sensor and a time hung on."""

import asyncio
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
from pydantic import ValidationError

from alerts.definition import Bound, unpacked, unpacked_part
from alerts.engine import Engine
from alerts.explaining.case import Case, Period
from alerts.explaining.concern import Concern, concern_of, engine_around, looks_around, narrowed
from alerts.rules import Pack
from model.reading import ReadingBatch
from store.binary_copy import LogRows
from store.explaining import (
    BoundPeriod,
    Tick,
    absences,
    bound_periods,
    concerned_readings,
    first_tick,
    newest_tick,
    read_definition,
    readings_kept_since,
    tick_at,
    ticks_of,
)
from store.pool import Connection

SILENCE_KINDS = ("stale", "gateway_silent")
BINDINGS_CACHED = 2  # some 30 MB each for 12,000 sensors
LOOKS_CACHED = 8  # which sensors a combination looks at: some 3 MB each for 12,000 sensors, and seconds to find out


@dataclass(frozen=True, slots=True)
class CaseLimits:
    """Limits of a case, and what of the evaluator's it has to know, with their units."""

    readings_max: int = 200_000  # of all sensors of concern, the newest
    periods_max: int = 20  # the newest
    gap_batches_max: int = 200_000  # of the log, that are looked through for times in which nobody listened
    settle_ms: int = 10_000
    clock_gap_ms_max: int = 15_000


class FoundCase(NamedTuple):
    """A case, what it is concerned with, and the pack of its rule, whole, as it was in force at the case's time.

    `bindings_since`: what the engine was bound to before (epoch milliseconds) is not known, the oldest known stands for
    it; None where all is known.
    """

    case: Case
    concern: Concern
    pack: Pack
    bindings_since: int | None


class NoCase(Exception):
    """What decided then is not known; the text says why, and `since` from when on it is (epoch milliseconds)."""

    def __init__(self, why: str, since: int | None = None) -> None:
        super().__init__(why)
        self.since = since


async def read_case(
    connection: Connection, rule: str, sensor: str, time: int, now: int, limits: CaseLimits | None = None
) -> FoundCase:
    """Return the case of a rule at a sensor (or gateway) at `time`, asked at `now` (epoch milliseconds).

    A time after the log's newest batch counts as that batch's. Raises NoCase, and concern.NotBound where the rule did
    not watch the sensor.
    """
    limits = limits or CaseLimits()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        newest = await tick_at(connection, time)
        if newest is None:
            first = await first_tick(connection)
            raise NoCase("nothing had arrived yet" if first else "nothing has arrived yet", first and first.clock)
        end = await newest_tick(connection)
        assert end is not None
        time = min(time, end.clock)
        periods = await bound_periods(connection, newest.sequence, limits.periods_max)
        if not periods:
            raise NoCase("no rules have been evaluated yet")
        definition = await read_definition(connection, periods[-1].version)
        bound = await asyncio.to_thread(bound_of, periods[-1].version, definition)
        concern = await asyncio.to_thread(_concern, periods[-1].version, definition, rule, sensor)
        rows, begins = await readings_of_concern(connection, bound, concern, time, newest, now, limits)
        first = await first_batch(connection, rows, begins)
        if first is None or first.sequence > newest.sequence:
            raise NoCase("the readings of that time are no longer kept", begins)
        bound_to, since = await periods_of_concern(connection, periods, bound, concern, first)
        ends = await ticks_of(connection, [one.after for one in bound_to[1:]])
        marks = [mark._replace(listening=True) for mark in (first, newest, *ends)]  # absences are looked up
        if any(one.condition.kind in SILENCE_KINDS for pack in bound_to[-1].packs for one in pack.rules):
            marks += await _gaps(connection, rows, concern, first, newest, limits)
    case = Case(rule, sensor, time, tuple(bound_to), tuple(_batches(rows, marks)), limits.settle_ms, begins)
    pack = next(pack for pack in bound.packs if any(one.rule == rule for one in pack.rules))
    return FoundCase(case, concern, pack, since)


@lru_cache(BINDINGS_CACHED)
def _bound(version: int, definition: bytes) -> Bound:
    return unpacked(version, definition)


@lru_cache(LOOKS_CACHED)
def _around(version: int, definition: bytes, rule: str) -> Engine:
    bound = _bound(version, definition)
    return engine_around(bound.packs, bound.registry, rule)


def _concern(version: int, definition: bytes, rule: str, sensor: str) -> Concern:
    bound = _bound(version, definition)
    around = _around(version, definition, rule) if looks_around(bound.packs, rule) else None
    return concern_of(bound.packs, bound.registry, rule, sensor, around)


def bound_of(version: int, definition: bytes) -> Bound:
    """Return what a binding's definition says. Raises NoCase where another version of Lifeline has kept it."""
    try:
        return _bound(version, definition)
    except (ValidationError, msgspec.DecodeError, ValueError, zlib.error):
        raise NoCase("the rules of that time were kept by another version of Lifeline") from None


async def readings_of_concern(
    connection: Connection, bound: Bound, concern: Concern, time: int, newest: Tick, now: int, limits: CaseLimits
) -> tuple[LogRows, int | None]:
    """Return the readings of concern in the order of the log, and since when these are all that there were."""
    rows, cut = await concerned_readings(connection, concern.sensors, time, newest.sequence, limits.readings_max)
    properties = sorted({bound.registry.sensors[key].property for key in concern.sensors})
    log = await first_tick(connection)
    kept = await readings_kept_since(connection, properties, now)
    begins = []
    if kept is not None and log is not None and log.clock < kept:
        begins.append(kept)
    if log is not None and log.sequence > 1:
        begins.append(log.clock)
    if cut:
        each = limits.readings_max // len(concern.sensors)
        times = [rows["time"][rows["sensor"] == key] for key in concern.sensors]
        begins += [int(its.min()) for its in times if len(its) >= each]
    if begins:
        rows = rows[rows["time"] >= max(begins)]
    return rows[np.lexsort((rows["position"], rows["batch"]))], max(begins, default=None)


async def first_batch(connection: Connection, rows: LogRows, begins: int | None) -> Tick | None:
    """Return the batch in which the case begins."""
    if begins is None:
        return await first_tick(connection)
    if len(rows):
        return Tick(int(rows["batch"][0]), int(rows["arrived"][0]), True)
    return await first_tick(connection, begins)


async def periods_of_concern(
    connection: Connection, periods: Sequence[BoundPeriod], bound: Bound, concern: Concern, first: Tick
) -> tuple[list[Period], int | None]:
    """Return what the engine was bound to, as far as it is of concern, and since when it is known; the newest last."""
    begun = [one for one in periods if one.after < first.sequence]
    needed = [*begun[-1:], *(one for one in periods if one.after >= first.sequence)]
    found: list[Period] = []
    for one in needed[:-1]:
        definition = await read_definition(connection, one.version)
        try:
            part = await asyncio.to_thread(unpacked_part, one.version, definition, set(concern.sensors))
        except (ValidationError, msgspec.DecodeError, ValueError, zlib.error):
            found.clear()  # of another version's: what comes after it stands for it
            continue
        found.append(_narrowed(one.after, part, concern))
    found.append(_narrowed(needed[-1].after, bound, concern))
    since = None
    oldest = found[0].after
    if oldest >= first.sequence:
        since = next((tick.clock for tick in await ticks_of(connection, [oldest])), None)
    return list(_without_repeats(found)), since


def _narrowed(after: int, bound: Bound, concern: Concern) -> Period:
    packs, registry = narrowed(bound.packs, bound.registry, concern)
    return Period(after, tuple(packs), registry)


def _without_repeats(periods: Iterable[Period]) -> Iterator[Period]:
    """Most changes are of other sensors and rules."""
    known: Period | None = None
    for one in periods:
        if known is None or _facts(known) != _facts(one):
            yield one
            known = one


def _facts(period: Period) -> tuple[object, ...]:
    registry = period.registry
    events = {key: list(its) for key, its in registry.events.items()}
    return period.packs, registry.sensors, registry.cities, events, registry.shared_gateways


async def _gaps(
    connection: Connection, rows: LogRows, concern: Concern, first: Tick, newest: Tick, limits: CaseLimits
) -> list[Tick]:
    """Return where nobody listened since the last two arrivals of each sensor: the batches on both sides."""
    known = rows[rows["batch"] <= newest.sequence]
    heard = (known["batch"][known["sensor"] == key] for key in concern.sensors)
    since = min(int(its[-2]) if len(its) > 1 else first.sequence for its in heard)
    # From where the silence begins, and what came of late: a sensor may have been silent for longer than is looked at.
    begins = {since, max(since, newest.sequence - limits.gap_batches_max)}
    found: list[Tick] = []
    for begin in sorted(begins):
        gaps = await absences(connection, begin, newest.sequence, limits.clock_gap_ms_max, limits.gap_batches_max)
        found += [tick for gap in gaps for tick in gap]
    return found


def _batches(rows: LogRows, marks: Sequence[Tick]) -> Iterator[ReadingBatch]:
    """Yield the log of a case: what lies between two marks is one batch (see explaining.case.joined)."""
    ends: dict[int, Tick] = {}
    for mark in marks:
        if mark.sequence not in ends or not mark.listening:
            ends[mark.sequence] = mark
    start = 0
    for sequence in sorted(ends):
        behind = int(np.searchsorted(rows["batch"], sequence, "right"))
        yield batch_of(rows[start:behind], ends[sequence])
        start = behind
    if start < len(rows):
        yield batch_of(rows[start:], Tick(int(rows["batch"][-1]), int(rows["arrived"][-1]), True))


def batch_of(rows: LogRows, end: Tick) -> ReadingBatch:
    """Return readings as the batch of a tick, which they came with or before."""
    sensor, time, value, arrived = (np.ascontiguousarray(rows[name]) for name in ("sensor", "time", "value", "arrived"))
    quality = rows["quality"].astype(np.uint16)
    return ReadingBatch(end.sequence, end.clock, sensor, time, value, quality, arrived, end.listening)
