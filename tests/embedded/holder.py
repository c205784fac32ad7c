"""A Lifeline in small: starts one embedded part, says so in one line of JSON, and waits to be killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


async def hold(part: str, home: Path, programs: Path) -> None:
    from app.embedded.broker import embedded_broker
    from app.embedded.database import embedded_database

    if part == "database":
        async with embedded_database(home, programs, lambda _: None) as database:
            print(json.dumps({"pid": database.pid, "url": database.url, "account": database.account}), flush=True)
            await asyncio.sleep(60)
    else:
        async with embedded_broker(home, "127.0.0.1", 0, lambda _: None) as broker:
            print(json.dumps({"pid": broker.pid, "url": broker.url, "port": broker.port}), flush=True)
            await asyncio.sleep(60)


def command(part: str, home: Path, programs: Path) -> list[str]:
    return [sys.executable, str(Path(__file__)), part, str(home), str(programs)]


@contextlib.contextmanager
def held(part: str, home: Path, programs: Path, *, prefix: list[str] | None = None) -> Iterator[tuple[int, Any]]:
    """The holder's process number and what it said; killed in the end if it still runs."""
    process = subprocess.Popen([*(prefix or []), *command(part, home, programs)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.pid, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def gone(pid: int, within_s: float) -> bool:
    """Whether the process ends within the time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            # Where nobody collects the dead (a container without an init), they stay as zombies.
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


def working_in(directory: Path) -> list[int]:
    """The processes whose working directory this is."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.path.samefile(entry / "cwd", directory):
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as under nohup; the servers must end all the same
    asyncio.run(hold(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
