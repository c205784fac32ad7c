"""What the API is given when it is made: database, clock, limits, and the word of the other parts."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Self

from fastapi import Request
from prometheus_client.metrics_core import Metric

from alerts.recovery import EvaluatorLimits
from app.api.peak import Peak
from app.api.problems import Problem
from app.sign_in.limits import SignIn
from store.pool import Connection, Pool

VERSION = "0.1.0"
CONSOLE = Path(str(resources.files("app") / "static" / "console"))  # where `make setup` and the wheel put it


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLimits:
    """The API's limits; defaults suit one city of 12,000 sensors on 2 cores."""

    page_rows_max: int = 1_000
    page_rows_default: int = 100
    journal_lines_max: int = 10_000
    readings_rows_max: int = 10_000
    span_days_max: int = 400
    radius_m_max: float = 100_000.0
    statement_s_max: float = 10.0
    connection_wait_s_max: float = 2.0
    connections_max: int = 4  # of the pool, for requests at one time: ingest and evaluator have the rest
    request_bytes_max: int = 65_536
    url_bytes_max: int = 8_192
    header_bytes_max: int = 16_384
    compress_bytes_min: int = 1_000  # a smaller answer fits a packet as it is
    compress_flush_bytes: int = 65_536  # of a streamed answer that is compressed, at most so much waits
    delta_events_max: int = 20_000  # of the journal, since a cursor; beyond it the list is fetched anew
    delta_batches_max: int = 100_000
    delta_readings_max: int = 200_000
    timeline_rows_max: int = 2_000
    timeline_sensors_max: int = 24  # whose readings are looked at
    timeline_readings_max: int = 5_000  # of each of them
    asset_sensors_max: int = 200  # shown of one asset
    asset_alarms_max: int = 200
    stream_clients_max: int = 10_000
    stream_client_bytes_max: int = 65_536  # that wait for one client; beyond it, it reads for itself as it takes them
    stream_resume_hours_max: float = 48.0  # a client that was away for longer starts anew
    stream_ring_events_max: int = 5_000
    stream_page_events_max: int = 500
    stream_catch_up_clients_max: int = 2  # clients that read the database at one time because the ring is past them
    stream_heartbeat_s: float = 15.0
    stream_send_s_max: float = 20.0  # a client that takes nothing for so long is evicted
    stream_end_s: float = 1.0  # an evicted client may still read why
    stream_poll_s: float = 2.0  # the feed asks the database this often, should a notification be lost
    stream_retry_ms: int = 2_000
    exports_max: int = 2  # at one time, each on a connection of its own beside connections_max
    export_span_days_max: int = 31
    export_s_max: float = 1_800.0  # in all
    export_piece_s_max: float = 30.0  # until the database has the next piece
    export_send_s_max: float = 30.0  # until the reader has taken it
    audit_repeat_s: float = 60.0  # the same denial, or read of a network, is recorded once in so long
    key_check_s: float = 10.0  # a stream ends at most so long after its key was revoked
    heard_check_s: float = 15.0  # how often `never_heard` is looked up anew
    shelve_hours_max: float = 8.0  # an operator's shift
    bump_test_hours_max: float = 1.0
    maintenance_hours_max: float = 24.0
    plan_days_max: int = 90  # ahead, for work on a sensor
    review_days_max: int = 90  # until what is out of service is looked at again
    approval_minutes_max: int = 30  # a request for a second person is void after so long
    sensorthings_skip_rows_max: int = 100_000
    sensorthings_count_rows_max: int = 1_000_000
    sensorthings_expand_levels_max: int = 3
    sensorthings_expand_rows_max: int = 10_000  # of one $expand, over all entities that it stands in
    sensorthings_filter_words_max: int = 300
    sensorthings_filter_levels_max: int = 20  # of brackets
    explanations_max: int = 2  # made at one time
    explanation_readings_max: int = 200_000  # of all sensors of concern, the newest
    explanation_periods_max: int = 20  # of other rules or sensors, the newest
    explanation_gap_batches_max: int = 200_000  # looked through for times in which nobody listened
    behind_s_max: float = 60.0  # evaluation or ingest further behind than this is shown as behind


@dataclass(slots=True)
class ConnectionUse:
    """How requests use the database: connections held now, and totals since the start; peaks in seconds."""

    in_use: int = 0
    refused: int = 0
    timed_out: int = 0
    waits: Peak = field(default_factory=Peak)
    holds: Peak = field(default_factory=Peak)


@dataclass(kw_only=True)
class ApiContext:
    """What the API works with. `clock` gives epoch milliseconds; nothing else here reads a clock of the day.

    `gcj02_display` lets callers ask for GeoJSON in GCJ-02. `console` is the folder of the console's built files, which
    may be missing. `evaluator` are the limits by which alarms are judged. `readiness` gives the reasons why the service
    is not ready, `metrics` those of the other parts.
    Setting `stop` ends the open streams; do so before the server is asked to stop, because it waits for them.
    """

    pool: Pool
    clock: Callable[[], int]
    limits: ApiLimits = field(default_factory=ApiLimits)
    gcj02_display: bool = False
    console: Path = CONSOLE
    readiness: Callable[[], list[str]] = lambda: []
    metrics: Callable[[], Iterable[Metric]] | None = None
    evaluator: EvaluatorLimits = field(default_factory=EvaluatorLimits)
    sign_in: SignIn = field(default_factory=SignIn)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    use: ConnectionUse = field(default_factory=ConnectionUse)
    _places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.limits.connections_max)

    @classmethod
    def without_services(cls) -> Self:
        """Return a context that is good for the OpenAPI document alone."""
        return cls(pool=None, clock=lambda: 0)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Give a connection for a bounded time.

        Raises Problem 503 where none is free in time, 504 where the statements take too long.
        """
        async with self._place():
            began = time.monotonic()
            try:
                async with asyncio.timeout(self.limits.statement_s_max) as timer:
                    async with self.pool.acquire(timeout=self.limits.connection_wait_s_max) as connection:
                        yield connection
            except TimeoutError:
                if timer.expired():
                    self.use.timed_out += 1
                    raise Problem(
                        504,
                        "statement-timeout",
                        f"the database took longer than {self.limits.statement_s_max:g} s",
                        remedy="ask for less: a shorter span, a longer bucket, more filters or a smaller page",
                    ) from None
                self.use.refused += 1
                raise busy() from None
            finally:
                self.use.holds.note(time.monotonic() - began)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.limits.connection_wait_s_max):
                await self._places.acquire()
        except TimeoutError:
            self.use.refused += 1
            raise busy() from None
        finally:
            self.use.waits.note(time.monotonic() - began)
        self.use.in_use += 1
        try:
            yield
        finally:
            self.use.in_use -= 1
            self._places.release()


def context_of(request: Request) -> ApiContext:
    """Return the context that the application was made with."""
    context: ApiContext = request.app.state.context
    return context


def own_address(request: Request) -> str:
    """Return where callers reach this service: as LIFELINE_PUBLIC_URL says, else as their own Host header does."""
    return (context_of(request).sign_in.public_url or str(request.base_url)).rstrip("/")


def busy() -> Problem:
    """Return the problem for a moment in which no connection is free."""
    return Problem(
        503,
        "busy",
        "all database connections of the API are taken",
        remedy="try again in a few seconds",
        headers={"Retry-After": "2"},
    )
