"""What the service takes and sends over MQTT, as published: an AsyncAPI 3 document and JSON schemas, from the code."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ingest.decoders.entry import QUALITY_WORDS, Entry
from ingest.decoders.mapping import Mapping, mapping_schema
from ingest.decoders.senml_record import Record
from ingest.reasons import Reason
from ingest.settings import IngestLimits
from model.sensor import IDENTIFIER
from model.vocabulary import PROPERTIES, SYSTEMS, units_of

_IDENTIFIER = {"type": "string", "pattern": f"^{IDENTIFIER.pattern}$"}
_DESCRIPTIONS = {
    "time": "RFC 3339 with zone, or an integer of epoch milliseconds; finer fractions are cut off",
    "value": "the measured number, finite; where nothing was measured, nothing is sent",
    "unit": "UCUM; left out: the unit the sensor is registered with",
    "quality": "in any case; left out: good",
    "sensor": "the sensor's id; on a sensor's own topic it may be left out, on a gateway's topic every reading has it",
    "sequence": "the sensor's own count of its readings, by which a gap is seen, also on a gateway's topic; a count "
    "that runs over several sensors is left out",
}


def reading_schema(*, names_sensor: bool) -> dict[str, Any]:
    """Return the JSON schema of one reading; `names_sensor` as on a gateway's topic."""
    schema: dict[str, Any] = msgspec.json.schema(Entry)["$defs"]["Entry"]
    properties = schema["properties"]
    for name, description in _DESCRIPTIONS.items():
        properties[name]["description"] = description
    properties["quality"] = {"enum": [*QUALITY_WORDS, None], "description": _DESCRIPTIONS["quality"]}
    properties["sensor"] = {**_IDENTIFIER, "description": _DESCRIPTIONS["sensor"]}
    properties["unit"]["examples"] = sorted({unit for observed in PROPERTIES.values() for unit in units_of(observed)})
    return {
        "title": "Reading",
        "type": "object",
        "description": "Names beyond these are let pass; none of these may stand twice.",
        "properties": properties,
        "required": ["time", "value", "sensor"] if names_sensor else ["time", "value"],
        "examples": [
            {**({"sensor": "gas-1"} if names_sensor else {}), "time": "2026-11-22T08:00:00.000Z", "value": 12.5}
        ],
    }


def payload_schema(limits: IngestLimits, *, names_sensor: bool) -> dict[str, Any]:
    """Return the JSON schema of a JSON payload: one reading, or an array of them."""
    reading = reading_schema(names_sensor=names_sensor)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Readings of many sensors" if names_sensor else "Readings of one sensor",
        "oneOf": [reading, {"type": "array", "items": reading, "maxItems": limits.readings_per_message_max}],
    }


def senml_schema(limits: IngestLimits) -> dict[str, Any]:
    """Return the JSON schema of a SenML pack as it is taken."""
    record: dict[str, Any] = msgspec.json.schema(Record)["$defs"]["Record"]
    record["description"] = "RFC 8428. Times resolve to seconds since 1970; relative ones (below 2**28) are refused."
    record.pop("required", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SenML pack",
        "type": "array",
        "items": record,
        "maxItems": limits.readings_per_message_max,
    }


def asyncapi(limits: IngestLimits | None = None, mappings: Sequence[Mapping] = ()) -> dict[str, Any]:
    """Return the AsyncAPI 3 document of the topics the service listens to and speaks on."""
    limits = limits or IngestLimits()
    channels = {
        "readings": _channel("lifeline/{city}/{system}/{sensor}", "Readings of one sensor", ["json", "senmlTyped"]),
        "gatewayReadings": _channel(
            "lifeline/{city}/gateway/{gateway}", "Readings of many sensors", ["gatewayJson", "senmlTyped"]
        ),
        "senml": _channel("lifeline/{city}/{system}/{sensor}/senml", "Readings of one sensor as SenML", ["senml"]),
        "gatewaySenml": _channel("lifeline/{city}/gateway/{gateway}/senml", "Readings of many as SenML", ["senml"]),
        "sparkplugNode": _channel("spBv1.0/{city}/{nodeKind}/{node}", "Sparkplug B, edge node", ["sparkplug"]),
        "sparkplugDevice": _channel(
            "spBv1.0/{city}/{deviceKind}/{node}/{device}", "Sparkplug B, device of an edge node", ["sparkplug"]
        ),
        "alarms": _channel("lifeline/{city}/alarm/{alarm}", "Alarm transitions, sent by the service", ["transition"]),
        "status": _channel("lifeline/{city}/status", "A city's status, retained, sent by the service", ["status"]),
        "workers": _channel(
            "lifeline/worker/{worker}", "Whether a worker of ingest is connected, retained", ["worker"]
        ),
        "sparkplugCommands": _channel(
            "spBv1.0/{city}/NCMD/{node}", "Asks an edge node for its birth, sent by the service", ["sparkplug"]
        ),
    }
    for mapping in mappings:
        channels[f"mapping-{mapping.mapping}"] = _channel(
            mapping.subscription, mapping.description or f"Vendor payloads by mapping {mapping.mapping}", ["vendor"]
        )
    sent = ("alarms", "status", "workers", "sparkplugCommands")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lifeline over MQTT",
            "version": "1",
            "description": "Publish at QoS 1. What cannot be used is kept with one of the reasons "
            f"{', '.join(Reason)}, can be listed at GET /api/v1/rejections, and never holds up its neighbours. "
            "What comes on any other topic under lifeline/ is kept too, as topic_unknown. "
            f"A payload has at most {limits.payload_bytes_max} bytes and {limits.readings_per_message_max} readings.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"{'send' if name in sent else 'receive'}-{name}": {
                "action": "send" if name in sent else "receive",
                "channel": {"$ref": f"#/channels/{name}"},
            }
            for name in channels
        },
        "components": {"messages": _messages(limits), "schemas": {"mappingFile": mapping_schema()}},
    }


_PARAMETERS: dict[str, dict[str, Any]] = {
    "city": {"description": "id of the city; the Sparkplug group"},
    "system": {"enum": list(SYSTEMS)},
    "sensor": {"description": f"id of the sensor, {IDENTIFIER.pattern}"},
    "gateway": {"description": "any name of the gateway"},
    "nodeKind": {"enum": ["NBIRTH", "NDATA", "NDEATH"]},
    "deviceKind": {"enum": ["DBIRTH", "DDATA", "DDEATH"]},
    "node": {"description": "id of the edge node"},
    "device": {"description": "id of the device"},
    "alarm": {"description": "id of the alarm's occurrence"},
    "worker": {"description": "MQTT client id of the worker"},
}


def _channel(address: str, description: str, messages: Sequence[str]) -> dict[str, Any]:
    return {
        "address": address,
        "description": description,
        "parameters": {name: about for name, about in _PARAMETERS.items() if f"{{{name}}}" in address},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _messages(limits: IngestLimits) -> dict[str, Any]:
    senml = {"contentType": "application/senml+json", "payload": senml_schema(limits)}
    return {
        "json": {"contentType": "application/json", "payload": payload_schema(limits, names_sensor=False)},
        "gatewayJson": {"contentType": "application/json", "payload": payload_schema(limits, names_sensor=True)},
        "senml": {"summary": "SenML by the topic's ending", **senml},
        "senmlTyped": {"summary": "SenML by the content type of MQTT 5", **senml},
        "sparkplug": {
            "contentType": "application/x-protobuf",
            "summary": "Sparkplug B payload; a metric is a sensor by its property 'sensor' or by its name",
        },
        "vendor": {"contentType": "application/json", "summary": "JSON that a mapping file explains"},
        "transition": {"contentType": "application/json", "summary": "One line of the alarm journal"},
        "status": {"contentType": "application/json", "summary": "Freshness and alarms of a city"},
        "worker": {"contentType": "application/json", "summary": "The worker, and connected, stopped or lost"},
    }
