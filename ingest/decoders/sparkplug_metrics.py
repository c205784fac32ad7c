"""The metrics of a Sparkplug payload: what a birth defines, and the values that a message brings."""

import math
from collections.abc import Sequence
from typing import Any

from ingest.decoders.edge_nodes import Definition, Device
from ingest.decoders.refusals import REFUSED_ONE_BY_ONE_MAX
from ingest.decoders.sparkplug_payload import PROPERTIES_MARK
from ingest.message import Columns, Refused
from ingest.reasons import Fault, Reason
from model.reading import Quality
from model.sensor import IDENTIFIER

PROPERTIES_MAX = 64  # of a metric
_SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}  # data type -> width: Int8 to Int64, in two's complement
_NUMERIC = frozenset(range(1, 12))  # Int8 to Boolean; the rest are texts, times, data sets
_NUMBERS = frozenset(("int_value", "long_value", "float_value", "double_value", "boolean_value"))
_OF_THE_PROTOCOL = (b"bdSeq", b"Node Control/", b"Device Control/", b"Node Info/", b"Device Info/", b"Properties/")
_UINT32, _UINT64 = 2**32, 2**64
_NOTHING_SAID: tuple[str, str | None] = ("", None)
_TOO_MUCH_SAID: tuple[str, str | None] = ("too many properties", None)  # no id of a sensor, so it is named as none


def read_birth(payload: bytes, names: Sequence[bytes], metrics: Sequence[Any]) -> tuple[Device, list[bytes]]:
    """Return what a birth defines, and the names of numeric metrics that are no sensors; `names` has all of them."""
    said = [_NOTHING_SAID] * len(metrics)
    if PROPERTIES_MARK in payload:
        said = [_said(metric.properties) if metric.HasField("properties") else _NOTHING_SAID for metric in metrics]
    by_property = any([one is not _TOO_MUCH_SAID and one[0] for one in said])
    device = Device(birth_bytes=len(payload) + 1)
    by_name, by_alias = device.by_name, device.by_alias
    unmapped = []
    is_identifier = IDENTIFIER.fullmatch
    datatypes = [metric.datatype for metric in metrics]
    for name, metric, datatype, (sensor, unit) in zip(names, metrics, datatypes, said, strict=True):
        if datatype not in _NUMERIC or name.startswith(_OF_THE_PROTOCOL):
            sensor = ""
        else:
            if not sensor and not by_property:
                sensor = text_of(name)
            if not is_identifier(sensor):
                if sensor or not by_property:
                    unmapped.append(name)
                sensor = ""
        definition = Definition(sensor, datatype, unit)
        if name:
            by_name[name] = definition
        if metric.HasField("alias"):
            by_alias[metric.alias] = definition
    return device, unmapped


def take_values(
    payload: bytes, names: Sequence[bytes], metrics: Sequence[Any], sent: int, device: Device, alias_quality: int
) -> tuple[Columns, list[Refused], list[str]]:
    """Return the values of metrics by their definitions, what cannot be used, and what the birth does not define.

    `names` has one for each metric, empty for one that is addressed by alias, whose values have the bits of
    `alias_quality`; `sent` is the message's time in epoch milliseconds, 0 for none.
    """
    sensors: list[str] = []
    times: list[int] = []
    values: list[float] = []
    qualities: list[int] = []
    units: list[str | None] = []
    position: list[int] = []
    refused: list[Refused] = []
    unexplained = 0
    unknown: list[str] = []
    by_name, by_alias = device.by_name, device.by_alias
    has_properties = PROPERTIES_MARK in payload
    for place, (name, metric) in enumerate(zip(names, metrics, strict=True)):
        definition = by_name.get(name) if name else by_alias.get(metric.alias)
        if definition is None:
            unknown.append(f"metric {text_of(name[:40])!r}" if name else f"alias {metric.alias}")
            continue
        if not definition.sensor:
            continue
        value = _value(metric, definition.datatype)
        quality = 0 if name else alias_quality
        if has_properties and metric.HasField("properties"):
            said = _quality(metric.properties)
            value, quality = (said, 0) if isinstance(said, Fault) else (value, quality | said)
        time = metric.timestamp or sent
        if isinstance(value, Fault) or not 0 < time < 2**63:
            if len(refused) < REFUSED_ONE_BY_ONE_MAX:
                fault = value if isinstance(value, Fault) else _time_fault(time)
                refused.append(Refused(metric.SerializeToString(), fault, definition.sensor))
                continue
            if not sensors:  # then the rest is hardly better
                unexplained = len(metrics) - place
                break
            unexplained += 1
            continue
        sensors.append(definition.sensor)
        times.append(time)
        values.append(value)
        qualities.append(quality)
        units.append(definition.unit)
        position.append(place)
    if unexplained:
        refused.append(Refused(payload, _further(unexplained, refused[-1].fault)))
    sent_units = None if units.count(None) == len(units) else units
    return Columns(sensors, times, values, qualities, sent_units, position), refused, unknown


def text_of(raw: bytes) -> str:
    """Return a name as text, what is not UTF-8 as escapes."""
    return raw.decode("utf-8", "backslashreplace")


def _value(metric: Any, datatype: int) -> float | Fault:
    if metric.is_null:
        return Fault(Reason.VALUE_NOT_A_NUMBER, "the metric is null; send nothing where nothing was measured")
    which = metric.WhichOneof("value")
    if which not in _NUMBERS:
        if which is None:
            return Fault(Reason.NO_VALUE, "the metric has no value; send the measured number")
        return Fault(Reason.VALUE_NOT_A_NUMBER, f"the metric has a {which.removesuffix('_value')}; send a number")
    value = getattr(metric, which)
    bits = _SIGNED_BITS.get(datatype)
    if bits is not None and which in ("int_value", "long_value"):
        wire = _UINT32 if which == "int_value" else _UINT64
        # A negative number comes in two's complement of its own width, or of the field's.
        if value >= wire - 2 ** (bits - 1):
            value -= wire
        elif 2 ** (bits - 1) <= value < 2**bits:
            value -= 2**bits
        elif value >= 2**bits:
            return Fault(Reason.VALUE_NOT_A_NUMBER, f"{value} is no number of {bits} bits, as its birth says")
    value = float(value)
    if not math.isfinite(value):
        return Fault(Reason.VALUE_NOT_FINITE, "value is not a finite number; send nothing where nothing was measured")
    return value


def _said(properties: Any) -> tuple[str, str | None]:
    """Return a metric's properties `sensor` ("" for none) and `engUnit`."""
    keys = properties.keys
    if len(keys) > PROPERTIES_MAX:
        return _TOO_MUCH_SAID
    sensor, unit = "", None
    for key, value in zip(keys, properties.values, strict=False):
        if key == b"sensor":
            sensor = text_of(value.text)
        elif key == b"engUnit":
            unit = text_of(value.text) or None
    return sensor, unit


def _quality(properties: Any) -> int | Fault:
    """Return the bits of the property Quality: 192 good, 0 bad, 500 stale, and the codes of OPC between them."""
    keys = properties.keys
    if len(keys) > PROPERTIES_MAX:
        detail = f"the metric has {len(keys)} properties; send at most {PROPERTIES_MAX}"
        return Fault(Reason.PAYLOAD_TOO_LARGE, detail)
    for key, value in zip(keys, properties.values, strict=False):
        if key == b"Quality":
            code = value.int_value or value.long_value
            if 192 <= code < 256:
                return 0
            return int(Quality.REPORTED_BAD if code < 64 else Quality.REPORTED_UNCERTAIN)
    return 0


def _time_fault(time: int) -> Fault:
    if time == 0:
        return Fault(Reason.NO_TIME, "neither metric nor message has a timestamp; send epoch milliseconds")
    return Fault(Reason.TIME_AFTER_2100, "timestamp is beyond any instant; send epoch milliseconds")


def _further(count: int, last: Fault) -> Fault:
    return Fault(
        last.reason,
        f"{count} further metrics are kept with the whole message, as {REFUSED_ONE_BY_ONE_MAX} of it are refused "
        f"already and no more are looked into; the last of those: {last.detail}",
    )
