"""An exported audit: a row a line as NDJSON, and a last line that says that it is all. Read back and verified."""

import json
from pathlib import Path
from typing import Any

import msgspec

from model.audit import Entry, canonical
from model.chain import Chain, Head, Verdict

LINE_BYTES_MAX = 65_536


class AuditFileError(Exception):
    """The file is no whole export of the audit; the text says where and why."""


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    sequence: int
    recorded_at: str
    actor: str
    actor_kind: str
    address: str | None
    action: str
    subject: str
    city: str | None
    outcome: str
    details: dict[str, Any]
    previous: str
    hash: str


class _End(msgspec.Struct, forbid_unknown_fields=True):
    complete: bool
    rows: int
    sequence: int | None = None
    hash: str | None = None


def told(entry: Entry) -> dict[str, Any]:
    """Return a row as a line of the file has it, and as the API answers it."""
    return entry._asdict() | {"details": json.loads(entry.details)}


def row_line(entry: Entry) -> str:
    """Return a row as a line of the file."""
    return json.dumps(told(entry), ensure_ascii=False) + "\n"


def end_line(rows: int, last: Entry | None) -> str:
    """Return the line that says that the file is whole: how many rows there are, and the last of them."""
    reached = {} if last is None else {"sequence": last.sequence, "hash": last.hash}
    return json.dumps({"complete": True, "rows": rows} | reached) + "\n"


def read_audit_file(path: Path, head: Head | None = None) -> Verdict:
    """Compute the chain of an export anew. What came before its first row is taken as that row says.

    `head` is the sequence and hash of a row that must be in it. Raises AuditFileError for a file that is none, or that
    was cut off, and OSError.
    """
    chain, end, broken = Chain(head=head), None, None
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LINE_BYTES_MAX):
            number += 1
            if end is not None:
                raise AuditFileError(f"{path}:{number}: something follows the last line; take the export as it was")
            if line.startswith(b'{"complete"'):
                end = _decoded(path, number, line, _End)
                continue
            found = _decoded(path, number, line, _Line)
            values = msgspec.structs.asdict(found)
            entry = Entry(**values | {"details": canonical(found.details)})
            broken = chain.follow([entry])
            if broken is not None:
                break
    if broken is None:
        _check_end(path, chain, end)
    return chain.verdict(broken)


def _check_end(path: Path, chain: Chain, end: _End | None) -> None:
    reached = (chain.rows, *(chain.last or (None, None)))
    if end is None or not end.complete or (end.rows, end.sequence, end.hash) != reached:
        raise AuditFileError(f"{path}: it was cut off after {chain.rows} rows; export it again")


def _decoded(path: Path, number: int, line: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise AuditFileError(f"{path}:{number}: this is no row of an exported audit: {error}") from None
