"""The Sparkplug B payload as protobuf: the fields that are read, declared here by their numbers.

Source: Sparkplug specification 3.0.0, section 6.4 (message definition). Names are declared as bytes, which are the same
on the wire as texts, so that one that is not UTF-8 costs its metric and not the message. What is not declared (data
sets, templates, metadata) is passed over.
"""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError

_Field = descriptor_pb2.FieldDescriptorProto

IMPLEMENTATION: Final[str] = api_implementation.Type()
"""`upb` where protobuf's compiled parser is there. The pure Python one would be some hundred times slower."""

# Number, name, type, and the message's name where it is one; (*) marks a repeated field.
_PROPERTY_VALUE = (
    (2, "is_null", "BOOL"),
    (3, "int_value", "UINT32"),
    (4, "long_value", "UINT64"),
    (8, "text", "BYTES"),
)
_PROPERTIES = ((1, "keys", "BYTES*"), (2, "values", "PropertyValue*"))
_METRIC = (
    (1, "name", "BYTES"),
    (2, "alias", "UINT64"),
    (3, "timestamp", "UINT64"),
    (4, "datatype", "UINT32"),
    (5, "is_historical", "BOOL"),
    (7, "is_null", "BOOL"),
    (9, "properties", "Properties"),
    (10, "int_value", "UINT32"),
    (11, "long_value", "UINT64"),
    (12, "float_value", "FLOAT"),
    (13, "double_value", "DOUBLE"),
    (14, "boolean_value", "BOOL"),
    (15, "string_value", "BYTES"),
    (16, "bytes_value", "BYTES"),
)
_PAYLOAD = ((1, "timestamp", "UINT64"), (2, "metrics", "Metric*"), (3, "seq", "UINT64"), (4, "uuid", "BYTES"))
_VALUES = range(10, 17)  # of a metric, of which it has one
METRIC_MARK: Final = b"\x12"
"""The byte before each metric of a payload, and before each value of its properties: field 2, of the length kind."""
PROPERTIES_MARK: Final = b"\x4a"
"""The byte before a metric's properties: field 9, of the length kind."""


def _declare() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="lifeline/sparkplug.proto", package="lifeline", syntax="proto2")
    declared = {"PropertyValue": _PROPERTY_VALUE, "Properties": _PROPERTIES, "Metric": _METRIC, "Payload": _PAYLOAD}
    for name, fields in declared.items():
        message = file.message_type.add(name=name)
        if name == "Metric":
            message.oneof_decl.add(name="value")
        for number, field_name, kind in fields:
            field = message.field.add(name=field_name, number=number)
            field.label = _Field.LABEL_REPEATED if kind.endswith("*") else _Field.LABEL_OPTIONAL
            kind = kind.removesuffix("*")
            if kind in declared:
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".lifeline.{kind}"
            else:
                field.type = getattr(_Field, f"TYPE_{kind}")
            if name == "Metric" and number in _VALUES:
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("lifeline.Payload"))


Payload: Any = _declare()


def parse_payload(payload: bytes) -> Any | None:
    """Return the payload as a protobuf message; None where it is none."""
    try:
        return Payload.FromString(payload)
    except DecodeError:
        return None


def split_sparkplug(payload: bytes) -> list[bytes]:
    """Return the bytes of each metric of a payload that decoded."""
    parsed = parse_payload(payload)
    return [] if parsed is None else [metric.SerializeToString() for metric in parsed.metrics]
