"""Processes as the kernel sees them: what they hold in memory, who started whom, and how they are frozen."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

STOPPED_S_MAX = 30.0


def memory_mb(process: int) -> float:
    """What a process holds in memory."""
    words = Path(f"/proc/{process}/status").read_text().split()
    return int(words[words.index("VmRSS:") + 1]) / 1024


def children(parent: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text()
        except OSError:
            continue  # it has ended meanwhile
        if int(state.rpartition(")")[2].split()[1]) == parent:
            found.append(int(entry.name))
    return found


@contextmanager
def frozen(parents: Sequence[int]) -> Iterator[list[int]]:
    """Stop processes and their children where they stand, and let them go on afterwards, if they still live.

    Returns when none of their threads runs any more, in the kernel neither.
    """
    stopped: list[int] = []
    try:
        for parent in parents:
            _signal(parent, signal.SIGSTOP)  # first, so that it starts no others
            stopped.append(parent)
            for child in children(parent):
                _signal(child, signal.SIGSTOP)
                stopped.append(child)
        ends = time.monotonic() + STOPPED_S_MAX
        while not all(map(_stands_still, stopped)):
            assert time.monotonic() < ends, "the processes do not stop"
            time.sleep(0.005)
        yield stopped
    finally:
        for process in reversed(stopped):
            _signal(process, signal.SIGCONT)


def _stands_still(process: int) -> bool:
    try:
        states = [(task / "stat").read_text() for task in Path(f"/proc/{process}/task").iterdir()]
    except OSError:
        return True  # it has ended
    return all(state.rpartition(")")[2].split()[0] in "TtZX" for state in states)


def _signal(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)
