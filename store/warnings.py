"""Warnings, their steps, and the CAP messages that were sent, read within a caller's areas."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from model.instant import to_datetime
from model.warning import Content, Warned, WarningState
from store.conditions import Conditions
from store.pool import Connection, Pool

WARNING_LOCK = 0x6C69_6665_0033  # whoever drafts a warning holds it to the commit, so that numbers have no doubles
ENDS = (WarningState.REJECTED, WarningState.WITHDRAWN, WarningState.CANCELLED, WarningState.EXPIRED)


class StepRow(NamedTuple):
    """Something that was done to a warning; `identifier` of the message that was sent with it."""

    warning: str
    version: int
    acted_at: datetime
    act: str
    actor: str
    state: str
    comment: str | None
    identifier: str | None


class SentMessage(NamedTuple):
    """A CAP message as it was sent."""

    identifier: str
    warning: str
    message_type: str
    scope: str
    city: str
    mode: str
    alarm: str | None
    sent_at: datetime
    content: Content
    document: str


_STEP = ", ".join(StepRow._fields)
_MESSAGE = ", ".join(SentMessage._fields)


async def lock_drafting(connection: Connection) -> None:
    """Take the lock of those who draft, for this transaction."""
    await connection.execute("select pg_advisory_xact_lock($1)", WARNING_LOCK)


async def next_warning(connection: Connection, city: str, day: str) -> str:
    """Return the id of the city's next warning on a day (YYYYMMDD). The caller holds the lock."""
    prefix = f"{city}-{day}-"
    drafted = await connection.fetchval(
        "select count(*) from warning where city = $1 and starts_with(warning, $2)", city, prefix
    )
    return f"{prefix}{drafted + 1}"


async def standing_warning(
    connection: Connection, alarm: str, incident: str | None, scope: str, now: int
) -> str | None:
    """Return the warning of an alarm or incident in a scope that stands at `now` (epoch milliseconds), if any."""
    found: str | None = await connection.fetchval(
        "select warning from warning where (alarm = $1 or incident = $5) and scope = $2 and state <> all($3::text[])"
        " and (expires_at is null or expires_at > $4) limit 1",
        alarm,
        scope,
        list(ENDS),
        to_datetime(now),
        incident,
    )
    return found


async def insert_warning(connection: Connection, warned: Warned) -> None:
    """Keep a new warning."""
    await connection.execute(
        "insert into warning (warning, city, mode, alarm, incident, scope, state, version, changed_at, expires_at,"
        " facts) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        warned.warning,
        warned.city,
        warned.mode,
        warned.alarm,
        warned.incident,
        warned.scope,
        warned.state,
        warned.version,
        to_datetime(warned.changed),
        None if warned.expires is None else to_datetime(warned.expires),
        msgspec.json.encode(warned).decode(),
    )


async def update_warning(connection: Connection, warned: Warned) -> None:
    """Keep a warning as it stands now. The caller has locked it."""
    await connection.execute(
        "update warning set state = $2, version = $3, changed_at = $4, expires_at = $5, facts = $6 where warning = $1",
        warned.warning,
        warned.state,
        warned.version,
        to_datetime(warned.changed),
        None if warned.expires is None else to_datetime(warned.expires),
        msgspec.json.encode(warned).decode(),
    )


async def find_warning(
    connection: Connection | Pool, warning: str, areas: Sequence[str], *, lock: bool = False
) -> Warned | None:
    """Return a warning, with `lock` held to the end of the transaction; None where there is none within the areas."""
    conditions = Conditions()
    conditions.add_equal("warning", warning)
    conditions.within("city", areas)
    facts = await connection.fetchval(
        f"select facts from warning where {conditions}{' for update' if lock else ''}", *conditions.values
    )
    return None if facts is None else msgspec.json.decode(facts, type=Warned)


async def find_warnings(
    connection: Connection | Pool,
    areas: Sequence[str],
    rows_max: int,
    *,
    city: str | None = None,
    modes: Sequence[str] | None = None,
    alarm: str | None = None,
    standing_at: datetime | None = None,
    before: tuple[datetime, str] | None = None,
) -> list[Warned]:
    """Return warnings, last changed first; with `standing_at` those that have not come to their end by then."""
    conditions = Conditions()
    conditions.within("city", areas)
    conditions.add_equal("city", city)
    conditions.add_equal("alarm", alarm)
    conditions.add_among("mode", modes)
    if standing_at is not None:
        conditions.add("state <> all(?::text[])", list(ENDS))
        conditions.add("(expires_at is null or expires_at > ?)", standing_at)
    if before is not None:
        conditions.add("(changed_at, warning) < (?, ?)", *before)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select facts from warning where {conditions} order by changed_at desc, warning desc limit {limit}",
        *conditions.values,
    )
    return [msgspec.json.decode(row["facts"], type=Warned) for row in rows]


async def insert_step(connection: Connection, step: StepRow, content: Content | None, idempotency_key: str) -> None:
    """Append what was done to a warning."""
    await connection.execute(
        f"insert into warning_step ({_STEP}, content, idempotency_key)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        *step,
        None if content is None else msgspec.json.encode(content).decode(),
        idempotency_key,
    )


async def find_step(connection: Connection, idempotency_key: str) -> StepRow | None:
    """Return what was done under an idempotency key, or None; the key is held to the end of the transaction."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, $2))", idempotency_key, WARNING_LOCK)
    row = await connection.fetchrow(f"select {_STEP} from warning_step where idempotency_key = $1", idempotency_key)
    return None if row is None else StepRow(*row)


async def steps_of(connection: Connection | Pool, warning: str, rows_max: int) -> list[StepRow]:
    """Return what was done to a warning, in order. The caller has found it within the areas."""
    rows = await connection.fetch(
        f"select {_STEP} from warning_step where warning = $1 order by version limit $2", warning, rows_max
    )
    return [StepRow(*row) for row in rows]


async def insert_message(connection: Connection, message: SentMessage) -> None:
    """Keep a message that is sent."""
    await connection.execute(
        f"insert into cap_message ({_MESSAGE}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        *message[:8],
        msgspec.json.encode(message.content).decode(),
        message.document,
    )


async def find_messages(
    connection: Connection | Pool,
    areas: Sequence[str],
    rows_max: int,
    *,
    public: bool = False,
    identifier: str | None = None,
    alarm: str | None = None,
    city: str | None = None,
    modes: Sequence[str] | None = None,
    before: tuple[datetime, str] | None = None,
) -> list[SentMessage]:
    """Return messages, last sent first; with `public` those to the public alone."""
    conditions = Conditions()
    conditions.within("city", areas)
    conditions.add_equal("scope", "Public" if public else None)
    for column, value in (("identifier", identifier), ("alarm", alarm), ("city", city)):
        conditions.add_equal(column, value)
    conditions.add_among("mode", modes)
    if before is not None:
        conditions.add("(sent_at, identifier) < (?, ?)", *before)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select {_MESSAGE} from cap_message where {conditions} order by sent_at desc, identifier desc limit {limit}",
        *conditions.values,
    )
    return [_sent_message(dict(row)) for row in rows]


def _sent_message(row: dict[str, Any]) -> SentMessage:
    row["content"] = msgspec.json.decode(row["content"], type=Content)
    return SentMessage(**row)
