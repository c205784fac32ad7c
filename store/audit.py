"""The audit in the database: rows recorded in the transaction of what they tell of, read back, and removed with age."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from model.audit import Action, ActorKind, Entry, Fact, Outcome, details_text, plain
from model.chain import GENESIS, Broken, Chain, Head, Verdict
from store.conditions import Conditions
from store.pool import Connection, Pool
from store.retention import RECORD_CLASSES

ENTRIES_PER_READ = 2_000
_TIME = """to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
_COLUMNS = ", ".join(Entry._fields).replace("recorded_at", f"{_TIME} as recorded_at")
_COLUMNS = _COLUMNS.replace("previous, hash", "encode(previous, 'hex') as previous, encode(hash, 'hex') as hash")


class Origin(NamedTuple):
    """What kind of actor works in this task, and the address that its request came from, where there is one."""

    kind: ActorKind
    address: str | None = None


_LIFELINE = Origin(ActorKind.SERVICE)
COMMAND = Origin(ActorKind.COMMAND)
origin: ContextVar[Origin] = ContextVar("origin", default=_LIFELINE)
"""Set where a request or a command comes in, so that nothing in between has to hand it on."""


async def record(
    connection: Connection | Pool,
    *,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Fact] | None = None,
    city: str | None = None,
    outcome: Outcome = "done",
) -> None:
    """Record an action in the transaction that `connection` is in; it stands or falls with it.

    The row gets its number, time and hash at the commit (migration 0042), so it may be recorded at any place in the
    transaction. `details` are flat and hold no secret; API keys in texts are made unreadable, long texts are cut.
    Raises ValueError for an action that model.audit.Action has not, and for details that cannot stand.
    """
    kind, address = origin.get()
    await connection.execute(
        "insert into audit_waiting (actor, actor_kind, address, action, subject, city, outcome, details)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        plain(actor),
        kind.value,
        address,
        Action(action).value,
        plain(subject),
        None if city is None else plain(city),
        outcome,
        details_text(details or {}),
    )


class AuditQuery(NamedTuple):
    """Which rows; None leaves a filter out. `since` <= recorded_at < `until`; `before` is a sequence."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    city: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


async def find_entries(
    connection: Connection | Pool, query: AuditQuery, areas: Sequence[str], rows_max: int
) -> list[Entry]:
    """Return rows, newest first. Who is bound to areas sees what concerns their cities, not the whole deployment."""
    conditions = Conditions()
    conditions.within("city", areas)
    for column in ("actor", "action", "subject", "city", "outcome"):
        conditions.add_equal(column, getattr(query, column))
    for term, value in (
        ("recorded_at >= ?", query.since), ("recorded_at < ?", query.until), ("sequence < ?", query.before),
    ):  # fmt: skip
        if value is not None:
            conditions.add(term, value)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select {_COLUMNS} from audit where {conditions} order by sequence desc limit {limit}", *conditions.values
    )
    return [Entry(*row) for row in rows]


async def span_of(
    connection: Connection | Pool, since: datetime | None = None, until: datetime | None = None
) -> tuple[int, int] | None:
    """Return the first and last sequence with since <= recorded_at < until (None for open), None where there is none.

    Times never fall from one row to the next, so that such a span has no hole.
    """
    row = await connection.fetchrow(
        "select min(sequence), max(sequence) from audit where ($1::timestamptz is null or recorded_at >= $1)"
        " and ($2::timestamptz is null or recorded_at < $2)",
        since,
        until,
    )
    return None if row[0] is None else (row[0], row[1])


async def read_entries(connection: Connection | Pool, after: int, upto: int | None = None) -> list[Entry]:
    """Return the next rows after a sequence, in order, at most ENTRIES_PER_READ."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from audit where sequence > $1 and ($2::bigint is null or sequence <= $2)"
        " order by sequence limit $3",
        after,
        upto,
        ENTRIES_PER_READ,
    )
    return [Entry(*row) for row in rows]


async def read_anchor(connection: Connection | Pool) -> Head:
    """Return sequence and hash of the last row that was removed; 0 and the hash before the first where none was."""
    row = await connection.fetchrow(
        "select sequence, encode(hash, 'hex') from audit_anchor order by sequence desc limit 1"
    )
    return (0, GENESIS) if row is None else (row[0], row[1])


async def verify_audit(connection: Connection, head: Head | None = None) -> Verdict:
    """Compute the chain anew, in the transaction that `connection` is in, from what retention left of it.

    `head` is the sequence and hash of a row that was kept elsewhere: it must be in the chain, which shows also that
    the newest rows were cut off, or all of them written anew.
    """
    anchor, previous = await read_anchor(connection)
    chain = Chain((anchor, previous), head)
    removal_recorded = anchor == 0
    broken: Broken | None = None
    async for entries in _portions(connection, -(2**62)):  # whatever is there: none may stand before the anchor
        broken = chain.follow(entries)
        removal_recorded |= any(_tells_of(entry, anchor, previous) for entry in entries)
        if broken is not None:
            break
    if broken is None and not removal_recorded:
        broken = Broken(anchor, "rows up to it were removed, and no row of the audit tells of that")
    return chain.verdict(broken)


async def remove_old(connection: Connection, before: datetime) -> int:
    """Remove the rows of the whole days (UTC) that ended at or before `before`, and record that; return how many.

    Their last one's sequence and hash stay as the anchor from which the chain goes on. What is younger than the least
    that can be set stays by the database's own clock; the database itself refuses to let it go.
    """
    async with connection.transaction():
        last = await connection.fetchrow(
            "select sequence, recorded_at, hash from audit where recorded_at <"
            " date_trunc('day', least($1::timestamptz, clock_timestamp() - make_interval(days => $2)), 'UTC')"
            " order by sequence desc limit 1",
            before,
            RECORD_CLASSES["audit"].days_min,
        )
        if last is None:
            return 0
        await connection.execute("insert into audit_anchor (sequence, recorded_at, hash) values ($1, $2, $3)", *last)
        status = await connection.execute("delete from audit where sequence <= $1", last["sequence"], timeout=600)
        removed = int(status.rpartition(" ")[2])
        await record(
            connection, actor="lifeline", action=Action.AUDIT_REMOVED, subject=f"up to {last['sequence']}",
            details={"sequence": last["sequence"], "hash": last["hash"].hex(), "rows": removed},
        )  # fmt: skip
    return removed


def _tells_of(entry: Entry, anchor: int, hash_text: str) -> bool:
    if entry.action != Action.AUDIT_REMOVED:
        return False
    details: dict[str, Any] = msgspec.json.decode(entry.details)
    return (details.get("sequence"), details.get("hash")) == (anchor, hash_text)


async def _portions(connection: Connection, after: int) -> AsyncIterator[list[Entry]]:
    while entries := await read_entries(connection, after):
        yield entries
        after = entries[-1].sequence
