"""The two forms of the client asked alike, so that one test holds for both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Any

from lifeline_client import AsyncClient, Client

FORMS = (Client, AsyncClient)
AnyClient = Client | AsyncClient


async def asked(client: AnyClient, call: Callable[[Any], Any]) -> Any:
    """What a call gives: the answer, or all that is iterated over."""
    if isinstance(client, Client):
        return await asyncio.to_thread(lambda: _all(call(client)))
    found = call(client)
    return [one async for one in found] if isinstance(found, AsyncIterator) else await found


def _all(found: Any) -> Any:
    return list(found) if isinstance(found, Iterator) else found


async def first(client: AnyClient, count: int, call: Callable[[Any], Any]) -> list[Any]:
    """The first so many of what is iterated over."""
    if isinstance(client, Client):
        return await asyncio.to_thread(lambda: _first(count, call(client)))
    found = []
    async for one in call(client):
        found.append(one)
        if len(found) == count:
            break
    return found


def _first(count: int, iterator: Iterator[Any]) -> list[Any]:
    return list(islice(iterator, count))


async def close(client: AnyClient) -> None:
    if isinstance(client, Client):
        client.close()
    else:
        await client.close()
