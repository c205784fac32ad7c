from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from app.embedded.errors import CommandFailed, ServerEnded
from app.embedded.process import Child, plain_environment, ready, run, start, stop

from .holder import gone

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


async def _child(tmp_path: Path, code: str, stop_signal: signal.Signals = signal.SIGTERM) -> Child:
    return await start(
        "a child", [sys.executable, "-c", code], log=tmp_path / "log", stop_signal=stop_signal, directory=tmp_path
    )


def _says(child: Child, text: str) -> Callable[[], Awaitable[bool]]:
    async def probe() -> bool:
        return text in child.log.read_text()

    return probe


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_child_starts_in_its_own_session_and_stops_by_its_signal(tmp_path: Path, runner: Callable[..., None]) -> None:
    async def scenario() -> None:
        child = await _child(tmp_path, SLEEP)
        await ready(child, _says(child, "up"), timeout_s=10)
        assert os.getsid(child.pid) == child.pid
        assert Path(f"/proc/{child.pid}/cwd").resolve() == tmp_path
        await stop(child, timeout_s=5)
        assert await child.wait() == -signal.SIGTERM

    runner(scenario())


def test_child_that_ignores_its_signal_is_killed_after_the_timeout(tmp_path: Path) -> None:
    async def scenario() -> None:
        child = await _child(tmp_path, STUBBORN)
        await ready(child, _says(child, "up"), timeout_s=10)
        before = time.monotonic()
        await stop(child, timeout_s=0.3)
        assert await child.wait() == -signal.SIGKILL
        assert time.monotonic() - before < 2

    asyncio.run(scenario())


def test_stopping_twice_does_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        child = await _child(tmp_path, SLEEP)
        await stop(child, timeout_s=5)
        await stop(child, timeout_s=5)

    asyncio.run(scenario())


def test_child_that_ends_early_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("words of an earlier run\n")

    async def scenario() -> None:
        child = await _child(tmp_path, "print('no room left'); raise SystemExit(3)")
        with pytest.raises(ServerEnded, match="ended with code 3") as caught:
            await ready(child, _says(child, "up"), timeout_s=10)
        assert caught.value.words == "no room left"

    asyncio.run(scenario())


def test_child_not_ready_in_time_is_an_error(tmp_path: Path) -> None:
    async def scenario() -> None:
        child = await _child(tmp_path, SLEEP)
        with pytest.raises(ServerEnded, match="not ready in time"):
            await ready(child, _says(child, "never"), timeout_s=0.2)
        await stop(child, timeout_s=5)

    asyncio.run(scenario())


def test_child_dies_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = (
        "import asyncio, pathlib, signal, sys\n"
        "from app.embedded.process import start\n"
        "async def main():\n"
        "    at = pathlib.Path(sys.argv[1])\n"
        f"    child = await start('c', [sys.executable, '-c', {SLEEP!r}], log=at / 'log',\n"
        "        stop_signal=signal.SIGINT, directory=at)\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )

    async def scenario() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", parent, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        assert process.stdout is not None
        pid = int(await process.stdout.readline())
        process.kill()
        assert gone(pid, 5)
        await process.wait()

    asyncio.run(scenario())


def test_child_starts_with_default_signals_whatever_the_parent_ignores(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # not a Python program, which would set a handler of its own
        said = asyncio.run(run("grep", ["/bin/grep", "SigIgn", "/proc/self/status"], timeout_s=10))
    finally:
        signal.signal(signal.SIGINT, before)
    assert int(said.split()[1], 16) & (1 << (signal.SIGINT - 1)) == 0


def test_command_that_fails_is_an_error_with_code_and_words() -> None:
    with pytest.raises(CommandFailed, match="ended with code 5") as caught:
        asyncio.run(run("sh", ["/bin/sh", "-c", "echo first; echo last >&2; exit 5"], timeout_s=10))
    assert caught.value.code == 5
    assert caught.value.output == "first\nlast\n"


def test_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="took too long"):
        asyncio.run(run("sh", ["/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 60"], timeout_s=0.5))
    assert gone(int((tmp_path / "pid").read_text()), 5)


def test_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(CommandFailed, match="No such file"):
        asyncio.run(run("nothing", ["/nowhere/nothing"], timeout_s=10))


def test_plain_environment_has_no_variables_that_change_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    assert set(plain_environment()) == {"PATH", "LC_ALL", "TZ"}
