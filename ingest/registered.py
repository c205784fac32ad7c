"""The pipeline's copy of the registry, and how it notices that the registry has changed."""

import asyncio
import logging

from model.registry import Registry
from store.pool import TRANSIENT_ERRORS, Connection, Pool
from store.sensors import load_registry, registry_version

log = logging.getLogger(__name__)

CHECK_S = 15.0  # how often the listening connection is tried


class RegistryCopy:
    """The registry at one version. `current` is replaced whole, never changed."""

    def __init__(self, pool: Pool) -> None:
        self.current = Registry(0, {}, {})
        self._pool = pool
        self._stale = True

    async def refresh_if_notified(self) -> None:
        """Load the registry where a notification says that it changed. Raises what asyncpg raises."""
        if self._stale:
            self._stale = False  # before loading: a notification that comes meanwhile counts again
            try:
                self.current = await load_registry(self._pool)
            except BaseException:
                self._stale = True
                raise

    async def refresh_if_changed(self) -> bool:
        """Load the registry where its version differs, notified or not; return whether it did."""
        if not self._stale and await registry_version(self._pool) == self.current.version:
            return False
        before = self.current.version
        self._stale = True
        await self.refresh_if_notified()
        return self.current.version != before

    async def follow(self, stop: asyncio.Event) -> None:
        """Listen for changes until `stop`; a lost connection is replaced."""
        while not stop.is_set():
            try:
                async with self._pool.acquire() as connection:
                    await connection.add_listener("registry", self._notified)
                    try:
                        self._stale = True  # what changed before we listened
                        await _hold(connection, stop)
                    finally:
                        if not connection.is_closed():
                            await connection.remove_listener("registry", self._notified)
            except TRANSIENT_ERRORS as error:
                log.warning("not listening for changes of the registry (%s); trying again", error)
            await _wait(stop, 1.0)

    def _notified(self, *_: object) -> None:
        self._stale = True


async def _hold(connection: Connection, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await _wait(stop, CHECK_S)
        if not stop.is_set():
            await connection.execute("select 1")  # notices a connection that died without a word


async def _wait(stop: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await stop.wait()
    except TimeoutError:
        pass
