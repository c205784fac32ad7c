"""`lifeline backup` and `lifeline restore`: the whole database in one file, checked after."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from app.archive import ArchiveError, back_up, program_folders, restore
from app.commands.output import CommandError, account, progress, run_async
from app.services import close_pool, open_database, prepared_pool
from app.settings import Settings, load_settings
from model.audit import Action
from store.audit import record
from store.manifest import Manifest
from store.pool import Connection, open_pool


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    backing = commands.add_parser(
        "backup", help="write the whole database to a file",
        description="Write registry, readings, log, alarms, journal and rules to a file, as of one moment, while "
        "everything goes on. The file holds the rows and a checksum of every table. A file that is there already is "
        "refused.",
        epilog="example: lifeline backup lifeline-2026-11-22.backup",
    )  # fmt: skip
    backing.add_argument("file", type=Path, metavar="FILE")
    backing.add_argument("--force", action="store_true", help="put it in the place of a file that is there already")
    backing.set_defaults(run=lambda chosen: run_async(_backup(chosen.file, force=chosen.force)))
    restoring = commands.add_parser(
        "restore", help="bring a backup into an empty database",
        description="Bring a backup into an empty database and compare rows and checksum of every table with it. A "
        "database that holds anything is refused.",
        epilog="example: LIFELINE_HOME=/srv/lifeline lifeline restore lifeline-2026-11-22.backup",
    )  # fmt: skip
    restoring.add_argument("file", type=Path, metavar="FILE")
    restoring.set_defaults(run=lambda chosen: run_async(_restore(chosen.file)))


async def _backup(file: Path, *, force: bool) -> int:
    if file.exists() and not force:
        raise CommandError(
            f"{file} is there already; name another file, or give --force to put the backup in its place"
        )
    settings = load_settings()
    # As it is, not brought to this version's schema first: a backup is what one makes before an upgrade.
    async with _connected(settings) as (connection, url):
        manifest = await back_up(connection, url, file, program_folders(settings.postgres_bin), progress)
        await _record_backup(connection, file)
    print(f"{file}: {_words(manifest)}, {file.stat().st_size} bytes")
    return 0


async def _restore(file: Path) -> int:
    settings = load_settings()
    if not file.is_file():
        raise CommandError(f"{file} is not there; name a file that lifeline backup wrote")
    async with _connected(settings) as (connection, url):
        manifest = await restore(connection, url, file, program_folders(settings.postgres_bin), progress)
        async with prepared_pool(url, progress) as pool:  # that of an older version is brought to this one's schema
            await record(pool, actor=account("administrator"), action=Action.RESTORED, subject=file.name)
    print(f"restored and checked: {_words(manifest)}")
    return 0


async def _record_backup(connection: Connection, file: Path) -> None:
    if not await connection.fetchval("select to_regclass('public.audit_waiting') is not null"):
        return  # the database of an older version, before its upgrade
    try:
        await record(connection, actor=account("administrator"), action=Action.BACKED_UP, subject=file.name)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError):
        progress("the account may not write to this database, so that its audit does not tell of this backup")


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[tuple[Connection, str]]:
    try:
        async with open_database(settings, progress) as url:
            pool = await open_pool(url, connections_max=1, idle_s_max=0)
            try:
                async with pool.acquire() as connection:
                    yield connection, url
            finally:
                await close_pool(pool)
    except ArchiveError as error:
        raise CommandError(str(error)) from error


def _words(manifest: Manifest) -> str:
    counts = {name: figures.rows for name, figures in manifest.tables.items()}
    return ", ".join(f"{counts.get(table, 0)} {word}" for table, word in (
        ("sensor", "sensors"), ("reading", "readings"), ("batch", "batches"), ("journal", "journal lines"),
    ))  # fmt: skip
