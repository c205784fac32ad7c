"""What the commands share with the terminal: errors, progress, and arguments as people type them."""

import argparse
import asyncio
import getpass
import re
import sys
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

import uvloop

from model.area import InvalidArea, parse_area
from model.instant import parse_instant

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


class CommandError(Exception):
    """What a command was asked for cannot be done; the text says why and what to do."""


def account(otherwise: str) -> str:
    """Return who is logged in, for the record; `otherwise` for an account without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return otherwise


def run_async(work: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine on the fast event loop and return its exit code."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def progress(text: str) -> None:
    """Tell on stderr what takes time."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def duration(text: str) -> float:
    """An argument like 90s, 5m, 2h or 7d, in seconds."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write it like 90s, 5m, 2h or 7d")
    seconds = float(found[1]) * _SECONDS[found[2]]
    if not 0 <= seconds <= 100 * 366 * 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than a hundred years")
    return seconds


def instant(text: str) -> int:
    """An argument like 2026-11-22T08:00:00Z, in epoch milliseconds."""
    try:
        return parse_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def area(text: str) -> str:
    """An argument like jiayuguan, jiayuguan/xiongguan, province:gansu or *, as areas are kept."""
    try:
        return str(parse_area(text))
    except InvalidArea as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def positive(text: str) -> int:
    """An argument that is a whole number from 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def speed(text: str) -> float | None:
    """An argument like 1, 10 or max, which is None: as fast as acknowledged."""
    if text == "max":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; give a number above 0, or max")
    return value


def write_lines(path: Path | None, lines: Iterable[str]) -> None:
    """Write lines to a file, or to standard output where none is given. Raises CommandError."""
    if path is None:
        sys.stdout.writelines(line + "\n" for line in lines)
        return
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(line + "\n" for line in lines)
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}") from None
