"""Disks that a test mounts, fills and pulls the plug of; who may not mount one skips the test and says so."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

FILLER = "filler"
PIECE_BYTES = 4096
LEFT_S_MAX = 30.0


@contextmanager
def small_disk(place: Path, size_mb: int) -> Iterator[None]:
    """A file system of that size in memory, mounted at the place."""
    place.mkdir(parents=True, exist_ok=True)
    with _mounted(["-t", "tmpfs", "-o", f"size={size_mb}m,mode=700", "tmpfs"], place):
        yield


@contextmanager
def file_disk(image: Path, place: Path, size_mb: int) -> Iterator[None]:
    """A file system within a file, mounted at the place: the file holds what has come as far as a disk."""
    if not image.exists():
        with image.open("wb") as file:
            file.truncate(size_mb * 1024 * 1024)
        _run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)])
    place.mkdir(parents=True, exist_ok=True)
    # What nobody asks to be written is not written while the test runs.
    with _mounted(["-t", "ext4", "-o", "loop,noatime,commit=300", str(image)], place):
        yield


def written_out(place: Path) -> None:
    """Let the kernel write all that it still holds for that disk."""
    subprocess.run(["sync", "--file-system", str(place)], check=True)


def fill(place: Path) -> None:
    """Leave no room on the disk at that place."""
    with (place / FILLER).open("ab", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * PIECE_BYTES) == PIECE_BYTES:
            pass


def copied(image: Path, copy: Path) -> None:
    """Copy a file of mostly nothing."""
    subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)


def free(place: Path) -> None:
    """Make room again."""
    (place / FILLER).unlink()


@contextmanager
def _mounted(what: Sequence[str], place: Path) -> Iterator[None]:
    _run(["mount", *what, str(place)])
    try:
        yield
    finally:
        ends = time.monotonic() + LEFT_S_MAX
        while (done := subprocess.run(["umount", str(place)], capture_output=True, text=True)).returncode:
            assert time.monotonic() < ends, done.stderr
            time.sleep(0.05)  # what was killed is still ending


def _run(command: Sequence[str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount the disk that this test needs")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"this machine has no {command[0]}")
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
