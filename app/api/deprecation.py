"""Routes that will go: since when, until when, and what takes their place (RFC 9745 and RFC 8594)."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from fastapi import Depends, Request

HEADERS = {
    "Deprecation": "Since when not to build on this any more: `@` and seconds since 1970 (RFC 9745)",
    "Sunset": "When it will be gone (RFC 8594)",
    "Link": "What takes its place, as rel=successor-version",
}
SCOPE_KEY = "lifeline.headers"
"""Where the envelope keeps headers that it adds to whatever the route answers, problems too."""


def deprecated(*, since: datetime, until: datetime, successor: str) -> dict[str, Any]:
    """Return what the decorator of such a route takes: `@router.get("/old", **deprecated(...))`.

    `successor` is the path of what takes its place. Raises ValueError where it would be gone before it is deprecated.
    """
    if until < since:
        raise ValueError(f"sunset {until} lies before deprecation {since}")
    headers = {
        "Deprecation": f"@{int(since.timestamp())}",
        "Sunset": format_datetime(until.astimezone(UTC), usegmt=True),
        "Link": f'<{successor}>; rel="successor-version"',
    }

    def tell(request: Request) -> None:
        request.scope[SCOPE_KEY].update(headers)

    return {
        "deprecated": True,
        "dependencies": [Depends(tell)],
        "openapi_extra": {"x-sunset": until.date().isoformat(), "x-successor": successor},
    }


def describe(operation: dict[str, Any]) -> None:
    """Add the headers to the answers of an operation of the OpenAPI document, where it is deprecated."""
    if operation.get("deprecated"):
        for answer in operation["responses"].values():
            if "$ref" not in answer:
                answer["headers"] = {
                    name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
                } | answer.get("headers", {})
