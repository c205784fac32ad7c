"""A share of `make fuzz` at one seed: every target takes and refuses, and breaks on nothing; what was found is kept."""

import gzip
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from model.reading_file import ReadingFileError, read_rows
from tests.fuzz.targets import TARGETS
from tests.fuzz.trying import input_of, try_inputs

INPUTS_PER_SHARE = 4  # of targets.TARGETS: some thousand inputs
INPUTS_MAX = 200
SLACK = 10  # times are printed, and asserted only at ten times the goal


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_taken_or_refused(name: str) -> None:
    share, make = TARGETS[name]
    tally = try_inputs(name, 1, range(min(INPUTS_MAX, INPUTS_PER_SHARE * share)))
    print(f"{tally.inputs} inputs, {tally.accepted} accepted, longest {tally.longest_ms:.1f} ms")
    assert [one for one in tally.findings if one.what != "slow"] == []
    assert tally.longest_ms < make().slow_s * 1000 * SLACK
    assert tally.accepted
    assert tally.refused


# What fuzzing has found, by its target: made of the target's good inputs, refused in words ever since.
FOUND: dict[str, tuple[str, Callable[[Sequence[bytes]], bytes]]] = {
    "a time by a tag that is none": ("rule files", lambda good: b"pack: !!timestamp x"),
    "a number by a tag that is none": ("rule files", lambda good: b"pack: !!int ''"),
    "a truth by a tag that is none": ("mapping files", lambda good: b"mapping: !!bool x"),
    "lists far too deep": ("roster files", lambda good: b"city: " + b"[" * 100_000),
    "lists far too deep, line by line": ("roster files", lambda good: b"- " * 2_000),
    "mappings far too deep": ("identity provider mappings", lambda good: b"mappings: " + b"[" * 3_000),
    "a version of SenML far too deep": (
        "SenML readings", lambda good: b'[{"bver":' + b'{"a":' * 960 + b"1" + b"}" * 960 + b',"n":"gas-1","v":3}]',
    ),
    "a time with an exponent beyond all": ("mapped readings", lambda good: b'{"t": "11e999795334340", "p": 1}'),
    "a packet of the broker beyond all": ("MQTT frames", lambda good: b"\xd0\xff\xff\xff\x7f" + b"\0" * 1_000),
    "coordinates far too deep": (
        "networks GeoJSON",
        lambda good: good[1].replace(b"[98.29, 39.77]", b"[98.29, " + b'{"a":' * 970 + b"1" + b"}" * 970 + b"]", 1),
    ),
    "a number of thousands of digits": (
        "SensorThings queries",
        lambda good: b"$filter=result gt " + b"1" * 6_000 + b"x",
    ),
    "thousands of columns": ("sensors CSV", lambda good: good[0].replace(b"\n", b",a" * 10_000 + b"\n", 1)),
    "an audit that is not UTF-8": ("audit files", lambda good: good[0].replace(b"ann", b"\xff")),
    "details of an audit far too deep": (
        "audit files",
        lambda good: good[0].replace(b'"details": {}', b'"details": {"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    ),
    "evidence of a property that is not known": (
        "evidence files", lambda good: good[0].replace(b"water_depth", b"depth"),
    ),
    "evidence of a sensor of no city": (
        "evidence files", lambda good: good[0].replace(b'"city": "c"', b'"city": "d"', 1),
    ),
    "a part of evidence whose name is a list": (
        "evidence files", lambda good: good[0].replace(b'["period"', b'[["period"]'),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_refused_in_words(name: str) -> None:
    target_name, made = FOUND[name]
    target = TARGETS[target_name][1]()
    data = made(target.good)
    assert data not in target.good
    began = time.process_time()
    assert not target.take(data)
    assert time.process_time() - began < target.slow_s * SLACK


@pytest.mark.parametrize("beginning", [b"", b"time,sensor,value\n"], ids=["header", "row"])
@pytest.mark.parametrize("name", ["r.csv.gz", "r.ndjson.gz"])
def test_a_packed_line_without_end_is_not_unpacked_to_its_end(name: str, beginning: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(beginning + b"0" * 5_000_000))
    with pytest.raises(ReadingFileError, match="longer than 100000 characters"):
        list(read_rows(tmp_path / name))


def test_an_input_is_the_same_again() -> None:
    for name in ("JSON readings", "sensors CSV", "rule files"):
        target = TARGETS[name][1]()
        inputs = [[input_of(target, name, 7, number) for number in range(200)] for _ in range(2)]
        assert inputs[0] == inputs[1]
        assert len(set(inputs[0])) > 100
