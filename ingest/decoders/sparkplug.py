"""Sparkplug B: births say which metric is which sensor, data messages bring their values, sequence numbers show gaps.

A metric is a sensor by its property `sensor`, or, in a birth in which no metric has that property, by its own name. A
birth is remembered until the next one or the node's death; the state is this process's own, so after a restart a node
that uses aliases is asked for its birth.
"""

from collections.abc import Sequence
from typing import Any

from ingest.decoders.edge_nodes import EdgeNode, EdgeNodes
from ingest.decoders.sparkplug_metrics import read_birth, take_values, text_of
from ingest.decoders.sparkplug_payload import METRIC_MARK, parse_payload, split_sparkplug
from ingest.message import Columns, Refused
from ingest.reasons import Fault, Reason, printable
from ingest.topics import SparkplugTopic
from model.reading import Quality

__all__ = ["decode_sparkplug", "split_sparkplug"]

_MARKS_MAX = 40_000  # metrics and properties of a message: fewer would not fill a message that may be taken
_COMPRESSED = b"SPBV1.0_COMPRESSED"
_NAMES_SHOWN = 5


def decode_sparkplug(
    payload: bytes, topic: SparkplugTopic, nodes: EdgeNodes, metrics_max: int, *, is_repeated: bool
) -> tuple[Columns, list[Refused]]:
    """Return the readings of a message and its metrics that could not be used; never raises."""
    if payload.count(METRIC_MARK) > _MARKS_MAX:
        detail = f"more than {_MARKS_MAX} metrics and properties; at most {metrics_max} metrics are taken"
        return _nothing(payload, Reason.TOO_MANY_READINGS, f"{detail}: send several messages")
    message = parse_payload(payload)
    if message is None:
        return _nothing(payload, Reason.NOT_PROTOBUF, "not a Sparkplug B payload; send protobuf as spBv1.0 has it")
    if message.uuid == _COMPRESSED:
        return _nothing(payload, Reason.FORM_UNKNOWN, "compressed payloads are not taken; switch compression off")
    count = len(message.metrics)
    if count > metrics_max:
        detail = f"the message holds {count} metrics; at most {metrics_max} are taken: send several messages"
        return _nothing(payload, Reason.TOO_MANY_READINGS, detail)
    metrics = list(message.metrics)
    names = [metric.name for metric in metrics]
    if topic.kind == "NDEATH":
        node = nodes.get(topic.city, topic.node)
        if node is not None and node.birth == _death_number(names, metrics):  # else the will of an earlier connection
            nodes.forget(topic.city, topic.node)
        return Columns([], [], [], []), []
    refused: list[Refused] = []
    if topic.kind == "NBIRTH":
        device, unmapped = read_birth(payload, names, metrics)
        node = EdgeNode({"": device}, int(message.seq) % 256, _death_number(names, metrics))
        nodes.born(topic.city, topic.node, node)
    else:
        node = nodes.get(topic.city, topic.node)
        unmapped = []
        if node is not None:
            missing = node.follow(int(message.seq) % 256, is_repeated=is_repeated) if message.HasField("seq") else 0
            if missing:
                refused.append(_note(_missed(missing, node)))
        if node is None or node.is_doubtful:
            nodes.want_rebirth(topic.city, topic.node)
        if topic.kind == "DDEATH":
            if node is not None:
                nodes.set_device(node, topic.device, None)
            return Columns([], [], [], []), refused
        if topic.kind == "DBIRTH":
            device, unmapped = read_birth(payload, names, metrics)
            if node is not None:
                nodes.set_device(node, topic.device, device)
        else:
            found = None if node is None else node.devices.get(topic.device)
            if found is None:
                nodes.want_rebirth(topic.city, topic.node)
                if not all(names) or not all([metric.datatype for metric in metrics]):
                    detail = (
                        "no birth of this node or device is known, which says what its aliases mean; let it rebirth"
                    )
                    return _nothing(payload, Reason.NO_BIRTH, detail)
                found = read_birth(payload, names, metrics)[0]  # each metric says all of itself
            device = found
    if unmapped:
        refused.append(_note(_without_sensor(unmapped)))
    is_doubtful = node is not None and node.is_doubtful
    alias_quality = int(Quality.REPORTED_UNCERTAIN) if is_doubtful else 0
    columns, unusable, unknown = take_values(payload, names, metrics, message.timestamp, device, alias_quality)
    refused += unusable
    if unknown:
        nodes.want_rebirth(topic.city, topic.node)
        refused.append(Refused(payload, _unknown(unknown)))
    return columns, refused


def _death_number(names: list[bytes], metrics: Sequence[Any]) -> int | None:
    if b"bdSeq" not in names:
        return None
    metric = metrics[names.index(b"bdSeq")]
    return int(metric.long_value or metric.int_value)


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
    shown = ", ".join(repr(printable(text_of(name), 40)) for name in names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return Fault(
        Reason.NO_SENSOR,
        f"the birth has metrics that are no sensors: {shown}{more}; name the sensor in their property 'sensor'",
    )


def _note(fault: Fault) -> Refused:
    """Return what is to be seen about a message that was used: without bytes, as nothing is to be sent again."""
    return Refused(b"", fault)


def _nothing(payload: bytes, reason: Reason, detail: str) -> tuple[Columns, list[Refused]]:
    return Columns([], [], [], []), [Refused(payload, Fault(reason, detail))]
