"""Conditional GET (RFC 9110, section 13): a tag for every whole answer, and 304 where the caller has it already."""

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus

from fastapi import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.compression import IDENTITY, coding_for

VARY = "Accept, Accept-Encoding, Accept-Language, Authorization, Cookie, X-API-Key"
"""What an answer hangs on besides its address."""

_KEPT = ("cache-control", "content-language", "etag", "last-modified", "vary")  # in the 304 that stands for a 200


class Conditional:
    """ASGI middleware that tags answers to GET with a hash of their body, and says that caches ask each time.

    The tag is strong, but weak where the answer will be compressed, which begins at `compress_bytes_min`. What is sent
    in parts (streams, exports), has a tag already (files) or must not be stored passes as it is.
    """

    def __init__(self, app: ASGIApp, compress_bytes_min: int) -> None:
        self.app = app
        self.compress_bytes_min = compress_bytes_min

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        start: Message | None = None

        async def send_tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _can_be_tagged(message):
                start = message
                return
            if start is not None:
                begun, start = start, None
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    begun, message = self._tagged(asked, begun, message)
                await send(begun)
            await send(message)

        await self.app(scope, receive, send_tagged)

    def _tagged(self, asked: Headers, start: Message, body: Message) -> tuple[Message, Message]:
        headers = MutableHeaders(raw=list(start["headers"]))
        tag = f'"{hashlib.sha256(body.get("body", b"")).hexdigest()[:32]}"'
        weak = coding_for(asked, start["status"], headers, self.compress_bytes_min) != IDENTITY
        headers["ETag"] = f"W/{tag}" if weak else tag
        headers.setdefault("Cache-Control", "private, no-cache")
        headers.add_vary_header(VARY)
        if not _has_it(asked, tag, headers.get("last-modified")):
            return {**start, "headers": headers.raw}, body
        kept = [(name, value) for name, value in headers.raw if name.decode("latin-1") in _KEPT]
        return {**start, "status": HTTPStatus.NOT_MODIFIED, "headers": kept}, {**body, "body": b""}


def dated(body: bytes, media_type: str, modified: datetime | None) -> Response:
    """Return a document for anybody's cache, which asks each time whether it still stands.

    `modified` is given where a body that differs has a later time; then If-Modified-Since counts too, as long as there
    is no If-None-Match.
    """
    headers = {"Cache-Control": "no-cache"}
    if modified is not None:
        headers["Last-Modified"] = format_datetime(modified.astimezone(UTC).replace(microsecond=0), usegmt=True)
    return Response(body, media_type=media_type, headers=headers)


def _can_be_tagged(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    whole = start["status"] == HTTPStatus.OK and "content-length" in headers and "etag" not in headers
    return whole and "no-store" not in headers.get("cache-control", "")


def _has_it(asked: Headers, tag: str, modified: str | None) -> bool:
    known = asked.get("if-none-match")
    if known is not None:  # compared weakly: what was compressed has a weak tag
        tags = [one.strip().removeprefix("W/") for one in known[:2_000].split(",")]
        return "*" in tags or tag in tags
    since = asked.get("if-modified-since")
    if since is None or modified is None:
        return False
    try:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False
