"""Sparkplug B: births say which metric is which sensor, data messages bring their values, sequence numbers show gaps.

A metric is a sensor by its property `sensor`, or, in a birth in which no metric has that property, by its own name. A
birth is remembered until the next one or the node's death; the state is this process's own, so after a restart a node
that uses aliases is asked for its birth.
"""

import math
from typing import Any

from ingest.decoders.edge_nodes import Definition, Device, EdgeNode, EdgeNodes
from ingest.decoders.sparkplug_payload import parse_payload, split_sparkplug
from ingest.message import Columns, Refused
from ingest.reasons import Fault, Reason, printable
from ingest.topics import SparkplugTopic
from model.reading import Quality
from model.sensor import IDENTIFIER

__all__ = ["decode_sparkplug", "split_sparkplug"]

_SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}  # data type -> width: Int8 to Int64, in two's complement
_NUMERIC = frozenset(range(1, 12))  # Int8 to Boolean; the rest are texts, times, data sets
_NUMBERS = frozenset(("int_value", "long_value", "float_value", "double_value", "boolean_value"))
_OF_THE_PROTOCOL = (b"bdSeq", b"Node Control/", b"Device Control/", b"Node Info/", b"Device Info/", b"Properties/")
_COMPRESSED = b"SPBV1.0_COMPRESSED"
_UINT32, _UINT64 = 2**32, 2**64
_NAMES_SHOWN = 5


def decode_sparkplug(
    payload: bytes, topic: SparkplugTopic, nodes: EdgeNodes, metrics_max: int, *, is_repeated: bool
) -> tuple[Columns, list[Refused]]:
    """Return the readings of a message and its metrics that could not be used; never raises."""
    message = parse_payload(payload)
    if message is None:
        return _nothing(payload, Reason.NOT_PROTOBUF, "not a Sparkplug B payload; send protobuf as spBv1.0 has it")
    if message.uuid == _COMPRESSED:
        return _nothing(payload, Reason.FORM_UNKNOWN, "compressed payloads are not taken; switch compression off")
    count = len(message.metrics)
    if count > metrics_max:
        detail = f"the message holds {count} metrics; at most {metrics_max} are taken: send several messages"
        return _nothing(payload, Reason.TOO_MANY_READINGS, detail)
    if topic.kind == "NDEATH":
        node = nodes.get(topic.city, topic.node)
        if node is not None and node.birth == _death_number(message):  # else the will of an earlier connection
            nodes.forget(topic.city, topic.node)
        return Columns([], [], [], []), []
    refused: list[Refused] = []
    if topic.kind == "NBIRTH":
        device, unmapped = _read_birth(message, len(payload))
        node = EdgeNode({"": device}, int(message.seq) % 256, _death_number(message))
        nodes.born(topic.city, topic.node, node)
    else:
        node = nodes.get(topic.city, topic.node)
        unmapped = []
        if node is not None:
            missing = node.follow(int(message.seq) % 256, is_repeated=is_repeated) if message.HasField("seq") else 0
            if missing:
                nodes.want_rebirth(topic.city, topic.node)
                refused.append(_note(_missed(missing, node)))
        if topic.kind == "DDEATH":
            if node is not None:
                nodes.set_device(node, topic.device, None)
            return Columns([], [], [], []), refused
        if topic.kind == "DBIRTH":
            device, unmapped = _read_birth(message, len(payload))
            if node is not None:
                nodes.set_device(node, topic.device, device)
            else:
                nodes.want_rebirth(topic.city, topic.node)
        else:
            found = None if node is None else node.devices.get(topic.device)
            if found is None:
                nodes.want_rebirth(topic.city, topic.node)
                if not all(metric.name and metric.datatype for metric in message.metrics):
                    detail = (
                        "no birth of this node or device is known, which says what its aliases mean; let it rebirth"
                    )
                    return _nothing(payload, Reason.NO_BIRTH, detail)
                found = _read_birth(message, len(payload))[0]  # each metric says all of itself
            device = found
    if unmapped:
        refused.append(_note(_without_sensor(unmapped)))
    return _take(
        payload, message, device, 0 if node is None or not node.is_doubtful else Quality.REPORTED_UNCERTAIN, refused
    )


def _take(
    payload: bytes, message: Any, device: Device, alias_quality: int, refused: list[Refused]
) -> tuple[Columns, list[Refused]]:
    """Return the values of the message's metrics by their definitions."""
    sensors: list[str] = []
    times: list[int] = []
    values: list[float] = []
    qualities: list[int] = []
    units: list[str | None] = []
    position: list[int] = []
    unknown: list[str] = []
    by_name, by_alias, sent = device.by_name, device.by_alias, message.timestamp
    for place, metric in enumerate(message.metrics):
        name = metric.name
        definition = by_name.get(name) if name else by_alias.get(metric.alias)
        if definition is None:
            unknown.append(f"metric {_text(name[:40])!r}" if name else f"alias {metric.alias}")
            continue
        sensor, datatype, unit = definition
        if not sensor:
            continue
        value = _value(metric, datatype)
        time = metric.timestamp or sent
        if isinstance(value, Fault) or not 0 < time < 2**63:
            fault = value if isinstance(value, Fault) else _time_fault(time)
            refused.append(Refused(metric.SerializeToString(), fault, sensor))
            continue
        quality = 0 if name else alias_quality
        if metric.HasField("properties"):
            quality |= _quality(metric.properties)
        sensors.append(sensor)
        times.append(time)
        values.append(value)
        qualities.append(int(quality))
        units.append(unit)
        position.append(place)
    if unknown:
        refused.append(Refused(payload, _unknown(unknown)))
    sent_units = None if units.count(None) == len(units) else units
    return Columns(sensors, times, values, qualities, sent_units, position), refused


def _value(metric: Any, datatype: int) -> float | Fault:
    which = metric.WhichOneof("value")
    if metric.is_null:
        return Fault(Reason.VALUE_NOT_A_NUMBER, "the metric is null; send nothing where nothing was measured")
    if which is None:
        return Fault(Reason.NO_VALUE, "the metric has no value; send the measured number")
    if which not in _NUMBERS:
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


def _quality(properties: Any) -> int:
    """Return the bits of the property Quality: 192 good, 0 bad, 500 stale, and the codes of OPC between them."""
    for key, value in zip(properties.keys, properties.values, strict=False):
        if key == b"Quality":
            code = value.int_value or value.long_value
            if 192 <= code < 256:
                return 0
            return int(Quality.REPORTED_BAD if code < 64 else Quality.REPORTED_UNCERTAIN)
    return 0


def _read_birth(message: Any, payload_bytes: int) -> tuple[Device, list[bytes]]:
    """Return what a birth defines, and the names of numeric metrics that are no sensors."""
    said = [_said(metric) for metric in message.metrics]
    by_property = any(sensor for sensor, _ in said)
    device = Device(birth_bytes=payload_bytes + 1)
    unmapped = []
    for metric, (sensor, unit) in zip(message.metrics, said, strict=True):
        name, datatype = metric.name, metric.datatype
        if not sensor and not by_property:
            sensor = _text(name)
        if datatype not in _NUMERIC or name.startswith(_OF_THE_PROTOCOL):
            sensor = ""
        elif not IDENTIFIER.fullmatch(sensor):
            if sensor or not by_property:
                unmapped.append(name)
            sensor = ""
        definition = Definition(sensor, datatype, unit)
        if name:
            device.by_name[name] = definition
        if metric.HasField("alias"):
            device.by_alias[metric.alias] = definition
    return device, unmapped


def _said(metric: Any) -> tuple[str, str | None]:
    """Return a metric's properties `sensor` ("" for none) and `engUnit`."""
    sensor, unit = "", None
    if metric.HasField("properties"):
        for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
            if key == b"sensor":
                sensor = _text(value.text)
            elif key == b"engUnit":
                unit = _text(value.text) or None
    return sensor, unit


def _death_number(message: Any) -> int | None:
    for metric in message.metrics:
        if metric.name == b"bdSeq":
            return int(metric.long_value or metric.int_value)
    return None


def _missed(missing: int, node: EdgeNode) -> Fault:
    return Fault(
        Reason.MESSAGES_MISSED,
        f"{missing} (or {missing} and a multiple of 256) messages are missing before number {node.sequence}; what came "
        "is taken, aliases as uncertain until the node's next birth",
    )


def _unknown(metrics: list[str]) -> Fault:
    shown = ", ".join(metrics[:_NAMES_SHOWN])
    more = f" and {len(metrics) - _NAMES_SHOWN} more" if len(metrics) > _NAMES_SHOWN else ""
    return Fault(Reason.ALIAS_UNKNOWN, f"{shown}{more} not in the birth; let the node send a birth that has them")


def _without_sensor(names: list[bytes]) -> Fault:
    shown = ", ".join(repr(printable(_text(name), 40)) for name in names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return Fault(
        Reason.NO_SENSOR,
        f"the birth has metrics that are no sensors: {shown}{more}; name the sensor in their property 'sensor'",
    )


def _time_fault(time: int) -> Fault:
    if time == 0:
        return Fault(Reason.NO_TIME, "neither metric nor message has a timestamp; send epoch milliseconds")
    return Fault(Reason.TIME_AFTER_2100, "timestamp is beyond any instant; send epoch milliseconds")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _note(fault: Fault) -> Refused:
    """Return what is to be seen about a message that was used: without bytes, as nothing is to be sent again."""
    return Refused(b"", fault)


def _nothing(payload: bytes, reason: Reason, detail: str) -> tuple[Columns, list[Refused]]:
    return Columns([], [], [], []), [Refused(payload, Fault(reason, detail))]
