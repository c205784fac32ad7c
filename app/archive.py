"""A backup file: pg_dump's archive and a manifest of what is in it, both of one moment, in one zip."""

import asyncio
import contextlib
import os
import re
import shutil
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from app.embedded.programs import wheel_folder
from migrations.runner import migration_files
from store.capabilities import STORE_MIGRATION, read_versions
from store.manifest import (
    Manifest,
    begin_restore,
    end_restore,
    export_snapshot,
    has_timescaledb,
    make_hypertables,
    own_tables,
    read_manifest,
)
from store.pool import Connection
from store.summaries import summary_kind

DUMP, MANIFEST = "database.dump", "manifest.json"
_PIECE_BYTES = 1 << 20
Progress = Callable[[str], None]


class ArchiveError(Exception):
    """A backup cannot be made or restored; the text says why and what to do."""


async def back_up(
    connection: Connection, url: str, file: Path, programs: Sequence[Path], progress: Progress
) -> Manifest:
    """Write the database to `file`, whole or not at all, while everything goes on. Raises ArchiveError."""
    versions = await read_versions(connection)
    if not versions.migrations:
        raise ArchiveError("the database holds no Lifeline; check LIFELINE_DATABASE_URL")
    program = await _program("pg_dump", programs, versions.postgres)
    partial = file.with_name(file.name + ".partial")
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await export_snapshot(connection)
            progress("counting and summing every table …")
            kind = await summary_kind(connection) if STORE_MIGRATION in versions.migrations else "none"
            manifest = await read_manifest(connection, versions, kind)
            progress("writing the backup …")
            arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:  # pg_dump compresses already
                with archive.open(DUMP, "w", force_zip64=True) as out:
                    await _run(program, url, arguments, produce=out.write)
                archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(file)
    except OSError as error:
        raise ArchiveError(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return manifest


async def restore(
    connection: Connection, url: str, file: Path, programs: Sequence[Path], progress: Progress
) -> Manifest:
    """Bring the backup into the empty database at `url` and check it against its manifest. Raises ArchiveError."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
            timescale = await _check_target(connection, manifest)
            versions = await read_versions(connection)
            program = await _program("pg_restore", programs, versions.postgres)
            progress("restoring …")
            async with _restoring(connection, hypertables=manifest.timescaledb is not None):
                with archive.open(DUMP) as dump:
                    await _run(program, url, ["--no-owner", "--no-privileges", "--exit-on-error"], consume=dump.read)
    except (OSError, KeyError, zipfile.BadZipFile, msgspec.DecodeError, EOFError) as error:
        raise ArchiveError(f"{file} is no whole backup ({error}); take another one") from error
    if timescale and not manifest.timescaledb:
        progress("the backup is of a plain PostgreSQL: making hypertables …")
        await make_hypertables(connection)
    progress("counting and summing every table again …")
    restored = await read_manifest(connection, await read_versions(connection), manifest.summaries)
    wrong = [name for name in manifest.tables if restored.tables.get(name) != manifest.tables[name]]
    if wrong:
        raise ArchiveError(
            f"the restored database differs from the backup in {', '.join(wrong)}; do not use it: drop it, and restore "
            "again or from another backup"
        )
    return restored


@contextlib.asynccontextmanager
async def _restoring(connection: Connection, *, hypertables: bool) -> AsyncIterator[None]:
    """A dump with hypertables goes in while TimescaleDB looks away."""
    if hypertables:
        await begin_restore(connection)
    try:
        yield
    finally:
        if hypertables and not connection.is_closed():
            await end_restore(connection)


async def _check_target(connection: Connection, manifest: Manifest) -> bool:
    """Return whether the target gets TimescaleDB; raise where the backup cannot go there."""
    tables = await own_tables(connection)
    if tables:
        raise ArchiveError(
            f"the database is not empty (it has {', '.join(tables[:3])}); restore into a new one: an empty "
            "LIFELINE_HOME, or create database and LIFELINE_DATABASE_URL"
        )
    newer = sorted(set(manifest.migrations) - {name for name, _ in migration_files()})
    if newer:
        raise ArchiveError(f"the backup has migration {newer[0]}, which this Lifeline does not know; use the newer one")
    available = await has_timescaledb(connection)
    if manifest.timescaledb and not available:
        raise ArchiveError(
            f"the backup needs TimescaleDB {manifest.timescaledb}, and the database has none; install it"
        )
    if not available:
        return False
    await connection.execute("create extension if not exists timescaledb")
    found = await read_versions(connection)
    if manifest.timescaledb and found.timescaledb != manifest.timescaledb:
        raise ArchiveError(
            f"the backup is of TimescaleDB {manifest.timescaledb}, the database has {found.timescaledb}; restore into "
            "the same version and update the extension afterwards"
        )
    if manifest.summaries == "continuous aggregates" and found.edition == "Apache":
        raise ArchiveError("the backup is of a Community edition's database; an Apache edition cannot hold it")
    return True


def program_folders(configured: Path | None) -> list[Path]:
    """Return where pg_dump and pg_restore may be: as configured, the wheel's, on the path, where Debian has them."""
    folders = [] if configured is None else [configured]
    with contextlib.suppress(Exception):  # without the wheel the system's own serve
        folders.append(wheel_folder() / "bin")
    on_path = shutil.which("pg_dump")
    if on_path:
        folders.append(Path(on_path).parent)
    return folders + sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


async def _program(name: str, folders: Sequence[Path], server: str) -> Path:
    """Return the first program that is not older than the server."""
    wanted = int(server.split(".")[0])
    for folder in folders:
        if not os.access(folder / name, os.X_OK):
            continue
        process = await asyncio.create_subprocess_exec(folder / name, "--version", stdout=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
        found = re.search(rb"(\d+)", said)
        if process.returncode == 0 and found and int(found[1]) >= wanted:
            return folder / name
    raise ArchiveError(f"no {name} of PostgreSQL {wanted} or newer; install postgresql-client-{wanted}")


async def _run(
    program: Path,
    url: str,
    arguments: Sequence[str],
    *,
    produce: Callable[[bytes], object] | None = None,
    consume: Callable[[int], bytes] | None = None,
) -> None:
    parts = urlsplit(url)
    credentials, at, place = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    # Everyone on the machine can see the arguments of a process, but not its environment.
    shown = urlunsplit(parts._replace(netloc=user + at + place))
    process = await asyncio.create_subprocess_exec(
        program,
        f"--dbname={shown}",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL if consume is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL if produce is None else asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **({"PGPASSWORD": unquote(password)} if password else {})},
    )
    assert process.stderr is not None
    complaints = asyncio.create_task(process.stderr.read())
    try:
        if produce is not None and process.stdout is not None:
            while piece := await process.stdout.read(_PIECE_BYTES):
                produce(piece)
        if consume is not None and process.stdin is not None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                while piece := consume(_PIECE_BYTES):
                    process.stdin.write(piece)
                    await process.stdin.drain()
                process.stdin.close()
        code = await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    said = (await complaints).decode(errors="replace").strip()
    if code:
        raise ArchiveError(f"{program.name} failed: {said.splitlines()[-1] if said else f'exit code {code}'}")
