"""Readings files, CSV or NDJSON, plain or gzipped: read row by row, each row with its line, bad rows kept apart."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

REQUIRED = ("time", "sensor", "value")
OPTIONAL = ("unit", "quality", "received_at")
LINE_CHARACTERS_MAX = 100_000  # of a packed file, a thousand times as much may come out as lies on the disk


class Row(NamedTuple):
    """One reading as it stands in the file, texts not yet judged; `value` is a JSON text in NDJSON."""

    line: int
    time: str
    sensor: str
    value: str
    unit: str
    quality: str
    received_at: str


class ReadingFileError(Exception):
    """A readings file that cannot be read at all; the text says what, where and how to mend it."""


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a readings file in file order.

    The form is taken from the name: `.ndjson`, `.jsonl` or `.json` is NDJSON, all else CSV; `.gz` is unpacked. A row
    that has not the columns comes with empty texts, for the checks to refuse. Raises ReadingFileError for a file that
    cannot be opened, is not whole gzip, lacks a column, or has a line longer than any reading.
    """
    stem = path.name.removesuffix(".gz")
    parse = _ndjson_rows if stem.endswith((".ndjson", ".jsonl", ".json")) else _csv_rows
    try:
        with _open(path) as stream:
            yield from parse(path, stream)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ReadingFileError(f"{path}: not a whole gzip file ({error}); fetch it again") from None
    except OSError as error:
        raise ReadingFileError(f"{path}: cannot be read: {error.strerror or error}") from None


def _open(path: Path) -> IO[str]:
    # Bytes that are no UTF-8 become visible escapes: they spoil their own row, not the file.
    if path.name.endswith(".gz"):
        return io.TextIOWrapper(gzip.open(path, "rb"), "utf-8-sig", errors="backslashreplace", newline="")
    return open(path, encoding="utf-8-sig", errors="backslashreplace", newline="")


def _csv_rows(path: Path, stream: IO[str]) -> Iterator[Row]:
    # Line by line, because no field of a reading holds a line end: a stray quotation mark costs its own row only.
    lines = _lines(path, stream)
    header = [name.strip() for name in _cells(next(lines, ""))]
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise ReadingFileError(
            f"{path}:1: column {', '.join(missing)} is missing; the header needs {','.join(REQUIRED)}"
        )
    places = [header.index(name) if name in header else -1 for name in (*REQUIRED, *OPTIONAL)]
    for number, text in enumerate(lines, 2):
        cells = _cells(text)
        if cells:
            width = len(cells)
            yield Row(number, *(cells[p] if 0 <= p < width else "" for p in places))


def _lines(path: Path, stream: IO[str]) -> Iterator[str]:
    number = 0
    while text := stream.readline(LINE_CHARACTERS_MAX + 1):
        number += 1
        if len(text) > LINE_CHARACTERS_MAX:
            raise ReadingFileError(
                f"{path}:{number}: longer than {LINE_CHARACTERS_MAX} characters; is it a readings file?"
            )
        yield text


def _cells(text: str) -> list[str]:
    text = text.rstrip("\r\n")
    if '"' not in text:
        return text.split(",") if text else []
    try:
        return next(csv.reader([text]), [])
    except csv.Error:
        return text.split(",")


def _ndjson_rows(path: Path, stream: IO[str]) -> Iterator[Row]:
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    for line, text in enumerate(_lines(path, stream), 1):
        if not text.strip():
            continue
        try:
            entry = decode(text)
        except (msgspec.DecodeError, RecursionError):
            yield Row(line, "", "", text.strip()[:200], "", "", "")
            continue
        texts = [_text(entry.get(name)) for name in ("time", "sensor", *OPTIONAL)]
        yield Row(line, texts[0], texts[1], _raw(entry.get("value")), *texts[2:])


def _raw(value: msgspec.Raw | None) -> str:
    return "" if value is None else bytes(value).decode()


def _text(value: msgspec.Raw | None) -> str:
    raw = _raw(value)
    if raw.startswith('"'):
        decoded: str = msgspec.json.decode(raw)
        return decoded
    return "" if raw == "null" else raw
