"""The published description says what the code takes, for it is made from it."""

from __future__ import annotations

import json

from ingest.asyncapi import asyncapi, payload_schema, senml_schema
from ingest.decoders.mapping import parse_mapping
from ingest.settings import IngestLimits
from tests.decode.test_hostile_forms import MAPPING


def test_every_reference_has_its_target() -> None:
    document = asyncapi(mappings=[parse_mapping("vendor.yaml", MAPPING)])
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}:
        if reference.startswith("$defs"):  # within the schema of the mapping file
            continue
        found = document
        for name in reference.split("/"):
            found = found[name]
    for channel in document["channels"].values():
        for name in channel["parameters"]:
            assert f"{{{name}}}" in channel["address"]
    assert document["channels"]["mapping-vendor"]["address"] == "vendor/+"
    assert len(document["operations"]) == len(document["channels"])


def test_the_schema_has_the_fields_of_a_reading() -> None:
    one, many = payload_schema(IngestLimits(), names_sensor=True)["oneOf"]
    assert set(one["properties"]) == {"time", "value", "unit", "quality", "sensor", "sequence"}
    assert one["required"] == ["time", "value", "sensor"]
    assert many["maxItems"] == IngestLimits().readings_per_message_max
    assert payload_schema(IngestLimits(), names_sensor=False)["oneOf"][0]["required"] == ["time", "value"]
    assert set(senml_schema(IngestLimits())["items"]["properties"]) >= {
        "bn",
        "bt",
        "bu",
        "bv",
        "bver",
        "n",
        "t",
        "u",
        "v",
    }
