"""Clients of the feed in a process of their own: plain connections that note when each event came and check its number.

python -m benchmarks.feed_clients '{"port": …, "requests": [[PATH, KEY], …], "count": …, "out": FILE, "resume": false}'

Prints a line when all are connected. Ends at the end of its standard input, or when each has had the event whose number
it reads there, and then writes what was seen. With `resume` a client that is cut off comes again and says what it has.
"""

import asyncio
import contextlib
import json
import re
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import uvloop

from app.open_files import allow_open_files

CONNECTING_MAX = 50  # at one time
TRY_AGAIN_S = 0.5  # after an answer other than 200, or none
CONNECT_S_MAX = 240.0
LATEST_S = 30.0  # after the number of the last event was read
_START = re.compile(rb"id: (\d+)\n\n")
_EVENT = re.compile(rb"id: (\d+)\nevent: transition\ndata: (.*)\n")


@dataclass(slots=True)
class Seen:
    """What all clients of the process saw; times by the clock that all processes share (CLOCK_MONOTONIC)."""

    events: list[int] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    lines: dict[int, bytes] = field(default_factory=dict)  # of each event, as its first client got it
    out_of_order: int = 0  # events that did not follow the one before: holes and repeats
    cut_off: int = 0  # connections that did not end with us
    leaving: bool = False


class Client(asyncio.Protocol):
    """One reader of the feed, on one connection after another."""

    def __init__(self, path: str, key: str, seen: Seen) -> None:
        self.path, self.key, self.seen = path, key, seen
        self.last: int | None = None
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self.transport = cast(asyncio.Transport, transport)
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[bool] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.rest = b""
        headers = f"Host: 127.0.0.1\r\nAuthorization: Bearer {self.key}\r\n"
        if self.last is not None:
            headers += f"Last-Event-ID: {self.last}\r\n"
        self.transport.write(f"GET {self.path} HTTP/1.1\r\n{headers}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Note each event of which all bytes are there."""
        now = time.monotonic()
        data = self.rest + data
        if not self.opened.done() and b"\r\n\r\n" in data:
            self.opened.set_result(data.startswith(b"HTTP/1.1 200 "))
        if self.last is None and (found := _START.search(data)):
            self.last = int(found[1])
        end = 0
        for found in _EVENT.finditer(data):
            event, end = int(found[1]), found.end()
            self.seen.out_of_order += self.last is None or event != self.last + 1
            self.last = event
            self.seen.events.append(event)
            self.seen.times_s.append(now)
            if event not in self.seen.lines:
                self.seen.lines[event] = found[2]
        start = data.rfind(b"id: ", end)
        self.rest = data[start:] if start >= 0 and b"\n\n" not in data[start:] else b""

    def connection_lost(self, _: Exception | None) -> None:
        """Count what did not end with us."""
        if not self.opened.done():
            self.opened.set_result(False)
        elif self.opened.result() and not self.seen.leaving:
            self.seen.cut_off += 1
        self.lost.set_result(None)


async def run(task: dict[str, Any]) -> None:
    """Connect, wait for the end, and write events, times and lines to the file."""
    allow_open_files(task["count"] + 100)
    seen, places = Seen(), asyncio.Semaphore(CONNECTING_MAX)
    clients = [Client(path, key, seen) for path, key in islice(cycle(task["requests"]), task["count"])]
    async with asyncio.timeout(CONNECT_S_MAX):
        await asyncio.gather(*(_connect(client, task["port"], places) for client in clients))
    staying = [asyncio.create_task(_stay(client, task["port"], places)) for client in clients if task.get("resume")]
    sys.stdout.write("connected\n")
    sys.stdout.flush()
    if through := await asyncio.to_thread(sys.stdin.readline):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LATEST_S):
                while any(client.last is None or client.last < int(through) for client in clients):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
    seen.leaving = True
    for staying_on in staying:
        staying_on.cancel()
    for client in clients:
        client.transport.abort()
    np.savez(
        Path(task["out"]),
        events=np.array(seen.events, np.int64),
        times_s=np.array(seen.times_s, np.float64),
        last=np.array([client.last or 0 for client in clients], np.int64),
        told=np.array([seen.out_of_order, seen.cut_off], np.int64),
        numbers=np.array(list(seen.lines), np.int64),
        lines=np.array(list(seen.lines.values()), np.bytes_),
    )


async def _connect(client: Client, port: int, places: asyncio.Semaphore) -> None:
    while True:
        async with places:
            with contextlib.suppress(OSError):
                await asyncio.get_running_loop().create_connection(lambda: client, "127.0.0.1", port)
                if await client.opened:
                    return
                client.transport.abort()
        await asyncio.sleep(TRY_AGAIN_S)


async def _stay(client: Client, port: int, places: asyncio.Semaphore) -> None:
    while True:
        await client.lost
        await _connect(client, port, places)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(json.loads(sys.argv[1])))
