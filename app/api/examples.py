"""Examples of requests and answers, composed from the schemas of the OpenAPI document.

A schema's own example comes first; where it has none, a member takes the example of its name, because a name means the
same everywhere in this API.
"""

from collections.abc import Mapping
from typing import Any

from app.api.parameters import EXAMPLE_TIME

Schema = Mapping[str, Any]
ALARM = "combustible-gas.GAS-0007.20261122T080000000Z"
DEPTH_MAX = 12  # a schema that holds itself ends here
EXAMPLE_PACK = """\
pack: mine
description: {en: A lower limit for one district, zh: 一个区的较低限值}
rules:
  - rule: combustible-gas-old-town
    name: {en: Combustible gas in the old town, zh: 老城区可燃气体}
    select: {property: combustible_gas, district: xiongguan}
    condition: {kind: threshold, unit: "%{LEL}", limits: {blue: 5}}
    priority: low
    basis: [{mark: P, source: decision of the utility}]
    guidance:
      cause: {en: a leak, zh: 泄漏}
      consequence: {en: gas gathers in chambers, zh: 阀室积气}
      response: {en: look for the leak, zh: 查找漏点}
      time_to_respond_s: 1800
"""
BY_NAME: dict[str, Any] = {
    "acknowledged_by": "desk-2",
    "actor": "desk-2",
    "alarm": ALARM,
    "alarms": [ALARM],
    "approval": 7,
    "asset": "M-0417",
    "channel": "duty-phone",
    "city": "jiayuguan",
    "comment": "valve closed",
    "detail": "seen from the control room",
    "district": "xiongguan",
    "grid": "xg-04",
    "incident": f"incident.{ALARM}",
    "kind": "threshold",
    "label": "desk-2",
    "latitude": 39.773,
    "limit": 100,
    "longitude": 98.289,
    "mode": "operational",
    "modes": ["operational", "test"],
    "name": "Valve chamber 7",
    "name_zh": "7号阀室",
    "network": "jiayuguan.gas",
    "next": None,
    "note": "valve closed and lid replaced",
    "position": "gas-desk",
    "property": "combustible_gas",
    "q": "valve",
    "reason": "pump test until noon",
    "remedy": "correct it and try again",
    "report": "report.12",
    "rule": "combustible-gas",
    "rule_version": "0123456789ab",
    "sensor": "GAS-0007",
    "severity": "orange",
    "state": "unacknowledged",
    "system": "gas",
    "team": "gas-crew-1",
    "title": "Combustible gas above 20 %LEL",
    "unit": "%{LEL}",
    "value": 22.4,
    "warning": 3,
}
"""What a member or parameter of this name holds where its schema names no example."""


def example_of(schema: Schema, schemas: Schema, name: str = "", depth: int = 0) -> Any:
    """Return an example of a schema; `schemas` are the document's, `name` is that of the member or parameter."""
    if "$ref" in schema:
        # A model's example is the same wherever it stands; the name of the member says nothing of it.
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, depth=depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        named = BY_NAME.get(name)
        return named if named in schema["enum"] else schema["enum"][0]
    if "examples" in schema:
        given = schema["examples"][0]
        return _completed(given, schema, schemas, depth) if isinstance(given, dict) else given
    for choices in ("anyOf", "oneOf"):
        if choices in schema:
            return _of_choices(schema[choices], schemas, name, depth)
    if "allOf" in schema:
        return example_of(schema["allOf"][0], schemas, name, depth)
    return _of_kind(schema, schemas, name, depth)


def parameter_example(parameter: Schema, schemas: Schema) -> Any:
    """Return what a caller would write for a parameter; a list with commas."""
    value = example_of(parameter["schema"], schemas, parameter["name"])
    return ",".join(str(one) for one in value) if isinstance(value, list) and parameter["in"] == "query" else value


def _of_choices(choices: list[Schema], schemas: Schema, name: str, depth: int) -> Any:
    for choice in choices:
        if choice.get("type") != "null" and depth < DEPTH_MAX and BY_NAME.get(name, "") is not None:
            return example_of(choice, schemas, name, depth + 1)
    return None


def _of_kind(schema: Schema, schemas: Schema, name: str, depth: int) -> Any:
    kind = schema.get("type")
    named = BY_NAME.get(name)
    if kind == "object" or "properties" in schema:
        return _of_members(schema, schemas, depth)
    if kind == "array":
        items: Schema = schema.get("items", {})
        if isinstance(named, list) and "$ref" not in items:
            return named
        return [] if depth >= DEPTH_MAX else [example_of(items, schemas, name, depth + 1)]
    if kind == "string":
        if schema.get("format") == "date-time":
            return EXAMPLE_TIME
        return named if isinstance(named, str) else "text"
    if kind == "boolean":
        return schema.get("default", True)
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
        return named if isinstance(named, int | float) else schema.get("default", max(1, least))
    return named


def _completed(given: dict[str, Any], schema: Schema, schemas: Schema, depth: int) -> dict[str, Any]:
    """Return an answer's own example with the members that it lacks; a request's stays as it was written."""
    lacking = {} if schema.get("additionalProperties") is False else schema.get("properties", {})
    return given | {
        name: example_of(member, schemas, name, depth + 1) for name, member in lacking.items() if name not in given
    }


def _of_members(schema: Schema, schemas: Schema, depth: int) -> dict[str, Any]:
    """A request's members that need not be sent are left out, unless they have examples of their own."""
    properties: Schema = schema.get("properties", {})
    closed = schema.get("additionalProperties") is False  # bodies of requests are
    required = schema.get("required", ())
    chosen = {
        name: member for name, member in properties.items() if not closed or name in required or "examples" in member
    }
    found = {name: example_of(member, schemas, name, depth + 1) for name, member in chosen.items()}
    others = schema.get("additionalProperties")
    if not found and isinstance(others, Mapping) and others:
        names = schema.get("propertyNames", {"type": "string"})
        key = example_of(names, schemas, "severity" if "enum" not in names else "", depth + 1)
        found[str(key)] = example_of(others, schemas, depth=depth + 1)
    return found
