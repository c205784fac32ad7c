"""Answers are compressed as the caller asks for it, whole or streamed, and what must not be compressed is not."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.api.compression import Compression
from tests.api.service import Service, change, journal, serve

ASKED = {
    "zstd before gzip": ("gzip, deflate, br, zstd", "zstd"),
    "gzip": ("gzip", "gzip"),
    "weights": ("zstd;q=0.1, gzip;q=0.8", "gzip"),
    "capitals": ("GZIP", "gzip"),
    "refused": ("gzip;q=0, zstd;q=0", None),
    "plain preferred": ("identity, gzip;q=0.5", None),
    "what we have not": ("br, compress", None),
    "nothing": ("", None),
    "nonsense": ("gzip;q=x;;,,zs td", None),
}


def unpacked(coding: str | None, body: bytes) -> bytes:
    if coding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return gzip.decompress(body) if coding == "gzip" else body


async def raw(client: Any, path: str, **headers: str) -> tuple[dict[str, str], bytes]:
    async with client.stream("GET", path, headers=headers) as answer:
        return dict(answer.headers), b"".join([part async for part in answer.aiter_raw()])


def test_by_accept_encoding(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        path = "/api/v1/sensors"
        _, plain = await raw(client, path, **{"Accept-Encoding": "identity"})
        for case, (accept, coding) in ASKED.items():
            headers, body = await raw(client, path, **{"Accept-Encoding": accept})
            assert headers.get("content-encoding") == coding, case
            assert int(headers["content-length"]) == len(body), case
            assert unpacked(coding, body) == plain, case
            assert coding is None or len(body) < len(plain) / 2, case
        again = await raw(client, path, **{"Accept-Encoding": "zstd"})
        assert (await raw(client, path, **{"Accept-Encoding": "zstd"}))[1] == again[1]  # the same bytes each time

    serve(database_url, scenario)


def test_what_is_not_compressed(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 3)])
        client = await service.client("supervisor")
        accept = {"Accept-Encoding": "gzip, zstd"}
        small, _ = await raw(client, "/healthz", **accept)
        assert "content-encoding" not in small
        long = {"seen_sequence": 1, "comment": "a word " * 280}
        path = "/api/v1/alarms/level.GAS-1.20261122T120000000Z/comment"
        acted = await client.post(path, json=long, headers=accept | {"Idempotency-Key": "one"})
        assert acted.status_code == 200
        assert len(acted.content) > 1_000
        assert "content-encoding" not in acted.headers
        async with client.stream("GET", "/api/v1/alarms/stream", headers=accept) as stream:
            assert "content-encoding" not in stream.headers
            async for line in stream.aiter_lines():
                assert line.startswith("retry:")  # it comes at once, not when a block is full
                break

    serve(database_url, scenario)


FLUSH_BYTES = 10_000


def streamed(
    parts: list[bytes], coding: str, media_type: str = "application/x-ndjson"
) -> tuple[dict[str, str], list[bytes]]:
    """Stream the parts through the middleware; return the headers and what was sent after each of them."""

    async def stream() -> Any:
        for part in parts:
            yield part

    async def export(_: Any) -> StreamingResponse:
        return StreamingResponse(stream(), media_type=media_type)

    return _through(Route("/export", export), coding)


def _through(route: Route, coding: str) -> tuple[dict[str, str], list[bytes]]:
    app = Compression(Starlette(routes=[route]), bytes_min=1_000, flush_bytes=FLUSH_BYTES)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": route.path, "query_string": b"", "headers": [
            (b"accept-encoding", coding.encode())
        ],
    }  # fmt: skip

    async def run() -> None:
        await app(scope, receive, send)

    asyncio.run(run())
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return headers, [message["body"] for message in sent[1:]]


@given(st.lists(st.binary(max_size=20_000), max_size=12), st.sampled_from(["gzip", "zstd"]))
def test_a_stream_comes_out_as_it_went_in(parts: list[bytes], coding: str) -> None:
    headers, sent = streamed(parts, coding)
    assert headers["content-encoding"] == coding
    assert "content-length" not in headers
    assert unpacked(coding, b"".join(sent)) == b"".join(parts)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_no_more_than_the_limit_waits_in_a_stream(coding: str) -> None:
    part = b'{"sensor":"GAS-1","value":1.0}\n' * 100
    parts = [part] * 40
    _, sent = streamed(parts, coding)
    reader: Any = zlib.decompressobj(31) if coding == "gzip" else zstandard.ZstdDecompressor().decompressobj()
    read, flushes = 0, 0
    for body in sent:
        before = read
        read += len(reader.decompress(body))
        assert read - before <= FLUSH_BYTES + len(part)
        flushes += 1
    assert read == len(part) * 40
    assert flushes >= read // (FLUSH_BYTES + len(part))


def test_events_and_pictures_pass_as_they_are() -> None:
    for media_type in ("text/event-stream", "image/png", "application/zip", "application/octet-stream"):
        headers, sent = streamed([b"data: 1\n\n" * 500], "gzip, zstd", media_type)
        assert "content-encoding" not in headers
        assert b"".join(sent) == b"data: 1\n\n" * 500


def test_what_is_packed_already_stays() -> None:
    async def packed(_: Any) -> Response:
        return Response(gzip.compress(b"x" * 9_000, 0), media_type="text/csv", headers={"Content-Encoding": "gzip"})

    headers, sent = _through(Route("/packed", packed), "zstd, gzip")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(b"".join(sent)) == b"x" * 9_000
