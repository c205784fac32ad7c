"""SenML in JSON (RFC 8428): an array of records whose base values hold from one record to the next.

A time that is relative to now (RFC 8428 section 4.5.3, below 2**28 seconds) is refused: the same message delivered
again would get another time and become a second reading.
"""

import math
from decimal import ROUND_FLOOR, Decimal
from typing import Any, TypeAlias

import msgspec

from ingest.decoders.elements import split_elements
from ingest.decoders.faults import parse_pairs
from ingest.decoders.senml_faults import base_fault, pack_fault, record_fault, repeated_senml_field
from ingest.decoders.senml_units import ucum_of_senml
from ingest.message import Columns, Refused
from ingest.reasons import Fault, Reason, printable

RELATIVE_BELOW_S = 2**28
_FAR_S = 2**63 // 1000

Number: TypeAlias = int | float


class Record(msgspec.Struct, gc=False):
    """One record as it is sent, or the base values (`bn`, `bt`, `bu`, `bv`) that hold at some point of a pack."""

    bn: str | None = None
    bt: Number | None = None
    bu: str | None = None
    bv: float | None = None
    bver: int | None = None
    n: str | None = None
    t: Number | None = None
    u: str | None = None
    v: float | None = None


class _Reading(msgspec.Struct, gc=False):
    sensor: str
    time: int
    value: float
    unit: str | None


_PACK = msgspec.json.Decoder(list[Record])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_VERSION_MAX = 10


def decode_senml(payload: bytes, sensor: str | None, readings_max: int) -> tuple[Columns, list[Refused]]:
    """Return the readings of a pack and its records that could not be used; never raises.

    `sensor` is the topic's; None where the records name their sensors (a gateway).
    """
    return _decode_plain(payload, sensor, readings_max) or _decode_closely(payload, sensor, readings_max)


def _decode_plain(payload: bytes, sensor: str | None, readings_max: int) -> tuple[Columns, list[Refused]] | None:
    """Return the readings of a pack in which nothing is amiss; None where something may be."""
    try:
        records = _PACK.decode(payload)
    except _ERRORS:
        return None
    if len(records) > readings_max or not _is_plain(payload, records):
        return None
    base = Record()
    readings: list[_Reading] = []
    position: list[int] = []
    for place, record in enumerate(records):
        if record.bver is not None and not 0 < record.bver <= _VERSION_MAX:
            return None
        _rebase(base, record)
        if record.v is None:
            if _says_nothing(record):
                continue
            return None
        reading = _resolve(base, record, sensor)
        if isinstance(reading, Fault):
            return None
        readings.append(reading)
        position.append(place)
    return _columns(readings, position), []


def _is_plain(payload: bytes, records: list[Record]) -> bool:
    """Whether nothing stands in the payload but what was decoded: no other field, none twice, none null.

    Without a backslash every text has two quotation marks; as many as the decoded names and texts need leave no room.
    """
    if b"\\" in payload:
        return False
    texts = fields = 0
    for r in records:
        texts += 4 - (r.bn, r.bu, r.n, r.u).count(None)
        fields += 5 - (r.bt, r.bv, r.bver, r.t, r.v).count(None)
    return payload.count(b'"') == 4 * texts + 2 * fields


def _decode_closely(payload: bytes, sensor: str | None, readings_max: int) -> tuple[Columns, list[Refused]]:
    elements = _split(payload, readings_max)
    if isinstance(elements, Fault):
        return Columns([], [], [], []), [Refused(payload, elements, sensor)]
    pack = _Pack(sensor)
    readings: list[_Reading] = []
    position: list[int] = []
    refused: list[Refused] = []
    for place, raw in enumerate(elements):
        where = f"entry {place + 1} of {len(elements)}: "
        try:
            reading = pack.take(place, raw)
        except _PackUnreadable as error:
            fault = Fault(error.fault.reason, where + error.fault.detail)
            return Columns([], [], [], []), [Refused(payload, fault, sensor)]
        if isinstance(reading, Refused):
            fault = Fault(reading.fault.reason, where + reading.fault.detail)
            refused.append(Refused(raw, fault, reading.sensor))
        elif reading is not None:
            readings.append(reading)
            position.append(place)
    return _columns(readings, position), refused


class _PackUnreadable(Exception):
    """No record of the pack may be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class _Pack:
    """A pack that is read record by record, with the base values that hold so far.

    A record that cannot be read may have changed them: those after it, up to the pack's end, are refused.
    """

    def __init__(self, sensor: str | None) -> None:
        self._sensor = sensor
        self._base = Record()
        self._lost: int | None = None

    def take(self, place: int, raw: bytes) -> _Reading | Refused | None:
        """Return what the record gives; None for one of base values alone. Raises _PackUnreadable."""
        pairs = parse_pairs(raw)
        if isinstance(pairs, Fault):
            return self._refuse(place, raw, pairs, None, is_lost=pairs.reason != Reason.NOT_AN_OBJECT)
        fields = dict(pairs)
        unreadable = pack_fault(fields, _VERSION_MAX)
        if unreadable is not None:
            raise _PackUnreadable(unreadable)
        fault = repeated_senml_field(pairs) or base_fault(fields)
        if fault is not None:
            return self._refuse(place, raw, fault, None, is_lost=True)
        if self._lost is not None:
            detail = (
                f"entry {self._lost + 1} could not be read and may have changed the base values; mend that one first"
            )
            return self._refuse(place, raw, Fault(Reason.BASE_UNKNOWN, detail), None)
        _rebase(self._base, _record(fields, ("bn", "bt", "bu", "bv")))
        fault = record_fault(fields)
        if fault is not None:
            return self._refuse(place, raw, fault, fields.get("n"))
        record = _record(fields, ("n", "t", "u", "v"))
        if record.v is None:
            return None
        reading = _resolve(self._base, record, self._sensor)
        return self._refuse(place, raw, reading, record.n) if isinstance(reading, Fault) else reading

    def _refuse(self, place: int, raw: bytes, fault: Fault, name: object, *, is_lost: bool = False) -> Refused:
        if is_lost and self._lost is None:
            self._lost = place
        full = (self._base.bn or "") + (name if isinstance(name, str) else "")
        return Refused(raw, fault, self._sensor or full or None)


def _record(fields: dict[str, Any], names: tuple[str, ...]) -> Record:
    """Return a record of some of the fields, which have been found sound."""
    record = Record()
    for name in names:
        value = fields.get(name)
        if value is not None:
            setattr(record, name, float(value) if name in ("v", "bv") else value)
    return record


def _split(payload: bytes, readings_max: int) -> list[bytes] | Fault:
    if not payload.lstrip().startswith(b"["):
        return Fault(Reason.NOT_AN_ARRAY, "a SenML pack is an array of records; put the record between [ and ]")
    try:
        elements = [bytes(raw) for raw in _ELEMENTS.decode(payload)]
    except _ERRORS:
        return split_elements(payload, readings_max)
    if len(elements) > readings_max:
        detail = f"the pack holds {len(elements)} records; at most {readings_max} are taken: send several messages"
        return Fault(Reason.TOO_MANY_READINGS, detail)
    return elements


def _rebase(base: Record, record: Record) -> None:
    """Let the base values of the record hold from here on."""
    if record.bn is not None:
        base.bn = record.bn
    if record.bt is not None:
        base.bt = record.bt
    if record.bu is not None:
        base.bu = record.bu
    if record.bv is not None:
        base.bv = record.bv


def _says_nothing(record: Record) -> bool:
    return record.n is None and record.t is None and record.u is None


def _resolve(base: Record, record: Record, sensor: str | None) -> _Reading | Fault:
    """Return the record as if it stood alone (RFC 8428 section 4.6), its `v` present."""
    name = (base.bn or "") + (record.n or "")
    if not name and sensor is None:
        return Fault(Reason.NO_SENSOR, "neither bn nor n; on a gateway's topic they give the sensor's id")
    if name and sensor is not None and name != sensor:
        return Fault(
            Reason.SENSOR_MISMATCH,
            f"bn and n name sensor {printable(name, 64)!r}, the topic {printable(sensor, 64)!r}; leave them out, or "
            "publish on lifeline/{city}/gateway/{gateway}/senml",
        )
    time = _milliseconds(base.bt or 0, record.t or 0)
    if isinstance(time, Fault):
        return time
    assert record.v is not None
    value = record.v if base.bv is None else base.bv + record.v
    if not math.isfinite(value):
        return Fault(Reason.VALUE_NOT_FINITE, "bv and v together are not a finite number; send smaller ones")
    unit = record.u if record.u is not None else base.bu
    return _Reading(sensor or name, time, value, ucum_of_senml(unit))


def _milliseconds(base: Number, offset: Number) -> int | Fault:
    """Return the epoch milliseconds of two times in seconds, finer fractions cut off, without loss in a float sum."""
    if isinstance(base, int) and isinstance(offset, int):
        exact: int | Decimal = base + offset
    else:
        exact = Decimal(repr(base)) + Decimal(repr(offset))
    if exact < RELATIVE_BELOW_S:
        return Fault(
            Reason.TIME_RELATIVE,
            "bt and t give a time relative to now, which a repeated delivery would change; send bt as seconds since "
            "1970-01-01T00:00:00Z",
        )
    if exact > _FAR_S:
        return Fault(Reason.TIME_AFTER_2100, "bt and t are beyond any instant; send seconds, 10 digits at present")
    if isinstance(exact, int):
        return exact * 1000
    return int((exact * 1000).to_integral_value(ROUND_FLOOR))


def _columns(readings: list[_Reading], position: list[int]) -> Columns:
    units = [reading.unit for reading in readings]
    return Columns(
        [reading.sensor for reading in readings],
        [reading.time for reading in readings],
        [reading.value for reading in readings],
        [0] * len(readings),
        None if units.count(None) == len(units) else units,
        position,
    )
