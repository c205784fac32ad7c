"""The alarms of a span that a person judged true or false."""

from collections.abc import Sequence

from model.alarm import severity_label
from model.handling import JudgedAlarm
from model.instant import to_datetime, to_milliseconds
from store.conditions import Conditions
from store.pool import Connection, Pool


async def judged_alarms(
    connection: Connection | Pool, areas: Sequence[str], start: int, end: int, rows_max: int
) -> list[JudgedAlarm]:
    """Return those raised at start <= time < end (epoch milliseconds) within the areas, the newest first.

    Alarms of exercises are left out.
    """
    conditions = Conditions()
    conditions.within("a.city", areas, "a.district")
    conditions.add("a.raised_at >= ?", to_datetime(start))
    conditions.add("a.raised_at < ?", to_datetime(end))
    conditions.add("a.judgement in ('true', 'false') and a.mode <> 'exercise'")
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        "select a.alarm, a.rule, a.sensor, a.raised_at, a.class, a.peak_severity, a.judgement,"
        " (select j.time from journal j where j.alarm = a.alarm and j.line::jsonb ->> 'condition' = 'normal'"
        " order by j.sequence limit 1) as ended_at"
        f" from alarm a where {conditions} order by a.raised_at desc, a.alarm limit {limit}",
        *conditions.values,
    )
    return [
        JudgedAlarm(
            alarm=row["alarm"],
            rule=row["rule"],
            sensor=row["sensor"],
            raised=to_milliseconds(row["raised_at"]),
            ended=None if row["ended_at"] is None else to_milliseconds(row["ended_at"]),
            peak_severity=severity_label(row["class"], row["peak_severity"]),
            verdict=row["judgement"],
        )
        for row in rows
    ]
