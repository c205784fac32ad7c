"""The form of a file of evidence: whole to the last byte, or refused with the line named; and what forging it takes."""

from __future__ import annotations

import copy
import gzip
import json
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from alerts.backtest import backtest
from alerts.explaining.case import Case, Period
from alerts.explaining.evidence import Evidence, told_of
from app import evidence_file
from app.evidence_file import END, EvidenceError, verify_bytes, verify_file, written
from model.alarm import encode_line
from model.chain import GENESIS, hash_of
from model.journal_chain import ChainedLine
from tests.rules.streams import PLAIN_RULE, batch, engine

VALUES = [1.0, 2.5, 33.0, 34.0, 41.0, 0.1, 0.3, 0.2]


def chained(texts: list[str]) -> tuple[ChainedLine, ...]:
    """Lines as the journal's chain has them, the first of them behind others."""
    found: list[ChainedLine] = []
    for event, text in enumerate(texts, 17):
        line, previous = json.loads(text), found[-1].hash if found else "5" * 64
        row = (event, line["alarm"], line["sequence"], line["time"], "c", "drainage", "north", text, previous)
        found.append(ChainedLine(*row, hash_of((*row, ""))))
    return tuple(found)


def made(change: Callable[[Evidence], Evidence] = lambda evidence: evidence) -> bytes:
    """A file about an alarm that was raised, rose, was acknowledged and returned; changed before it is written."""
    built = engine(PLAIN_RULE)
    batches = tuple(
        batch(built, [("a", 60.0 * number, value)], sequence=number + 1) for number, value in enumerate(VALUES)
    )
    lines = chained([encode_line(line) for line in backtest(engine(PLAIN_RULE), batches)])
    case = Case("depth", "a", 120_000, (Period(0, built.packs, built.registry),), batches)
    activation: dict[str, str | int | None] = {"time": "2026-11-22T12:00:00.000Z", "pack": "test", "activated_by": "王"}
    evidence = Evidence(
        alarm=json.loads(lines[0].line)["alarm"], case=case, through=len(VALUES), passage_readings_max=20_000,
        suppressions=(), lines=lines, activations=(activation,), left_out=(), bindings_since=None,
        explanation=told_of(case),
    )  # fmt: skip
    return "".join(written(change(evidence))).encode()


WHOLE = made()
LINES = WHOLE.splitlines(keepends=True)


def test_a_whole_file_shows_the_alarm() -> None:
    found = verify_bytes(WHOLE)
    assert (found.shown.readings, found.shown.lines_made, found.shown.acts, found.shown.severity) == (8, 3, 2, 3)
    assert found.head == (len(LINES), json.loads(LINES[-1])["hash"])
    assert verify_bytes(WHOLE, found.head) == found
    assert made() == WHOLE


def test_an_altered_byte_is_found_and_its_line_named() -> None:
    seeded = random.Random(20)
    ends = list(accumulate(map(len, LINES)))
    for place in seeded.sample(range(len(WHOLE)), 2_000):
        altered = bytearray(WHOLE)
        altered[place] ^= seeded.randrange(1, 256)
        number = bisect_right(ends, place) + 1
        start = ends[number - 1] - len(LINES[number - 1])
        with pytest.raises(EvidenceError, match=rf"^line {number} \(bytes {start} to "):
            verify_bytes(bytes(altered))


CUTS: dict[str, tuple[list[bytes], str]] = {
    "nothing is left": ([], "^the file is empty$"),
    "the end is cut off": (LINES[:-1], rf"line {len(LINES)} .*the end is missing"),
    "the end is cut in two": ([*LINES[:-1], LINES[-1][:40]], rf"line {len(LINES)} .*the line has no end"),
    "the last line end is gone": ([*LINES[:-1], LINES[-1][:-1]], rf"line {len(LINES)} .*the line has no end"),
    "a line is removed": ([*LINES[:2], *LINES[3:]], "line 3 .*it is missing: 4 follows 2"),
    "the first is removed": (LINES[1:], "line 1 .*it is missing: 2 follows 0"),
    "two are swapped": ([LINES[0], LINES[2], LINES[1], *LINES[3:]], "line 2 .*it is missing: 3 follows 1"),
    "one is there twice": ([*LINES[:3], *LINES[2:]], "line 4 "),
    "an empty one is put in": ([*LINES[:3], b"\n", *LINES[3:]], "line 4 .*no line of a file of evidence"),
    "something follows the end": ([*LINES, LINES[-1]], rf"line {len(LINES) + 1} .*something follows"),
    "other white space": ([LINES[0].replace(b",", b", ", 1), *LINES[1:]], "line 1 .*not written as"),
    "a name twice": ([LINES[0].replace(b'"line":1', b'"line":2,"line":1'), *LINES[1:]], "line 1 .*not written as"),
    "no JSON": ([b"[" * 100_000 + b"\n", *LINES[1:]], "line 1 .*no line"),
    "no UTF-8": ([b'{"line":"\xff"}\n', *LINES[1:]], "line 1 .*no line"),
    "a lone surrogate": ([LINES[0].replace(b'"a"', b'"\\ud800"'), *LINES[1:]], "line 1 .*no line"),
}  # fmt: skip


@pytest.mark.parametrize("cut", CUTS)
def test_lines_removed_moved_and_added_are_named(cut: str) -> None:
    lines, why = CUTS[cut]
    with pytest.raises(EvidenceError, match=why):
        verify_bytes(b"".join(lines))


def made_of(change: Callable[[list[Any]], list[Any]]) -> bytes:
    """The file with other parts, by who knows how it is made: every hash of the file fits again."""
    lines = [json.loads(line) for line in LINES[:-1]]
    parts = change([(line["part"], line["content"]) for line in lines])
    found, previous = b"", GENESIS
    for number, (name, content) in enumerate([*parts, (END, {"lines": len(parts) + 1})], 1):
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        own = hash_of((number, name, text, previous, ""))
        line = {"line": number, "part": name, "content": content, "previous": previous, "hash": own}
        found += json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        previous = own
    return found


def in_part(name: str, change: Callable[[Any], Any]) -> bytes:
    return made_of(lambda parts: [(part, change(content) if part == name else content) for part, content in parts])


def replaced(text: str, by: str) -> Callable[[Any], Any]:
    return lambda content: json.loads(json.dumps(content).replace(text, by))


def relined(change: Callable[[list[str]], list[str]]) -> Callable[[Evidence], Evidence]:
    """Other journal lines, chained anew, as if the journal said so."""
    return lambda evidence: replace(evidence, lines=chained(change([line.line for line in evidence.lines])))


def journalled(sequence: int, **fields: Any) -> Callable[[Evidence], Evidence]:
    """Another journal line of this sequence."""

    def change(texts: list[str]) -> list[str]:
        line = json.loads(texts[sequence - 1]) | fields
        texts[sequence - 1] = json.dumps(line, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return texts

    return relined(change)


FORGED: dict[str, tuple[bytes, str]] = {
    "a reading was higher": (in_part("batches", replaced("33.0", "39.0")), "value.* is 33.0 here, and .* as 39.0"),
    "a reading was lower": (in_part("batches", replaced("33.0", "3.0")), "no such change: limit_reached"),
    "a reading came later": (in_part("batches", replaced("[3, 120000", "[3, 130000")), "known_at"),
    "the limit was another": (in_part("period", replaced('"orange": 30.0', '"orange": 33.5')), "'limit' is 30.0 here"),
    "somebody else had acknowledged": (made(journalled(2, actor="li")), ""),
    "the alarm's time": (made(journalled(1, time="1970-01-01T00:01:30.000Z")), "'time' is"),
    "an acknowledgement before the alarm": (
        made(relined(lambda texts: [texts[1], *texts])), "no such change"),
    "what never happened": (
        made(relined(lambda texts: [*texts, texts[0]])), "no such change"),
    "a line left out": (made(relined(lambda texts: texts[:-1])), "a change that is not recorded"),
    "all lines left out": (made(relined(lambda texts: [])), "nothing is recorded of depth.a.19700101T000200000Z"),
    "that none had fired": (made(lambda e: replace(e, alarm=None, lines=(), through=3)), "nothing is recorded of"),
    "the line of another event": (in_part("journal", replaced('"event": 18', '"event": 19')), "event 19 is not what"),
    "another explanation": (in_part("explanation", replaced("33.0", "32.0")), "the explanation is not the one"),
    "other words": (in_part("explanation", replaced("orange", "yellow")), "the explanation is not the one"),
    "a part of another kind": (in_part("period", lambda _: {}), "no part 'period'"),
    "readings of no sensor": (in_part("batches", replaced("[0]", "[7]")), "do not fit"),
    "columns of two lengths": (in_part("batches", replaced("[33.0]", "[33.0, 1.0]")), "different lengths"),
    "a key beyond all": (
        in_part("period", replaced('"0":', '"2000000000":')), "no part 'period': Expected `int` <= 1000000"),
    "a batch of a time beyond all": (in_part("batches", replaced("[3, 120000", f"[3, {10**40}")), "no part 'batches'"),
    "a number of a passage's readings beyond all": (
        in_part("head", replaced('"passage_readings_max": 20000', '"passage_readings_max": 2000000000')),
        "no part 'head': Expected `int` <= 10000000"),
    "no such time": (in_part("head", replaced("1970-01-01T00:02:00.000Z", "noon")), "no RFC 3339 time"),
    "another format": (in_part("head", lambda head: head | {"version": 2}), "reads lifeline-evidence 1"),
    "another format with other members": (
        in_part("head", lambda head: {"format": "lifeline-evidence", "version": 2, "since": head["time"]}),
        "line 1 .*it is lifeline-evidence 2 .*reads lifeline-evidence 1"),
    "a kind of rule that a newer Lifeline knows": (
        in_part("period", replaced('"kind": "threshold"', '"kind": "tide"')), "no part 'period': rules.0.condition"),
    "a sensor of a property that nobody knows": (
        in_part("period", replaced('"property": "water_depth", "unit"', '"property": "tide", "unit"')),
        "no part 'period': property: 'tide' is not known"),
    "what another version makes of it": (
        made(lambda e: replace(relined(lambda texts: texts[:-1])(e), lifeline="0.0.9")),
        "a change that is not recorded.*written by Lifeline 0.0.9"),
    "words of another version": (
        in_part("head", lambda head: head | {"lifeline": "0.0.9"}), ""),
    "two heads": (made_of(lambda parts: [parts[0], *parts]), "one head"),
    "no head first": (made_of(lambda parts: [parts[1], parts[0], *parts[2:]]), "line 1 .*begins with a head"),
    "nested where it is flat": (in_part("activation", lambda one: one | {"x": {}}), "no part 'activation'"),
}  # fmt: skip
POSSIBLE = {"somebody else had acknowledged", "words of another version"}
"""What a file cannot show to be wrong: a head kept elsewhere, or the journal's own chain, can."""


@pytest.mark.parametrize("name", FORGED)
def test_who_makes_the_hashes_fit_has_to_make_the_engine_say_it_too(name: str) -> None:
    content, why = FORGED[name]
    head = verify_bytes(WHOLE).head
    if name in POSSIBLE:
        verify_bytes(content)
    else:
        with pytest.raises(EvidenceError, match=why):
            verify_bytes(content)
    with pytest.raises(EvidenceError):
        verify_bytes(content, head)


# What somebody may take for a file of evidence: (content, what is said of it)
OTHERS: dict[str, tuple[bytes, str]] = {
    "packed": (gzip.compress(WHOLE), "line 1 .*compressed; unpack it first"),
    "a gzip bomb": (gzip.compress(bytes(10_000_000)), "line 1 .*compressed; unpack it first"),
    "a zip archive": (b"PK\x03\x04" + bytes(100), "line 1 .*compressed; unpack it first"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "line 1 .*no line of a file of evidence"),
    "zeros": (bytes(1_000), "line 1 .*has no end"),
    "readings": (b"time,sensor,value\n2026-11-22T08:00:00Z,a,1\n", "line 1 .*no line of a file of evidence"),
    "a journal": (b'{"alarm":"depth.a.x","sequence":1}\n', "line 1 .*no line of a file of evidence"),
    "a list": (b"[1,2]\n", "line 1 .*no line of a file of evidence"),
    "a number": (b"1\n", "line 1 .*no line of a file of evidence"),
    "a number of very many digits": (b'{"line":' + b"9" * 10_000 + b"}\n", "line 1 .*no line of a file of evidence"),
    "no number": (LINES[0].replace(b'"version":1', b'"version":NaN'), "line 1 .*no line of a file of evidence"),
    "a number beyond all": (LINES[0].replace(b'"version":1', b'"version":1e999'), "line 1 .*no line of a file"),
    "a line too long": (b'{"line":1,"part":"' + b"x" * 100_000, "line 1 .*one has 65536 bytes at most"),
    "a file too long": (LINES[0] * 3, "line 1 .*a file of evidence has 100 bytes at most"),
    "another line end": (WHOLE.replace(b"\n", b"\r\n"), "line 1 .*not written as Lifeline writes it"),
    "a byte order mark": (b"\xef\xbb\xbf" + WHOLE, "line 1 .*not written as Lifeline writes it"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_file_of_evidence_is_refused_in_a_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, why = OTHERS[name]
    monkeypatch.setattr(evidence_file, "LINE_BYTES_MAX", 65_536)
    if name == "a file too long":
        monkeypatch.setattr(evidence_file, "FILE_BYTES_MAX", 100)
    file = tmp_path / "evidence.ndjson"
    file.write_bytes(content)
    with pytest.raises(EvidenceError, match=why) as refused:
        verify_file(file)
    assert len(str(refused.value)) < 200
    assert "\n" not in str(refused.value)


def test_a_file_that_is_cut_off_anywhere_is_refused() -> None:
    for end in random.Random(21).sample(range(len(WHOLE)), 300):
        with pytest.raises(EvidenceError):
            verify_bytes(WHOLE[:end])


def places_in(content: Any) -> Iterator[tuple[Any, Any]]:
    """Where something stands in a part: what holds it, and its name or number there."""
    for name in content if isinstance(content, dict) else range(len(content)):
        yield content, name
        if isinstance(content[name], dict | list):
            yield from places_in(content[name])


VALUES_PUT_IN: list[Any] = [
    None, True, 0, -1, 10**30, 2**63, 1e308, 5e-324, "", "x", "9999-12-31T23:59:59.999Z", [], {}, [[]], "rate",
    "stale",
]  # fmt: skip


def test_whatever_is_put_into_it_the_file_is_refused_or_shown() -> None:
    seeded = random.Random(22)
    said: list[str] = []
    for _ in range(150):

        def change(parts: list[Any]) -> list[Any]:
            parts = copy.deepcopy(parts)
            holder, name = seeded.choice([place for _, content in parts for place in places_in(content)])
            holder[name] = seeded.choice(VALUES_PUT_IN)
            return parts

        try:
            verify_bytes(made_of(change))
        except EvidenceError as error:
            said.append(str(error))
    assert len(said) > 75
    assert not [one for one in said if "\n" in one]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        verify_file(tmp_path / "none")
    with pytest.raises(OSError, match="Is a directory"):
        verify_file(tmp_path)
