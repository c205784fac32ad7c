"""The answer of an export: bytes as the database gives them, at the pace of the reader, broken off where not whole."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.context import ApiContext, busy
from app.api.hang_up import hung_up
from app.api.problems import Problem
from store.exports import Take
from store.pool import TRANSIENT_ERRORS, Connection

log = logging.getLogger(__name__)
Outcome = Literal["complete", "left", "broken_off", "refused"]
Write: TypeAlias = Callable[[Connection, Take], Awaitable[int]]
"""Hands all bytes of an export on and returns its rows."""


@dataclass(slots=True)
class ExportCounters:
    """What was exported since the start, and how many exports are under way."""

    rows: int = 0
    bytes: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    begun_s: dict[object, float] = field(default_factory=dict)  # of those under way, on the clock that never jumps

    @property
    def in_flight(self) -> int:
        """Exports under way."""
        return len(self.begun_s)

    @property
    def oldest_s(self) -> float:
        """For how long the oldest of them runs, 0 where there is none."""
        return time.monotonic() - min(self.begun_s.values()) if self.begun_s else 0.0


class ExportStream(Response):
    """A response that is written while it is read.

    It is whole where the transfer ends as HTTP says (the last chunk): an export that cannot be finished is broken off,
    which every HTTP client reports as an error, and nothing foreign stands in the data. What fails before the first
    byte is an ordinary problem.
    """

    def __init__(
        self, context: ApiContext, counters: ExportCounters, media_type: str, file_name: str, write: Write
    ) -> None:
        self.status_code = 200
        self.background = None
        self.media_type = media_type
        self.init_headers(
            {
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="{file_name}"',
                "X-Accel-Buffering": "no",
            }
        )
        self.context = context
        self.counters = counters
        self.write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the export; raises Problem 503 where no place is free, 504 where the database takes too long to begin.

        A reader that goes ends the database's work too.
        """
        limits, counters = self.context.limits, self.counters
        if counters.in_flight >= limits.exports_max:
            counters.outcomes["refused"] += 1
            raise Problem(
                503,
                "too-many-exports",
                f"{limits.exports_max} exports are under way, which is the most that is allowed",
                remedy="try again when one of them is done",
                headers={"Retry-After": "30"},
            )
        counters.begun_s[self] = time.monotonic()
        working = asyncio.create_task(self._work(scope, send))
        leaving = asyncio.create_task(hung_up(receive))
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                counters.outcomes["left"] += 1
        finally:
            for task in (working, leaving):
                task.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)
            del counters.begun_s[self]
        if not working.cancelled() and (error := working.exception()) is not None:
            raise error

    async def _work(self, scope: Scope, send: Send) -> None:
        limits, counters, loop = self.context.limits, self.counters, asyncio.get_running_loop()
        began = False
        try:
            async with asyncio.timeout(limits.export_s_max) as whole, asyncio.timeout(None) as step:

                async def take(data: bytes) -> None:
                    # The reader and the database each have their own time for the next piece.
                    nonlocal began
                    step.reschedule(loop.time() + limits.export_send_s_max)
                    if not began:
                        began = True
                        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                    counters.bytes += len(data)
                    step.reschedule(loop.time() + limits.export_piece_s_max)

                step.reschedule(loop.time() + limits.export_piece_s_max)
                async with self.context.pool.acquire(timeout=limits.connection_wait_s_max) as connection:
                    counters.rows += await _at_one_moment(connection, self.write, take)
                await take(b"")
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            counters.outcomes["complete"] += 1
        except TRANSIENT_ERRORS as error:
            counters.outcomes["broken_off"] += 1
            if not began:
                raise _not_begun(error, whole.expired() or step.expired()) from None
            log.warning("an export was broken off: %r", error)
            transport = scope.get("lifeline.transport")
            if transport is not None:
                transport.abort()  # without the last chunk; closing would wait for a reader that does not read
                await send({"type": "http.response.body", "body": b"", "more_body": False})  # to nobody


async def _at_one_moment(connection: Connection, write: Write, take: Take) -> int:
    """Write in a transaction that sees the database as it is now; where it does not end well, the connection goes.

    A copy that is cancelled cannot always be ended in order, and a rollback would wait for it.
    """
    try:
        await connection.execute("begin isolation level repeatable read read only")
        rows = await write(connection, take)
        await connection.execute("commit")
    except BaseException:
        connection.terminate()
        raise
    return rows


def _not_begun(error: BaseException, took_too_long: bool) -> BaseException:
    if not isinstance(error, TimeoutError):
        return error
    if not took_too_long:
        return busy()
    return Problem(
        504,
        "statement-timeout",
        "the database took too long to begin",
        remedy="ask for a shorter span or fewer sensors",
    )
