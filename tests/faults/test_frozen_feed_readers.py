"""Readers of the feed that take nothing, or little: let go in time or served slowly, and nobody else notices."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.api.service import NOON, Service, change, events, journal, serve, until
from tests.faults.seeds import lasting

EVICTED_S = 30.0  # goal of the catalogue
WAIT_S_MAX = 60.0
BATCHES = 8


async def _plain_reader(service: Service, authorization: str, version: str = "1.1") -> socket.socket:
    """A client on a connection of its own, which takes what it wants when it wants."""
    host, port = service.address.removeprefix("http://").split(":")
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    reader.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(reader, (host, int(port)))
    request = f"GET /api/v1/alarms/stream HTTP/{version}\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n"
    await loop.sock_sendall(reader, request.encode())
    await until(lambda: bool(service.app.state.feed.clients), WAIT_S_MAX)
    return reader


async def _flood(service: Service) -> None:
    """A hundred long lines a batch, some 0.2 MB: more in all than kernel and transport hold for a client."""
    for batch in range(BATCHES):
        raised = [NOON + (batch * 100 + n) * 1_000 for n in range(100)]
        await journal(service.pool, [change("GAS-1", 0, 4, r, raised=r, reason="x" * 2_000) for r in raised])


def test_case_36_a_frozen_reader_is_evicted_and_the_others_miss_nothing(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        frozen = await _plain_reader(service, client.headers["authorization"])
        feed, loop = service.app.state.feed, asyncio.get_running_loop()
        (held,) = feed.clients

        async def evicted_after_s() -> float:
            """How long after the first byte that it did not take."""
            await until(lambda: held.outlet.waiting_bytes > 0, WAIT_S_MAX)
            began = loop.time()
            await until(lambda: feed.counters.evictions == 1, WAIT_S_MAX)
            return loop.time() - began

        opened = asyncio.Event()
        reading = asyncio.create_task(events(client, count=100 * BATCHES, opened=opened))
        await opened.wait()
        evicting = asyncio.create_task(evicted_after_s())
        await _flood(service)
        assert held.outlet.waiting_bytes < 2 * service.context.limits.stream_client_bytes_max
        assert len(await asyncio.wait_for(reading, WAIT_S_MAX)) == 100 * BATCHES
        took_s = await evicting
        await until(lambda: not feed.clients, WAIT_S_MAX)
        assert feed.counters.evictions == 1
        await client.aclose()
        # Hung up on, although it never read what was under way to it.
        await until(lambda: not service.server.server_state.connections, WAIT_S_MAX)
        frozen.close()
        limit_s = service.context.limits.stream_send_s_max
        print(f"evicted after {took_s:.1f} s without taking anything; the limit is {limit_s:g} s")
        assert took_s < 10 * EVICTED_S

    with caplog.at_level("INFO", "app.api.stream"):
        serve(database_url, scenario, stream_send_s_max=lasting(1.0, 20.0), stream_end_s=0.1)
    assert "nothing was taken for too long" in caplog.text


def test_case_36_an_evicted_reader_that_wakes_up_reads_why(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        frozen = await _plain_reader(service, client.headers["authorization"])
        await _flood(service)
        counters = service.app.state.feed.counters
        await until(lambda: counters.evictions == 1, WAIT_S_MAX)
        loop, text = asyncio.get_running_loop(), b""
        while b"event: end\n" not in text:
            part = await asyncio.wait_for(loop.sock_recv(frozen, 2**16), WAIT_S_MAX)
            assert part, "hung up on without a word"
            text += part
        assert b'event: end\ndata: {"reason":"nothing was taken for too long"}' in text
        frozen.close()

    serve(database_url, scenario, stream_send_s_max=1.0, stream_end_s=60.0)


def test_case_36_a_slow_reader_misses_nothing(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        slow = await _plain_reader(service, client.headers["authorization"], version="1.0")
        (held,) = service.app.state.feed.clients
        flooding = asyncio.create_task(_flood(service))
        # It reads only once something waits for it here: then it is slow on any machine.
        await until(lambda: held.outlet.waiting_bytes > 0, WAIT_S_MAX)
        found, loop = bytearray(), asyncio.get_running_loop()
        most = held.outlet.waiting_bytes
        while found.count(b"event: transition\n") < 800:
            found += await asyncio.wait_for(loop.sock_recv(slow, 2**16), WAIT_S_MAX)
            most = max(most, held.outlet.waiting_bytes)
            await asyncio.sleep(0.001)
        await flooding
        head, _, body = bytes(found).partition(b"\r\n\r\n")
        assert b"chunked" not in head.lower()  # an old proxy between asks by HTTP/1.0
        numbers = [int(line[4:]) for line in body.split(b"\n") if line.startswith(b"id: ")]
        assert numbers == list(range(801))  # the first tells where it starts
        assert 0 < most < 2 * service.context.limits.stream_client_bytes_max
        slow.close()

    serve(database_url, scenario, stream_client_bytes_max=16_384)
