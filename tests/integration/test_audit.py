"""The audit in the database: one unbroken chain whoever writes, and whatever is changed behind its back is named."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli import main
from model.audit import Action, ActorKind, Entry
from model.chain import GENESIS, hash_of
from store.audit import (
    AuditQuery,
    Origin,
    find_entries,
    origin,
    read_anchor,
    read_entries,
    record,
    remove_old,
    verify_audit,
)
from store.maintenance import maintain_once
from store.pool import open_pool
from store.retention import set_record_days
from tests.integration.test_store import with_pool

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


async def fill(pool: Any, rows: int) -> None:
    for number in range(rows):
        await record(pool, actor="wang", action="key-created", subject=f"desk-{number}", details={"number": number})


async def newest(pool: Any) -> int:
    found: int = await pool.fetchval("select max(sequence) from audit")
    return found


async def broken(pool: Any, head: tuple[int, str] | None = None) -> int | None:
    """Verify, and return the first sequence that does not hold."""
    async with pool.acquire() as connection:
        found = (await verify_audit(connection, head)).broken
    return None if found is None else found.number


# --- recording ---------------------------------------------------------------------------------------------------


def test_a_row_says_who_did_what_from_where(database_url: str) -> None:
    async def work(pool: Any) -> None:
        origin.set(Origin(ActorKind.KEY, "10.1.2.3"))
        await record(
            pool, actor="wang", action="rules-activated", subject="gas", city="jiayuguan", outcome="refused",
            details={"packs": "gas 0123", "note": "lk_abcdefghijklmnop"},
        )  # fmt: skip
        (row,) = await read_entries(pool, 0)
        assert row[2:10] == (
            "wang", "key", "10.1.2.3", "rules-activated", "gas", "jiayuguan", "refused",
            '{"note":"lk_\\u2026","packs":"gas 0123"}',
        )  # fmt: skip
        assert (row.sequence, row.previous, row.hash) == (1, GENESIS, hash_of(row))
        assert abs(datetime.fromisoformat(row.recorded_at) - datetime.now(UTC)) < timedelta(minutes=5)
        with pytest.raises(ValueError, match="walked-by"):
            await record(pool, actor="wang", action="walked-by", subject="gas")

    with_pool(database_url, work)


def test_it_stands_and_falls_with_what_it_tells_of(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await fill(pool, 1)
        for commits in (False, True):
            with pytest.raises(ZeroDivisionError) if not commits else _nothing():
                async with pool.acquire() as connection, connection.transaction():
                    await record(connection, actor="li", action="key-revoked", subject=f"desk {commits}")
                    assert await connection.fetchval("select count(*) from audit") == 1, "chained at the commit"
                    if not commits:
                        raise ZeroDivisionError
        rows = await read_entries(pool, 0)
        assert [(row.sequence, row.subject) for row in rows] == [(1, "desk-0"), (2, "desk True")]
        assert await broken(pool) is None
        assert await pool.fetchval("select count(*) from audit_waiting") == 0

    with_pool(database_url, work)


class _nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def test_many_writers_at_once_make_one_chain(database_url: str) -> None:
    """Each holds a lock of its own and records before or after taking it; some fail; nobody waits for ever."""

    async def writer(pool: Any, number: int) -> int:
        done = 0
        for turn in range(10):
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                steps = [
                    record(connection, actor=f"w{number}", action="log-in", subject=str(turn)),
                    connection.execute("select pg_advisory_xact_lock($1)", number % 3),
                ]
                for step in steps if turn % 2 else reversed(steps):
                    await step
                if turn % 4 == 3:
                    await transaction.rollback()
                else:
                    await transaction.commit()
                    done += 1
        return done

    async def run() -> None:
        pool = await open_pool(database_url, connections_max=20)
        written = sum(await asyncio.gather(*(writer(pool, number) for number in range(20))))
        rows = await read_entries(pool, 0)
        assert [row.sequence for row in rows] == list(range(1, written + 1))
        assert [row.recorded_at for row in rows] == sorted(row.recorded_at for row in rows)
        assert await broken(pool) is None
        await pool.close()

    asyncio.run(run())


_WRITER = """
import asyncio, sys
from store.audit import record
from store.pool import open_pool

async def run():
    pool = await open_pool(sys.argv[1], connections_max=2)
    while True:
        async with pool.acquire() as connection, connection.transaction():
            await record(connection, actor=sys.argv[2], action="log-in", subject="x")
        print("recorded", flush=True)

asyncio.run(run())
"""


def test_writers_that_are_killed_leave_no_hole(database_url: str) -> None:
    async def work(pool: Any) -> None:
        for _ in range(3):
            writers = [
                await asyncio.create_subprocess_exec(
                    sys.executable, "-c", _WRITER, database_url, str(number), stdout=asyncio.subprocess.PIPE
                )
                for number in range(3)
            ]
            told = 0
            for writer in writers:
                assert writer.stdout is not None
                for _ in range(5):
                    told += await writer.stdout.readline() == b"recorded\n"
            for writer in writers:
                os.kill(writer.pid, signal.SIGKILL)
            for writer in writers:
                assert writer.stdout is not None
                told += (await writer.stdout.read()).count(b"recorded\n")
                await writer.wait()
            await fill(pool, 1)  # whoever writes next waits for no lock of a dead one
            assert await newest(pool) >= told
            assert await broken(pool) is None

    with_pool(database_url, work)


def test_the_database_hashes_as_the_verifier_does(database_url: str) -> None:
    with asyncio.Runner() as runner:
        pool = runner.run(open_pool(database_url))

        @settings(max_examples=100)
        @given(st.text(), st.none() | st.text(st.characters(codec="utf-8")))
        def check(text: str, city: str | None) -> None:
            told = record(pool, actor=text, action="log-in", subject=text, details={"city": city}, city=city)
            runner.run(told)

        check()
        assert runner.run(newest(pool)) >= 100
        assert runner.run(broken(pool)) is None
        runner.run(pool.close())


# --- behind its back ---------------------------------------------------------------------------------------------


REFUSED = [
    "update audit set actor = 'li' where sequence = 2",
    "delete from audit where sequence = 2",
    "truncate audit",
    "update audit_anchor set sequence = 2",
    "delete from audit_anchor",
    "insert into audit_anchor select sequence, recorded_at, hash from audit where sequence = 2",
    "insert into audit_anchor values (2, '2020-01-01', 'x')",
]
UNGUARDED = "set local session_replication_role = replica"


def test_the_database_refuses_to_change_it(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await fill(pool, 3)
        for statement in REFUSED:
            with pytest.raises(asyncpg.RaiseError):
                await pool.execute(statement)
        assert [row.actor for row in await read_entries(pool, 0)] == ["wang"] * 3
        assert await read_anchor(pool) == (0, GENESIS)

    with_pool(database_url, work)


TAMPERING = [
    ("update audit set actor = 'li' where sequence = 4", 4),
    ("update audit set details = '{}' where sequence = 4", 4),
    ("update audit set recorded_at = recorded_at - interval '1 ms' where sequence = 1", 1),
    ("update audit set city = 'jinchang' where sequence = 6", 6),
    ("update audit set actor = 'li'; update audit a set hash = audit_hash(a)", 2),
    ("update audit set actor = 'li' where sequence = 4; update audit a set hash = audit_hash(a) where sequence = 4", 5),
    ("delete from audit where sequence = 4", 4),
    ("delete from audit where sequence < 3", 1),
    ("insert into audit select 7, recorded_at, actor, actor_kind, address, action, subject, city, outcome, details,"
     " previous, hash from audit where sequence = 6", 7),
    ("insert into audit select 0, recorded_at, actor, actor_kind, address, action, subject, city, outcome, details,"
     " previous, hash from audit where sequence = 1", 1),
    ("update audit set sequence = -sequence where sequence in (3, 4);"
     " update audit set sequence = 7 + sequence where sequence < 0", 3),
    ("delete from audit where sequence <= 3;"
     " insert into audit_anchor values (3, now(), decode(repeat('00', 32), 'hex'))", 4),
    ("insert into audit_anchor select sequence, recorded_at, hash from audit where sequence = 3;"
     " delete from audit where sequence <= 3", 3),
]  # fmt: skip


def test_what_a_superuser_changes_is_named(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await fill(pool, 6)
        async with pool.acquire() as connection:
            for statements, first in TAMPERING:
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute(f"{UNGUARDED}; {statements}")
                found = (await verify_audit(connection)).broken
                assert found is not None, statements
                assert found.number == first, statements
                await transaction.rollback()
        assert await broken(pool) is None

    with_pool(database_url, work)


def test_a_head_that_was_kept_elsewhere_shows_what_the_chain_alone_does_not(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await fill(pool, 6)
        rows = await read_entries(pool, 0)
        heads = [(row.sequence, row.hash) for row in rows]
        assert [await broken(pool, head) for head in heads] == [None] * 6
        assert await broken(pool, (6, heads[4][1])) == 6
        await pool.execute(f"{UNGUARDED}; delete from audit where sequence > 4")  # the newest rows cut off
        assert await broken(pool) is None
        assert await broken(pool, heads[5]) == 6
        assert await broken(pool, heads[3]) is None

    with_pool(database_url, work)


# --- retention ---------------------------------------------------------------------------------------------------


async def write_old_rows(pool: Any, ages_days: list[int]) -> list[Entry]:
    """Write a chain of rows so many days old, as they would stand if they had been recorded then."""
    rows: list[Entry] = []
    for number, age in enumerate(ages_days, 1):
        time = (NOW - age * DAY).replace(hour=12, microsecond=0).isoformat(timespec="milliseconds")
        previous = rows[-1].hash if rows else GENESIS
        row = Entry(
            number, time.replace("+00:00", "Z"), "wang", "key", None, "log-in", "x", None, "done", "{}", previous, ""
        )
        rows.append(row._replace(hash=hash_of(row)))
        await pool.execute(
            "insert into audit values ($1, $2::text::timestamptz, $3, $4, $5, $6, $7, $8, $9, $10,"
            " decode($11, 'hex'), decode($12, 'hex'))",
            *rows[-1],
        )
    return rows


def test_what_is_past_its_time_goes_by_whole_days_and_the_chain_goes_on(database_url: str) -> None:
    async def work(pool: Any) -> None:
        rows = await write_old_rows(pool, [500, 420, 402, 398, 190, 1])
        await maintain_once(pool, round(NOW.timestamp() * 1000))
        assert [row.sequence for row in await read_entries(pool, 0)] == [4, 5, 6, 7]
        assert await read_anchor(pool) == (3, rows[2].hash)
        (removal,) = await find_entries(pool, AuditQuery(action=Action.AUDIT_REMOVED), ("*",), 10)
        assert json.loads(removal.details) == {"sequence": 3, "hash": rows[2].hash, "rows": 3}
        assert await broken(pool) is None
        assert await broken(pool, (2, rows[1].hash)) is None, "a head that is older than what is left proves nothing"
        await maintain_once(pool, round(NOW.timestamp() * 1000))
        assert await newest(pool) == 7, "nothing goes twice"

        await set_record_days(pool, "audit", 183)
        await maintain_once(pool, round((NOW + 300 * DAY).timestamp() * 1000))
        assert [row.sequence for row in await read_entries(pool, 0)][:1] == [6], "by the database's clock, not ours"
        assert await broken(pool) is None
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(UNGUARDED)
            await connection.execute("update audit set details = '{}' where action = 'audit-removed'")
            await connection.execute("update audit a set hash = audit_hash(a)")
        assert await broken(pool) is not None

    with_pool(database_url, work)


def test_the_last_rows_of_all_may_go(database_url: str) -> None:
    async def work(pool: Any) -> None:
        rows = await write_old_rows(pool, [500, 450])
        async with pool.acquire() as connection:
            assert await remove_old(connection, NOW - 400 * DAY) == 2
        assert await read_anchor(pool) == (2, rows[1].hash)
        assert [row.sequence for row in await read_entries(pool, 0)] == [3]
        assert await broken(pool) is None

    with_pool(database_url, work)


# --- the commands ------------------------------------------------------------------------------------------------


class Said(NamedTuple):
    stdout: str
    stderr: str


Lifeline = Callable[..., Said]


@pytest.fixture
def lifeline(monkeypatch: pytest.MonkeyPatch, database_url: str, capsys: pytest.CaptureFixture[str]) -> Lifeline:
    """Runs a command as the shell does, in a context of its own."""
    monkeypatch.setenv("LIFELINE_DATABASE_URL", database_url)

    def run(*arguments: str, expected: int = 0) -> Said:
        capsys.readouterr()
        code = copy_context().run(main, arguments)
        said = Said(*capsys.readouterr())
        assert code == expected, (arguments, said)
        return said

    return run


@pytest.fixture
def exported(lifeline: Lifeline, database_url: str, tmp_path: Path) -> Path:
    """An export of some rows: those of five keys, and what a first command records."""

    async def work(pool: Any) -> None:
        await fill(pool, 5)

    with_pool(database_url, work)
    lifeline("audit", "export", str(tmp_path / "audit.ndjson"))
    return tmp_path / "audit.ndjson"


def test_listed_exported_and_verified_on_another_machine(lifeline: Lifeline, exported: Path) -> None:
    listed = [line.split("\t") for line in lifeline("audit", "list", "--limit", "50").stdout.splitlines()]
    assert listed[0][3] == "audit-exported"
    assert "(command)" in listed[0][2]
    assert any(row[3:6] == ["key-created", "done", "desk-4"] for row in listed)
    as_json = [json.loads(line) for line in lifeline("audit", "list", "--actor", "wang", "--json").stdout.splitlines()]
    assert [row["subject"] for row in as_json] == [f"desk-{number}" for number in (4, 3, 2, 1, 0)]
    said = lifeline("audit", "verify").stdout.splitlines()
    head = said[1].removeprefix("head ")
    assert said[0].startswith("the chain holds: ")
    told = json.loads(lifeline("audit", "verify", "--json", "--head", head).stdout)
    assert (told["holds"], f"{told['sequence']}:{told['hash']}") == (True, head)

    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("LIFELINE_DATABASE_URL", "postgresql://nowhere.invalid/none")
        of_file = lifeline("audit", "verify", str(exported)).stdout.splitlines()
    assert of_file[0].startswith("the chain holds: ")
    kept = of_file[1].removeprefix("head ")
    lifeline("audit", "verify", "--head", kept)
    refused = lifeline("audit", "verify", "--head", kept[:-1] + ("0" if kept[-1] != "0" else "1"), expected=1)
    assert "has another hash than the one that was kept" in refused.stderr


FILES: list[tuple[Callable[[list[str]], list[str]], str]] = [
    (lambda lines: [*lines[:2], lines[2].replace("wang", "li"), *lines[3:]], "row 3 breaks the chain"),
    (lambda lines: [*lines[:2], *lines[3:]], "row 3 breaks the chain"),
    (lambda lines: [lines[1], lines[0], *lines[2:]], "row 3 breaks the chain: it is missing: 1 follows 2"),
    (lambda lines: lines[:-1], "it was cut off after"),
    (lambda lines: lines[:-2] + lines[-1:], "it was cut off after"),
    (lambda lines: [*lines, lines[0]], "something follows the last line"),
    (lambda lines: ["[]\n", *lines], "audit.ndjson:1: this is no row of an exported audit"),
    (lambda lines: [line[:-20] for line in lines], "audit.ndjson:1: this is no row of an exported audit"),
]


def test_what_is_changed_in_a_file_is_named(lifeline: Lifeline, exported: Path) -> None:
    lines = exported.read_text("utf-8").splitlines(keepends=True)
    for change, said in FILES:
        exported.write_text("".join(change(lines)), "utf-8")
        assert said in lifeline("audit", "verify", str(exported), expected=1).stderr
    exported.write_text("".join(lines[2:]), "utf-8")  # the end of a longer file: the end line counts all of it
    assert lifeline("audit", "verify", str(exported), expected=1).stderr != ""


COMMANDS: list[tuple[list[str], str, str]] = [
    (["cities", "import", "cities.csv"], "cities-imported", "jyg"),
    (["sensors", "import", "sensors.csv"], "sensors-imported", "jyg"),
    (["sensors", "event", "GAS-1", "--kind", "calibrated", "--at", "2026-11-20T08:00:00Z"], "sensor-events-recorded",
     "GAS-1"),
    (["network", "import", "pipes.geojson", "--city", "jyg"], "network-imported", "jyg.gas"),
    (["network", "export", "out.geojson"], "network-read", "jyg.gas"),
    (["rosters", "import", "rosters.yaml"], "rosters-imported", "jyg"),
    (["positions", "import", "positions.yaml"], "position-set", "east"),
    (["positions", "remove", "east"], "position-deleted", "east"),
    (["retention", "set", "audit", "200d"], "retention-set", "audit"),
    (["retention", "unset", "audit"], "retention-unset", "audit"),
    (["retention", "set", "all", "--raw", "2y"], "retention-set", "all"),
    (["retention", "apply"], "retention-applied", "all"),
    (["keys", "create", "--role", "viewer", "--label", "desk"], "key-created", "desk"),
    (["keys", "rotate", "desk"], "key-rotated", "desk"),
    (["keys", "revoke", "desk"], "key-revoked", "desk"),
    (["backup", "lifeline.backup"], "backed-up", "lifeline.backup"),
]  # fmt: skip
FILES_OF_COMMANDS = {
    "cities.csv": "city,name,mode\njyg,Jiayuguan,test\n",
    "sensors.csv": "sensor,city,system,property,unit,longitude,latitude,name,interval_s\n"
    "GAS-1,jyg,gas,combustible_gas,%{LEL},98.29,39.77,,60\n",
    "pipes.geojson": json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": {"type": "LineString", "coordinates": [[98.29, 39.77], [98.3, 39.77]]},
                    "properties": {"id": "P-1", "from": "J-1", "to": "J-2", "medium": "gas"},
                }
            ],
        }
    ),
    "rosters.yaml": 'city: jyg\nrosters: [{roster: day, shifts: [{who: crew, from: "00:00", to: "00:00"}]}]\n',
    "positions.yaml": "positions:\n  - position: east\n    city: jyg\n    name: East\n    systems: [gas]\n",
}


def test_every_command_that_changes_something_is_recorded(lifeline: Lifeline, tmp_path: Path) -> None:
    for name, content in FILES_OF_COMMANDS.items():
        (tmp_path / name).write_text(content, "utf-8")
    for arguments, action, subject in COMMANDS:
        lifeline(*(str(tmp_path / part) if "." in part and "=" not in part else part for part in arguments))
        row = json.loads(lifeline("audit", "list", "--json", "--limit", "1").stdout)
        assert (row["action"], row["subject"], row["actor_kind"]) == (action, subject, "command"), arguments
    said = json.loads(lifeline("audit", "verify", "--json").stdout)
    assert said["holds"]
    assert said["rows"] >= len(COMMANDS)
