"""What changed since a list was read: the cursor of a list, and whether what came after it can still be told."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from pydantic import Field, StringConstraints

from app.api.context import ApiLimits
from app.api.parameters import Parameters, decode_cursor, encode_cursor
from app.api.problems import Problem, invalid
from store.changes import Mark, since_mark
from store.pool import Connection

ChangedAfter = Annotated[
    str,
    StringConstraints(max_length=400),
    Field(description="`cursor` of the list, or of the changes read last; with the same filters: what changed since"),
]
NextCursor = Annotated[
    str | None,
    Field(description="`changed_after` of the next question for changes; null on all pages but the first"),
]
_UNHEEDED = {"after", "limit", "changed_after"}  # the list is the same whatever these are


def list_name(filters: Parameters, areas: Sequence[str]) -> str:
    """Return a short name for the list that these filters and areas give."""
    told = filters.model_dump(mode="json", exclude=_UNHEEDED, exclude_none=True)
    return hashlib.sha256(msgspec.json.encode([told, sorted(areas)], order="sorted")).hexdigest()[:12]


def cursor_of(mark: Mark, name: str) -> str:
    """Return the cursor of a list that was read not before the mark was taken."""
    return encode_cursor(*mark, name)


def mark_of(cursor: str, name: str, now: Mark, limits: ApiLimits) -> Mark:
    """Return the mark of a cursor. Raises Problem 422 for no cursor, 410 where the changes since cannot be told."""
    try:
        *numbers, made_for = decode_cursor(cursor, int, int, int, str)
    except Problem:
        raise invalid(
            "changed_after", "this is no cursor of a list", "send `cursor` of the answer before, unchanged"
        ) from None
    mark = Mark(*numbers)
    if made_for != name:
        raise _too_old("the cursor was made for other filters or other areas")
    if mark.registry != now.registry:
        raise _too_old("sensors, cities or rules were changed since")
    if mark.event > now.event or mark.batch > now.batch:
        raise _too_old("the cursor is ahead of the database, which was restored perhaps")
    if now.event - mark.event > limits.delta_events_max:
        raise _too_old(f"more than {limits.delta_events_max} transitions came since")
    return mark


async def oldest_reading_since(connection: Connection, mark: Mark, limits: ApiLimits) -> datetime | None:
    """Return the oldest time of the readings that came after a mark, None where none came. Raises Problem 410."""
    since = await since_mark(connection, mark, limits.delta_batches_max)
    if not since.complete:
        raise _too_old("the log does not reach back so far")
    if since.batches > limits.delta_batches_max or since.readings > limits.delta_readings_max:
        raise _too_old(f"more than {limits.delta_readings_max} readings came since")
    return since.oldest_time


def _too_old(detail: str) -> Problem:
    return Problem(
        410,
        "cursor-too-old",
        detail,
        field="changed_after",
        remedy="fetch the list anew without `changed_after`, and go on from its `cursor`",
    )
