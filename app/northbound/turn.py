"""Work that one process at a time does: under a lock in the database, again and again after whatever ends it."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import aiomqtt

from store.pool import TRANSIENT_ERRORS, Connection, Pool
from store.turns import turn_at

log = logging.getLogger(__name__)

STEADY_S = 60.0  # work that lasted this long resets the pause
_EXPECTED: tuple[type[BaseException], ...] = (aiomqtt.MqttError, *TRANSIENT_ERRORS)


async def keep_at(
    pool: Pool, name: str, stop: asyncio.Event, work: Callable[[Connection], Awaitable[None]], retry_s_max: float
) -> None:
    """Do `work` until `stop` is set, whenever no other process does the work of that name.

    It is given the connection that holds the lock, for itself alone. It begins anew after every error, `retry_s_max`
    later at most.
    """
    loop = asyncio.get_running_loop()
    pause = 0.2
    while not stop.is_set():
        began = loop.time()
        try:
            async with turn_at(pool, name) as connection:
                if connection is not None:
                    await work(connection)
        except _EXPECTED as error:
            log.warning("%s is interrupted and goes on in %.1f s: %s", name, pause, error or type(error).__name__)
        except Exception:
            log.exception("%s failed in an unforeseen way and goes on in %.1f s", name, pause)
        if loop.time() - began > STEADY_S:
            pause = 0.2
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        pause = min(pause * 2, retry_s_max)
