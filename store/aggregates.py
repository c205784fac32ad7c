"""Continuous aggregates (Community edition): what they hold stays when the readings under it are deleted.

A refresh brings a bucket to what the readings say, and where they were deleted it deletes the bucket: dropped chunks
and deleted rows count as changes (TimescaleDB's documentation, "Data retention with continuous aggregates"). So what is
to be deleted is taken in first, and from then on no refresh reaches behind it.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from store.pool import Connection, Pool

_REFRESH_S_MAX = 3_600.0
_HOUR = timedelta(hours=1)
_LEEWAY = timedelta(hours=6)  # the jobs begin at most so much later than they might, so that they are moved seldom
_VIEWS = ("reading_minute", "reading_hour")
_JOBS = (
    # Older versions name the table under the view here, newer ones the view.
    " from timescaledb_information.jobs j join timescaledb_information.continuous_aggregates a"
    " on j.hypertable_name in (a.view_name, a.materialization_hypertable_name)"
    " where j.proc_name = 'policy_refresh_continuous_aggregate' and a.view_name = any($1::text[])"
)


class Refresh(NamedTuple):
    """The job that refreshes a view: whether it is scheduled, how it last ended, and when it last succeeded."""

    view: str
    scheduled: bool
    last_status: str | None
    last_success_at: datetime | None


async def read_refreshes(connection: Connection | Pool) -> list[Refresh]:
    """Return the jobs that refresh the summaries."""
    rows = await connection.fetch(
        "select a.view_name, j.scheduled, s.last_run_status,"
        " case when isfinite(s.last_successful_finish) then s.last_successful_finish end"
        f"{_JOBS.replace(' where ', ' left join timescaledb_information.job_stats s using (job_id) where ')}"
        " order by a.view_name",
        list(_VIEWS),
    )
    return [Refresh(*row) for row in rows]


async def take_in(connection: Connection, before: datetime) -> None:
    """Bring the summaries of readings before a time up to date, and let no later refresh reach behind it.

    For readings that are about to be deleted. Must not be called in a transaction.
    """
    end = (before.astimezone(UTC) + _HOUR).replace(minute=0, second=0, microsecond=0)
    upto = end + _LEEWAY + 2 * _HOUR  # beyond where the jobs begin, so that no hole is left between
    since = await connection.fetchval("select since from summary_refresh")
    if since is None or end - since >= _HOUR:
        for view in _VIEWS:
            start = "null" if since is None else f"timestamptz '{since.isoformat()}'"
            await connection.execute(
                f"call refresh_continuous_aggregate('{view}', {start}, timestamptz '{upto.isoformat()}')",
                timeout=_REFRESH_S_MAX,
            )
        await connection.execute("update summary_refresh set since = greatest(since, $1)", end)
    await spare_deleted(connection)


async def spare_deleted(connection: Connection) -> None:
    """Let the jobs that refresh begin an hour or more after what was deleted; they reckon from the database's clock."""
    wanted = await connection.fetchval("select now() - since - interval '1 hour' from summary_refresh")
    if wanted is None:
        return
    rows = await connection.fetch(f"select j.job_id, (j.config ->> 'start_offset')::interval{_JOBS}", list(_VIEWS))
    for job, offset in rows:
        if offset is None or not wanted - _LEEWAY <= offset <= wanted:
            await connection.execute(
                "select alter_job(job_id, config => jsonb_set(config, '{start_offset}', to_jsonb($2::interval::text)))"
                " from timescaledb_information.jobs where job_id = $1",
                job,
                wanted - _HOUR,  # so that it need not be moved at each look
            )
