"""The service's figures as Prometheus text: what each limit is, and beside it how near it is."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from app.api.context import VERSION, ApiContext, context_of
from app.api.envelope import RequestCounters
from app.api.export_stream import ExportCounters
from app.feeds import JournalFeed
from model.instant import to_datetime, to_milliseconds
from store.figures import Waiting, count_waiting
from store.pool import TRANSIENT_ERRORS
from store.status import Progress, read_progress

router = APIRouter(tags=["health"])

NEAR = {
    "behind_s_max": "behind_seconds",
    "connection_wait_s_max": "api_connection_wait_seconds_peak",
    "connections_max": "api_connections_in_use",
    "exports_max": "exports_in_flight",
    "export_s_max": "export_seconds",
    "explanations_max": "explanations",
    "request_bytes_max": "request_bytes_peak",
    "statement_s_max": "statement_seconds_peak",
    "stream_catch_up_clients_max": "stream_catch_up_clients",
    "stream_clients_max": "stream_clients",
    "stream_ring_events_max": "stream_ring_events",
}
"""The limits of the whole process, each with the gauge that shows how near it is."""

PER_REQUEST = {
    "approval_minutes_max", "asset_alarms_max", "asset_sensors_max", "audit_repeat_s", "bump_test_hours_max",
    "compress_bytes_min", "compress_flush_bytes", "delta_batches_max", "delta_events_max", "delta_readings_max",
    "explanation_gap_batches_max", "explanation_periods_max", "explanation_readings_max",
    "export_piece_s_max", "export_send_s_max", "export_span_days_max", "header_bytes_max", "heard_check_s",
    "journal_lines_max", "key_check_s", "maintenance_hours_max", "page_rows_default", "page_rows_max",
    "plan_days_max", "radius_m_max", "readings_rows_max", "review_days_max", "sensorthings_count_rows_max",
    "sensorthings_expand_levels_max", "sensorthings_expand_rows_max", "sensorthings_filter_levels_max",
    "sensorthings_filter_words_max", "sensorthings_skip_rows_max", "shelve_hours_max", "span_days_max",
    "stream_client_bytes_max", "stream_end_s", "stream_heartbeat_s", "stream_page_events_max", "stream_poll_s",
    "stream_resume_hours_max", "stream_retry_ms", "stream_send_s_max", "timeline_readings_max", "timeline_rows_max",
    "timeline_sensors_max", "url_bytes_max",
}  # fmt: skip
"""The limits that hold for one request, stream or client, and periods: told by their name, with nothing beside them."""


_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Prometheus text format",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "lifeline_database_up 1.0\n"}},
    }
}


@router.get("/metrics", response_class=Response, summary="Prometheus text", responses=_ANSWER)
async def metrics(request: Request) -> Response:
    """Return the figures of the API, of the log's progress, and of the other parts of this process."""
    context = context_of(request)
    progress, waiting = await _asked_of_the_database(context)
    state = request.app.state
    found = [
        *_limits(context),
        *_requests(context, state.requests),
        *_exports(state.exports),
        _gauge("explanations", "Explanations being made", state.explanations.in_use),
        *_feed(state.feed),
        *_database(context, progress, waiting),
        *(() if context.metrics is None else context.metrics()),
        *ProcessCollector(registry=None).collect(),
    ]
    return Response(generate_latest(_Found(found)), media_type=CONTENT_TYPE_LATEST)


class _Found:
    """What prometheus_client writes out: metrics that were gathered already."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._found


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"lifeline_{name}", text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"lifeline_{name}", text, value)


def _by_word(name: str, text: str, label: str, counted: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(f"lifeline_{name}", text, labels=[label])
    for word, count in sorted(counted.items()):
        family.add_metric([word], count)
    return family


def _limits(context: ApiContext) -> Iterator[Metric]:
    version = GaugeMetricFamily("lifeline_info", "The version that runs", labels=["version"])
    version.add_metric([VERSION], 1)
    yield version
    named = GaugeMetricFamily("lifeline_api_limit", "Limits of the API by name, the unit in it", labels=["limit"])
    for field in fields(context.limits):
        value = getattr(context.limits, field.name)
        named.add_metric([field.name], value)
        near = NEAR.get(field.name)
        if near is not None:
            yield _gauge(f"{near.removesuffix('_peak')}_max", f"The limit {field.name}", value)
    yield named


def _requests(context: ApiContext, counters: RequestCounters) -> Iterator[Metric]:
    use = context.use
    yield _by_word("http_responses", "Answers by class of status", "class", counters.answers)
    yield _counter("http_response_seconds", "Time until the first byte of answers, in all", counters.seconds)
    yield _gauge("http_requests_in_flight", "Requests being answered, with streams and exports", counters.in_flight)
    yield _gauge("request_bytes_peak", "The largest body of the last five minutes", counters.request_bytes.value)
    yield _gauge("api_connections_in_use", "Database connections that requests hold", use.in_use)
    yield _gauge("api_connection_wait_seconds_peak", "The longest wait for one, last five minutes", use.waits.value)
    yield _gauge("statement_seconds_peak", "The longest use of one, last five minutes", use.holds.value)
    yield _counter("api_busy", "Requests refused because no connection was free in time", use.refused)
    yield _counter("statement_timeouts", "Requests whose statements took too long", use.timed_out)
    pool = context.pool
    yield _gauge("database_connections", "Connections of the API's pool that are open", pool.get_size())
    yield _gauge("database_connections_idle", "Connections of the API's pool that nobody uses", pool.get_idle_size())
    yield _gauge("database_connections_max", "The limit LIFELINE_API_CONNECTIONS_MAX", pool.get_max_size())


def _exports(counters: ExportCounters) -> Iterator[Metric]:
    yield _gauge("exports_in_flight", "Exports under way", counters.in_flight)
    yield _gauge("export_seconds", "For how long the oldest of them runs", counters.oldest_s)
    yield _by_word("exports", "Exports by how they ended", "outcome", counters.outcomes)
    yield _counter("export_rows", "Rows of exports that came to their end", counters.rows)
    yield _counter("export_bytes", "Bytes of exports, before compression", counters.bytes)


def _feed(feed: JournalFeed) -> Iterator[Metric]:
    counters = feed.counters
    yield _gauge("stream_clients", "Open streams", len(feed.clients))
    yield _gauge("stream_ring_events", "Events in memory, from which streams are served", feed.ring_events)
    yield _gauge("stream_catch_up_clients", "Streams that read the database for older ones", feed.catching_up)
    yield _gauge("stream_newest_event", "The newest event of the feed", feed.newest)
    yield _gauge("stream_listening", "Whether the feed follows the journal", feed.listening)
    yield _counter("stream_clients_opened", "Streams opened", counters.clients_opened)
    yield _counter("stream_events_sent", "Events sent to streams", counters.events_sent)
    yield _counter("stream_evictions", "Streams ended because nothing was taken from them", counters.evictions)
    yield _counter("stream_reconnections", "How often the feed lost the database", counters.reconnections)


def _database(context: ApiContext, progress: Progress | None, waiting: Waiting | None) -> Iterator[Metric]:
    yield _gauge("database_up", "Whether the database answers", progress is not None)
    if progress is not None:
        yield _gauge("batch_newest", "The newest batch of the log", progress.newest_batch)
        yield _gauge("batch_evaluated", "The newest batch that is evaluated", progress.evaluated_batch)
        now = context.clock()
        clocks = [moment for moment in (progress.newest_clock, progress.evaluated_clock) if moment is not None]
        ages = [max(0, now - to_milliseconds(moment)) / 1000 for moment in clocks]
        if progress.newest_clock is not None:
            yield _gauge("batch_age_seconds", "Since the newest batch", ages[0])
        yield _gauge("behind_seconds", "How far ingest or evaluation is behind", max(ages, default=0.0))
    if waiting is not None:
        yield _gauge("rejections_open", "Quarantined messages that wait for a person", waiting.rejections_open)
        yield _gauge("approvals_requested", "Requests that wait for a second person", waiting.approvals_requested)
        yield _gauge("sign_ins_blocked", "Names and addresses that must wait to log in", waiting.sign_ins_blocked)
        yield _gauge("sessions", "Sessions that have not ended", waiting.sessions)
        yield _gauge("audit_sequence", "The newest row of the audit; it never falls", waiting.audit_sequence)


async def _asked_of_the_database(context: ApiContext) -> tuple[Progress | None, Waiting | None]:
    try:
        async with asyncio.timeout(context.limits.connection_wait_s_max):
            return await read_progress(context.pool), await count_waiting(context.pool, to_datetime(context.clock()))
    except TRANSIENT_ERRORS:
        return None, None
