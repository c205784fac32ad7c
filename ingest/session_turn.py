"""Whose the session at the broker is: of several workers with one client id one works, and the others stand by."""

import asyncio
import contextlib
import logging
from contextlib import AsyncExitStack

import asyncpg

from store.pool import TRANSIENT_ERRORS, Connection, Pool
from store.turns import turn_at

log = logging.getLogger(__name__)

ASK_S = 1.0  # between two times that who stands by asks
ANSWER_S_MAX = 5.0


class SessionTaken(Exception):
    """Another worker has the session now."""


class SessionTurn:
    """A lock in the database by client id, held on a connection of its own for as long as the worker works.

    A broker gives a session to whoever connected last: two workers would drive each other out again and again, each
    with its own idea of how far the sensors have come. Where the database cannot be asked, the worker goes on.
    """

    def __init__(self, pool: Pool, client_id: str) -> None:
        self._pool = pool
        self._client_id = client_id
        self._stack = AsyncExitStack()
        self._connection: Connection | None = None

    async def wait(self, stop: asyncio.Event) -> bool:
        """Wait until no other worker has the session, or `stop` is set; return whether another one had it."""
        told = False
        while not stop.is_set() and not await self.is_ours():
            if not told:
                log.warning(
                    "another worker has the session %s; this one stands by. Where both are meant to work, give each a "
                    "LIFELINE_MQTT_CLIENT_ID of its own",
                    self._client_id,
                )
                told = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ASK_S)
        return told

    async def is_ours(self) -> bool:
        """Tell whether the session is ours, and take it where nobody has it."""
        if self._is_held():
            return True
        await self.release()
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                self._connection = await self._stack.enter_async_context(
                    turn_at(self._pool, f"ingest as {self._client_id}")
                )
        except TRANSIENT_ERRORS as error:
            log.warning("whose the session %s is cannot be asked (%s); going on", self._client_id, error)
            return True
        if self._connection is None:
            await self.release()
            return False
        return True

    def _is_held(self) -> bool:
        try:
            return self._connection is not None and not self._connection.is_closed()
        except asyncpg.InterfaceError:  # the pool has taken it back, because the database had gone
            return False

    async def release(self) -> None:
        """Leave the session to others."""
        self._connection = None
        with contextlib.suppress(*TRANSIENT_ERRORS):
            async with asyncio.timeout(ANSWER_S_MAX):
                await self._stack.aclose()
