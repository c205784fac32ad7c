"""Evidence in parts that are plain JSON, as a file has them a line each, and read back.

Times are epoch milliseconds but where a part says otherwise; numbers are exact, so that the same case comes out.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from alerts.explaining.case import Case, Period
from alerts.explaining.evidence import LIFELINE, Evidence, in_a_sentence
from alerts.rules import Pack
from model.instant import DAY_MS, LATEST_MS, format_instant, parse_instant
from model.journal_chain import ChainedLine
from model.reading import ReadingBatch
from model.registry import Registry
from model.sensor import City, Sensor, check_city, check_sensor
from model.sensor_event import SensorEvent
from model.suppression import Suppression

FORMAT = "lifeline-evidence"
FORMAT_VERSION = 1
READINGS_PER_PART = 1_000
BATCHES_PER_PART = 200
KEY_MAX = 1_000_000  # of a sensor: the registry's arrays are as long as the highest
PASSAGE_READINGS_MAX = 10_000_000
SEQUENCE_MAX = 2**62
Part = tuple[str, Any]
"""What it is, and its content as JSON has it."""


_Key = Annotated[int, msgspec.Meta(ge=0, le=KEY_MAX)]
_Sequence = Annotated[int, msgspec.Meta(ge=0, le=SEQUENCE_MAX)]
_Time = Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS)]


class _Head(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    format: str
    version: int
    lifeline: str
    alarm: str | None
    rule: str
    sensor: str
    time: str
    begins: str | None
    bindings_since: _Time | None
    left_out: list[str]
    through: _Sequence
    settle_ms: Annotated[int, msgspec.Meta(ge=0, le=DAY_MS)]
    passage_readings_max: Annotated[int, msgspec.Meta(ge=1, le=PASSAGE_READINGS_MAX)]


class _Period(msgspec.Struct, forbid_unknown_fields=True):
    after: _Sequence
    registry_version: int
    packs: list[dict[str, Any]]
    sensors: dict[_Key, Sensor]
    cities: dict[str, City]
    events: dict[_Key, list[SensorEvent]]
    shared_gateways: list[str]


class _Batch(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """`clock` is when its readings arrived; `sensors` are registry keys, `values` in the property's unit."""

    sequence: _Sequence
    clock: _Time
    listening: bool
    sensors: list[_Key]
    times: list[_Time]
    values: list[float]
    qualities: list[Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]]


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
            sorted(registry.shared_gateways),
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
    _check_format(parts)
    found: dict[str, list[Any]] = {name: [] for name in _KINDS}
    for place, (name, content) in enumerate(parts):
        if name not in _KINDS:
            raise Unfit(place, f"a part {name[:40]!r} is not known")
        try:
            found[name].append(_read(name, content))
        except Exception as error:  # whatever somebody has put into a file, it is said of the file
            raise Unfit(place, f"this is no part {name!r}: {in_a_sentence(error)}") from error
    if [name for name in ("head", "explanation") if len(found[name]) != 1] or not (
        found["period"] and found["batches"]
    ):
        raise Unfit(0, "it takes one head, one explanation, and periods and batches")
    [head], [explanation] = found["head"], found["explanation"]
    batches = tuple(batch for some in found["batches"] for batch in some)
    if not batches:
        raise Unfit(0, "it has no batch of the log")
    try:
        begins = None if head.begins is None else parse_instant(head.begins)
        case = Case(
            head.rule, head.sensor, parse_instant(head.time), tuple(found["period"]), batches, head.settle_ms, begins
        )
    except ValueError as error:
        raise Unfit(0, str(error)) from None
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


def _check_format(parts: Sequence[Part]) -> None:
    """Before anything else is looked at: a newer form may have other parts."""
    name, head = parts[0] if parts else ("", None)
    if name != "head" or not isinstance(head, dict):
        raise Unfit(0, "a file of evidence begins with a head")
    told = (head.get("format"), head.get("version"))
    if told != (FORMAT, FORMAT_VERSION):
        written = " ".join(str(one)[:40] for one in (*told, "of Lifeline", head.get("lifeline")))
        raise Unfit(0, f"it is {written}; this is Lifeline {LIFELINE}, which reads {FORMAT} {FORMAT_VERSION}")


def _read(name: str, content: Any) -> Any:
    part = msgspec.convert(content, _KINDS[name], str_keys=True)
    if name == "period":
        return _read_period(part)
    return [_read_batch(one) for one in part] if name == "batches" else part


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
    for sensor in period.sensors.values():
        check_sensor(sensor)
        if sensor.city not in period.cities:
            raise ValueError(f"sensor {sensor.sensor} is of the city {sensor.city!r}, which is not there")
    for city in period.cities.values():
        check_city(city)
    packs = tuple(Pack.model_validate_json(msgspec.json.encode(pack)) for pack in period.packs)
    shared = frozenset(period.shared_gateways)
    registry = Registry(period.registry_version, period.sensors, period.cities, period.events, shared)
    return Period(period.after, packs, registry)
