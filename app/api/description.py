"""The OpenAPI document: what FastAPI makes of the routes, with examples, and with errors as the problems they are."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.context import VERSION, ApiLimits
from app.api.deprecation import describe
from app.api.examples import example_of, parameter_example
from app.api.language import LANGUAGES
from app.api.negotiation import HEADER_CHARACTERS_MAX
from app.api.problems import KINDS, MEDIA_TYPE, ProblemDetails

TITLE = "Lifeline"
DESCRIPTION = (
    "Monitoring of a city's lifelines. Times are RFC 3339, written in UTC with milliseconds. Errors are RFC 9457 "
    "problem details that name the field and the remedy, in the language that Accept-Language prefers. Lifeline "
    "supplements certified gas alarms and never replaces them."
)
TAGS = {
    "access": "Logging in, users and keys",
    "alarm actions": "What an operator does with an alarm",
    "alarm handling": "What the crew does about an alarm, from the order to the proof that it is solved",
    "alarms": "Alarms, their journals, and the stream of what happens to them",
    "approvals": "Requests that wait for a second person",
    "audit": "Who did what that not everybody may",
    "exercises": "Scenarios and recordings played for training, in cities of their own",
    "explanations": "Why a rule fired or did not: what was known, and what decided",
    "exports": "Readings, journal and registry as files that stream",
    "feeds": "CAP 1.2 documents and the Atom feed of approved warnings",
    "health": "For probes and Prometheus, without a key",
    "incidents": "Alarms and reports that belong together",
    "networks": "Pipe networks",
    "notifications": "Messages out of the house, and their channels",
    "performance": "Figures of the alarm system after ISA-18.2",
    "positions": "Operators' desks and what they see to",
    "province": "Cities and parks that send their alarms here",
    "readings": "What sensors measured",
    "rejections": "Messages that could not be used",
    "reports": "What people saw, smelt or heard",
    "retention": "What is kept for how long",
    "rosters": "Who is on duty",
    "rules": "Rules in force, trials, activation, temporary limits",
    "sensors": "The registry of sensors",
    "sensorthings": "OGC SensorThings 1.1, read access, as GIS clients know it",
    "session": "Logging in and off, and the second factor",
    "shifts": "Hand-overs of a desk",
    "status": "How the cities stand",
    "suppressions": "What keeps alarms quiet, and until when",
    "warnings": "Warnings to the public: drafted, approved, sent",
}
_OPEN = {"/healthz", "/readyz", "/metrics"}
_PREFIX = "/api/v1/"
_SESSION = "/api/v1/session"  # where a GET changes something too: it ends a log-in by OIDC


def install(app: FastAPI) -> None:
    """Let `app.openapi()` and /openapi.json give the completed document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=TITLE, version=VERSION, description=DESCRIPTION, routes=app.routes)
            app.openapi_schema = _complete(document, app.state.context.limits)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any], limits: ApiLimits) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _portable(document)
    schemas["ProblemDetails"] = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    document["components"]["responses"] = {"Problem": _problem_response(schemas)}
    document["components"]["parameters"] = {"AcceptLanguage": _accept_language()}
    document["servers"] = [{"url": "/", "description": "This Lifeline"}]
    document["x-problems"] = KINDS
    used = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            used.update(operation.get("tags", ()))
            operation["operationId"] = _operation_id(method, path)
            _add_problems(method, path, operation)
            describe(operation)
            for parameter in operation.get("parameters", ()):
                _bound(parameter, limits)
                parameter["example"] = parameter_example(parameter, schemas)
            contents = [operation.get("requestBody", {}).get("content", {})]
            contents += [answer.get("content", {}) for answer in operation["responses"].values()]
            for content in contents:
                for media_type, described in content.items():
                    _add_example(media_type, described, schemas)
            if path.startswith(_PREFIX):
                operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/AcceptLanguage"})
    document["tags"] = [{"name": tag, "description": TAGS.get(tag, "")} for tag in sorted(used)]
    return document


def _operation_id(method: str, path: str) -> str:
    # From method and path, which keep their form, and not from the names of functions.
    return "_".join([method, *re.findall(r"[a-z]+", path.removeprefix(_PREFIX))])


def _add_problems(method: str, path: str, operation: dict[str, Any]) -> None:
    """Say which problems an operation may answer with: those of all, of changes and of bodies."""
    responses = operation["responses"]
    responses.pop("422", None)
    codes = [] if path in _OPEN else ["401", "403", "404", "414", "422", "431", "503", "504"]
    if method != "get" or path.startswith(_SESSION):
        codes += ["409", "413"]
    if "requestBody" in operation:
        codes.append("400")
    for code in sorted(codes):
        responses.setdefault(code, {"$ref": "#/components/responses/Problem"})


def _portable(described: Any) -> None:
    """Write patterns as JSON Schema has them, where `$` is the end as Python's `\\z` is."""
    if isinstance(described, dict):
        if isinstance(described.get("pattern"), str):
            described["pattern"] = described["pattern"].replace(r"\z", "$")
        for value in described.values():
            _portable(value)
    elif isinstance(described, list):
        for value in described:
            _portable(value)


def _bound(parameter: dict[str, Any], limits: ApiLimits) -> None:
    """State the limits that are settings, and so are not in the models."""
    most = {"limit": limits.page_rows_max, "radius_m": limits.radius_m_max}.get(parameter["name"])
    for schema in (parameter["schema"], *parameter["schema"].get("anyOf", ())):
        if most is not None and schema.get("type") in ("integer", "number"):
            schema.setdefault("maximum", most)


def _add_example(media_type: str, described: dict[str, Any], schemas: dict[str, Any]) -> None:
    if media_type.endswith("json") and "schema" in described and "examples" not in described:
        described.setdefault("example", example_of(described["schema"], schemas))


def _accept_language() -> dict[str, Any]:
    return {
        "name": "Accept-Language",
        "in": "header",
        "required": False,
        "description": "The language of problems",
        "schema": {"type": "string", "maxLength": HEADER_CHARACTERS_MAX, "examples": list(LANGUAGES)},
        "example": "zh-CN, en;q=0.5",
    }


def _problem_response(schemas: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    _add_example(MEDIA_TYPE, content, schemas)
    return {"description": "A problem, with the field and the remedy", "content": {MEDIA_TYPE: content}}
