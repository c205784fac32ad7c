"""The journal's chain: made by the database whoever appends, and whatever is changed behind its back is named."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.chain import GENESIS, Head, hash_of
from store.journal import append_transitions, lock_journal
from store.journal_chain import read_chained, read_head, verify_journal
from store.pool import open_pool
from tests.integration.schema import migrated, until
from tests.integration.test_audit import UNGUARDED, Lifeline, lifeline  # noqa: F401  # a fixture
from tests.integration.test_floods import raised
from tests.integration.test_store import with_pool

BEFORE = "0046_sensor_counts.sql"  # the last schema without the chain


async def append(pool: Any, *sensors: str) -> list[str]:
    """Raise an alarm of each sensor in one transaction, as the evaluator does; return the alarms."""
    transitions = [raised(sensor, 0) for sensor in sensors]
    async with pool.acquire() as connection, connection.transaction():
        await lock_journal(connection)
        await append_transitions(connection, transitions)
    return [one.alarm.alarm for one in transitions]


async def six_lines(pool: Any) -> list[str]:
    return await append(pool, "a", "b", "c") + await append(pool, "d") + await append(pool, "e", "f")


async def broken(pool: Any, head: Head | None = None) -> int | None:
    """Verify, and return the first event that does not hold."""
    async with pool.acquire() as connection:
        found = (await verify_journal(connection, head)).broken
    return None if found is None else found.number


# --- made --------------------------------------------------------------------------------------------------------


def test_each_line_bears_the_hash_of_the_one_before(database_url: str) -> None:
    async def work(pool: Any) -> None:
        assert await read_head(pool) == (0, GENESIS)
        assert await broken(pool) is None
        alarms = await six_lines(pool)
        lines = await read_chained(pool, alarms)
        assert [line.event for line in lines] == [1, 2, 3, 4, 5, 6]
        assert [line.previous for line in lines] == [GENESIS, *(line.hash for line in lines[:-1])]
        assert [line.hash for line in lines] == [hash_of(line) for line in lines]
        assert [line.event for line in await read_chained(pool, [alarms[4], alarms[1]])] == [2, 5]
        written = json.loads(lines[0].line)
        assert (lines[0].alarm, lines[0].sequence, lines[0].city) == (written["alarm"], written["sequence"], "c")
        assert lines[0].time == written["time"].replace("Z", "000Z")
        assert await read_head(pool) == (6, lines[-1].hash)
        async with pool.acquire() as connection:
            assert await verify_journal(connection) == (6, 1, 6, lines[-1].hash, None)

    with_pool(database_url, work)


def test_the_database_hashes_as_the_verifier_does(database_url: str) -> None:
    texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
    with asyncio.Runner() as runner:
        pool = runner.run(open_pool(database_url))
        (alarm,) = runner.run(append(pool, "a"))

        @settings(max_examples=100)
        @given(texts, texts, texts, texts, st.datetimes(datetime(1900, 1, 1), timezones=st.just(UTC)))
        def check(city: str, system: str, district: str, line: str, time: Any) -> None:
            runner.run(
                pool.execute(
                    "insert into journal select max(event) + 1, $1, max(event) + 1, $2, $3, $4, $5, $6 from journal",
                    alarm, time, city, system, district, json.dumps(line, ensure_ascii=False),
                )
            )  # fmt: skip

        check()
        assert len(runner.run(read_chained(pool, [alarm]))) >= 100
        assert runner.run(broken(pool)) is None
        runner.run(pool.close())


def test_many_writers_at_once_make_one_chain(database_url: str) -> None:
    """Some are rolled back; nobody waits for ever."""

    async def writer(pool: Any, number: int) -> int:
        for turn in range(6):
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await lock_journal(connection)
                await append_transitions(connection, [raised(f"{number}-{turn}-{n}", 0) for n in range(turn + 1)])
                if turn % 3 == 2:
                    await transaction.rollback()
                else:
                    await transaction.commit()
        return 1 + 2 + 4 + 5

    async def run() -> None:
        pool = await open_pool(database_url, connections_max=10)
        written = sum(await asyncio.gather(*(writer(pool, number) for number in range(10))))
        async with pool.acquire() as connection:
            assert (await verify_journal(connection))[:3] == (written, 1, written)
        await pool.close()

    asyncio.run(run())


def test_lines_from_before_the_upgrade_are_chained_while_alarms_go_on(
    bare_database_urls: Callable[[], str],
) -> None:
    """The writer knows nothing of the chain, as an older Lifeline does not."""

    async def run() -> None:
        url = bare_database_urls()
        await migrated(url, until(BEFORE))
        pool = await open_pool(url)
        await append(pool, *(f"before-{number}" for number in range(500)))
        done = asyncio.Event()

        async def write() -> int:
            turns = 0
            while not done.is_set():
                await append(pool, f"while-{turns}-a", f"while-{turns}-b")
                turns += 1
            return turns

        writer = asyncio.create_task(write())
        try:
            assert "0047_journal_chain.sql" in await migrated(url)
        finally:
            done.set()
        written = 500 + 2 * await writer + len(await append(pool, "after"))
        async with pool.acquire() as connection:
            assert (await verify_journal(connection))[:3] == (written, 1, written)
        await pool.close()

    asyncio.run(run())


# --- behind its back ---------------------------------------------------------------------------------------------


REFUSED = [
    "update journal set line = 'x' where event = 2",
    "delete from journal where event = 2",
    "update journal_chain set hash = previous where event = 2",
    "delete from journal_chain where event = 2",
    "truncate journal_chain",
]


def test_the_database_refuses_to_change_it(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await six_lines(pool)
        for statement in REFUSED:
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await pool.execute(statement)
        assert await broken(pool) is None

    with_pool(database_url, work)


def test_who_may_append_to_the_journal_may_not_write_its_chain(database_url: str) -> None:
    async def work(pool: Any) -> None:
        role = f"writer_{secrets.token_hex(4)}"
        async with pool.acquire() as connection:
            await connection.execute(f"create role {role}; grant select, insert, update on journal, alarm to {role}")
            try:
                async with connection.transaction():
                    await connection.execute(f"set local role {role}")
                    await lock_journal(connection)
                    await append_transitions(connection, [raised("a", 0)])
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        async with connection.transaction():
                            await connection.execute("insert into journal_chain values (2, 'x', 'x')")
            finally:
                await connection.execute(f"drop owned by {role}; drop role {role}")
        assert (await read_head(pool))[0] == 1
        assert await broken(pool) is None

    with_pool(database_url, work)


def moved(table: str, columns: str) -> str:
    """Make room for a line 4: those from there on move by one."""
    return (
        f"create temp table moved on commit drop as select * from {table} where event > 3;"
        f"delete from {table} where event > 3;"
        f"insert into {table} (event, {columns}) select event + 1, {columns} from moved; drop table moved;"
    )


COLUMNS = "alarm, sequence, time, city, system, district, line"
HASHED = (
    "update journal_chain c set hash = hash_of_parts(array[j.event::text, alarm, sequence::text,"
    """ to_char(time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), city, system, district, line,"""
    " encode(c.previous, 'hex')]) from journal j where j.event = c.event"
)
TAMPERING = [
    *(
        (f"update journal set {change} where event = 4", 4, "it was changed")
        for change in (
            "line = replace(line, 'blue', 'red')", "alarm = 'x'", "sequence = 2", "city = 'd'", "system = 'water'",
            "district = 'south'", "time = time + interval '1 microsecond'", "time = time - interval '1 day'",
        )
    ),
    ("update journal set line = line || ' ' where event = 1", 1, "it was changed"),
    ("update journal set line = line || ' ' where event = 6", 6, "it was changed"),
    (f"update journal set line = line || ' ' where event = 4; {HASHED} and c.event = 4", 5, "does not follow"),
    (f"update journal set line = line || ' '; {HASHED}", 2, "does not follow"),
    ("delete from journal where event = 4", 4, "it is missing: 5 follows 3"),
    ("delete from journal where event = 4; delete from journal_chain where event = 4", 4, "it is missing"),
    ("delete from journal where event < 3; delete from journal_chain where event < 3", 1, "it is missing"),
    ("delete from journal where event > 4", 5, "its hash is there, and no line"),
    ("delete from journal", 1, "its hash is there, and no line"),
    (f"insert into journal select 7, 'x', {COLUMNS[7:]} from journal where event = 6", 7, "it has no hash"),
    (f"insert into journal select 0, 'x', {COLUMNS[7:]} from journal where event = 1", 1, "it is missing"),
    (moved("journal", COLUMNS) + f"insert into journal select 4, 'x', {COLUMNS[7:]} from journal where event = 3",
     4, "it was changed"),
    (moved("journal", COLUMNS) + moved("journal_chain", "previous, hash")
     + f"insert into journal select 4, 'x', {COLUMNS[7:]} from journal where event = 3;"
     f"insert into journal_chain select 4, hash, hash from journal_chain where event = 3; {HASHED} and c.event = 4",
     5, "does not follow"),
    *(
        (";".join(
            f"update {table} set event = 103 - (event - 4) where event in (3, 4);"
            f"update {table} set event = event - 100 where event > 100" for table in tables
        ), 3, why)
        for tables, why in (
            (("journal",), "it was changed"), (("journal", "journal_chain"), "does not follow"),
        )
    ),
    ("update journal_chain set hash = previous where event = 4", 4, "it was changed"),
    ("delete from journal_chain where event = 4", 4, "it has no hash"),
    ("delete from journal_chain", 1, "it has no hash"),
]  # fmt: skip


def test_what_a_superuser_changes_is_named(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await six_lines(pool)
        async with pool.acquire() as connection:
            for statements, first, why in TAMPERING:
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute(f"{UNGUARDED}; {statements}")
                found = (await verify_journal(connection)).broken
                assert found is not None, statements
                assert (found.number, why in found.why) == (first, True), (statements, found)
                await transaction.rollback()
        assert await broken(pool) is None

    with_pool(database_url, work)


ANEW = "update journal set line = line || ' '; delete from journal_chain; select chain_journal()"
CUT_OFF = "delete from journal where event > 4; delete from journal_chain where event > 4"


def test_a_head_that_was_kept_elsewhere_shows_what_the_chain_alone_does_not(database_url: str) -> None:
    async def work(pool: Any) -> None:
        heads = [(line.event, line.hash) for line in await read_chained(pool, await six_lines(pool))]
        assert [await broken(pool, head) for head in heads] == [None] * 6
        assert await broken(pool, (6, heads[4][1])) == 6
        await pool.execute(f"{UNGUARDED}; {CUT_OFF}")
        assert await broken(pool) is None
        assert await broken(pool, heads[5]) == 6
        assert await broken(pool, heads[3]) is None
        await append(pool, "g", "h")
        assert await broken(pool, heads[5]) == 6, "other lines in the place of those that were cut off"
        await pool.execute(f"{UNGUARDED}; {ANEW}")
        assert await broken(pool) is None
        assert await broken(pool, heads[0]) == 1

    with_pool(database_url, work)


def test_alarms_go_on_after_a_tampering_and_it_stays_named(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await six_lines(pool)
        await pool.execute(f"{UNGUARDED}; delete from journal where event > 4")
        assert len(await read_chained(pool, await append(pool, "g", "h", "i"))) == 3
        assert await broken(pool) == 5
        await append(pool, "j")
        assert await broken(pool) == 5

    with_pool(database_url, work)


# --- the command -------------------------------------------------------------------------------------------------


def test_the_command(lifeline: Lifeline, database_url: str, tmp_path: Path) -> None:  # noqa: F811
    assert lifeline("journal", "verify").stdout == f"the chain holds: no rows\nhead 0:{GENESIS}\n"

    async def fill(pool: Any) -> None:
        await six_lines(pool)

    with_pool(database_url, fill)
    said = lifeline("journal", "verify").stdout.splitlines()
    assert said[0] == "the chain holds: 6 rows, 1 to 6"
    kept = said[1].removeprefix("head ")
    told = json.loads(lifeline("journal", "verify", "--json", "--head", kept).stdout)
    assert f"{told.pop('event')}:{told.pop('hash')}" == kept
    assert told == {"holds": True, "rows": 6, "first": 1, "broken": None}
    lifeline("journal", "--out", str(tmp_path / "journal.ndjson"))  # as without the chain
    assert len((tmp_path / "journal.ndjson").read_text().splitlines()) == 6

    async def tamper(pool: Any) -> None:
        await pool.execute(f"{UNGUARDED}; update journal set line = line || ' ' where event = 3")

    with_pool(database_url, tamper)
    assert "row 3 breaks the chain: it was changed" in lifeline("journal", "verify", expected=1).stderr
    told = json.loads(lifeline("journal", "verify", "--json", expected=1).stdout)
    assert (told["holds"], told["rows"]) == (False, 2)
    assert told["broken"] == {"event": 3, "why": "it was changed: its hash is another"}
