"""A SenML record, the base values that hold for it, and the reading that both give (RFC 8428 section 4.6)."""

import math
from decimal import ROUND_FLOOR, Decimal
from typing import TypeAlias

import msgspec

from ingest.decoders.senml_units import ucum_of_senml
from ingest.reasons import Fault, Reason, printable

RELATIVE_BELOW_S = 2**28
VERSION_MAX = 10
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


class SenmlReading(msgspec.Struct, gc=False):
    """One reading: `time` in epoch milliseconds, `unit` in UCUM."""

    sensor: str
    time: int
    value: float
    unit: str | None


def rebase(base: Record, record: Record) -> None:
    """Let the base values of the record hold from here on."""
    if record.bn is not None:
        base.bn = record.bn
    if record.bt is not None:
        base.bt = record.bt
    if record.bu is not None:
        base.bu = record.bu
    if record.bv is not None:
        base.bv = record.bv


def has_known_version(record: Record) -> bool:
    """Whether the record names no version of SenML, or one that is understood."""
    return record.bver is None or 0 < record.bver <= VERSION_MAX


def says_nothing(record: Record) -> bool:
    """Whether a record without `v` has no fields of its own either: it gives base values only."""
    return record.n is None and record.t is None and record.u is None


def resolve(base: Record, record: Record, sensor: str | None) -> SenmlReading | Fault:
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
    return SenmlReading(sensor or name, time, value, ucum_of_senml(unit))


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
