"""A file of evidence: NDJSON, a part a line, each chained by SHA-256 to the one before; written, read and verified."""

import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from alerts.explaining.evidence import Evidence, Shown, show
from alerts.explaining.evidence_parts import Part, Unfit, evidence_of, parts_of
from alerts.explaining.reproduction import Differs
from model.chain import GENESIS, Chain, Head, Row, hash_of

FILE_BYTES_MAX = 512 * 1024 * 1024
END = "end"


class EvidenceError(Exception):
    """The file does not hold; the text names the line, the bytes it takes, and what is wrong."""


class Verified(NamedTuple):
    """What a file shows, the number of its last line and its hash, and how many bytes it has."""

    shown: Shown
    head: Head
    size: int


class _Line(NamedTuple):
    number: int
    start: int  # bytes before it
    end: int

    def fault(self, why: str) -> EvidenceError:
        return EvidenceError(f"line {self.number} (bytes {self.start} to {self.end - 1}): {why}")


def written(evidence: Evidence) -> Iterator[str]:
    """Yield the lines of a file, the same for the same evidence."""
    previous = GENESIS
    parts = [*parts_of(evidence)]
    for number, (name, content) in enumerate([*parts, (END, {"lines": len(parts) + 1})], 1):
        text = _text(content)
        own = hash_of((number, name, text, previous, ""))
        yield _line_text(number, name, text, previous, own)
        previous = own


def verify_file(path: Path, head: Head | None = None) -> Verified:
    """Verify a file with nothing but what it says itself, and return what it shows.

    `head` is the number and hash of a line that were kept elsewhere. Raises EvidenceError and OSError.
    """
    size = path.stat().st_size
    if size > FILE_BYTES_MAX:
        raise EvidenceError(f"it has {size} bytes; a file of evidence has {FILE_BYTES_MAX} at most")
    return verify_bytes(path.read_bytes(), head)


def verify_bytes(content: bytes, head: Head | None = None) -> Verified:
    """Verify the content of a file, as verify_file does."""
    lines, parts, reached = _read(content, head)
    try:
        shown = show(evidence_of(parts))
    except Unfit as error:
        raise lines[error.place].fault(str(error)) from None
    except Differs as error:
        raise _place_of(error, lines, parts).fault(str(error)) from None
    return Verified(shown, reached, len(content))


def _place_of(error: Differs, lines: Sequence[_Line], parts: Sequence[Part]) -> _Line:
    journal = [line for line, (name, _) in zip(lines, parts, strict=False) if name == "journal"]
    if error.line is not None:
        return journal[error.line]
    return lines[len(parts) - 1]  # the explanation; what is missing in the journal would stand before it


def _read(content: bytes, head: Head | None) -> tuple[list[_Line], list[Part], Head]:
    """Return the lines, the parts in them but for the end, and number and hash of the last. Checks form and chain."""
    chain, start = Chain((0, GENESIS), head), 0
    lines: list[_Line] = []
    parts: list[Part] = []
    for text in BytesIO(content):
        line = _Line(len(lines) + 1, start, start + len(text))
        start = line.end
        if parts and parts[-1][0] == END:
            raise line.fault("something follows the end")
        row, part = _parsed(line, text)
        broken = chain.follow([row])
        if broken is not None:
            raise line.fault(f"line {broken.number} of the chain: {broken.why}")
        lines.append(line)
        parts.append(part)
    if not parts or parts.pop() != (END, {"lines": len(lines)}):
        raise _Line(len(lines) + 1, start, start + 1).fault("the end is missing: the file was cut off")
    verdict = chain.verdict()
    if verdict.broken is not None:
        raise EvidenceError(f"line {verdict.broken.number}: {verdict.broken.why}")
    return lines, parts, (verdict.last, verdict.hash)


def _parsed(line: _Line, text: bytes) -> tuple[Row, Part]:
    try:
        found = json.loads(text)
        number, name, content, previous, own = (found[key] for key in ("line", "part", "content", "previous", "hash"))
        written_again = _line_text(number, name, _text(content), previous, own).encode()
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise line.fault(f"this is no line of a file of evidence: {error}") from None
    if written_again != text or type(number) is not int:
        raise line.fault("it is not written as Lifeline writes it: a byte was changed, added or removed")
    return (number, name, _text(content), previous, own), (name, content)


def _text(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _line_text(number: int, name: str, content: str, previous: str, own: str) -> str:
    return (
        f'{{"line":{json.dumps(number)},"part":{json.dumps(name)},"content":{content},"previous":{json.dumps(previous)},'
        f'"hash":{json.dumps(own)}}}\n'
    )
