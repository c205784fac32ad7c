"""Stands before the database, whose socket is a file, and does to connections what networks and crashes do to them."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import parse_qs, urlsplit

from tests.faults.proxy import Proxy


class DatabaseProxy(Proxy):
    """Passes everything on until it is told otherwise, or the database is said to be down."""

    is_down = False

    def go_down(self) -> None:
        """End all connections, and each new one as soon as it comes."""
        self.is_down = True
        self.cut()

    def come_up(self) -> None:
        """Take connections again."""
        self.is_down = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_down:
            writer.transport.abort()
        else:
            await super()._serve(reader, writer)


@asynccontextmanager
async def proxy_to_database(url: str) -> AsyncIterator[DatabaseProxy]:
    """A proxy to the database at that url, with a url of its own."""
    parts = urlsplit(url)
    place = {name: values[0] for name, values in parse_qs(parts.query).items()}
    connect = partial(asyncio.open_unix_connection, f"{place['host']}/.s.PGSQL.{place['port']}")
    proxy = DatabaseProxy(connect, random.Random(0))
    server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy.url = f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}?sslmode=disable"
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
