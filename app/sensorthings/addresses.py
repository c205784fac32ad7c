"""Addresses of SensorThings resources: `Things('x')/Datastreams`, `Datastreams('x')/name/$value`; ids in links."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from model.expression import QueryRefused
from store.thing_entities import ENTITIES, EntityName, Navigation

PARTS_MAX = 8
_CONTROL = frozenset({"@iot.id", "@iot.selfLink", "id"})
_PART = re.compile(r"(\$?[A-Za-z]+|@iot\.(?:id|selfLink))(?:\((?:'((?:[^']|'')*)'|(-?\d{1,18}))\))?(?:/|\Z)", re.ASCII)


class NoSuchAddress(LookupError):
    """Nothing is at this address, whatever is registered."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the way: a set or a related entity, one of it where `key` names it."""

    entity: EntityName
    key: str | None
    way: Navigation | None  # None for the first


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request leads: over `steps`, to a property of the last where one is named, in the form asked for."""

    steps: tuple[Step, ...]
    attribute: str | None = None
    form: Literal["entity", "references", "value"] = "entity"

    @property
    def is_set(self) -> bool:
        """Whether it is of a set of entities and not of one."""
        last = self.steps[-1]
        return last.key is None and (last.way is None or last.way.many)


def parse_address(text: str) -> Address:
    """Return where a decoded path leads. Raises NoSuchAddress, and QueryRefused for one that is too long."""
    parts = _parts(text)
    if len(parts) > PARTS_MAX:
        raise QueryRefused("resource", f"has more than {PARTS_MAX} parts", "begin at the entity itself")
    name, key = parts[0]
    if name not in ENTITIES:
        raise NoSuchAddress(name)
    steps = [Step(ENTITIES[name].name, key, None)]
    rest = parts[1:]
    while rest:
        address = Address(tuple(steps))
        name, key = rest.pop(0)
        entity = ENTITIES[steps[-1].entity]
        way = entity.navigations.get(name)
        if way is not None and not address.is_set:
            if key is not None and not way.many:
                raise NoSuchAddress(name)
            steps.append(Step(way.entity, key, way))
        elif name == "$ref" and key is None and not rest:
            return Address(tuple(steps), form="references")
        elif key is not None or address.is_set or name not in _CONTROL | entity.properties:
            raise NoSuchAddress(name)
        elif rest in ([], [("$value", None)]):
            return Address(tuple(steps), name, "value" if rest else "entity")
        else:
            raise NoSuchAddress(name)
    return Address(tuple(steps))


def _parts(text: str) -> list[tuple[str, str | None]]:
    parts: list[tuple[str, str | None]] = []
    place = 0
    while place < len(text):
        found = _PART.match(text, place)
        if found is None or not text.isprintable():
            raise NoSuchAddress(text[:80])
        quoted = found[2]
        parts.append((found[1], quoted.replace("''", "'") if quoted is not None else found[3]))
        place = found.end()
    if not parts or text.endswith("/"):
        raise NoSuchAddress(text[:80])
    return parts


def link_to(root: str, entity: EntityName, key: str) -> str:
    """Return the address of an entity below the root."""
    return f"{root}/{entity}('{quote(key.replace(chr(39), chr(39) * 2), safe=':')}')"
