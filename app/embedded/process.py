"""Child processes that never outlive Lifeline: start, wait until ready, stop in order.

Each child runs in a session of its own, so that the terminal's Ctrl-C does not reach it and we decide on the order,
and is sent its stop signal by the kernel when Lifeline dies, however it dies. The kernel ties that signal to the thread
that starts the child: start children from the thread that lives longest, which is the main one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.embedded.errors import CommandFailed, DirectoryUnusable, ServerEnded, last_words

LOG_BYTES_MAX = 8 * 1024 * 1024
OWN_ACCOUNT = "own"
_LAUNCHER = Path(__file__).with_name("launch.py")
_POLL_S = 0.03
_COMMAND_STOP_S = 5.0


@dataclass(frozen=True)
class Child:
    """A server that we started: its name, its log from byte `log_start` on, and the signal that ends it in order."""

    name: str
    log: Path
    log_start: int
    stop_signal: signal.Signals
    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """The number of the server's own process; nothing stands between it and us."""
        return self.process.pid

    async def wait(self) -> int:
        """Wait until the server ends, for whatever reason, and give its exit code."""
        return await self.process.wait()


def plain_environment(**more: str) -> dict[str, str]:
    """An environment without the caller's locale, library paths and PG… variables, which would change a server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC", **more}


def _command(arguments: Sequence[str], death_signal: signal.Signals, account: str, directory: Path) -> list[str]:
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
    return [*launcher, str(os.getpid()), str(int(death_signal)), account, str(directory), *arguments]


async def start(
    name: str,
    arguments: Sequence[str],
    *,
    log: Path,
    stop_signal: signal.Signals,
    directory: Path,
    account: str = OWN_ACCOUNT,
    environment: Mapping[str, str] | None = None,
    hold: Sequence[int] = (),
) -> Child:
    """Start a server; `arguments[0]` is its path, `hold` are descriptors it keeps open (locks) as long as it lives.

    Raises:
        DirectoryUnusable: the log file cannot be written.
    """
    try:
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_name(log.name + ".1"))
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        log_start = os.fstat(output).st_size
    except OSError as error:
        raise DirectoryUnusable(log, error.strerror or str(error)) from error
    try:
        process = await asyncio.create_subprocess_exec(
            *_command(arguments, stop_signal, account, directory),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(plain_environment() if environment is None else environment),
            pass_fds=tuple(hold),
            start_new_session=True,
        )
    finally:
        os.close(output)
    return Child(name, log, log_start, stop_signal, process)


async def ready(child: Child, probe: Callable[[], Awaitable[bool]], *, timeout_s: float) -> None:
    """Wait until `probe` says yes.

    Raises:
        ServerEnded: the server ended meanwhile, or the time is up; with its last words.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    while child.process.returncode is None and asyncio.get_running_loop().time() < deadline:
        if await probe():
            return
        await asyncio.sleep(_POLL_S)
    raise ServerEnded(child.name, child.process.returncode, child.log, last_words(said(child)))


async def stop(child: Child, *, timeout_s: float) -> None:
    """End a server in order: its signal, then a wait, then SIGKILL. Does nothing where it has ended already."""
    with contextlib.suppress(ProcessLookupError):
        child.process.send_signal(child.stop_signal)
    try:
        await asyncio.wait_for(child.process.wait(), timeout_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.process.kill()
        await child.process.wait()


async def run(
    name: str,
    arguments: Sequence[str],
    *,
    timeout_s: float,
    directory: Path = Path("/"),
    account: str = OWN_ACCOUNT,
    environment: Mapping[str, str] | None = None,
    hold: Sequence[int] = (),
) -> str:
    """Run a command to its end and give what it printed; it dies with us as a server does.

    Raises:
        CommandFailed: it ended with another code than 0, or not in time.
    """
    process = await asyncio.create_subprocess_exec(
        *_command(arguments, signal.SIGTERM, account, directory),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(plain_environment() if environment is None else environment),
        pass_fds=tuple(hold),
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError as error:
        raise CommandFailed(name, None, "") from error
    finally:
        if process.returncode is None:
            await _end_session(process)
    text = output.decode(errors="replace")
    if process.returncode != 0:
        raise CommandFailed(name, process.returncode, text)
    return text


async def _end_session(process: asyncio.subprocess.Process) -> None:
    """End a command with its own children, as apt-get and initdb have them."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.communicate(), _COMMAND_STOP_S)
            return


def said(child: Child) -> str:
    """What this child wrote to its log so far."""
    try:
        with child.log.open("rb") as file:
            file.seek(child.log_start)
            return file.read(LOG_BYTES_MAX).decode(errors="replace")
    except OSError:
        return ""
