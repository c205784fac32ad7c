"""Compression of answers by Accept-Encoding (RFC 9110, section 8.4): zstd or gzip, whole or as they are streamed."""

import re
import zlib
from typing import Protocol

import zstandard
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.negotiation import preferred

ZSTD_LEVEL, GZIP_LEVEL = 3, 4
_GZIP_WINDOW = 31  # 32 KiB, with gzip's own header and trailer
IDENTITY = "identity"
_CODINGS = (IDENTITY, "zstd", "gzip")  # the first where none is named, the others in order where they weigh the same
_TEXT = re.compile(r"text/(?!event-stream)|application/([a-z.+-]+\+)?(json|xml|x-ndjson|javascript|yaml)\b")


class Compressor(Protocol):
    """Takes a body in parts; what was put in comes out by `flush` at the latest, and `end` closes it."""

    def put(self, part: bytes) -> bytes: ...
    def flush(self) -> bytes: ...
    def end(self) -> bytes: ...


class Gzip:
    """RFC 1952, without time or name, so that the same body gives the same bytes."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
        self.put = self._stream.compress

    def flush(self) -> bytes:
        """Return what is held back."""
        return self._stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """Return the rest."""
        return self._stream.flush()


class Zstd:
    """RFC 8878, with a window within the 8 MiB that RFC 9659 allows."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
        self.put = self._stream.compress

    def flush(self) -> bytes:
        """Return what is held back."""
        return self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def end(self) -> bytes:
        """Return the rest."""
        return self._stream.flush()


class Compression:
    """ASGI middleware that compresses answers to GET; event streams, small bodies and what is packed already pass.

    Answers to other methods pass too: these alone hold secrets (a new key, a code), and nothing may compress a secret
    together with a caller's text (BREACH). A streamed answer is flushed every `flush_bytes` of it, so that no more than
    these wait and the memory for it is bounded.
    """

    def __init__(self, app: ASGIApp, bytes_min: int, flush_bytes: int) -> None:
        self.app = app
        self.bytes_min = bytes_min
        self.flush_bytes = flush_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] == "GET":
            send = _Sender(send, Headers(scope=scope), self.bytes_min, self.flush_bytes)
        await self.app(scope, receive, send)


def coding_for(asked: Headers, status: int, given: Headers, bytes_min: int) -> str:
    """Return in which coding an answer is sent: the one of zstd and gzip that Accept-Encoding prefers, or identity."""
    length = given.get("content-length")
    if (
        status in (204, 206, 304)
        or "content-encoding" in given
        or (length is not None and int(length) < bytes_min)
        or _TEXT.match(given.get("content-type", "")) is None
    ):
        return IDENTITY
    return preferred(asked.get("accept-encoding"), _CODINGS)


class _Sender:
    """Passes one answer on, compressed where that is of use."""

    def __init__(self, send: Send, asked: Headers, bytes_min: int, flush_bytes: int) -> None:
        self.send = send
        self.asked = asked
        self.bytes_min = bytes_min
        self.flush_bytes = flush_bytes
        self.start: Message | None = None  # held until it is known whether the body comes whole
        self.compressor: Compressor | None = None
        self.unflushed_bytes = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self.compressor is None or message["type"] != "http.response.body":
            await self.send(message)
        elif self.start is not None and not message.get("more_body", False):
            await self._send_whole(self.start, self.compressor, message)
        else:
            await self._send_part(self.compressor, message)

    async def _begin(self, start: Message) -> None:
        headers = MutableHeaders(raw=list(start["headers"]))
        length = headers.get("content-length")
        coding = coding_for(self.asked, start["status"], headers, self.bytes_min)
        if coding == IDENTITY:
            await self.send(start)
            return
        self.compressor = Zstd() if coding == "zstd" else Gzip()
        headers["Content-Encoding"] = coding
        headers.add_vary_header("Accept-Encoding")
        for name in ("content-length", "accept-ranges"):
            del headers[name]
        if "etag" in headers and not headers["etag"].startswith("W/"):
            headers["ETag"] = f"W/{headers['etag']}"
        start = {**start, "headers": headers.raw}
        if length is None:
            await self.send(start)
        else:
            self.start = start

    async def _send_whole(self, start: Message, compressor: Compressor, message: Message) -> None:
        body = compressor.put(message.get("body", b"")) + compressor.end()
        headers = [*start["headers"], (b"content-length", str(len(body)).encode())]
        await self.send({**start, "headers": headers})
        await self.send({**message, "body": body})

    async def _send_part(self, compressor: Compressor, message: Message) -> None:
        if self.start is not None:
            begun, self.start = self.start, None
            await self.send(begun)
        part: bytes = message.get("body", b"")
        body = compressor.put(part)
        self.unflushed_bytes += len(part)
        if not message.get("more_body", False):
            body += compressor.end()
        elif self.unflushed_bytes >= self.flush_bytes:
            body += compressor.flush()
            self.unflushed_bytes = 0
        elif not body:
            return
        await self.send({**message, "body": body})
