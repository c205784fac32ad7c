"""Rows of the table `reading` in PostgreSQL's binary COPY format, built and read in one numpy pass each.

Format: PostgreSQL manual, COPY, "Binary Format". A row is the 16-bit number of its fields, then each field as a 32-bit
length and its big-endian bytes.
"""

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("time", "value", "batch", "sensor_key", "position", "quality")

LogRows: TypeAlias = NDArray[Any]
"""A structured array of LOG_ROW or ARRIVED_ROW."""

LOG_ROW = np.dtype(
    [
        ("batch", np.int64),
        ("time", np.int64),  # epoch milliseconds
        ("value", np.float64),
        ("sensor", np.int32),
        ("position", np.int16),
        ("quality", np.int16),
    ]
)
ARRIVED_ROW = np.dtype([*LOG_ROW.descr, ("arrived", np.int64)])  # epoch milliseconds

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # signature, flags, no extension
_TRAILER = b"\xff\xff"
_EPOCH_2000_MS = 946_684_800_000  # PostgreSQL counts microseconds from 2000-01-01
_PIECE_ROWS = 2_048  # the server works on one piece while the next is built


def _row(*fields: tuple[str, str]) -> np.dtype[Any]:
    columns = [(part, form) for name, kind in fields for part, form in ((f"{name}_length", ">i4"), (name, kind))]
    return np.dtype([("fields", ">i2"), *columns])


_WRITTEN = _row(
    ("time", ">i8"), ("value", ">f8"), ("batch", ">i8"), ("sensor", ">i4"), ("position", ">i2"), ("quality", ">i2")
)
_LOGGED = (
    ("batch", ">i8"), ("time", ">i8"), ("value", ">f8"), ("sensor", ">i4"), ("position", ">i2"), ("quality", ">i2"),
)  # fmt: skip
_READ = _row(*_LOGGED)
_READ_ARRIVED = _row(*_LOGGED, ("arrived", ">i8"))


async def encode_rows(
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    batch: int,
    sensor: NDArray[np.int32],
    position: NDArray[np.int64],
    quality: NDArray[np.uint16],
) -> AsyncIterator[bytes]:
    """Yield n rows (COLUMNS) as a COPY BINARY stream, in pieces.

    Arrays have shape (n,); `time` in epoch milliseconds, `value` finite. Raises ValueError for a value that is not
    finite: PostgreSQL would store it and sort it above all others.
    """
    if not np.isfinite(value).all():
        raise ValueError("a reading's value is not finite")
    rows = np.empty(min(len(time), _PIECE_ROWS), _WRITTEN)
    rows["fields"] = len(COLUMNS)
    for name in ("time", "value", "batch", "sensor", "position", "quality"):
        rows[f"{name}_length"] = _WRITTEN[name].itemsize
    rows["batch"] = batch
    yield _HEADER
    for start in range(0, len(time), _PIECE_ROWS):
        part = slice(start, start + _PIECE_ROWS)
        piece = rows[: len(time[part])]
        piece["time"] = (time[part] - _EPOCH_2000_MS) * 1000
        piece["value"] = value[part]
        piece["sensor"] = sensor[part]
        piece["position"] = position[part]
        piece["quality"] = quality[part]
        yield piece.tobytes()
    yield _TRAILER


def decode_log_rows(stream: bytes | bytearray) -> LogRows:
    """Return the rows (batch, time, value, sensor_key, position, quality), none of them null, of a COPY BINARY stream.

    Raises ValueError where the stream has another form.
    """
    return _decoded(stream, _READ, LOG_ROW)


def decode_arrived_rows(stream: bytes | bytearray) -> LogRows:
    """Return the same with the arrival of each row's batch behind it, as ARRIVED_ROW. Raises as decode_log_rows."""
    return _decoded(stream, _READ_ARRIVED, ARRIVED_ROW)


def _decoded(stream: bytes | bytearray, form: np.dtype[Any], row: np.dtype[Any]) -> LogRows:
    body = len(stream) - len(_HEADER) - len(_TRAILER)
    if not stream.startswith(_HEADER[:11]) or body < 0 or body % form.itemsize:
        raise ValueError("not a COPY BINARY stream of readings")
    read = np.frombuffer(stream, form, body // form.itemsize, len(_HEADER))
    rows = np.empty(len(read), row)
    for name in rows.dtype.names or ():
        rows[name] = read[name] // 1000 + _EPOCH_2000_MS if name in ("time", "arrived") else read[name]
    return rows
