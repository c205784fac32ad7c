"""The client and the API's description say the same: paths, parameters, fields."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_type_hints, is_typeddict

import pytest
from lifeline_client import Client, types
from lifeline_client.methods import Stream, _Method

from app.api.application import PREFIX, ApiContext, create_app

DOCUMENT = create_app(ApiContext.without_services()).openapi()
METHODS = {name: found for name, found in vars(Client.__mro__[1]).items() if isinstance(found, _Method)}

# Paths without a method, by their beginning, and why. A new path needs a method, or an entry here.
LEFT_OUT = {
    "/healthz": "for who runs the service",
    "/readyz": "for who runs the service",
    "/api/v1/approvals": "decided at the desk",
    "/api/v1/assets": "for phones, which ask by themselves",
    "/api/v1/audit": "for auditors, who use the command",
    "/api/v1/cause-codes": "for screens",
    "/api/v1/exercises": "steered from the page",
    "/api/v1/feeds": "other systems read CAP by its own clients",
    "/api/v1/incidents/{incident}/": "done at the desk, or read as a page",
    "/api/v1/keys": "done by the security administrator",
    "/api/v1/networks": "for maps, by role",
    "/api/v1/notifications": "for who runs the service",
    "/api/v1/performance/report": "a page to print",
    "/api/v1/positions": "for screens",
    "/api/v1/province": "the province's own page and publishers",
    "/api/v1/rejections/": "done by engineers, at the command line",
    "/api/v1/relayed": "the province's own page and publishers",
    "/api/v1/retention": "for who runs the service",
    "/api/v1/rosters": "for screens",
    "/api/v1/rules/": "done by engineers, at the command line",
    "/api/v1/sensors/latest": "for phones, which ask by themselves",
    "/api/v1/sensors/{sensor}/events": "for who maintains sensors",
    "/api/v1/sensors/{sensor}/rules": "for screens",
    "/api/v1/session": "for the console",
    "/api/v1/sensorthings": "other systems read SensorThings by its own clients",
    "/api/v1/shifts": "done at the desk",
    "/api/v1/suppressions": "done at the desk",
    "/api/v1/users": "done by the security administrator",
    "/api/v1/warning": "done at the desk",
}


def _path(method: _Method[Any, Any]) -> str:
    return method.route.path if method.route.path == "/metrics" else PREFIX + method.route.path


def _operation(name: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][_path(METHODS[name])][METHODS[name].route.method.lower()]
    return found


def _found(described: dict[str, Any]) -> dict[str, Any]:
    """What is described, or what it refers to."""
    if "$ref" not in described:
        return described
    found: Any = DOCUMENT
    for part in described["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return _found(found)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_its_path(name: str) -> None:
    assert METHODS[name].route.method.lower() in DOCUMENT["paths"].get(_path(METHODS[name]), {})
    assert METHODS[name].__doc__


def test_every_path_has_its_method_or_a_reason() -> None:
    covered = {(_path(method), method.route.method.lower()) for method in METHODS.values()}
    missing = [
        (path, verb)
        for path, operations in DOCUMENT["paths"].items()
        for verb in operations
        if (path, verb) not in covered and not any(path.startswith(beginning) for beginning in LEFT_OUT)
    ]
    assert not missing, "give the client a method, or say in LEFT_OUT why it has none"


def _taken(name: str) -> tuple[set[str], set[str]]:
    """The names that a method takes, and those of them that it asks for, as the API writes them."""
    signature = inspect.signature(METHODS[name].build)
    hints = get_type_hints(METHODS[name].build)
    taken, needed = set(), set()
    for parameter in list(signature.parameters.values())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            (words,) = hints[parameter.name].__args__
            assert is_typeddict(words)
            taken |= set(get_type_hints(words))
        else:
            taken.add(parameter.name)
            if parameter.default is parameter.empty:
                needed.add(parameter.name)
    return {one.rstrip("_") for one in taken}, {one.rstrip("_") for one in needed}


@pytest.mark.parametrize("name", METHODS)
def test_every_name_is_known_and_all_that_is_needed_is_asked_for(name: str) -> None:
    operation = _operation(name)
    taken, needed = _taken(name)
    in_path = set(re.findall(r"{(\w+)}", METHODS[name].route.path))
    parameters = [_found(parameter) for parameter in operation.get("parameters", [])]
    in_query = {one["name"]: one.get("required", False) for one in parameters if one["in"] == "query"}
    known, required = set(in_query), {one for one, is_required in in_query.items() if is_required}
    if "requestBody" in operation:
        body = _found(_found(operation["requestBody"])["content"]["application/json"]["schema"])
        known |= set(body["properties"])
        required |= set(body.get("required", ()))
    if isinstance(METHODS[name], Stream):
        known.add("last_event")
    assert taken - in_path <= known
    assert required <= needed
    assert in_path <= needed


SCHEMAS = {
    "Sensor": "SensorItem", "Reading": "Reading", "Bucket": "ReadingBucket", "Readings": "Readings",
    "Latest": "LatestReading", "Line": "Line", "Alarm": "AlarmItem", "Incident": "IncidentItem",
    "Report": "ReportItem", "Status": "Status", "Explanation": "ExplanationItem", "ExplainedView": "ViewItem",
}  # fmt: skip


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items())
def test_every_member_of_an_answer_is_promised(name: str, schema: str) -> None:
    described = DOCUMENT["components"]["schemas"][schema]
    typed = getattr(types, name)
    assert set(get_type_hints(typed)) <= set(described["properties"])
    for member in typed.__required_keys__:
        assert member in described["required"], member
