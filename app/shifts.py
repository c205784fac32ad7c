"""Handing a position over to the next shift, and taking it over: two persons, and a record that nobody changes."""

import hashlib
from typing import Any, NamedTuple

import msgspec

from app.access import DESK, Principal
from app.actions import InvalidField, KeyReused
from app.roles import Role
from model.instant import format_instant, to_datetime, to_milliseconds
from store.handling import has_key
from store.pool import Connection
from store.positions import find_positions
from store.shifts import (
    HandOver,
    accept_hand_over,
    add_hand_over,
    find_hand_over,
    find_hand_overs,
    find_repeated,
    lock_shifts,
    take_snapshot,
)
from store.status import mode_of

NOTES_MAX = 100  # carried over and new


class PositionUnknown(Exception):
    """There is no such position within the caller's areas."""


class HandOverUnknown(Exception):
    """There is no such hand-over within the caller's areas."""


class HandOverRefused(Exception):
    """The present state does not allow it; `forbidden`: to this caller never."""

    def __init__(self, detail: str, remedy: str, *, forbidden: bool = False, field: str | None = None) -> None:
        super().__init__(detail)
        self.remedy = remedy
        self.forbidden = forbidden
        self.field = field


class Wanted(NamedTuple):
    """A hand-over that somebody asks for: new notes, and which of the one before are done with."""

    position: str
    notes: tuple[str, ...]
    strike: tuple[str, ...]
    to: str | None
    idempotency_key: str


async def hand_over(connection: Connection, wanted: Wanted, caller: Principal, now: int) -> HandOver:
    """Keep how the position stands at `now` (epoch milliseconds); the same request again returns the same record.

    Raises PositionUnknown, KeyReused, InvalidField and HandOverRefused.
    """
    async with connection.transaction():
        await lock_shifts(connection, wanted.position)
        digest = hashlib.sha256(msgspec.json.encode(wanted)).digest()
        repeated = await find_repeated(connection, caller.label, wanted.idempotency_key)
        if repeated is not None:
            if repeated[1] != digest:
                raise KeyReused
            return await _found(connection, repeated[0], caller)
        positions = await find_positions(connection, caller.areas)
        position = next((one for one in positions if one.position == wanted.position), None)
        mode = None if position is None else await mode_of(connection, position.city)
        if position is None or mode is None:
            raise PositionUnknown
        if wanted.to is not None and not await has_key(connection, wanted.to, DESK, position.city):
            raise InvalidField(
                "to", f"nobody of label {wanted.to!r} may take over in {position.city}",
                "name the label of a key in force with role operator or supervisor, or leave it out",
            )  # fmt: skip
        last = await _last(connection, position.position, mode, caller)
        if last is not None and last.accepted_by is None and last.handed_by != caller.label:
            raise HandOverRefused(
                f"{last.handed_by} handed it over, and nobody has taken it over yet",
                f"take hand-over {last.hand_over} over first",
            )
        notes, struck = _notes(last, wanted, caller, now)
        number = await add_hand_over(
            connection,
            HandOver(
                hand_over=0, position=position.position, city=position.city, mode=mode, handed_by=caller.label,
                handed_to=wanted.to, handed_at=to_datetime(now), notes=notes, struck=struck,
                snapshot=await take_snapshot(connection, position, mode), accepted_by=None, accepted_at=None,
            ),
            wanted.idempotency_key,
            digest,
        )  # fmt: skip
        return await _found(connection, number, caller)


async def take_over(connection: Connection, number: int, caller: Principal, now: int) -> HandOver:
    """Take a position over at `now` (epoch milliseconds). Raises HandOverUnknown and HandOverRefused."""
    async with connection.transaction():
        found = await _found(connection, number, caller)
        await lock_shifts(connection, found.position)
        found = await _found(connection, number, caller)
        if found.accepted_by == caller.label:
            return found
        if found.accepted_by is not None and found.accepted_at is not None:
            at = format_instant(to_milliseconds(found.accepted_at))
            raise HandOverRefused(f"{found.accepted_by} took it over at {at}", "nothing needs to be done")
        if found.handed_by == caller.label:
            raise HandOverRefused("who hands over cannot take over", "let the next shift do it", forbidden=True)
        if found.handed_to not in (None, caller.label) and caller.role != Role.SUPERVISOR:
            raise HandOverRefused(
                f"it is handed to {found.handed_to}",
                "let that person or a supervisor take it over, or let it be handed over anew",
                forbidden=True,
            )
        last = await _last(connection, found.position, found.mode, caller)
        if last is not None and last.hand_over != number:
            raise HandOverRefused(f"hand-over {last.hand_over} took its place", f"read and take over {last.hand_over}")
        await accept_hand_over(connection, number, caller.label, to_datetime(now))
        return await _found(connection, number, caller)


def _notes(
    last: HandOver | None, wanted: Wanted, caller: Principal, now: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the notes of a hand-over and those struck off the one before. Raises HandOverRefused."""
    before = [] if last is None else last.notes
    unknown = set(wanted.strike) - {note["note"] for note in before}
    if unknown:
        raise HandOverRefused(
            f"{sorted(unknown)[0]!r} is no note of the last hand-over", "read it again", field="strike"
        )
    at = format_instant(now)
    stamp = at.translate(str.maketrans("", "", "-:."))
    kept = [note for note in before if note["note"] not in wanted.strike]
    new = [
        {"note": f"{stamp}-{place}", "text": text, "by": caller.label, "at": at}
        for place, text in enumerate(wanted.notes, 1)
    ]
    if len(kept) + len(new) > NOTES_MAX:
        raise HandOverRefused(
            f"{len(kept) + len(new)} notes; at most {NOTES_MAX} are carried", "strike off what is done", field="notes"
        )
    return [*kept, *new], [note for note in before if note["note"] in wanted.strike]


async def _last(connection: Connection, position: str, mode: str, caller: Principal) -> HandOver | None:
    found = await find_hand_overs(connection, caller.areas, 1, position=position, modes=[mode])
    return next(iter(found), None)


async def _found(connection: Connection, number: int, caller: Principal) -> HandOver:
    found = await find_hand_over(connection, number, caller.areas)
    if found is None:
        raise HandOverUnknown
    return found
