"""Rows of an export as text: CSV that no spreadsheet runs, and NDJSON, handed on in pieces."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec

from model.plain_text import guard_formula
from model.sensor_columns import cell
from store.exports import Take

PIECE_BYTES = 65_536


async def write_csv(
    names: Iterable[str], rows: AsyncIterator[dict[str, Any]], take: Take, cell_of: Callable[[Any], object]
) -> int:
    """Write rows under a header, in the order of the names; return how many."""
    names = list(names)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")

    async def texts() -> AsyncIterator[str]:
        async for row in rows:
            out.seek(0)
            out.truncate()
            writer.writerow([cell_of(row.get(name)) for name in names])
            yield out.getvalue()

    writer.writerow(map(guard_formula, names))
    await take(out.getvalue().encode())
    return await write_texts(texts(), take)


async def write_texts(texts: AsyncIterator[str], take: Take) -> int:
    """Hand texts on in pieces of about PIECE_BYTES; return how many."""
    piece = bytearray()
    count = 0
    async for text in texts:
        piece += text.encode()
        count += 1
        if len(piece) >= PIECE_BYTES:
            await take(bytes(piece))
            piece.clear()
    if piece:
        await take(bytes(piece))
    return count


def json_line(row: dict[str, Any]) -> str:
    """Return a row as a line of NDJSON."""
    return msgspec.json.encode(row).decode() + "\n"


def journal_cell(value: Any) -> object:
    """Return a member of a journal line as it is written to CSV."""
    if isinstance(value, dict):
        return guard_formula(msgspec.json.encode(value).decode())
    return ("true" if value else "false") if isinstance(value, bool) else cell(value)
