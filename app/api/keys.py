"""API keys, for the security administrator: made, listed, rotated, revoked."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from app.access import SecurityAdministrator
from app.api.context import context_of
from app.api.lines import TimeText
from app.api.parameters import (
    Cursor,
    PageRows,
    Parameters,
    Word,
    decode_cursor,
    page_limit,
    page_of,
    written,
    written_or_none,
)
from app.api.problems import Problem, invalid, not_found
from app.api.users import Areas, check_handed_out
from app.roles import Role
from app.sign_in.limits import KEY_OVERLAP_MINUTES_MAX
from model.audit import Action
from store.audit import record
from store.keys import StoredKey, create_key, find_key_as_made, list_keys, revoke_key, rotate_key

router = APIRouter(prefix="/keys", tags=["access"])
Label = Annotated[str, StringConstraints(pattern=r"^[^\W_]([\w .@-]{0,62}[\w.@-])?$")]
AnyLabel = Annotated[Word, Path(examples=["desk-1"])]


class NewKey(BaseModel):
    """A key for another system."""

    model_config = ConfigDict(extra="forbid")

    label: Label = Field(description="The actor in the journal", examples=["desk-1"])
    role: Role
    areas: Areas


class Rotation(BaseModel):
    """How the old key ends."""

    model_config = ConfigDict(extra="forbid")

    overlap_minutes: int = Field(
        default=0, ge=0, le=KEY_OVERLAP_MINUTES_MAX, description="The old key is in force for so long still"
    )


class KeyItem(BaseModel):
    """A key in force. The key itself is not kept, so that nobody can list it."""

    label: str
    role: str
    areas: list[str]
    created_at: TimeText
    ends_at: TimeText | None = Field(description="Of one that another has taken the place of")


class KeyWithText(KeyItem):
    """A key, shown now and never again."""

    key: str


class KeyPage(BaseModel):
    """A page of keys, by label."""

    keys: list[KeyItem]
    next: str | None


class KeyFilters(Parameters):
    """Which page."""

    limit: PageRows = None
    after: Cursor | None = None


@router.get("", response_model=KeyPage, summary="Keys in force")
async def get_keys(
    request: Request, caller: SecurityAdministrator, filters: Annotated[KeyFilters, Query()]
) -> dict[str, Any]:
    """List the keys in force whose areas all lie within the caller's."""
    context = context_of(request)
    rows_max = page_limit(filters.limit, context.limits.page_rows_default, context.limits.page_rows_max)
    after = ("", b"")
    if filters.after is not None:
        label, key_hash = decode_cursor(filters.after, str, str)
        try:
            after = (label, bytes.fromhex(key_hash))
        except ValueError:
            raise invalid("after", "this is no cursor of this list", "send `next` of the page before") from None
    async with context.reading() as connection:
        found = await list_keys(connection, caller.areas, rows_max + 1, after)
    page, following = page_of(found, rows_max, lambda key: (key.label, key.key_hash.hex()))
    return {"keys": [_item(key) for key in page], "next": following}


@router.post("", response_model=KeyWithText, status_code=201, summary="Make a key")
async def post_key(request: Request, caller: SecurityAdministrator, body: NewKey) -> dict[str, Any]:
    """Make a key, which is in this answer and nowhere else."""
    async with context_of(request).reading() as connection, connection.transaction():
        await check_handed_out(connection, caller, body.areas)
        key = await create_key(connection, role=body.role, areas=body.areas, label=body.label)
        stored = await find_key_as_made(connection, key)
        if stored is None or stored.label != body.label:  # and the transaction takes it back
            raise Problem(409, "conflict", f"a user or key named {body.label!r} exists already", field="label",
                          remedy="choose another label, or rotate that key")  # fmt: skip
        details = {"role": stored.role, "areas": ", ".join(stored.areas)}
        await record(connection, actor=caller.label, action=Action.KEY_CREATED, subject=stored.label, details=details)
    return _item(stored) | {"key": key}


@router.post("/{label}/rotate", response_model=KeyWithText, status_code=201, summary="Put another key in its place")
async def post_rotation(
    request: Request, caller: SecurityAdministrator, label: AnyLabel, body: Rotation
) -> dict[str, Any]:
    """Make a key of the same label, role and areas; the old one ends now, or after `overlap_minutes`."""
    async with context_of(request).reading() as connection, connection.transaction():
        overlap = timedelta(minutes=body.overlap_minutes)
        key = await rotate_key(connection, label, overlap=overlap, areas=caller.areas)
        stored = None if key is None else await find_key_as_made(connection, key)
        if key is None or stored is None:
            raise not_found("key", label)
        details = {"overlap_minutes": body.overlap_minutes}
        await record(connection, actor=caller.label, action=Action.KEY_ROTATED, subject=label, details=details)
    return _item(stored) | {"key": key}


@router.delete("/{label}", status_code=204, summary="Revoke a key")
async def delete_key(request: Request, caller: SecurityAdministrator, label: AnyLabel) -> Response:
    """Revoke the key with this label, and one whose place it took: both end at once, and so do their streams soon."""
    async with context_of(request).reading() as connection, connection.transaction():
        if not await revoke_key(connection, label, caller.areas):
            raise not_found("key", label)
        await record(connection, actor=caller.label, action=Action.KEY_REVOKED, subject=label)
    return Response(status_code=204)


def _item(key: StoredKey) -> dict[str, Any]:
    return {
        "label": key.label,
        "role": key.role,
        "areas": list(key.areas),
        "created_at": written(key.created_at),
        "ends_at": written_or_none(key.ends_at),
    }
