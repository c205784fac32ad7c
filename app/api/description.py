"""The OpenAPI document: what FastAPI makes of the routes, with errors as the problem details that they are."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.context import VERSION
from app.api.problems import KINDS, MEDIA_TYPE, ProblemDetails

TITLE = "Lifeline"
DESCRIPTION = (
    "Monitoring of a city's lifelines. Times are RFC 3339, written in UTC with milliseconds. Errors are RFC 9457 "
    "problem details that name the field and the remedy. Lifeline supplements certified gas alarms and never replaces "
    "them."
)
_OPEN = {"/healthz", "/readyz", "/metrics"}


def install(app: FastAPI) -> None:
    """Let `app.openapi()` and /openapi.json give the completed document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(
                get_openapi(title=TITLE, version=VERSION, description=DESCRIPTION, routes=app.routes)
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["ProblemDetails"] = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    document["components"]["responses"] = {"Problem": _problem_response()}
    document["x-problems"] = KINDS
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            responses.pop("422", None)
            codes = [] if path in _OPEN else ["401", "403", "422", "503", "504"]
            if "{" in path:
                codes.append("404")
            if "requestBody" in operation:
                codes += ["409", "413"]
            for code in sorted(codes):
                responses[code] = {"$ref": "#/components/responses/Problem"}
    return document


def _problem_response() -> dict[str, Any]:
    return {
        "description": "A problem, with the field and the remedy",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
