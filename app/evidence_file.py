"""A file of evidence: NDJSON, a part a line, each chained by SHA-256 to the one before; written, read and verified."""

import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from alerts.explaining.evidence import LIFELINE, Evidence, Shown, show
from alerts.explaining.evidence_parts import Part, Unfit, evidence_of, parts_of
from alerts.explaining.reproduction import Differs
from model.chain import GENESIS, Chain, Head, Row, hash_of

FILE_BYTES_MAX = 512 * 1024 * 1024
LINE_BYTES_MAX = 32 * 1024 * 1024  # all sensors of a city in one period are 6 MB
END = "end"
MEMBERS = ("line", "part", "content", "previous", "hash")
_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"\xfd7zXZ", b"BZh", b"\x28\xb5\x2f\xfd")  # gzip, zip, xz, bzip2, zstd


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
    with path.open("rb") as file:
        return _verify(file, head)


def verify_bytes(content: bytes, head: Head | None = None) -> Verified:
    """Verify the content of a file, as verify_file does."""
    return _verify(BytesIO(content), head)


def _verify(file: BinaryIO, head: Head | None) -> Verified:
    lines, parts, reached = _read(file, head)
    try:
        evidence = evidence_of(parts)
    except Unfit as error:
        raise lines[error.place].fault(str(error)) from None
    try:
        shown = show(evidence)
    except Differs as error:
        raise _place_of(error, lines, parts).fault(f"{error}{_by_another(evidence)}") from None
    return Verified(shown, reached, lines[-1].end)


def _by_another(evidence: Evidence) -> str:
    """Return what may explain that something else comes out."""
    if evidence.lifeline == LIFELINE:
        return ""
    return f" (the file was written by Lifeline {evidence.lifeline[:40]}, this is {LIFELINE})"


def _place_of(error: Differs, lines: Sequence[_Line], parts: Sequence[Part]) -> _Line:
    journal = [line for line, (name, _) in zip(lines, parts, strict=False) if name == "journal"]
    if error.line is not None:
        return journal[error.line]
    return lines[len(parts) - 1]  # the explanation; what is missing in the journal would stand before it


def _read(file: BinaryIO, head: Head | None) -> tuple[list[_Line], list[Part], Head]:
    """Return the lines, the parts in them but for the end, and number and hash of the last. Checks form and chain.

    No more is read than up to the first line that does not hold.
    """
    chain, start = Chain((0, GENESIS), head), 0
    lines: list[_Line] = []
    parts: list[Part] = []
    while text := file.readline(LINE_BYTES_MAX + 1):
        line = _Line(len(lines) + 1, start, start + len(text))
        start = line.end
        if parts and parts[-1][0] == END:
            raise line.fault("something follows the end")
        if start > FILE_BYTES_MAX:
            raise line.fault(f"a file of evidence has {FILE_BYTES_MAX} bytes at most")
        row, part = _parsed(line, text)
        broken = chain.follow([row])
        if broken is not None:
            raise line.fault(f"line {broken.number} of the chain: {broken.why}")
        lines.append(line)
        parts.append(part)
    if not lines:
        raise EvidenceError("the file is empty")
    if parts.pop() != (END, {"lines": len(lines)}):
        raise _Line(len(lines) + 1, start, start + 1).fault("the end is missing: the file was cut off")
    verdict = chain.verdict()
    if verdict.broken is not None:
        raise EvidenceError(f"line {verdict.broken.number}: {verdict.broken.why}")
    return lines, parts, (verdict.last, verdict.hash)


def _parsed(line: _Line, text: bytes) -> tuple[Row, Part]:
    if line.number == 1 and text.startswith(_COMPRESSED):
        raise line.fault("the file is compressed; unpack it first")
    if len(text) > LINE_BYTES_MAX:
        raise line.fault(f"this is no line of a file of evidence: one has {LINE_BYTES_MAX} bytes at most")
    if not text.endswith(b"\n"):
        raise line.fault("the line has no end: the file was cut off, or is no file of evidence")
    try:
        found = json.loads(text)
        number, name, content, previous, own = (found[member] for member in MEMBERS)
        written_again = _text(content)
        whole = _line_text(number, name, written_again, previous, own).encode()
    except (ValueError, TypeError, LookupError, RecursionError):
        raise line.fault("this is no line of a file of evidence") from None
    if whole != text or type(number) is not int or not (type(name) is type(previous) is type(own) is str):
        raise line.fault("it is not written as Lifeline writes it: a byte was changed, added or removed")
    return (number, name, written_again, previous, own), (name, content)


def _text(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _line_text(number: int, name: str, content: str, previous: str, own: str) -> str:
    return (
        f'{{"line":{json.dumps(number)},"part":{json.dumps(name)},"content":{content},"previous":{json.dumps(previous)},'
        f'"hash":{json.dumps(own)}}}\n'
    )
