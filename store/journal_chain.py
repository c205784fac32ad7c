"""The chain of the alarm journal: made by the database itself (migration 0047), read and computed anew here."""

from collections.abc import Sequence

from model.chain import GENESIS, Broken, Chain, Head, Verdict
from model.journal_chain import ChainedLine
from store.pool import Connection, Pool

LINES_PER_READ = 2_000
_LINES = """select event, alarm, sequence, to_char(time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), city,
 system, district, line, coalesce(encode(previous, 'hex'), ''), coalesce(encode(hash, 'hex'), '')
 from journal left join journal_chain using (event)"""


async def read_head(connection: Connection | Pool) -> Head:
    """Return the newest chained event and its hash; 0 and model.chain.GENESIS where there is none."""
    row = await connection.fetchrow("select event, encode(hash, 'hex') from journal_chain order by event desc limit 1")
    return (0, GENESIS) if row is None else (row[0], row[1])


async def read_chained(connection: Connection | Pool, alarms: Sequence[str]) -> list[ChainedLine]:
    """Return all lines of the alarms in the order of their events."""
    rows = await connection.fetch(f"{_LINES} where alarm = any($1::text[]) order by event", list(alarms))
    return [ChainedLine(*row) for row in rows]


async def verify_journal(connection: Connection, head: Head | None = None) -> Verdict:
    """Compute the chain anew from the first event on, in the transaction that `connection` is in.

    `head` is the event and hash of a line that was kept elsewhere: it must be in the chain, which shows also that the
    newest lines were cut off, or all of them written anew.
    """
    chain, broken, after = Chain((0, GENESIS), head), None, -(2**62)  # whatever is there: none may stand before 1
    chained, _ = await read_head(connection)
    while broken is None and (lines := await _read_after(connection, after)):
        broken, after = chain.follow(lines), lines[-1].event
    reached = chain.verdict().last
    if broken is None and reached < chained:
        broken = Broken(reached + 1, "it is missing: its hash is there, and no line")
    return chain.verdict(broken)


async def _read_after(connection: Connection, after: int) -> list[ChainedLine]:
    rows = await connection.fetch(f"{_LINES} where event > $1 order by event limit $2", after, LINES_PER_READ)
    return [ChainedLine(*row) for row in rows]
