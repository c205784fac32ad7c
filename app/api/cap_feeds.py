"""CAP 1.2: the feed of messages that were approved and sent, each of them, and the document of one alarm."""

from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field

from app.access import READERS, Principal, Reader, allowed, authenticate, check_city
from app.api.conditional import dated
from app.api.context import context_of
from app.api.modes import ModeFilter, modes_of
from app.api.parameters import AlarmInPath, Cursor, Parameters, Word, decode_time_cursor, page_limit, page_of
from app.api.problems import not_found
from app.api.warnings import cap_settings
from app.warnings import atom
from app.warnings.drafting import SubjectUnknown, load_subject, unapproved_content
from app.warnings.sending import draft_document
from model.cap import MEDIA_TYPE
from model.instant import parse_instant, to_milliseconds
from store.alarms import find_alarm
from store.warnings import find_messages

router = APIRouter(prefix="/feeds", tags=["feeds"])
ENTRIES_DEFAULT, ENTRIES_MAX = 50, 200
EVERYWHERE = ("*",)

_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header", description="An API key")
_reads = allowed(READERS)


async def reader_or_public(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
) -> Principal | None:
    """Return the caller, or None for the public, where the settings let it read. Raises Problem 401 and 403."""
    if bearer is None and not header and cap_settings(request).public_without_key:
        return None
    return await _reads(await authenticate(request, bearer, header))


ReaderOrPublic = Annotated[Principal | None, Depends(reader_or_public)]
_XML = {"schema": {"type": "string"}}


class FeedFilters(Parameters):
    """Which messages; without `mode` and `city` no exercise's, and to the public none but those of operation."""

    city: Word | None = None
    mode: ModeFilter = None
    limit: int | None = Field(default=None, ge=1, description="Entries a page")
    after: Cursor | None = None


@router.get(
    "/cap.atom",
    response_class=Response,
    summary="Approved warnings as an Atom feed",
    responses={200: {"content": {atom.MEDIA_TYPE: _XML}}, 304: {"description": "The caller has it already"}},
)
async def feed(request: Request, caller: ReaderOrPublic, filters: Annotated[FeedFilters, Query()]) -> Response:
    """List the CAP messages that were approved and sent, newest first; `next` links to the page of older ones.

    Restricted ones need a key and lie within its areas; Public ones need none where the settings say so.
    """
    context, cap = context_of(request), cap_settings(request)
    if caller is not None:
        check_city(caller, filters.city)
    rows_max = page_limit(filters.limit, ENTRIES_DEFAULT, ENTRIES_MAX)
    before = decode_time_cursor(filters.after, str)
    modes = modes_of(filters.mode, named=filters.city is not None)
    if caller is None and filters.mode is None:
        modes = ("operational",)
    async with context.reading() as connection:
        found = await find_messages(
            connection,
            EVERYWHERE if caller is None else caller.areas,
            rows_max + 1,
            public=caller is None,
            city=filters.city,
            modes=modes,
            before=before,
        )
    messages, cursor = page_of(found, rows_max, lambda row: (to_milliseconds(row.sent_at), row.identifier))
    next_link = None
    if cursor is not None:
        following = {"limit": rows_max, "after": cursor}
        kept = {"city": filters.city, "mode": None if filters.mode is None else ",".join(filters.mode)}
        query = urlencode({name: value for name, value in (kept | following).items() if value is not None})
        next_link = f"{request.url.path}?{query}"
    own_link = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    body = atom.write_feed(
        messages, sender=cap.sender, base=cap.public_url.rstrip("/"), own_link=own_link, next_link=next_link
    )
    return dated(body, atom.MEDIA_TYPE, messages[0].sent_at if messages else None)


@router.get(
    "/cap/messages/{identifier}.xml",
    response_class=Response,
    summary="One message as it was sent",
    responses={200: {"content": {MEDIA_TYPE: _XML}}, 304: {"description": "The caller has it already"}},
)
async def message(
    request: Request,
    caller: ReaderOrPublic,
    identifier: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,150}\z", examples=["jiayuguan-20261122-1-1"])],
) -> Response:
    """Return a CAP message exactly as it was sent; it never changes."""
    areas = EVERYWHERE if caller is None else caller.areas
    async with context_of(request).reading() as connection:
        found = await find_messages(connection, areas, 1, public=caller is None, identifier=identifier)
    if not found:
        raise not_found("message", identifier)
    return dated(found[0].document.encode(), MEDIA_TYPE, found[0].sent_at)


@router.get(
    "/cap/{alarm}.xml",
    response_class=Response,
    summary="An alarm as a CAP document",
    responses={200: {"content": {MEDIA_TYPE: _XML}}, 304: {"description": "The caller has it already"}},
)
async def alarm_document(
    request: Request,
    caller: Reader,
    alarm: AlarmInPath,
) -> Response:
    """Return the newest message that was sent about an alarm; where none was, what the alarm says of itself.

    The latter is Restricted and no warning: its status is Draft, or that of an exercise or test city.
    """
    async with context_of(request).reading() as connection:
        sent = await find_messages(connection, caller.areas, 1, alarm=alarm)
        if sent:
            return dated(sent[0].document.encode(), MEDIA_TYPE, sent[0].sent_at)
        row = await find_alarm(connection, alarm, caller.areas)
        if row is None:
            raise not_found("alarm", alarm)
        try:
            subject = await load_subject(connection, alarm, None, caller)
        except SubjectUnknown:
            raise not_found("alarm", alarm) from None
        content = await unapproved_content(connection, subject)
    known_at = parse_instant(msgspec.json.decode(row.line)["known_at"])
    body = draft_document(subject, content, known_at, cap_settings(request).sender)
    return dated(body, MEDIA_TYPE, None)  # a rule's text or a doubt changes it without a time
