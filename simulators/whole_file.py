"""Files that appear under their name only once they are whole."""

import gzip
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

GZIP_LEVEL = 6


def is_ndjson(path: Path) -> bool:
    """Return whether a readings file of that name is NDJSON; the same names as in reading."""
    return path.name.removesuffix(".gz").endswith((".ndjson", ".jsonl", ".json"))


@contextmanager
def open_whole(path: Path) -> Iterator[IO[str]]:
    """Open a text file for writing beside its name, packed where it ends in .gz, and move it there when it is whole.

    After an error or an interrupt the old file stands as it was, and what was written remains as `.partial`.
    """
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as raw:
        if path.name.endswith(".gz"):
            with gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as packed, _text(cast(IO[bytes], packed)) as stream:
                yield stream
        else:
            with _text(raw) as stream:
                yield stream
    os.replace(partial, path)


def _text(binary: IO[bytes]) -> io.TextIOWrapper:
    return io.TextIOWrapper(binary, "utf-8", "backslashreplace", newline="")
