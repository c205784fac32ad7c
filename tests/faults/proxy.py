"""Stands between worker and broker and can keep from the broker what the worker sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ingest.settings import BrokerAddress, broker_address

HOLD_S_MAX = 30.0


class Proxy:
    """Passes everything on, until it is told to hold back what goes to the broker."""

    def __init__(self, broker: BrokerAddress) -> None:
        self.url = ""
        self._broker = broker
        self._passes = asyncio.Event()
        self._has_held = asyncio.Event()
        self._passes.set()

    async def hold(self) -> None:
        """Let nothing reach the broker from now on; return when there was something that did not."""
        self._has_held.clear()
        self._passes.clear()
        await asyncio.wait_for(self._has_held.wait(), HOLD_S_MAX)

    def release(self) -> None:
        """Pass everything on again; what was held back is lost."""
        self._passes.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_broker = await asyncio.open_connection(self._broker.host, self._broker.port)
        await asyncio.gather(
            self._pass_on(reader, to_broker[1], is_upward=True), self._pass_on(to_broker[0], writer, is_upward=False)
        )

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_upward: bool) -> None:
        try:
            while data := await reader.read(65_536):
                if is_upward and not self._passes.is_set():
                    self._has_held.set()
                else:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[Proxy]:
    """A proxy to the broker at that url, with a url of its own."""
    proxy = Proxy(broker_address(url))
    server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
    proxy.url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
