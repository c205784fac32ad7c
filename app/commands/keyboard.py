"""Single keys from the terminal while a command runs."""

import asyncio
import os
import re
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LEFT, RIGHT = "left", "right"
_NAMES = {"\x1b[C": RIGHT, "\x1bOC": RIGHT, "\x1b[D": LEFT, "\x1bOD": LEFT}
_KEY = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]|.", re.DOTALL)


def keys_of(text: str) -> list[str]:
    """Return the keys of what a terminal sent: characters, and `left` and `right` for those arrows."""
    return [_NAMES.get(key, key) for key in _KEY.findall(text)]


@contextmanager
def keys(take: Callable[[str], None]) -> Iterator[bool]:
    """Hand each key that is pressed to `take`; False, and none, where no terminal is in front of this process.

    Needs a running event loop. The terminal is as it was afterwards; Ctrl-C interrupts as ever.
    """
    if not _in_front():
        yield False
        return
    terminal, loop = sys.stdin.fileno(), asyncio.get_running_loop()

    def read() -> None:
        try:
            text = os.read(terminal, 64).decode("utf-8", "replace")
        except OSError:
            text = ""
        if not text:  # the terminal has gone
            loop.remove_reader(terminal)
        for key in keys_of(text):
            take(key)

    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    loop.add_reader(terminal, read)
    try:
        yield True
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _in_front() -> bool:
    """Whether standard input is a terminal and this process may use it: one in the background would be stopped."""
    try:
        return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False
