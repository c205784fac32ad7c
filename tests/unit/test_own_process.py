"""Work in a process of its own: it answers, and it ends with whoever waits for it."""

import asyncio
import os
import signal
import sys
import time
from functools import partial

import pytest

from app.own_process import in_own_process
from tests.api.service import until
from tests.workers import is_there, the_worker

WAITS = "import asyncio, functools, time; from app.own_process import in_own_process;"
WAITS += " asyncio.run(in_own_process(functools.partial(time.sleep, 600)))"


def test_it_answers_from_another_process() -> None:
    assert asyncio.run(in_own_process(partial(pow, 2, 10))) == 1024
    assert asyncio.run(in_own_process(os.getpid)) != os.getpid()


def test_what_it_prints_is_no_answer() -> None:
    assert asyncio.run(in_own_process(partial(print, "beside"))) is None


def test_one_that_fails_says_so() -> None:
    with pytest.raises(RuntimeError, match="ended with 1"):
        asyncio.run(in_own_process(partial(int, "no number")))
    with pytest.raises(RuntimeError, match="ended with -9"):
        asyncio.run(in_own_process(partial(signal.raise_signal, signal.SIGKILL)))


def test_it_ends_when_nobody_waits_for_it_any_more() -> None:
    async def scenario() -> None:
        waiting = asyncio.create_task(in_own_process(partial(time.sleep, 600)))
        worker = await the_worker(os.getpid())
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not is_there(worker)

    asyncio.run(scenario())


def test_it_ends_with_the_process_that_waits_for_it() -> None:
    async def scenario() -> None:
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", WAITS)
        worker = await the_worker(parent.pid)
        parent.kill()
        await parent.wait()
        await until(lambda: not is_there(worker))

    asyncio.run(scenario())
