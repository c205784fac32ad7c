"""Takes a JSON array apart into its elements' bytes, also where an element is malformed, so that it harms no other."""

import numpy as np

from ingest.reasons import Fault, Reason

MARKS_MAX = 100_000  # brackets, commas and quotation marks; a full message of readings has about half as many
DEPTH_MAX = 512
_SPACE = b" \t\r\n"
_OPEN, _COMMA, _QUOTE, _CLOSE = 1, 2, 3, -1
_KINDS = bytearray(256)
for _marks, _kind in ((b"[{", _OPEN), (b",", _COMMA), (b'"', _QUOTE), (b"]}", _CLOSE)):
    for _mark in _marks:
        _KINDS[_mark] = _kind % 256


def split_elements(payload: bytes, elements_max: int) -> list[bytes] | Fault:
    """Return the bytes of each element of a JSON array, in order, or what is wrong with the array as a whole.

    `payload` begins with `[`, white space aside. The elements themselves are not looked at. The time is linear in the
    bytes, whatever they are: all marks are found and counted at once, and those within texts left out.
    """
    kinds = np.frombuffer(_without_escapes(payload).translate(_KINDS), np.int8)
    at = np.flatnonzero(kinds)
    is_cut = len(at) > MARKS_MAX
    at = at[:MARKS_MAX]
    kind = kinds[at]
    is_quote = kind == _QUOTE
    quotes = np.cumsum(is_quote, dtype=np.int32)
    outside = (quotes & 1 == 0) & ~is_quote
    places, kind = at[outside], kind[outside]
    depth = np.cumsum(kind * (kind != _COMMA), dtype=np.int32)
    closed = np.flatnonzero(depth == 0)
    last = closed[0] if len(closed) else len(places)
    commas = places[:last][(kind[:last] == _COMMA) & (depth[:last] == 1)]
    if len(commas) >= elements_max:
        return Fault(
            Reason.TOO_MANY_READINGS,
            f"the array holds more than {elements_max} readings; send them in several messages",
        )
    if len(closed):
        return _elements(payload, int(places[0]), commas.tolist(), int(places[last]))
    deepest = int(depth.max())
    if deepest > DEPTH_MAX:
        return Fault(Reason.TOO_DEEP, f"nested {deepest} deep; send a flat object, or an array of flat objects")
    if is_cut:
        return Fault(Reason.NOT_JSON, "malformed, and too intricate to be taken apart; send valid JSON")
    if quotes[-1] & 1:
        begin = at[np.flatnonzero(is_quote)[-1]]
        return Fault(Reason.NOT_JSON, f"a text that begins at byte {begin} never ends; send valid JSON")
    return Fault(Reason.NOT_JSON, "the array is cut off before its closing bracket; send the whole message")


def _without_escapes(payload: bytes) -> bytes:
    """Blot out backslashes before a backslash, and then quotation marks that still have one before them."""
    if b"\\" not in payload:
        return payload
    return payload.replace(b"\\\\", b"__").replace(b'\\"', b"__")


def _elements(payload: bytes, begin: int, commas: list[int], end: int) -> list[bytes] | Fault:
    if payload[end] not in b"]" or payload[end + 1 :].strip(_SPACE):
        return Fault(
            Reason.NOT_JSON, f"the array ends at byte {end + 1}, but more follows; send one JSON array a message"
        )
    starts, stops = [begin, *commas], [*commas, end]
    elements = [payload[start + 1 : stop].strip(_SPACE) for start, stop in zip(starts, stops, strict=True)]
    return elements if commas or elements[0] else []
