"""Rows of the table `reading` in PostgreSQL's binary COPY format, built in one numpy pass."""

import io

import numpy as np
from numpy.typing import NDArray

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # signature, flags, no extension
_TRAILER = b"\xff\xff"
_EPOCH_2000_MS = 946_684_800_000  # PostgreSQL counts microseconds from 2000-01-01

# Each field is a 32-bit length and its big-endian bytes; the tuple begins with its number of fields.
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("time_length", ">i4"),
        ("time", ">i8"),
        ("value_length", ">i4"),
        ("value", ">f8"),
        ("batch_length", ">i4"),
        ("batch", ">i8"),
        ("sensor_length", ">i4"),
        ("sensor", ">i4"),
        ("position_length", ">i4"),
        ("position", ">i2"),
        ("quality_length", ">i4"),
        ("quality", ">i2"),
    ]
)


def encode_rows(
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    batch: int,
    sensor: NDArray[np.int32],
    position: NDArray[np.int64],
    quality: NDArray[np.uint16],
) -> io.BytesIO:
    """Return n rows (time, value, batch, sensor_key, position, quality) as a COPY BINARY stream.

    Arrays have shape (n,); `time` in epoch milliseconds, `value` finite. Format: PostgreSQL manual, COPY, "Binary
    Format". Raises ValueError for a value that is not finite: PostgreSQL would store it and sort it above all others.
    """
    if not np.isfinite(value).all():
        raise ValueError("a reading's value is not finite")
    rows = np.empty(len(time), _ROW)
    rows["fields"] = 6
    for name, column, width in (
        ("time", (time - _EPOCH_2000_MS) * 1000, 8),
        ("value", value, 8),
        ("batch", batch, 8),
        ("sensor", sensor, 4),
        ("position", position, 2),
        ("quality", quality, 2),
    ):
        rows[f"{name}_length"] = width
        rows[name] = column
    return io.BytesIO(b"".join((_HEADER, rows.tobytes(), _TRAILER)))
