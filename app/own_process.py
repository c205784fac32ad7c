"""Work in a process of its own, which ends with whoever waits for it: on a thread it would slow the API beside it, and
nothing can stop a thread.
"""

import asyncio
import os
import pickle
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_own_process(work: Callable[[], T]) -> T:
    """Return what `work`, a function that can be pickled, returns in a new process.

    The process is killed when the caller is cancelled. Raises RuntimeError where it ended without an answer.
    """
    told = await asyncio.to_thread(pickle.dumps, work)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.own_process", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # the terminal's Ctrl-C is for the service
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(told)
        await process.stdin.drain()
        # Its standard input stays open: where this process dies, the other sees its end.
        answer = await process.stdout.read()
        if await process.wait():
            raise RuntimeError(f"a process of its own ended with {process.returncode} and no answer")
    except (BrokenPipeError, ConnectionResetError):
        raise RuntimeError("a process of its own ended before it had its work") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        process.stdin.close()
    found: T = await asyncio.to_thread(pickle.loads, answer)
    return found


def _end_with_the_parent() -> None:
    while os.read(0, 1):  # the lock of sys.stdin would be held for ever
        pass
    os._exit(1)


def _main() -> None:
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints, prints beside the answer
    work = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    answer.write(pickle.dumps(work()))
    answer.close()


if __name__ == "__main__":
    _main()
