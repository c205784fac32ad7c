from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

from app.embedded import accounts, debian, serversettings
from app.embedded import database as database_module
from app.embedded.database import EmbeddedDatabase, embedded_database
from app.embedded.datadirectory import wait_for_postmaster
from app.embedded.errors import (
    AccountRefused,
    CommandFailed,
    DataNeedsOther,
    DirectoryInUse,
    DirectoryUnusable,
    ProgramMissing,
)
from app.embedded.process import run

from .holder import command, gone, held, working_in

T = TypeVar("T")
HYPERTABLE = (
    "create table reading (time timestamptz not null, value float8); select create_hypertable('reading', 'time')"
)
FILL = "insert into reading select now() - i * interval '1 hour', i from generate_series(1, 1000) i"


def _quiet(_: str) -> None: ...


def _with_database(
    home: Path, programs: Path, use: Callable[[EmbeddedDatabase, asyncpg.Connection], Awaitable[T]]
) -> T:
    async def scenario() -> T:
        async with embedded_database(home, programs, _quiet) as database:
            connection = await asyncpg.connect(database.url)
            try:
                return await use(database, connection)
            finally:
                await connection.close()

    return asyncio.run(scenario())


async def _count(_: EmbeddedDatabase, connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("select count(*) from reading"))


async def _fill(_: EmbeddedDatabase, connection: asyncpg.Connection) -> None:
    await connection.execute(HYPERTABLE)
    await connection.execute(FILL)


async def _forget_newest(_: EmbeddedDatabase, connection: asyncpg.Connection) -> None:
    await connection.execute("delete from reading where time > now() - interval '30 minutes'")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Path:
    """The home of a database with 1,000 readings, stopped in order."""
    home = tmp_path_factory.mktemp("filled")
    _with_database(home, programs, _fill)
    return home


def test_first_start_gives_timescaledb_set_for_safety_and_a_small_machine(tmp_path: Path, programs: Path) -> None:
    said: list[str] = []

    async def scenario() -> None:
        async with embedded_database(tmp_path / "home", programs, said.append) as database:
            connection = await asyncpg.connect(database.url)
            assert await connection.fetchval("select extversion from pg_extension where extname = 'timescaledb'")
            assert await connection.fetchval("select current_database()") == "lifeline"
            settings = dict(await connection.fetch("select name, setting from pg_settings"))
            expected = {
                "fsync": "on",
                "synchronous_commit": "on",
                "full_page_writes": "on",
                "jit": "off",
                "listen_addresses": "",
                "TimeZone": "UTC",
                "shared_buffers": "32768",
                "server_encoding": "UTF8",
            }
            assert {name: settings[name] for name in expected} == expected
            await connection.close()
            assert database.edition.startswith("TimescaleDB 2.")
            directory = database.socket_directory
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
            assert database.url.startswith("postgresql://")
            if os.geteuid() == 0:
                assert database.account != "own"
        assert gone(database.pid, 0.1)

    asyncio.run(scenario())
    assert "making the database's files …" in said


def test_second_start_finds_its_data_within_three_seconds_and_stops_within_three(filled: Path, programs: Path) -> None:
    before = time.monotonic()
    assert _with_database(filled, programs, _count) == 1000
    assert time.monotonic() - before < 6


def test_nothing_listens_on_the_network(filled: Path, programs: Path) -> None:
    async def sockets(database: EmbeddedDatabase, _: asyncpg.Connection) -> None:
        assert not (await _listening_inodes()) & _socket_inodes(database.pid)

    _with_database(filled, programs, sockets)


async def _listening_inodes() -> set[str]:
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {line[9] for line in lines if line[3] == "0A"}


def _socket_inodes(pid: int) -> set[str]:
    targets = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    return {target[8:-1] for target in targets if target.startswith("socket:[")}


def test_killed_parent_leaves_no_process_and_no_commit_is_lost(filled: Path, programs: Path) -> None:
    async def scenario(parent: int, database: Any) -> None:
        connection = await asyncpg.connect(database["url"])
        await connection.execute("insert into reading values (now(), 1)")
        # and one that is open when the parent dies
        await connection.execute("begin; insert into reading values (now(), 2)")
        os.kill(parent, 9)
        assert gone(database["pid"], 5)
        connection.terminate()

    with held("database", filled, programs) as (parent, database):
        asyncio.run(scenario(parent, database))
        assert working_in(filled / "database" / "data") == []
    assert _with_database(filled, programs, _count) == 1001
    _with_database(filled, programs, _forget_newest)


def test_start_right_after_a_kill_waits_for_the_old_server(filled: Path, programs: Path) -> None:
    with held("database", filled, programs) as (parent, _):
        os.kill(parent, 9)
        assert _with_database(filled, programs, _count) == 1000


def test_server_killed_as_well_recovers_though_its_number_lives_on(filled: Path, programs: Path) -> None:
    with held("database", filled, programs) as (parent, database):
        os.kill(database["pid"], 9)
        os.kill(parent, 9)
    note = filled / "database" / "data" / "postmaster.pid"
    assert gone(database["pid"], 5)
    # the number was given to another process: ours
    note.write_text(note.read_text().replace(str(database["pid"]), str(os.getpid()), 1))
    assert _with_database(filled, programs, _count) == 1000


def test_second_lifeline_on_the_same_data_is_refused_and_told_who_has_it(
    filled: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "LEFTOVER_WAIT_S", 0.3)
    with held("database", filled, programs) as (parent, _), pytest.raises(DirectoryInUse) as caught:
        _with_database(filled, programs, _count)
    assert caught.value.holder == parent


def test_server_started_by_hand_is_respected(tmp_path: Path) -> None:
    async def scenario() -> None:
        await wait_for_postmaster(tmp_path, wait_s=0.2, on_wait=told.append)

    told: list[int | None] = []
    (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        with pytest.raises(DirectoryInUse):
            asyncio.run(scenario())
    finally:
        os.chdir(before)
    assert told == [os.getpid()]
    asyncio.run(scenario())
    assert not (tmp_path / "postmaster.pid").exists()


def test_path_too_long_for_a_socket_gets_a_short_private_directory(tmp_path: Path, programs: Path) -> None:
    home = tmp_path / ("long-" * 20) / 'it\'s "quoted"'

    async def where(database: EmbeddedDatabase, _: asyncpg.Connection) -> Path:
        return database.socket_directory

    first = _with_database(home, programs, where)
    assert not first.is_relative_to(home)
    assert stat.S_IMODE(first.stat().st_mode) == 0o700
    assert len(os.fsencode(first / f".s.PGSQL.{serversettings.SOCKET_PORT}")) <= 107
    assert _with_database(home, programs, where) == first
    first.rmdir()


def test_ordinary_user_has_a_database_of_its_own(tmp_path: Path, programs: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("the other tests are this one, where root does not run them")
    os.chown(tmp_path, 65534, 65534)
    account = "account-with-files:65534:65534"  # so that it reaches the environment, wherever that is
    script = (
        "import asyncio, pathlib, sys\n"
        "from app.embedded.database import embedded_database\n"
        "async def main():\n"
        "    async with embedded_database(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), print) as database:\n"
        "        print(database.account, database.edition)\n"
        "asyncio.run(main())\n"
    )
    python = command("", tmp_path, programs)[0]
    try:
        asyncio.run(run("true", [python, "-c", ""], timeout_s=10, account=account))
    except CommandFailed as error:
        pytest.skip(f"this root may not become another user: {error.output}")
    said = asyncio.run(
        run(
            "as nobody",
            [python, "-c", script, str(tmp_path / "home"), str(programs)],
            timeout_s=60,
            account=account,
            directory=Path(__file__).parents[2],
        )
    )
    assert said.splitlines()[-1].startswith("own TimescaleDB")
    assert (tmp_path / "home" / "database" / "data").stat().st_uid == 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to find another account")
@pytest.mark.parametrize("kind", ["account", "account-with-files"])
def test_root_without_namespaces_runs_it_as_another_account(
    filled: Path, programs: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def whose(database: EmbeddedDatabase, connection: asyncpg.Connection) -> tuple[str, int, int]:
        count = int(await connection.fetchval("select count(*) from reading"))
        return database.account, Path(f"/proc/{database.pid}").stat().st_uid, count

    every = accounts._candidates()
    with monkeypatch.context() as patch:
        patch.setattr(accounts, "_candidates", lambda: [one for one in every if one.spelling.startswith(f"{kind}:")])
        # Where the other account cannot come by itself, it is refused; that is the other kind's case.
        try:
            account, uid, count = _with_database(filled, programs, whose)
        except AccountRefused:
            assert kind == "account"
            return
    assert (account.split(":")[0], count) == (kind, 1000)
    assert uid != 0
    # and back: the files change hands again
    assert _with_database(filled, programs, _count) == 1000


def test_without_debian_plain_postgresql_serves_and_stays_plain(
    tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def extensions(database: EmbeddedDatabase, connection: asyncpg.Connection) -> tuple[str, list[str]]:
        names = await connection.fetch("select extname from pg_extension")
        return database.edition, [name["extname"] for name in names]

    monkeypatch.setattr(debian, "machine_sources", lambda: [])
    edition, names = _with_database(tmp_path / "home", tmp_path / "none", extensions)
    assert (
        edition.endswith("without TimescaleDB: this machine's apt sources name no Debian mirror") or "no apt" in edition
    )
    assert names == ["plpgsql"]
    edition, names = _with_database(tmp_path / "home", programs, extensions)
    assert "made without it" in edition
    assert names == ["plpgsql"]


def test_data_with_timescaledb_is_not_opened_without_it(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "machine_sources", lambda: [])
    with pytest.raises(DataNeedsOther, match="this data needs TimescaleDB"):
        _with_database(filled, tmp_path, _count)


def test_data_of_another_version_is_refused(filled: Path, programs: Path) -> None:
    version = filled / "database" / "data" / "PG_VERSION"
    version.write_text("16\n")
    try:
        with pytest.raises(DataNeedsOther, match="this data needs PostgreSQL 16, but here is PostgreSQL 17"):
            _with_database(filled, programs, _count)
    finally:
        version.write_text("17\n")


def test_systems_own_programs_serve_where_they_are_named(filled: Path, programs: Path) -> None:
    async def scenario() -> str:
        folder = next(programs.glob("postgresql-*")) / "bin"
        async with embedded_database(filled, programs, _quiet, postgres_bin=folder) as database:
            return database.edition

    assert asyncio.run(scenario()).endswith("the system's own")


def test_folder_without_programs_is_refused(tmp_path: Path, programs: Path) -> None:
    async def scenario() -> None:
        async with embedded_database(tmp_path / "home", programs, _quiet, postgres_bin=tmp_path):
            pass

    with pytest.raises(ProgramMissing, match="the program postgres is missing"):
        asyncio.run(scenario())


def test_home_that_cannot_be_made_is_refused(tmp_path: Path, programs: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DirectoryUnusable, match="Not a directory"):
        _with_database(tmp_path / "file" / "home", programs, _count)
