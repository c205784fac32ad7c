"""Messages that could not be used: read back within a caller's areas, replayed, discarded, and let go of in time."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from model.area import EVERYWHERE
from model.audit import Action
from model.instant import to_datetime
from store.audit import record
from store.conditions import Conditions
from store.pool import Connection, Pool, in_transaction

OPEN = "open"
STATES = (OPEN, "requested", "replayed", "refused", "discarded")
"""What became of a rejection: nothing yet, its replay was asked for, was done, was in vain; nobody needs it."""

ROW_BYTES = 300  # of a row beside its payload, about
ROWS_PER_PRUNING = 10_000


class RejectionRow(NamedTuple):
    """A quarantined message, or one reading of it; `payload` is cut at the limit of `payload_bytes` in all.

    `mode` is that of the city on whose topic it came, None where that is no city's.
    """

    rejection: int
    arrived_at: datetime
    batch: int
    topic: str
    payload: bytes
    payload_bytes: int
    reason: str
    detail: str
    sensor: str | None
    state: str
    handled_at: datetime | None
    handled_by: str | None
    result: str | None
    mode: str | None


class RejectionCount(NamedTuple):
    """Rejections that were counted and not kept: those of one minute (epoch milliseconds), reason and scope."""

    minute: int
    reason: str
    scope: str
    rejections: int
    payload_bytes: int


class Replay(NamedTuple):
    """A rejection whose replay was asked for, as it is to be replayed."""

    rejection: int
    topic: str
    payload: bytes


_COLUMNS = (
    "rejection, arrived_at, batch, topic, payload, payload_bytes, reason, detail, sensor,"
    " coalesce(handling, 'open') as state, handled_at, handled_by, result,"
    " (select c.mode from city c where c.city = split_part(topic, '/', 2)) as mode"
)


async def find_rejections(
    connection: Connection | Pool,
    areas: Sequence[str],
    rows_max: int,
    *,
    reason: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    state: str | None = None,
) -> list[RejectionRow]:
    """Return rejections, newest first, below the id `before`.

    A key bound to cities sees what came on their topics, unless the message names another city's sensor; what came
    on no city's topic is seen by keys for all areas alone. A message is its city's as a whole: one may hold anything.
    """
    conditions = _within(areas)
    conditions.add_equal("reason", reason)
    if state is not None:
        conditions.add("coalesce(handling, 'open') = ?", state)
    if since is not None:
        conditions.add("arrived_at >= ?", since)
    if before is not None:
        conditions.add("rejection < ?", before)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        f"select {_COLUMNS} from rejection where {conditions} order by rejection desc limit {limit}",
        *conditions.values,
    )
    return [RejectionRow(*row) for row in rows]


async def find_rejection(connection: Connection | Pool, rejection: int, areas: Sequence[str]) -> RejectionRow | None:
    """Return one rejection, or None where there is none within the areas."""
    conditions = _within(areas)
    conditions.add_equal("rejection", rejection)
    row = await connection.fetchrow(f"select {_COLUMNS} from rejection where {conditions}", *conditions.values)
    return None if row is None else RejectionRow(*row)


async def request_replay(
    connection: Connection | Pool, rejection: int, by: str, at: int, topic: str | None, payload: bytes | None
) -> bool:
    """Ask for a replay at `at` (epoch milliseconds), corrected where topic or payload is given.

    Return False where it was replayed or discarded meanwhile; asked for again before it was done, the newer words hold.
    """
    async with in_transaction(connection) as within:
        of_topic = await within.fetchval(
            "update rejection set handling = 'requested', handled_at = $2, handled_by = $3, result = null,"
            " replay_topic = $4, replay_payload = $5 where rejection = $1"
            " and (handling is null or handling in ('requested', 'refused')) returning topic",
            rejection,
            to_datetime(at),
            by,
            topic,
            payload,
        )
        if of_topic is None:
            return False
        digest = None if payload is None else hashlib.sha256(payload).hexdigest()
        await record(
            within, actor=by, action=Action.REJECTIONS_REPLAYED, subject=str(rejection), city=_city_of(of_topic),
            details={"topic": of_topic, "corrected_topic": topic, "corrected_payload_sha256": digest},
        )  # fmt: skip
    return True


async def discard(connection: Connection | Pool, rejection: int, by: str, at: int) -> bool:
    """Say that nobody needs it; it stays until it is pruned. Return False where it was replayed or discarded before."""
    async with in_transaction(connection) as within:
        topic = await within.fetchval(
            "update rejection set handling = 'discarded', handled_at = $2, handled_by = $3, result = null"
            " where rejection = $1 and (handling is null or handling in ('requested', 'refused')) returning topic",
            rejection,
            to_datetime(at),
            by,
        )
        if topic is None:
            return False
        await record(
            within, actor=by, action=Action.REJECTIONS_DISCARDED, subject=str(rejection), city=_city_of(topic),
            details={"topic": topic},
        )  # fmt: skip
    return True


async def requested_replays(connection: Connection | Pool, rows_max: int) -> list[Replay]:
    """Return the replays that were asked for, the oldest rejections first."""
    rows = await connection.fetch(
        "select rejection, coalesce(replay_topic, topic), coalesce(replay_payload, payload) from rejection"
        " where handling = 'requested' order by rejection limit $1",
        rows_max,
    )
    return [Replay(*row) for row in rows]


async def note_replay(connection: Connection | Pool, replay: Replay, at: int, stored: bool, result: str) -> None:
    """Write what came of a replay, unless other words were asked for meanwhile."""
    await connection.execute(
        "update rejection set handling = $2, handled_at = $3, result = $4 where rejection = $1"
        " and handling = 'requested' and coalesce(replay_topic, topic) = $5 and coalesce(replay_payload, payload) = $6",
        replay.rejection,
        "replayed" if stored else "refused",
        to_datetime(at),
        result,
        replay.topic,
        replay.payload,
    )


async def store_counts(connection: Connection, counts: Sequence[RejectionCount]) -> None:
    """Add to the counts of what is not kept, within the batch's transaction."""
    if counts:
        await connection.execute(
            "insert into rejection_count as c (minute, reason, scope, rejections, payload_bytes) select * from"
            " unnest($1::timestamptz[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])"
            " on conflict (minute, reason, scope) do update set rejections = c.rejections + excluded.rejections,"
            " payload_bytes = c.payload_bytes + excluded.payload_bytes",
            [to_datetime(one.minute) for one in counts],
            *map(list, zip(*(one[1:] for one in counts), strict=True)),
        )


async def find_counts(
    connection: Connection | Pool, areas: Sequence[str], rows_max: int, *, since: datetime | None = None
) -> list[tuple[str, str, int, datetime]]:
    """Return (reason, scope, rejections, last minute) of what was counted and not kept, the most first."""
    conditions = Conditions()
    if EVERYWHERE not in areas:
        its_sensor = f"exists (select from sensor s where s.sensor = scope and {conditions.bounds('s.city', areas)})"
        conditions.add(f"({conditions.bounds('scope', areas)} or {its_sensor})")
    if since is not None:
        conditions.add("minute >= date_trunc('minute', ?::timestamptz)", since)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        "select reason, scope, sum(rejections)::bigint, max(minute) from rejection_count"
        f" where {conditions} group by 1, 2 order by 3 desc, 1, 2 limit {limit}",
        *conditions.values,
    )
    return [tuple(row) for row in rows]


async def prune_rejections(pool: Pool, bytes_max: int, days_max: float) -> Counter[str]:
    """Delete the oldest rejections beyond either bound and return how many went, by reason.

    The newest `bytes_max` bytes (payloads and some 300 bytes a row) stay of those younger than `days_max` days before
    the log's clock. What waits for its replay stays. The counts go with the days.
    """
    gone: Counter[str] = Counter()
    newest = await pool.fetchval("select arrived_at from batch order by sequence desc limit 1")
    if newest is None:
        return gone
    limit = await pool.fetchval(
        "select max(rejection) from (select rejection, arrived_at, sum(octet_length(payload) + $1) over"
        " (order by rejection desc) as bytes from rejection) as r"
        " where bytes > $2 or arrived_at < $3::timestamptz - make_interval(secs => $4)",
        ROW_BYTES,
        bytes_max,
        newest,
        days_max * 86_400.0,
    )
    while limit is not None:
        rows = await pool.fetch(
            "delete from rejection where rejection in (select rejection from rejection where rejection <= $1"
            " and handling is distinct from 'requested' order by rejection limit $2) returning reason",
            limit,
            ROWS_PER_PRUNING,
        )
        gone.update(row["reason"] for row in rows)
        if len(rows) < ROWS_PER_PRUNING:
            break
    await pool.execute(
        "delete from rejection_count where minute < $1::timestamptz - make_interval(secs => $2)",
        newest,
        days_max * 86_400.0,
    )
    return gone


def _city_of(topic: str) -> str | None:
    parts = topic.split("/")
    return parts[1] if parts[0] == "lifeline" and len(parts) > 2 else None


def _within(areas: Sequence[str]) -> Conditions:
    conditions = Conditions()
    if EVERYWHERE not in areas:
        conditions.add("split_part(topic, '/', 1) = 'lifeline'")
        conditions.within("split_part(topic, '/', 2)", areas)
        elsewhere = f"s.sensor = rejection.sensor and not {conditions.bounds('s.city', areas)}"
        conditions.add(f"not exists (select from sensor s where {elsewhere})")
    return conditions
