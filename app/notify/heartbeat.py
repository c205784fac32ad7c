"""The dead man's switch: an external address hears from Lifeline every minute while it works; silence is the message.

It works while what arrived is evaluated within a limit and the database takes writes. The external service raises the
alarm when it hears nothing: Lifeline itself cannot tell that it is dead.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from app.notify.counters import NotifyCounters
from model.instant import to_datetime
from store.pool import TRANSIENT_ERRORS, Pool

log = logging.getLogger(__name__)

BEHIND_S_MAX = 60.0
ANSWER_S_MAX = 10.0


async def run_heartbeat(
    pool: Pool,
    url: str,
    interval_s: float,
    clock: Callable[[], int],
    is_evaluating: Callable[[], bool],
    counters: NotifyCounters,
    stop: asyncio.Event,
) -> None:
    """Tell the address every `interval_s` seconds until `stop` is set, each time Lifeline works. Never fails.

    `clock` gives epoch milliseconds; `is_evaluating` says whether this process's evaluator has the turn.
    """
    async with httpx.AsyncClient(timeout=ANSWER_S_MAX, follow_redirects=False) as client:
        while not stop.is_set():
            began = asyncio.get_running_loop().time()
            if is_evaluating():
                await beat(pool, url, client, clock(), counters)
            passed = asyncio.get_running_loop().time() - began
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(interval_s - passed, 1.0))


async def beat(pool: Pool, url: str, client: httpx.AsyncClient, now: int, counters: NotifyCounters) -> bool:
    """Tell the address that Lifeline works at `now` (epoch milliseconds), where it does; return whether it heard."""
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            reason = await silent_because(pool, now)
    except TRANSIENT_ERRORS as error:
        reason = f"the database takes no writes: {error}"
    except Exception as error:  # whatever the database refuses, it is no sign of life
        reason = f"the database takes no writes: {type(error).__name__}"
    host = urlsplit(url).hostname
    if reason is not None:
        log.warning("no heartbeat to %s: %s", host, reason)
        return False
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            answer = await client.get(url)
    except Exception as error:  # whatever the URL makes the client say, evaluation goes on
        log.warning("the heartbeat did not reach %s: %s", host, type(error).__name__)
        return False
    if not answer.is_success:
        log.warning("%s did not take the heartbeat: it answered %d", host, answer.status_code)
        return False
    counters.heartbeats += 1
    counters.heartbeat_succeeded_at = now / 1000
    return True


async def silent_because(pool: Pool, now: int) -> str | None:
    """Return why Lifeline does not work at `now` (epoch milliseconds), or None. Writes, to know that it can."""
    behind = await pool.fetchval(
        "with written as (insert into heartbeat (written_at) values ($1) on conflict (one)"
        " do update set written_at = excluded.written_at returning written_at)"
        " select extract(epoch from written_at - clock)::float8 from written, evaluation_cursor",
        to_datetime(now),
    )
    if behind is None:
        return "nothing has been evaluated yet"
    # The log has ticks where no reading comes, so that a log that stands still is seen too.
    return None if behind < BEHIND_S_MAX else f"evaluation is {behind:.0f} s behind"
