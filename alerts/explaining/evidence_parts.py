"""Evidence in parts that are plain JSON, as a file has them a line each, and read back.

Times are epoch milliseconds but where a part says otherwise; numbers are exact, so that the same case comes out.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from alerts.explaining.case import Case, Period
from alerts.explaining.evidence import Evidence
from alerts.rules import Pack
from model.instant import format_instant, parse_instant
from model.journal_chain import ChainedLine
from model.reading import ReadingBatch
from model.registry import Registry
from model.sensor import City, Sensor
from model.sensor_event import SensorEvent
from model.suppression import Suppression

FORMAT = "lifeline-evidence"
FORMAT_VERSION = 1
READINGS_PER_PART = 1_000
BATCHES_PER_PART = 200
KEY_MAX = 1_000_000  # of a sensor: the registry's arrays are as long as the highest
Part = tuple[str, Any]
"""What it is, and its content as JSON has it."""


class _Head(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    format: str
    version: int
    lifeline: str
    alarm: str | None
    rule: str
    sensor: str
    time: str
    begins: str | None
    bindings_since: int | None
    left_out: list[str]
    through: int
    settle_ms: int
    passage_readings_max: int


class _Period(msgspec.Struct, forbid_unknown_fields=True):
    after: int
    registry_version: int
    packs: list[dict[str, Any]]
    sensors: dict[int, Sensor]
    cities: dict[str, City]
    events: dict[int, list[SensorEvent]]


class _Batch(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """`clock` is when its readings arrived; `sensors` are registry keys, `values` in the property's unit."""

    sequence: int
    clock: int
    listening: bool
    sensors: list[int]
    times: list[int]
    values: list[float]
    qualities: list[int]


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    event: int
    alarm: str
    sequence: int
    time: str
    city: str
    system: str
    district: str
    line: str
    previous: str
    hash: str


_KINDS: dict[str, Any] = {
    "head": _Head, "period": _Period, "activation": dict[str, str | int | None], "batches": list[_Batch],
    "suppression": Suppression, "journal": _Line, "explanation": dict[str, Any],
}  # fmt: skip


class Unfit(ValueError):
    """A part, by its place, that is none; the text says why."""

    def __init__(self, place: int, why: str) -> None:
        super().__init__(why)
        self.place = place


def parts_of(evidence: Evidence) -> Iterator[Part]:
    """Yield the parts in the order of the file."""
    case = evidence.case
    yield "head", msgspec.to_builtins(_Head(
        format=FORMAT, version=FORMAT_VERSION, lifeline=evidence.lifeline, alarm=evidence.alarm,
        rule=case.rule, sensor=case.sensor, time=format_instant(case.time),
        begins=None if case.begins is None else format_instant(case.begins),
        bindings_since=evidence.bindings_since, left_out=list(evidence.left_out), through=evidence.through,
        settle_ms=case.settle_ms, passage_readings_max=evidence.passage_readings_max,
    ))  # fmt: skip
    for period in case.periods:
        registry = period.registry
        yield "period", msgspec.to_builtins(_Period(
            period.after,
            registry.version,
            [json.loads(pack.model_dump_json(by_alias=True)) for pack in period.packs],
            dict(registry.sensors),
            dict(registry.cities),
            {key: list(events) for key, events in registry.events.items()},
        ), str_keys=True)  # fmt: skip
    for activation in evidence.activations:
        yield "activation", activation
    for some in _together(case.batches):
        yield "batches", [msgspec.to_builtins(_batch(batch)) for batch in some]
    for suppression in evidence.suppressions:
        yield "suppression", msgspec.to_builtins(suppression)
    for line in evidence.lines:
        yield "journal", line._asdict()
    yield "explanation", evidence.explanation


def evidence_of(parts: Sequence[Part]) -> Evidence:
    """Return what the parts of a file say. Raises Unfit."""
    found: dict[str, list[Any]] = {name: [] for name in _KINDS}
    for place, (name, content) in enumerate(parts):
        if name not in _KINDS:
            raise Unfit(place, f"a part {name!r} is not known")
        try:
            found[name].append(msgspec.convert(content, _KINDS[name], str_keys=True))
        except (msgspec.ValidationError, ValueError) as error:
            raise Unfit(place, f"this is no part {name!r}: {error}") from None
    if [name for name in ("head", "explanation") if len(found[name]) != 1] or not (
        found["period"] and found["batches"]
    ):
        raise Unfit(0, "it takes one head, one explanation, and periods and batches")
    [head], [explanation] = found["head"], found["explanation"]
    if parts[0][0] != "head" or (head.format, head.version) != (FORMAT, FORMAT_VERSION):
        raise Unfit(0, f"it is {head.format} {head.version}; this Lifeline reads {FORMAT} {FORMAT_VERSION}")
    try:
        periods = tuple(map(_read_period, found["period"]))
        batches = tuple(_read_batch(one) for some in found["batches"] for one in some)
        begins = None if head.begins is None else parse_instant(head.begins)
        case = Case(head.rule, head.sensor, parse_instant(head.time), periods, batches, head.settle_ms, begins)
    except (ValueError, OverflowError) as error:  # pydantic's too
        raise Unfit(0, f"what it says of rules, sensors or readings does not fit: {error}") from None
    return Evidence(
        alarm=head.alarm,
        case=case,
        through=head.through,
        passage_readings_max=head.passage_readings_max,
        suppressions=tuple(found["suppression"]),
        lines=tuple(ChainedLine(*msgspec.structs.astuple(line)) for line in found["journal"]),
        activations=tuple(found["activation"]),
        left_out=tuple(head.left_out),
        bindings_since=head.bindings_since,
        explanation=explanation,
        lifeline=head.lifeline,
    )


def _together(batches: Sequence[ReadingBatch]) -> Iterator[list[ReadingBatch]]:
    some: list[ReadingBatch] = []
    for batch in batches:
        some.append(batch)
        if len(some) == BATCHES_PER_PART or sum(map(len, some)) >= READINGS_PER_PART:
            yield some
            some = []
    if some:
        yield some


def _batch(batch: ReadingBatch) -> _Batch:
    columns = (batch.sensor, batch.time, batch.value, batch.quality)
    return _Batch(batch.sequence, batch.clock, batch.listening, *(column.tolist() for column in columns))


def _read_batch(batch: _Batch) -> ReadingBatch:
    if len({len(batch.sensors), len(batch.times), len(batch.values), len(batch.qualities)}) > 1:
        raise ValueError(f"batch {batch.sequence} has columns of different lengths")
    if min(batch.sensors, default=0) < 0:
        raise ValueError(f"batch {batch.sequence} has a sensor below 0")
    return ReadingBatch(
        batch.sequence,
        batch.clock,
        np.array(batch.sensors, np.int32),
        np.array(batch.times, np.int64),
        np.array(batch.values, np.float64),
        np.array(batch.qualities, np.uint16),
        np.full(len(batch.sensors), batch.clock, np.int64),
        batch.listening,
    )


def _read_period(period: _Period) -> Period:
    if any(not 0 <= key <= KEY_MAX for key in period.sensors):
        raise ValueError(f"a sensor's key is not between 0 and {KEY_MAX}")
    packs = tuple(Pack.model_validate_json(msgspec.json.encode(pack)) for pack in period.packs)
    return Period(period.after, packs, Registry(period.registry_version, period.sensors, period.cities, period.events))
