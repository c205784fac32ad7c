"""How the embedded PostgreSQL is set: its configuration file, its arguments, and the directory of its socket."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from app.embedded.accounts import Account
from app.embedded.datadirectory import own_directory
from app.embedded.errors import DirectoryUnusable
from app.embedded.programs import Programs

SOCKET_PORT = 5432  # only a part of the socket's name; nothing listens on a network port
SOCKET_PATH_BYTES_MAX = 107  # sun_path of unix(7), without its closing NUL


def socket_directory(home: Path, account: Account) -> Path:
    """A directory of mode 0700 for the socket: in `home`, or a short one under the temp directory.

    A killed server's socket and its lock are removed: the caller holds the database's own lock, and PostgreSQL would
    refuse to start where the number in the socket's lock is alive, though it may be another process by now.

    Raises:
        DirectoryUnusable: none can be made.
    """
    inside = home / "run"
    if _fits(inside):
        own_directory(inside, account)
        return _emptied(inside)
    # The same name at each start, so that a killed Lifeline leaves one directory at most.
    name = f"lifeline-{os.geteuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
    base = next((base for base in (Path(tempfile.gettempdir()), Path("/tmp")) if _fits(base / name)), Path("/tmp"))
    short = base / name
    try:
        short.mkdir(mode=0o700, exist_ok=True)
        found = short.lstat()
    except OSError as error:
        raise DirectoryUnusable(short, error.strerror or str(error)) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), account.owner):
        # Anyone may write into the temp directory: what another user put there is not trusted.
        short = Path(tempfile.mkdtemp(prefix="lifeline-", dir=base))
    own_directory(short, account)
    return _emptied(short)


def _emptied(directory: Path) -> Path:
    for leftover in directory.glob(".s.PGSQL.*"):
        leftover.unlink(missing_ok=True)
    return directory


def _fits(directory: Path) -> bool:
    # A comma parts the hosts of a URL.
    short = len(os.fsencode(directory / f".s.PGSQL.{SOCKET_PORT}")) <= SOCKET_PATH_BYTES_MAX
    return short and "," not in str(directory)


def write_configuration(home: Path, data: Path, sockets: Path, programs: Programs) -> list[str]:
    """Write postgresql.conf beside the data, anew at each start, and give the server's arguments.

    What `ALTER SYSTEM` sets still comes after it; what keeps the network out does not, being an argument.
    """
    settings = {
        "shared_buffers": "256MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "64MB",
        "max_connections": "60",
        "max_worker_processes": "12",
        "max_parallel_workers": "2",
        "max_wal_size": "1GB",
        # the wheel has lz4, a system's own may lack it
        "wal_compression": "lz4" if programs.timescaledb and (programs.folder.parent / "glibc").exists() else "on",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "jit": "off",
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] ",
        "logging_collector": "off",
    }
    if programs.timescaledb is not None:
        settings |= {
            "shared_preload_libraries": "timescaledb",
            "timescaledb.telemetry_level": "off",
            "timescaledb.max_background_workers": "4",
        }
    lines = [f"{name} = {_quoted(value)}" for name, value in settings.items()]
    configuration = home / "postgresql.conf"
    configuration.write_text(
        "# Written by Lifeline at each start; ALTER SYSTEM changes last.\n" + "\n".join(lines) + "\n"
    )
    configuration.chmod(0o644)
    fixed = {
        "config_file": str(configuration),
        "hba_file": str(data / "pg_hba.conf"),
        "ident_file": str(data / "pg_ident.conf"),
        "listen_addresses": "",
        "port": str(SOCKET_PORT),
        "unix_socket_directories": _listed(sockets),
        "unix_socket_permissions": "0700",
    }
    arguments = [str(programs.folder / "postgres"), "-D", str(data)]
    for name, value in fixed.items():
        arguments += ["-c", f"{name}={value}"]
    return arguments


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _listed(directory: Path) -> str:
    """One element of a comma-separated list setting."""
    return '"' + str(directory).replace('"', '""') + '"'
