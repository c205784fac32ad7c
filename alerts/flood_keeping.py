"""Keeps the floods of each operator's position in the database, in the transaction of what was annunciated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import msgspec
from msgspec import UNSET

from alerts.flood import ORANGE, Flood, Shown, Watch, annunciate, ends_at
from alerts.flood import leave as leave_watch
from alerts.occurrences import is_annunciation
from model.instant import parse_instant
from model.position import positions_of
from model.severity import severity_of
from store.floods import (
    Key,
    StoredFlood,
    begin_flood,
    fold_severity,
    join_flood,
    present_floods,
    read_watches,
    save_watches,
    update_flood,
)
from store.journal import Transition
from store.pool import Connection
from store.positions import load_positions

_decode_recent = msgspec.json.Decoder(tuple[Shown, ...]).decode


@dataclass(slots=True)
class _Course:
    """A flood within one call: as it came to stand, its number where it is kept already, and what joined it."""

    flood: Flood
    number: int | None = None
    red_before: bool = False
    joined: dict[str, Shown] = field(default_factory=dict)


@dataclass(slots=True)
class _Position:
    """The watch of one position and mode within one call, and the courses of its floods; the last may still stand."""

    position: str
    mode: str
    city: str
    watch: Watch
    courses: list[_Course]

    def take(self, shown: Shown) -> None:
        step = annunciate(self.watch, shown)
        self.watch = step.watch
        if step.over is not None:
            self.courses[-1].flood = step.over
        if step.watch.flood is None:
            return
        if not self.courses or self.courses[-1].flood.ended is not None:
            self.courses.append(_Course(step.watch.flood))
        self.courses[-1].flood = step.watch.flood
        for one in step.joined:
            self.courses[-1].joined[one.alarm] = one

    def folds(self, shown: Shown) -> bool:
        return self.watch.flood is not None and self.watch.flood.folds(shown)


async def fold(connection: Connection, transitions: Sequence[Transition]) -> dict[str, str]:
    """Take what the transitions annunciate into the watch of each position, and fold where a position is in a flood.

    Returns which of the alarms are folded at every position that takes them, with the reason `flood:POSITION,…`; for
    whoever sends messages. What an actor's own hand released is no news to the operator, and is not counted. The
    caller holds the journal's lock.
    """
    shown = [_shown(t) for t in transitions if is_annunciation(t.line) and t.line.actor is UNSET]
    if not shown:
        return {}
    places = {t.alarm.alarm: t.place for t in transitions}
    modes = {t.alarm.alarm: t.alarm.mode for t in transitions}
    configured = await load_positions(connection, {place.city for place in places.values()})
    taking: dict[str, list[Key]] = {}
    for one in shown:
        place = places[one.alarm]
        found = positions_of(configured, place.city, place.system, place.district)
        taking[one.alarm] = [(position, modes[one.alarm]) for position in found]
    cities = {key: places[alarm].city for alarm, keys in taking.items() for key in keys}
    positions = await _load(connection, cities)
    folded: dict[str, str] = {}
    for _, instant in groupby(sorted(shown), key=lambda one: one.known_at):
        together = list(instant)
        for one in together:
            for key in taking[one.alarm]:
                positions[key].take(one)
        for one in together:  # a red of the same instant counts
            keys = taking[one.alarm]
            if all(positions[key].folds(one) for key in keys):
                folded[one.alarm] = "flood:" + ",".join(position for position, _ in keys)
            else:
                folded.pop(one.alarm, None)  # it rose within this call
    await _save(connection, positions)
    return folded


async def leave(connection: Connection, clock: int) -> None:
    """End the floods that are over by `clock` (epoch milliseconds of the log): by silence, without an annunciation.

    The caller holds the journal's lock, or calls it where nothing else annunciates.
    """
    standing = {(one.position, one.mode): one for one in await present_floods(connection)}
    if not standing:
        return
    positions = await _load(connection, {key: one.city for key, one in standing.items()}, standing.values())
    for one in positions.values():
        one.watch, over = leave_watch(one.watch, clock)
        if over is not None:
            one.courses[-1].flood = over
            await _save_flood(connection, one, one.courses[-1])


async def _load(
    connection: Connection, cities: dict[Key, str], standing: Iterable[StoredFlood] | None = None
) -> dict[Key, _Position]:
    remembered = await read_watches(connection, cities)
    stored = {(one.position, one.mode): one for one in standing or await present_floods(connection)}
    found = {}
    for key, city in cities.items():
        recent = _decode_recent(remembered[key]) if key in remembered else ()
        one = stored.get(key)
        flood = None if one is None else _flood(one)
        courses = [] if one is None or flood is None else [_Course(flood, one.flood, one.red)]
        found[key] = _Position(*key, city, Watch(recent, flood), courses)
    return found


async def _save(connection: Connection, positions: dict[Key, _Position]) -> None:
    await save_watches(connection, {key: msgspec.json.encode(one.watch.recent) for key, one in positions.items()})
    for one in positions.values():
        for course in one.courses:
            await _save_flood(connection, one, course)


async def _save_flood(connection: Connection, one: _Position, course: _Course) -> None:
    flood = course.flood
    stored = StoredFlood(
        flood=course.number or 0,
        position=one.position,
        city=one.city,
        mode=one.mode,
        began=flood.began,
        ends=ends_at(one.watch) if flood.ended is None else flood.ended,
        ended=flood.ended,
        first_out=flood.first_out.alarm,
        annunciated=flood.annunciated,
        red=flood.red,
        folded=0,
    )
    if course.number is None:
        course.number = await begin_flood(connection, stored)
    else:
        await update_flood(connection, stored)
        if flood.red and not course.red_before:
            await fold_severity(connection, course.number, ORANGE)
    if course.joined:
        rows = [(s.alarm, s.severity, s.known_at, flood.folds(s)) for s in course.joined.values()]
        await join_flood(connection, course.number, rows)


def _shown(transition: Transition) -> Shown:
    line = transition.line
    return Shown(parse_instant(line.known_at), parse_instant(line.time), line.alarm, severity_of(line.severity))


def _flood(stored: StoredFlood) -> Flood:
    # All that came at the instant of its beginning was taken in together: nothing can come before its first-out now.
    first = Shown(0, 0, stored.first_out, 0)
    return Flood(began=stored.began, first_out=first, annunciated=stored.annunciated, red=stored.red)
