"""Stands before a broker and does to connections what networks do to them."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from ingest.settings import broker_address

Connect: TypeAlias = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]

HOLD_S_MAX = 60.0
CRAWL_BYTES_S = 1_000
SLICE_BYTES = 100
ANSWER_S_MAX = 1.0


@dataclass(eq=False)
class Link:
    """A client's connection and the one to the broker behind it.

    `is_open` is cleared where nothing passes any more and neither end hears of it. `kept` takes what the client sends
    where others are to overtake it.
    """

    client: asyncio.StreamWriter
    broker: asyncio.StreamWriter
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    kept: bytearray | None = None
    passed: int = 0  # portions of what the client sent


class Proxy:
    """Passes everything on until it is told otherwise; every change holds for the connections that there are then.

    How long each portion lags is drawn from `instants`.
    """

    def __init__(self, connect: Connect, instants: random.Random) -> None:
        self.url = ""
        self.bytes_s_max: float | None = None  # of each connection, each way
        self.latency_s_max = 0.0  # of each portion
        self._connect = connect  # to what it stands before
        self._instants = instants
        self._links: set[Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._has_held = asyncio.Event()
        self._keeps_next = False
        self._overtaken: asyncio.Event | None = None

    async def hold(self) -> None:
        """Let nothing reach the broker from now on; return when there was something that did not."""
        self._has_held.clear()
        self._passes.clear()
        await asyncio.wait_for(self._has_held.wait(), HOLD_S_MAX)

    def release(self) -> None:
        """Pass everything on again; what was held back is lost."""
        self._passes.set()

    def cut(self) -> None:
        """End all connections, towards both ends and without a word; those that are half open too."""
        for link in self._links:
            link.is_open.set()
            link.client.transport.abort()
            link.broker.transport.abort()

    def fall_silent(self) -> None:
        """Leave all connections half open: nothing passes any more, and no end is told."""
        for link in self._links:
            link.is_open.clear()

    async def crawl(self, lasting_s: float) -> None:
        """Pass on 1 kB a second for so long."""
        self.bytes_s_max = CRAWL_BYTES_S
        await asyncio.sleep(lasting_s)
        self.bytes_s_max = None

    async def lag(self, lasting_s: float, latency_s_max: float = 0.2) -> None:
        """Let each portion wait for a while, for so long."""
        self.latency_s_max = latency_s_max
        await asyncio.sleep(lasting_s)
        self.latency_s_max = 0.0

    async def reorder(self) -> None:
        """Let what the present connections and the next one send reach the broker after what a third one sent.

        Their clients find them ended as soon as something of theirs is on its way: data on the present ones, CONNECT on
        the next. Returns when a later connection has overtaken them.
        """
        self._overtaken = overtaken = asyncio.Event()
        for link in self._links:
            link.kept = bytearray()
        self._keeps_next = True
        await asyncio.wait_for(overtaken.wait(), HOLD_S_MAX)
        self._overtaken = None

    async def end(self) -> None:
        """End all connections and what serves them."""
        self.cut()
        if self._serving:
            await asyncio.wait(self._serving, timeout=ANSWER_S_MAX)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._keeps_next and self._overtaken is not None:
            self._keeps_next = False
            await self._pass_late(reader, writer, self._overtaken)
            return
        from_broker, to_broker = await self._connect()
        link = Link(writer, to_broker)
        link.is_open.set()
        self._links.add(link)
        try:
            await asyncio.gather(self._pass_up(link, reader), self._pass_down(link, from_broker))
        finally:
            self._links.discard(link)

    async def _pass_up(self, link: Link, reader: asyncio.StreamReader) -> None:
        overtaken = self._overtaken
        try:
            while data := await reader.read(65_536):
                await link.is_open.wait()
                if link.kept is not None:
                    overtaken = self._overtaken
                    link.kept += data
                    link.client.transport.abort()
                elif self._passes.is_set():
                    await self._write(link.broker, data)
                    link.passed += 1
                    if self._overtaken is not None and link.passed > 1:
                        self._overtaken.set()
                else:
                    self._has_held.set()
            if link.kept and overtaken is not None:
                await overtaken.wait()
                link.answered.clear()
                link.broker.write(bytes(link.kept))
                await asyncio.wait_for(link.answered.wait(), ANSWER_S_MAX)  # so that it reads what comes so late
        except (OSError, TimeoutError):
            pass
        finally:
            link.broker.close()

    async def _pass_down(self, link: Link, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(65_536):
                await link.is_open.wait()
                if link.kept is None:
                    await self._write(link.client, data)
                else:
                    link.answered.set()
        except OSError:
            pass
        finally:
            link.answered.set()
            link.client.close()

    async def _pass_late(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, overtaken: asyncio.Event
    ) -> None:
        """Let a connection reach the broker after the one that follows it; its client finds it ended meanwhile."""
        sent = await reader.read(65_536)
        writer.transport.abort()
        await overtaken.wait()
        from_broker, to_broker = await self._connect()
        try:
            to_broker.write(sent)
            await asyncio.wait_for(from_broker.read(1), ANSWER_S_MAX)
        except (OSError, TimeoutError):
            pass
        finally:
            to_broker.close()

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if self.latency_s_max:
            await asyncio.sleep(self._instants.uniform(0, self.latency_s_max))
        while data:
            part = data[:SLICE_BYTES] if self.bytes_s_max else data
            data = data[len(part) :]
            writer.write(part)
            await writer.drain()
            if self.bytes_s_max:
                await asyncio.sleep(len(part) / self.bytes_s_max)


@asynccontextmanager
async def proxy_to(url: str, instants: random.Random | None = None) -> AsyncIterator[Proxy]:
    """A proxy to the broker at that url, with a url of its own."""
    address = broker_address(url)
    proxy = Proxy(partial(asyncio.open_connection, address.host, address.port), instants or random.Random(0))
    server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
    proxy.url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
