"""Answers that hold a struct of the model, whose fields stand once, in `model`; and answers encoded as they are."""

from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import Response


def with_fields_of(struct: type[msgspec.Struct], example: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Return a `json_schema_extra` that adds the struct's fields before the answer's own, and an example.

    For an answer that allows further fields and is given all of the struct's.
    """
    _, definitions = msgspec.json.schema_components([struct])
    described = definitions[struct.__name__]

    def describe(schema: dict[str, Any]) -> None:
        schema["properties"] = described["properties"] | schema.get("properties", {})
        schema["required"] = list(dict.fromkeys((*described.get("required", []), *schema.get("required", []))))
        schema["examples"] = [example]

    return describe


def encoded(answer: dict[str, Any]) -> Response:
    """Return an answer as it is: that it has the form of its route is checked by the tests, not at each request."""
    return Response(msgspec.json.encode(answer), media_type="application/json")
