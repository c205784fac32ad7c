"""The OpenAPI document: names that mean the same everywhere, limits on all that is sent, examples that hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI

from app.api import deprecation
from app.api.application import ApiContext, create_app
from tests.api.service import Service, change, journal, serve
from tests.api.test_access import NAMES, TABLE

DOCUMENT = create_app(ApiContext.without_services()).openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
SENSOR_THINGS = "/api/v1/sensorthings/"  # its names are OData's
# A parameter has one of these names, and each means the same wherever it stands.
WORDS = {
    "place": "near radius_m bbox display_crs",
    "time": "from to at time since month bucket",
    "page": "limit after changed_after last_event_id last-event-id",
    "form": "form language view latest",
    "request": "Idempotency-Key Second-Factor-Code code error iss",
    "things": "alarm approval asset channel city district exercise grid hand_over identifier incident label"
    " mode network notification pack position property rejection report rule sensor severity suppression"
    " system temporary_limit user warning",
    "attributes": "action actor assigned_to class ended handling kind member outcome own_state q reason source standing"
    " state subject verified",
}
VOCABULARY = {word for words in WORDS.values() for word in words.split()}
TIMES = {"from", "to", "at", "time", "since"}
WITHOUT_REQUEST = {("GET", "/api/v1/alarms/stream"), ("GET", "/api/v1/province/alarms/stream")}  # they do not end


def _parameters(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [parameter for parameter in operation.get("parameters", ()) if "name" in parameter]


def test_the_document_is_whole() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert DOCUMENT["servers"]
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(ids) == len(set(ids))
    described = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    for method, path, operation in OPERATIONS:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"]), operation["operationId"]
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert set(operation["tags"]) <= described, (method, path)
        for parameter in _parameters(operation):
            assert "schema" in parameter
    # Two models of one name would be told apart by their modules.
    assert [name for name in SCHEMAS if "__" in name] == []


def test_who_needs_a_key_is_said() -> None:
    schemes = set(DOCUMENT["components"]["securitySchemes"])
    assert {"bearer", "header"} <= schemes
    for method, path, operation in OPERATIONS:
        named = {name for scheme in operation.get("security", ()) for name in scheme}
        assert named <= schemes
        if TABLE[method, path] is not None:
            assert "bearer" in named, (method, path)


def test_names_come_from_one_vocabulary() -> None:
    for method, path, operation in OPERATIONS:
        if path.startswith(SENSOR_THINGS):
            continue
        for parameter in _parameters(operation):
            assert parameter["name"] in VOCABULARY, (method, path, parameter["name"])
            if parameter["name"] in TIMES:
                assert _formats(parameter["schema"]) == {"date-time"}, (method, path, parameter["name"])


def _formats(schema: dict[str, Any]) -> set[str]:
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    return {kind.get("format", "none") for kind in kinds}


def test_members_are_named_in_small_letters_with_units() -> None:
    for name, schema in SCHEMAS.items():
        for member in schema.get("properties", {}):
            assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", member), (name, member)
            assert not re.search(r"(duration|interval|distance|radius|timeout|delay|elapsed)$", member), (name, member)


# Limits


def _unbounded(schema: dict[str, Any], where: str, seen: set[str]) -> Iterator[str]:
    """Yield what a caller could send without end."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            yield from _unbounded(SCHEMAS[name], name, seen)
        return
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _unbounded(choice, where, seen)
    bounds = {
        "string": ("maxLength", "pattern", "enum", "format", "const"),
        "array": ("maxItems",),
        "integer": ("maximum", "exclusiveMaximum", "enum"),
        "number": ("maximum", "exclusiveMaximum", "enum"),
    }.get(schema.get("type", ""), ())
    if bounds and not any(bound in schema for bound in bounds):
        yield f"{where}: {schema['type']}"
    if schema.get("type") == "object":
        others = schema.get("additionalProperties", True)
        if schema.get("properties") and others is not False:
            yield f"{where}: takes members of any name"
        if not schema.get("properties") and "maxProperties" not in schema:
            yield f"{where}: any number of members"
        if isinstance(others, dict):
            yield from _unbounded(others, f"{where}{{}}", seen)
    yield from _unbounded(schema["items"], f"{where}[]", seen) if "items" in schema else ()
    for member, described in schema.get("properties", {}).items():
        yield from _unbounded(described, f"{where}.{member}", seen)


def test_all_that_is_sent_has_a_limit() -> None:
    found = []
    for method, path, operation in OPERATIONS:
        for parameter in _parameters(operation):
            found += _unbounded(parameter["schema"], f"{method} {path} {parameter['name']}", set())
        for content in operation.get("requestBody", {}).get("content", {}).values():
            found += _unbounded(content["schema"], f"{method} {path}", set())
    assert not found, "\n".join(found)


# Examples


def _examples() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield each example of the document with its place and schema."""
    for method, path, operation in OPERATIONS:
        for parameter in _parameters(operation):
            yield f"{method} {path} {parameter['name']}", parameter["example"], parameter["schema"]
        contents = [("body", operation.get("requestBody", {}))]
        contents += [(status, answer) for status, answer in operation["responses"].items() if "$ref" not in answer]
        for what, described in contents:
            for media_type, content in described.get("content", {}).items():
                if media_type.endswith("json") and "schema" in content:
                    for example in [content["example"]] if "example" in content else content["examples"].values():
                        yield f"{method} {path} {what}", example, content["schema"]
    problem = DOCUMENT["components"]["responses"]["Problem"]["content"]["application/problem+json"]
    yield "a problem", problem["example"], problem["schema"]


def test_every_operation_has_examples_that_its_schemas_allow() -> None:
    faults = []
    for place, example, schema in _examples():
        whole = {**schema, "components": {"schemas": SCHEMAS}}
        validator = jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())
        # A list stands in a URL as its entries with commas between.
        written = _as_list(schema) and isinstance(example, str)
        for error in validator.iter_errors(example.split(",") if written else example):
            faults.append(f"{place}: {error.message[:200]} at {list(error.absolute_path)}")
    assert not faults, "\n".join(faults)


def _as_list(schema: dict[str, Any]) -> bool:
    return any(kind.get("type") == "array" for kind in schema.get("anyOf", [schema]))


def test_the_examples_can_be_sent(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        clients = {
            role: await service.client(role) for role in sorted({r for roles in TABLE.values() for r in roles or ()})
        }
        faults = []
        for method, path, operation in OPERATIONS:
            roles = TABLE[method, path]
            if roles is None or (method, path) in WITHOUT_REQUEST:
                continue
            query = {
                p["name"]: p["example"] for p in _parameters(operation) if p["in"] == "query" and p["name"] != "after"
            }
            headers = {p["name"]: p["example"] for p in _parameters(operation) if p["in"] == "header" and p["required"]}
            headers["Idempotency-Key"] = operation["operationId"]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            answer = await clients[sorted(roles)[0]].request(
                method, re.sub(r"{(\w+)(:path)?}", lambda part: NAMES.get(part[1], "1"), path),
                json=content.get("example"), params=query, headers=headers,
            )  # fmt: skip
            if (answer.status_code in (400, 422) and _form_is_refused(answer.json())) or answer.status_code >= 500:
                faults.append(f"{method} {path}: {answer.text[:300]}")
        assert not faults, "\n".join(faults)

    serve(database_url, scenario)


def _form_is_refused(problem: dict[str, Any]) -> bool:
    """Whether it is the form of the request, and not what is registered in this world."""
    return "errors" in problem


# Deprecation


SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC)


def _add_old_route(app: FastAPI) -> None:
    said = deprecation.deprecated(since=SINCE, until=UNTIL, successor="/api/v1/status")

    @app.get("/api/v1/old", tags=["status"], **said)
    async def old(number: int = 0) -> dict[str, int]:
        """Answer as it always did."""
        return {"number": number}


def test_a_deprecated_route_says_so_in_the_document() -> None:
    app = create_app(ApiContext.without_services())
    _add_old_route(app)
    operation = app.openapi()["paths"]["/api/v1/old"]["get"]
    assert operation["deprecated"]
    assert operation["x-sunset"] == "2027-05-01"
    assert operation["x-successor"] == "/api/v1/status"
    assert set(operation["responses"]["200"]["headers"]) == {"Deprecation", "Sunset", "Link"}


def test_a_deprecated_route_says_so_with_each_answer(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        _add_old_route(service.app)
        client = await service.client("viewer")
        for path, status in (("/api/v1/old", 200), ("/api/v1/old?number=many", 422)):
            answer = await client.get(path)
            assert answer.status_code == status
            assert answer.headers["deprecation"] == "@1793491200"
            assert answer.headers["sunset"] == "Sat, 01 May 2027 00:00:00 GMT"
            assert answer.headers["link"] == '</api/v1/status>; rel="successor-version"'
        assert "deprecation" not in (await client.get("/api/v1/status")).headers

    serve(database_url, scenario)


def test_a_route_cannot_be_gone_before_it_is_deprecated() -> None:
    with pytest.raises(ValueError, match="lies before"):
        deprecation.deprecated(since=UNTIL, until=SINCE, successor="/api/v1/new")
