"""Reads the figures of operators' positions over a span, for the API, the monthly report and the command line."""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from alerts.accounts import Account, Ledger, Placed
from alerts.position_figures import PositionFigures
from alerts.position_performance import FloodTimes, position_figures
from app.rule_names import rule_names
from model.alarm import JournalLine
from model.instant import format_instant, to_datetime, to_milliseconds
from model.position import Position, positions_of
from model.sensor import City
from store.floods import StoredFlood, find_floods
from store.performance import (
    LineRow,
    evaluated_span,
    lines_for_figures,
    reporting_intervals,
    suppressions_for_figures,
)
from store.pool import Connection

LINES_MAX = 300_000
FLOODS_MAX = 10_000
_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_decode = msgspec.json.Decoder(JournalLine).decode


class TooManyLines(Exception):
    """The span holds more journal lines than figures are made of at one time."""


class Measured(NamedTuple):
    """The figures of one position in one mode; figures of modes are never added up."""

    position: Position
    mode: str
    figures: PositionFigures


class Span(NamedTuple):
    """start <= time < end in epoch milliseconds, and the modes whose alarms count."""

    start: int
    end: int
    modes: Sequence[str]


class Measurement(NamedTuple):
    """Figures, and the span that they reach over: the asked one as far as there is anything to tell of it."""

    span: Span
    positions: list[Measured]


async def measure(
    connection: Connection,
    positions: Sequence[Position],
    cities: Sequence[City],
    span: Span,
    areas: Sequence[str],
    *,
    only: str | None = None,
) -> Measurement:
    """Return the figures of the positions of `cities`, of one position where `only` names it.

    They begin with the first evaluated batch, if the asked span begins before it, and end with the log's clock, if the
    asked span ends after it: a month of which an hour has been evaluated has an hour's figures. Where it was not
    evaluated at all there are none. `positions` are all of these cities', so that each alarm finds its own. Raises
    TooManyLines.
    """
    names = [city.city for city in cities]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        span = _reached(span, await evaluated_span(connection, names, span.end))
        if span.start == span.end:
            return Measurement(span, [])
        records = await suppressions_for_figures(connection, names, span.start, span.end)
        ledger = Ledger(records)
        lines = 0
        async for rows in lines_for_figures(connection, names, span.start, span.end):
            lines += len(rows)
            if lines > LINES_MAX:
                raise TooManyLines(f"more than {LINES_MAX} journal lines")
            await asyncio.to_thread(_take, ledger, rows)  # so that others have their turn
        accounts = [one for one in ledger.accounts if one.mode in span.modes]
        floods = await find_floods(
            connection, [one.position for one in positions], areas, start=to_datetime(span.start),
            end=to_datetime(span.end), modes=span.modes, rows_max=FLOODS_MAX,
        )  # fmt: skip
        intervals = await reporting_intervals(connection, {one.sensor for one in accounts})
    mode_of = {city.city: city.mode for city in cities}
    found = await asyncio.to_thread(_by_position, positions, accounts, floods, intervals, mode_of, span, only)
    return Measurement(span, found)


def _reached(asked: Span, evaluated: tuple[int, int] | None) -> Span:
    """Return the part of a span that lies within the first and the last evaluated instant, empty where none does."""
    first, last = (asked.start, asked.start - 1) if evaluated is None else evaluated
    start = min(max(asked.start, first), asked.end)
    return asked._replace(start=start, end=max(start, min(asked.end, last + 1)))


def _take(ledger: Ledger, rows: Sequence[LineRow]) -> None:
    for row in rows:
        ledger.take(Placed(_decode(row.line), row.city, row.system, row.district))


def performance_document(measured: Measurement, asked: Span) -> dict[str, Any]:
    """Return figures as they are given to people and machines; `from` and `to` are what they reach over."""
    positions = [
        msgspec.to_builtins(one.position) | {"mode": one.mode} | msgspec.to_builtins(one.figures)
        for one in measured.positions
    ]
    return {
        "from": format_instant(measured.span.start),
        "to": format_instant(measured.span.end),
        "modes": list(asked.modes),
        "positions": positions,
    }


def _by_position(
    positions: Sequence[Position],
    accounts: Sequence[Account],
    floods: Sequence[StoredFlood],
    intervals: dict[str, float],
    mode_of: dict[str, str],
    span: Span,
    only: str | None,
) -> list[Measured]:
    configured = [one for one in positions if not one.is_default]
    with_own = {one.city for one in configured}
    taken: dict[tuple[str, str], list[Account]] = {}
    for account in accounts:
        for name in positions_of(configured, account.city, account.system, account.district):
            taken.setdefault((name, account.mode), []).append(account)
    stood: dict[tuple[str, str], list[FloodTimes]] = {}
    for flood in floods:
        told = FloodTimes(flood.began, flood.ended, flood.first_out, flood.annunciated, flood.folded)
        stood.setdefault((flood.position, flood.mode), []).append(told)
    found = []
    for position in positions:
        if only not in (None, position.position):
            continue
        for mode in span.modes:
            key = (position.position, mode)
            # A position without alarms has figures too; a default one only where it is the city's one desk.
            quiet = mode_of[position.city] != mode or (
                position.is_default and position.city in with_own and only is None
            )
            if quiet and key not in taken and key not in stood:
                continue
            figures = position_figures(taken.get(key, []), stood.get(key, []), span.start, span.end, intervals)
            found.append(Measured(position, mode, figures))
    return found


class InvalidMonth(ValueError):
    """A month that no report can be made of; the text says how to mend it."""


def month_span(month: str, zone: str, now: int) -> tuple[int, int]:
    """Return begin and end (epoch milliseconds) of a month like 2026-11 in a time zone; the present one ends at `now`.

    Raises InvalidMonth for another form, and for a month that has not begun.
    """
    found = _MONTH.fullmatch(month)
    if found is None:
        raise InvalidMonth(f"{month!r} is no month; write it like 2026-11")
    year, number = int(found[1]), int(found[2])
    begin = datetime(year, number, 1, tzinfo=ZoneInfo(zone))
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=ZoneInfo(zone))
    start, until = to_milliseconds(begin), min(to_milliseconds(end), now)
    if start >= until:
        raise InvalidMonth(f"{month} has not begun in {zone}; ask for an earlier month")
    return start, until


async def monthly_documents(
    connection: Connection,
    positions: Sequence[Position],
    cities: Sequence[City],
    month: str,
    now: int,
    modes: Sequence[str],
    areas: Sequence[str],
    *,
    only: str | None = None,
) -> list[dict[str, Any]]:
    """Return the figures of a month as performance_document gives them, one document for each time zone.

    Each bears its `time_zone`, and under `rules` the names of the rules in force.

    Raises InvalidMonth and TooManyLines.
    """
    documents = []
    rules = await rule_names(connection)
    for zone in sorted({city.time_zone for city in cities}):
        there = [city for city in cities if city.time_zone == zone]
        names = {city.city for city in there}
        its = [one for one in positions if one.city in names]
        span = Span(*month_span(month, zone, now), modes)
        measured = await measure(connection, its, there, span, areas, only=only)
        documents.append(performance_document(measured, span) | {"time_zone": zone, "rules": rules})
    return documents
