"""Summaries by minute and hour: what keeps them, and the roll-up of the log where no continuous aggregate does.

Each stored reading is in one batch and never changes, so merging batch after batch into the summaries is exact,
whatever the readings' own times: late data is like all other. Whoever reads the views `reading_minute` and
`reading_hour` gets the batches that are not rolled up yet with them.
"""

from typing import Literal

from store.pool import Connection, Pool

SummaryKind = Literal["continuous aggregates", "own roll-up"]
ROLLED_UP_READINGS_MAX = 200_000

_MERGED = (
    " on conflict (sensor_key, start) do update set minimum = least(s.minimum, excluded.minimum),"
    " total = coalesce(s.total + excluded.total, s.total, excluded.total),"
    " maximum = greatest(s.maximum, excluded.maximum),"
    " last = case when excluded.last_time > s.last_time or s.last_time is null then excluded.last else s.last end,"
    " last_time = greatest(s.last_time, excluded.last_time), usable = s.usable + excluded.usable,"
    " held_back = s.held_back + excluded.held_back"
)
_LAST = {
    True: "last(value, time) filter (where not is_held_back(quality))",
    False: "(array_agg(value order by time desc) filter (where not is_held_back(quality)))[1]",
}


async def summary_kind(connection: Connection | Pool) -> SummaryKind:
    """Return what keeps the summaries in this database."""
    own = await connection.fetchval("select to_regclass('public.summary_cursor') is not null")
    return "own roll-up" if own else "continuous aggregates"


async def roll_up(connection: Connection, readings_max: int = ROLLED_UP_READINGS_MAX) -> int:
    """Merge the next batches, about `readings_max` readings, into the summaries; return how many batches.

    The caller is in a transaction and knows that the summaries are our own roll-up. 0: nothing is left.
    """
    cursor = await connection.fetchval("select batch from summary_cursor for update")
    upto = await connection.fetchrow(
        "select max(sequence) as sequence, count(*) as batches, min(oldest_time) as oldest, max(newest_time) as newest"
        " from (select sequence, oldest_time, newest_time, sum(readings) over (order by sequence) - readings as before"
        " from (select * from batch where sequence > $1 order by sequence limit 20000) as b) as c where before < $2",
        cursor,
        readings_max,
    )
    if upto["sequence"] is None:
        return 0
    if upto["oldest"] is not None:
        timescale = await connection.fetchval("select exists (select from pg_extension where extname = 'timescaledb')")
        await connection.execute(
            _merge(timescale), cursor, upto["sequence"], upto["oldest"], upto["newest"], timeout=300
        )
    await connection.execute("update summary_cursor set batch = $1", upto["sequence"])
    return int(upto["batches"])


def _merge(timescale: bool) -> str:
    # The hours are merged from the minutes of these batches, which are fewer than their readings.
    good, bad = "filter (where not is_held_back(quality))", "filter (where is_held_back(quality))"
    fresh = (
        "select date_bin('1 minute', time, '2000-01-01Z') as start,"
        f" min(value) {good} as minimum, sum(value) {good} as total, max(value) {good} as maximum,"
        f" {_LAST[timescale]} as last, max(time) {good} as last_time, sensor_key,"
        f" count(*) {good} as usable, count(*) {bad} as held_back"
        " from reading where batch > $1 and batch <= $2 and time between $3 and $4 group by sensor_key, 1"
    )
    hours = (
        "select date_bin('1 hour', start, '2000-01-01Z') as start, min(minimum) as minimum, sum(total) as total,"
        " max(maximum) as maximum, (array_agg(last order by last_time desc nulls last))[1] as last,"
        " max(last_time) as last_time, sensor_key, sum(usable) as usable, sum(held_back) as held_back"
        " from fresh group by sensor_key, 1"
    )
    return (
        f"with fresh as materialized ({fresh}), minutes as (insert into summary_minute as s"
        f" select * from fresh order by sensor_key, start{_MERGED})"
        f" insert into summary_hour as s select * from ({hours}) as h order by sensor_key, start{_MERGED}"
    )
