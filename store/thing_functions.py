"""The functions of a SensorThings filter as SQL: of texts, times, numbers, and of places."""

from typing import Any, NamedTuple

import asyncpg

from model.expression import Kind, QueryRefused, Ring, Spot, Surface
from store.conditions import Conditions, distance_m


class Term(NamedTuple):
    """A piece of SQL and what kind of value it gives; `value` where it stands in the text, `sql` a row's alias of a
    place that is a property."""

    sql: str
    kind: Kind
    value: Any = None
    is_id: bool = False


class Function(NamedTuple):
    """What a function takes and gives, and its SQL."""

    takes: tuple[Kind, ...]
    gives: Kind
    sql: str


def _of_time(part: str) -> Function:
    return Function(("time",), "number", f"extract({part} from {{0}} at time zone 'UTC')::float8")


FUNCTIONS: dict[str, Function] = {
    "contains": Function(("text", "text"), "truth", "(strpos({0}, {1}) > 0)"),
    "substringof": Function(("text", "text"), "truth", "(strpos({1}, {0}) > 0)"),
    "startswith": Function(("text", "text"), "truth", "starts_with({0}, {1})"),
    "endswith": Function(("text", "text"), "truth", "(right({0}, length({1})) = {1})"),
    "length": Function(("text",), "number", "length({0})::float8"),
    "indexof": Function(("text", "text"), "number", "(strpos({0}, {1}) - 1)::float8"),
    "concat": Function(("text", "text"), "text", "({0} || {1})"),
    "tolower": Function(("text",), "text", "lower({0})"),
    "toupper": Function(("text",), "text", "upper({0})"),
    "trim": Function(("text",), "text", "btrim({0})"),
    "year": _of_time("year"),
    "month": _of_time("month"),
    "day": _of_time("day"),
    "hour": _of_time("hour"),
    "minute": _of_time("minute"),
    "second": Function(("time",), "number", "floor(extract(second from {0}))::float8"),
    "fractionalseconds": Function(
        ("time",), "number", "(extract(second from {0}) - floor(extract(second from {0})))::float8"
    ),
    "date": Function(("time",), "time", "date_trunc('day', {0}, 'UTC')"),
    "round": Function(("number",), "number", "(sign({0}) * floor(abs({0}) + 0.5))"),
    "floor": Function(("number",), "number", "floor({0})"),
    "ceiling": Function(("number",), "number", "ceil({0})"),
}
_OF_PLACES = frozenset({"geo.intersects", "st_intersects", "st_within", "st_contains", "st_disjoint", "geo.distance"})
NOT_SUPPORTED = frozenset({
    "st_equals", "st_touches", "st_overlaps", "st_crosses", "st_relate", "geo.length", "substring", "time",
    "totaloffsetminutes", "mindatetime", "maxdatetime", "before", "after", "meets", "during", "overlaps", "starts",
    "finishes", "any", "all", "cast", "isof",
})  # fmt: skip
"""What the standard, OData or other services know."""


def call(name: str, arguments: list[Term], conditions: Conditions) -> Term:
    """Return what a function gives. Raises QueryRefused where it is not known or is given something else."""
    if name in _OF_PLACES:
        return _of_places(name, arguments, conditions)
    function = FUNCTIONS.get(name)
    if function is None:
        raise QueryRefused(
            "$filter",
            f"the function {name[:40]!r} is not {'supported' if name in NOT_SUPPORTED else 'known'}",
            f"use one of {', '.join(sorted((*FUNCTIONS, *_OF_PLACES, 'now')))}",
            supported=name not in NOT_SUPPORTED,
        )
    if tuple(argument.kind for argument in arguments) != function.takes:
        raise QueryRefused("$filter", f"{name} takes ({', '.join(function.takes)})", "give it that")
    return Term(function.sql.format(*(argument.sql for argument in arguments)), function.gives)


def _of_places(name: str, arguments: list[Term], conditions: Conditions) -> Term:
    if [argument.kind for argument in arguments] != ["place", "place"]:
        raise QueryRefused("$filter", f"{name} takes two places", "like st_within(location, geography'POLYGON((…))')")
    own = [argument for argument in arguments if argument.value is None]
    given = [argument.value for argument in arguments if argument.value is not None]
    if len(own) != 1:
        raise QueryRefused("$filter", f"{name} takes one place of the entity and one that is given", "give one of each")
    (row,), (shape,) = own, given
    if name == "geo.distance":
        if not isinstance(shape, Spot):
            raise QueryRefused("$filter", "distances are to a point", "give a POINT", supported=False)
        distance = distance_m(conditions.bind(shape.longitude), conditions.bind(shape.latitude))
        place = f"select {row.sql}.longitude, {row.sql}.latitude"
        return Term(f"(select {distance} from ({place}) as s)", "number")
    if (name == "st_within" and arguments[0] is not row) or (name == "st_contains" and arguments[1] is not row):
        return Term("false", "truth")  # no surface lies within a point
    inside = _inside(row.sql, shape, conditions)
    return Term(f"(not {inside})" if name == "st_disjoint" else inside, "truth")


def _inside(alias: str, shape: Spot | Surface, conditions: Conditions) -> str:
    if isinstance(shape, Spot):
        longitude, latitude = conditions.bind(shape.longitude), conditions.bind(shape.latitude)
        return f"({alias}.longitude = {longitude}::float8 and {alias}.latitude = {latitude}::float8)"
    return f"({' or '.join(_inside_one(alias, polygon, conditions) for polygon in shape.polygons)})"


def _inside_one(alias: str, rings: tuple[Ring, ...], conditions: Conditions) -> str:
    # Edges are straight in degrees, and belong to the surface, as the database's own type has it.
    place = f"point({alias}.longitude, {alias}.latitude)"
    outer, *holes = (f"{place} <@ {conditions.bind(asyncpg.Polygon(*ring))}::polygon" for ring in rings)
    return f"({' and not '.join((outer, *holes))})"
