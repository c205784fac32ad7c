"""Answers requests of SensorThings: follows the address, reads a page and what is expanded in it, and links them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from app.api.context import ApiLimits
from app.api.parameters import cursor_values, encode_cursor
from app.sensorthings.addresses import Address, NoSuchAddress, link_to
from app.sensorthings.options import Options
from app.sensorthings.representations import id_of, properties_of, represent
from model.expression import QueryRefused
from store.pool import Connection
from store.thing_entities import ENTITIES, EntityName, Sight, key_of
from store.things import (
    Row,
    Selection,
    count_entities,
    count_related,
    find_entities,
    find_related,
    keyset_of,
    observed_spans,
)

TOKEN_CHARACTERS_MAX = 2_000
Within = Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """What answers are made with: the database, what the caller may see, the root of all links, and the limits."""

    connection: Connection
    sight: Sight
    root: str
    limits: ApiLimits


async def answer_set(answering: Answering, address: Address, options: Options, own_link: str) -> dict[str, Any] | None:
    """Return a page of the set at an address, None where what it hangs on is not there. Raises QueryRefused."""
    within = await _follow(answering, address)
    if within is None:
        return None
    limits, sight, connection = answering.limits, answering.sight, answering.connection
    entity = address.steps[-1].entity
    rows_max = limits.page_rows_default if options.top is None else min(options.top, limits.page_rows_max)
    after = None if options.token is None else _decode_token(options.token)
    selection = Selection(filter=options.filter, order=options.order, after=after, skip=options.skip)
    rows = await find_entities(connection, entity, sight, selection, rows_max + 1, within)
    answer: dict[str, Any] = {}
    if options.count:
        counted = replace(selection, after=None, skip=0)
        answer["@iot.count"] = await count_entities(
            connection, entity, sight, counted, limits.sensorthings_count_rows_max, within
        )
    if len(rows) > rows_max and rows_max > 0:
        answer["@iot.nextLink"] = _next_link(own_link, options, rows[rows_max - 1], rows_max)
    rows = rows[:rows_max]
    if address.form == "references":
        answer["value"] = [{"@iot.selfLink": link_to(answering.root, entity, id_of(entity, row))} for row in rows]
    elif options.as_arrays:
        answer["value"] = _arrays(answering.root, await _entities(answering, entity, rows, Options()), rows, options)
    else:
        answer["value"] = await _entities(answering, entity, rows, options)
    return answer


async def answer_one(answering: Answering, address: Address, options: Options) -> dict[str, Any] | None:
    """Return the entity at an address, or its property alone, None where it is not there. Raises QueryRefused."""
    within = await _follow(answering, address)
    if within is None:
        return None
    entity = address.steps[-1].entity
    rows = await find_entities(answering.connection, entity, answering.sight, Selection(), 1, within)
    if not rows:
        return None
    (found,) = await _entities(answering, entity, rows, options)
    if address.form == "references":
        return {"@iot.selfLink": found["@iot.selfLink"]}
    if address.attribute is None:
        return found
    name = {"id": "@iot.id"}.get(address.attribute, address.attribute)
    if name not in found:
        raise NoSuchAddress(name)
    return {name: found[name]}


async def _follow(answering: Answering, address: Address) -> Within | None:
    """Return what bounds the set that the last step leads to, None where an entity on the way is not there."""
    within: list[tuple[str, Any]] = []
    row: Row | None = None
    for number, step in enumerate(address.steps):
        within = []
        if step.way is not None:
            assert row is not None
            within.append((step.way.there, row[step.way.here]))
        if step.key is not None:
            columns = key_of(step.entity, step.key)
            if columns is None:
                return None
            within += columns
        if number < len(address.steps) - 1:
            rows = await find_entities(answering.connection, step.entity, answering.sight, Selection(), 1, within)
            if not rows:
                return None
            row = rows[0]
    return within


async def _entities(
    answering: Answering, entity: EntityName, rows: Sequence[Row], options: Options
) -> list[dict[str, Any]]:
    """Return the rows as entities, with what is expanded in them."""
    selected = options.select
    spans = {}
    if entity == "Datastreams" and rows and (selected is None or "phenomenonTime" in selected):
        spans = await observed_spans(answering.connection, [row["sensor_key"] for row in rows])
    entities = [represent(answering.root, entity, row, properties_of(entity, row, spans), selected) for row in rows]
    for name, inner in options.expand.items():
        if rows:
            await _expand(answering, entity, name, inner, rows, entities)
    return entities


async def _expand(
    answering: Answering,
    entity: EntityName,
    name: str,
    options: Options,
    rows: Sequence[Row],
    entities: Sequence[dict[str, Any]],
) -> None:
    """Put into the entities what one way leads to."""
    way, limits, connection = ENTITIES[entity].navigations[name], answering.limits, answering.connection
    links = list(dict.fromkeys(row[way.here] for row in rows))
    # All pages together are bounded: of many rows each shows less, and a link to the rest.
    most = max(1, min(limits.page_rows_max, limits.sensorthings_expand_rows_max // len(links)))
    rows_max = min(limits.page_rows_default if options.top is None else options.top, most) if way.many else 1
    selection = Selection(filter=options.filter, order=options.order, skip=options.skip)
    related = await find_related(
        connection, way.entity, way.there, links, answering.sight, selection, rows_max + 1 if way.many else 1
    )
    counts = {}
    if options.count and way.many:
        counted = replace(selection, skip=0)
        counts = await count_related(
            connection, way.entity, way.there, links, answering.sight, counted, limits.sensorthings_count_rows_max
        )
    shown = [row for link in links for row in related[link][:rows_max]]
    by_row = dict(zip(map(id, shown), await _entities(answering, way.entity, shown, options), strict=True))
    for row, whole in zip(rows, entities, strict=True):
        link = row[way.here]
        found = [by_row[id(other)] for other in related[link][:rows_max]]
        if not way.many:
            if found:
                whole[name] = found[0]
            continue
        whole[name] = found
        if link in counts:
            whole[f"{name}@iot.count"] = counts[link]
        if len(related[link]) > rows_max > 0:
            own = f"{link_to(answering.root, entity, id_of(entity, row))}/{name}"
            whole[f"{name}@iot.nextLink"] = _next_link(own, options, related[link][rows_max - 1], rows_max)


def _next_link(own_link: str, options: Options, last: Row, rows_max: int) -> str:
    texts = {name: text for name, text in options.texts.items() if name not in ("$skip", "$skiptoken")}
    keyset = keyset_of(last)
    if keyset is None:
        texts["$skip"] = str(options.skip + rows_max)
    else:
        texts["$skiptoken"] = encode_cursor(*keyset)
    return f"{own_link}?{urlencode(texts, quote_via=quote, safe='$(),;/:')}"


def _decode_token(token: str) -> list[Any]:
    values = cursor_values(token[:TOKEN_CHARACTERS_MAX])
    if values is None:
        raise QueryRefused("$skiptoken", "is none of this service", "follow @iot.nextLink unchanged")
    return values


def _arrays(
    root: str, entities: Sequence[dict[str, Any]], rows: Sequence[Row], options: Options
) -> list[dict[str, Any]]:
    """Return observations as arrays of values, one for each datastream."""
    components = ["id", "phenomenonTime", "result", "resultTime", "resultQuality"]
    if options.select is not None:
        components = [name for name in components if {"id": "@iot.id"}.get(name, name) in options.select]
    found: dict[str, dict[str, Any]] = {}
    for row, entity in zip(rows, entities, strict=True):
        link = link_to(root, "Datastreams", row["sensor"])
        arrays = found.setdefault(
            link, {"Datastream@iot.navigationLink": link, "components": components, "dataArray": []}
        )
        arrays["dataArray"].append([entity[{"id": "@iot.id"}.get(name, name)] for name in components])
    for arrays in found.values():
        arrays["dataArray@iot.count"] = len(arrays["dataArray"])
    return list(found.values())
