"""The alarm journal and the present state that is derived from it, written in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from model.alarm import Alarm, JournalLine, encode_line
from model.instant import parse_instant, to_datetime
from store.pool import Connection, Pool

# Held to the commit, so that the order of events is the order of commits; the chain's trigger (0047) takes it too.
JOURNAL_LOCK = 0x6C69_6665_0003


@dataclass(frozen=True, slots=True)
class Place:
    """Where an alarm belongs: what areas and filters go by."""

    city: str
    system: str
    district: str


@dataclass(frozen=True, slots=True)
class Transition:
    """An occurrence after a transition, the line that tells of it, and its place."""

    alarm: Alarm
    line: JournalLine
    place: Place


async def lock_journal(connection: Connection) -> None:
    """Take the journal's lock for this transaction. Whoever changes alarms takes it before reading them."""
    await connection.execute("select pg_advisory_xact_lock($1)", JOURNAL_LOCK)


async def load_alarms(connection: Connection, alarms: Iterable[str]) -> dict[str, tuple[Alarm, Place]]:
    """Return those of the occurrences that exist, with their places, by id."""
    return await _load(connection, "alarm = any($1::text[])", list(alarms))


async def load_standing(connection: Connection, sensors: Iterable[str]) -> dict[str, tuple[Alarm, Place]]:
    """Return the occurrences of the sensors that are not normal, with their places, by id."""
    return await _load(connection, "sensor = any($1::text[]) and state <> 'normal'", list(sensors))


async def load_conditions_active(connection: Connection | Pool) -> list[Alarm]:
    """Return the occurrences whose condition has not returned, and those that the rules suppress."""
    rows = await connection.fetch(
        "select facts from alarm where state <> 'normal'"
        " and (condition <> 'normal' or facts ->> 'suppressed_by' is not null)"
    )
    return [msgspec.json.decode(row["facts"], type=Alarm) for row in rows]


async def _load(connection: Connection, condition: str, values: list[str]) -> dict[str, tuple[Alarm, Place]]:
    rows = await connection.fetch(
        f"select alarm, facts, city, system, district from alarm where {condition} order by alarm", values
    )
    return {
        row["alarm"]: (
            msgspec.json.decode(row["facts"], type=Alarm),
            Place(row["city"], row["system"], row["district"]),
        )
        for row in rows
    }


async def append_transitions(connection: Connection, transitions: Sequence[Transition]) -> int:
    """Append to the journal, bring the present state up to it and return the newest event.

    The caller holds the journal's lock; transitions of one occurrence follow one another in `transitions`.
    """
    event = int(await connection.fetchval("select coalesce(max(event), 0) from journal"))
    if not transitions:
        return event
    rows = []
    newest: dict[str, tuple[int, Transition, str]] = {}
    for transition in transitions:
        event += 1
        text = encode_line(transition.line)
        place, line = transition.place, transition.line
        time = to_datetime(parse_instant(line.time))
        rows.append((event, line.alarm, line.sequence, time, place.city, place.system, place.district, text))
        newest[line.alarm] = (event, transition, text)
    await _upsert_alarms(connection, newest)
    await connection.copy_records_to_table(
        "journal",
        columns=("event", "alarm", "sequence", "time", "city", "system", "district", "line"),
        records=rows,
    )
    await connection.execute("select pg_notify('journal', $1)", str(event))
    return event


async def _upsert_alarms(connection: Connection, newest: dict[str, tuple[int, Transition, str]]) -> None:
    await connection.executemany(
        "insert into alarm (alarm, rule, kind, sensor, city, system, district, class, state, severity, peak_severity,"
        " priority, condition, mode, sequence, raised_at, changed_at, event, facts, line, known_at, judgement,"
        " handling, assigned_to)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,"
        " $23, $24)"
        " on conflict (alarm) do update set state = excluded.state, severity = excluded.severity,"
        " peak_severity = excluded.peak_severity, priority = excluded.priority, condition = excluded.condition,"
        " mode = excluded.mode, sequence = excluded.sequence, changed_at = excluded.changed_at,"
        " event = excluded.event, facts = excluded.facts, line = excluded.line, known_at = excluded.known_at,"
        " judgement = excluded.judgement, handling = excluded.handling, assigned_to = excluded.assigned_to",
        [
            (
                t.alarm.alarm,
                t.alarm.rule,
                t.alarm.kind,
                t.alarm.sensor,
                t.place.city,
                t.place.system,
                t.place.district,
                t.alarm.alarm_class,
                t.alarm.state,
                t.alarm.severity,
                t.alarm.peak_severity,
                t.alarm.priority,
                t.alarm.condition,
                t.alarm.mode,
                t.alarm.sequence,
                to_datetime(t.alarm.raised),
                to_datetime(t.alarm.changed),
                event,
                msgspec.json.encode(t.alarm).decode(),
                text,
                to_datetime(parse_instant(t.line.known_at)),
                None if t.alarm.judgement is None else t.alarm.judgement.verdict,
                None if t.alarm.handling is None else t.alarm.handling.step,
                None if t.alarm.handling is None else t.alarm.handling.assigned_to,
            )
            for event, t, text in newest.values()
        ],
    )


async def read_journal(pool: Pool, start: int | None, end: int | None) -> list[str]:
    """Return the lines with start <= time < end (epoch milliseconds, None for open), in the journal's order."""
    rows = await pool.fetch(
        "select line from journal where ($1::timestamptz is null or time >= $1) and"
        " ($2::timestamptz is null or time < $2)",
        None if start is None else to_datetime(start),
        None if end is None else to_datetime(end),
        timeout=600,
    )
    decode = msgspec.json.Decoder(JournalOrder).decode
    return sorted((row["line"] for row in rows), key=decode)


class JournalOrder(msgspec.Struct, order=True):
    """The fields of a line by which a journal is sorted, as model.alarm.journal_order has them."""

    time: str
    rule: str
    sensor: str
    sequence: int
    alarm: str
