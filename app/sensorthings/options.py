"""The query options of a request, and of each $expand within it: what is asked for, before anything is looked up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.api.context import ApiLimits
from app.sensorthings.filters import parse_filter, parse_order
from model.expression import Expression, Operation, Path, QueryRefused, Value, paths_of
from store.thing_entities import ENTITIES, Entity, EntityName

NAMES = ("$top", "$skip", "$count", "$orderby", "$select", "$expand", "$filter")
_CONTROL = {"id": "@iot.id", "@iot.id": "@iot.id", "selfLink": "@iot.selfLink", "@iot.selfLink": "@iot.selfLink"}


@dataclass(slots=True)
class Options:
    """What is asked for of a set. `texts` are the options as they were written, for the links to further pages."""

    top: int | None = None
    skip: int = 0
    count: bool = False
    order: tuple[tuple[Path, bool], ...] = ()
    select: frozenset[str] | None = None
    expand: "dict[str, Options]" = field(default_factory=dict)
    filter: Expression | None = None
    as_arrays: bool = False
    token: str | None = None
    texts: dict[str, str] = field(default_factory=dict)


def parse_options(items: Iterable[tuple[str, str]], entity: EntityName, limits: ApiLimits) -> Options:
    """Return what the query options of a request ask of a set of this entity. Raises QueryRefused."""
    return _parse(items, ENTITIES[entity], limits, 0)


def asks_for_exercises(options: Options, entity: EntityName) -> bool:
    """Whether a filter speaks of modes, or holds for one city or entity alone, so that exercises are not unasked."""
    return (options.filter is not None and _names_one(options.filter, entity)) or any(
        asks_for_exercises(inner, ENTITIES[entity].navigations[name].entity) for name, inner in options.expand.items()
    )


def _names_one(expression: Expression, entity: EntityName) -> bool:
    if any(_property(path, entity)[1] == ("properties", "mode") for path in paths_of(expression)):
        return True
    match expression:
        case Operation("and", left, right):
            return _names_one(left, entity) or _names_one(right, entity)
        case Operation("eq", Path() as path, Value()) | Operation("eq", Value(), Path() as path):
            of, names = _property(path, entity)
            return names == ("properties", "city") or (names in (("@iot.id",), ("id",)) and of != "ObservedProperties")
    return False


def _property(path: Path, entity: EntityName) -> tuple[EntityName, tuple[str, ...]]:
    """Return the entity that a path leads to from another, and what it names of it."""
    names = path.names
    while names and names[0] in ENTITIES[entity].navigations:
        entity, names = ENTITIES[entity].navigations[names[0]].entity, names[1:]
    return entity, names


def _parse(items: Iterable[tuple[str, str]], entity: Entity, limits: ApiLimits, level: int) -> Options:
    options = Options()
    for name, text in items:
        if name in options.texts:
            raise QueryRefused(name[:40], "is given twice", "give it once")
        options.texts[name] = text
        match name:
            case "$top":
                options.top = _number(name, text)
            case "$skip":
                options.skip = _number(name, text)
                if options.skip > limits.sensorthings_skip_rows_max:
                    raise QueryRefused(
                        name,
                        f"is more than {limits.sensorthings_skip_rows_max}",
                        "follow @iot.nextLink, or use $filter",
                    )
            case "$count":
                if text not in ("true", "false"):
                    raise QueryRefused(name, f"is {text[:40]!r}", "write true or false")
                options.count = text == "true"
            case "$orderby":
                options.order = parse_order(text, words_max=limits.sensorthings_filter_words_max)
            case "$select":
                options.select = _selected(text, entity)
            case "$expand":
                options.expand = _expanded(text, entity, limits, level + 1)
            case "$filter":
                options.filter = parse_filter(
                    text,
                    words_max=limits.sensorthings_filter_words_max,
                    levels_max=limits.sensorthings_filter_levels_max,
                )
            case "$skiptoken" if level == 0:
                options.token = text
            case "$resultFormat" if level == 0:
                if text != "dataArray" or entity.name != "Observations":
                    raise QueryRefused(name, f"is {text[:40]!r}", "write dataArray, and ask for Observations")
                options.as_arrays = True
            case _:
                known = (*NAMES, "$resultFormat") if level == 0 else NAMES
                raise QueryRefused(
                    name[:40], "is no query option here", f"use {', '.join(known)}", supported=name[:1] != "$"
                )
    if options.as_arrays and options.expand:
        raise QueryRefused("$resultFormat", "goes without $expand", "leave one of them out", supported=False)
    return options


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise QueryRefused(name, f"is {text[:40]!r}", "write a whole number, 0 or more")
    return int(text)


def _selected(text: str, entity: Entity) -> frozenset[str]:
    known = _CONTROL | {name: name for name in (*sorted(entity.properties), *entity.navigations)}
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise QueryRefused("$select", f"{entity.name} have no {name[:40]!r}", f"use some of {', '.join(known)}")
    return frozenset(known[name] for name in names)


def _expanded(text: str, entity: Entity, limits: ApiLimits, level: int) -> dict[str, Options]:
    if level > limits.sensorthings_expand_levels_max:
        raise QueryRefused(
            "$expand", f"is deeper than {limits.sensorthings_expand_levels_max}", "follow the navigation links instead"
        )
    expand: dict[str, Options] = {}
    for item in _split(text, ",", "$expand"):
        path, bracket, inside = item.strip().partition("(")
        if bracket and not inside.endswith(")"):
            raise QueryRefused("$expand", f"{item[:40]!r} has no end", "close the bracket")
        name, _, rest = path.strip().partition("/")
        way = entity.navigations.get(name)
        if way is None:
            raise QueryRefused(
                "$expand", f"{entity.name} lead to no {name[:40]!r}", f"use one of {', '.join(entity.navigations)}"
            )
        inner = inside[:-1] if bracket else ""
        if rest:
            items = [("$expand", f"{rest}({inner})" if bracket else rest)]
        else:
            items = [_option(part) for part in _split(inner, ";", "$expand") if part.strip()]
        options = _parse(items, ENTITIES[way.entity], limits, level)
        expand[name] = _merged(expand[name], options) if name in expand else options
    return expand


def _option(part: str) -> tuple[str, str]:
    name, _, text = part.strip().partition("=")
    return name, text


def _merged(first: Options, second: Options) -> Options:
    """One of two expansions of the same way: Datastreams/Sensor,Datastreams/Thing."""
    options, other = (first, second) if set(second.texts) <= {"$expand"} else (second, first)
    if not set(other.texts) <= {"$expand"}:
        raise QueryRefused("$expand", "names one way twice", "put the options into one bracket")
    for name, inner in other.expand.items():
        options.expand[name] = _merged(options.expand[name], inner) if name in options.expand else inner
    options.texts["$expand"] = ",".join(filter(None, (options.texts.get("$expand"), other.texts.get("$expand"))))
    return options


def _split(text: str, separator: str, field_name: str) -> Sequence[str]:
    """Split at a mark that stands outside of quotes and brackets. Raises QueryRefused where these do not match."""
    parts, depth, quoted, began = [], 0, False, 0
    for place, mark in enumerate(text):
        if mark == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(mark, 0)
            if depth < 0:
                break
            if mark == separator and depth == 0:
                parts.append(text[began:place])
                began = place + 1
    if depth != 0 or quoted:
        raise QueryRefused(field_name, "brackets or quotes do not match", "close each once")
    return [*parts, text[began:]]
