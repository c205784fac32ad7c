"""Filters and orders of SensorThings queries as SQL: columns by a list of what may be asked, values always bound.

A comparison with a value that is not there is false, and `not` makes true of it, as OData has it: in SQL it would be
unknown. What lies behind a way to several entities holds where it holds for one of them.
"""

from dataclasses import dataclass, field
from typing import Any

from model.expression import Call, Expression, Kind, Negation, Operation, Path, QueryRefused, Value
from store.conditions import Conditions
from store.thing_entities import ENTITIES, IDS, EntityName, Field, Sight, source_of
from store.thing_functions import Term, call

_COMPARED: tuple[Kind, ...] = ("text", "number", "time", "span")
_SIGNS = {"eq": "=", "ne": "is distinct from", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_SUMS = {"add": "+", "sub": "-"}
_CASTS: dict[str, str] = {
    "text": "text", "number": "float8", "time": "timestamptz", "span": "interval", "truth": "boolean",
}  # fmt: skip


@dataclass(slots=True)
class Ways:
    """The joins that a query's paths need: `kept` for the whole row, by path; `names` counts the aliases."""

    kept: dict[tuple[str, ...], str] = field(default_factory=dict)
    joins: list[str] = field(default_factory=list)
    names: int = 0

    def name(self) -> str:
        self.names += 1
        return f"j{self.names}"


@dataclass(slots=True)
class _Leaf:
    # The rows that one condition looks through, because a way to several entities is in it.
    found: dict[tuple[str, ...], str] = field(default_factory=dict)
    joins: list[str] = field(default_factory=list)


class FilterSql:
    """Turns expressions over rows `alias` of an entity into SQL; what has to be joined gathers in `ways`."""

    def __init__(self, entity: EntityName, alias: str, sight: Sight, conditions: Conditions, ways: Ways) -> None:
        self.entity = entity
        self.alias = alias
        self.sight = sight
        self.conditions = conditions
        self.ways = ways

    def condition(self, expression: Expression) -> str:
        """Return the SQL of a condition. Raises QueryRefused where the expression is none."""
        match expression:
            case Operation("and" | "or" as operator, left, right):
                return f"({self.condition(left)} {operator} {self.condition(right)})"
            case Negation(operand):
                return f"(not coalesce({self.condition(operand)}, false))"
        leaf = _Leaf()
        term = self._term(expression, leaf)
        if term.kind != "truth":
            raise QueryRefused("$filter", f"is a {term.kind} where a condition is due", "compare it, like name eq 'x'")
        if not leaf.joins:
            return term.sql
        return f"(exists (select from (values (1)) as one {' '.join(leaf.joins)} where {term.sql}))"

    def order(self, path: Path) -> Field:
        """Return the SQL of a property that rows are ordered by. Raises QueryRefused."""
        leaf = _Leaf()
        found, alias = self._walk(path, leaf, "$orderby")
        if leaf.joins:
            raise QueryRefused("$orderby", f"{'/'.join(path.names)} has several values", "order by one that has one")
        if found.kind == "place":
            raise QueryRefused("$orderby", "places have no order", "order by another property")
        return Field(found.sql.format(a=alias), found.kind, found.certain and alias == self.alias)

    def _term(self, expression: Expression, leaf: _Leaf) -> Term:
        match expression:
            case Value(kind, value):
                return self._value(kind, value)
            case Path():
                found, alias = self._walk(expression, leaf, "$filter")
                return Term(found.sql.format(a=alias), found.kind, is_id=expression.names[-1] in IDS)
            case Call(name, arguments):
                if name == "now" and not arguments:
                    return self._value("time", self.sight.now)
                return call(name, [self._term(argument, leaf) for argument in arguments], self.conditions)
            case Negation() | Operation("and" | "or"):
                return Term(self.condition(expression), "truth")
            case Operation(operator, left, right):
                return self._operation(operator, self._term(left, leaf), self._term(right, leaf))
        raise AssertionError(expression)

    def _value(self, kind: Kind, value: Any) -> Term:
        if kind == "nothing":
            return Term("null", kind)
        if kind == "place":
            return Term("", kind, value)
        return Term(f"{self.conditions.bind(value)}::{_CASTS[kind]}", kind, value)

    def _operation(self, operator: str, left: Term, right: Term) -> Term:
        if operator not in _SIGNS:
            return _computed(operator, left, right)
        if "nothing" in (left.kind, right.kind):
            return _compared_with_nothing(operator, left, right)
        left, right = _as_id(left, right), _as_id(right, left)
        if left.kind != right.kind or (left.kind not in _COMPARED and (left.kind, operator[:1]) != ("truth", "e")):
            raise QueryRefused(
                "$filter",
                f"compares a {left.kind} with a {right.kind} by {operator}",
                "compare like with like: texts in single quotes, numbers and times without",
            )
        if left.kind == "truth":
            return Term(f"(coalesce({left.sql}, false) = coalesce({right.sql}, false))", "truth")
        collation = ' collate "C"' if left.kind == "text" and operator[0] in "gl" else ""
        return Term(f"({left.sql} {_SIGNS[operator]} {right.sql}{collation})", "truth")

    def _walk(self, path: Path, leaf: _Leaf, part: str) -> tuple[Field, str]:
        """Return the property at a path's end and the alias of the row that has it."""
        entity, alias = ENTITIES[self.entity], self.alias
        names, several = path.names, False
        for number, name in enumerate(names):
            way = entity.navigations.get(name)
            if way is None:
                return _field(entity.name, names[number:], part), alias
            if not way.same_row:
                several = several or way.many
                known = leaf.found if several else self.ways.kept
                joins = leaf.joins if several else self.ways.joins
                passed = names[: number + 1]
                if passed not in known:
                    known[passed] = self.ways.name()
                    source = source_of(way.entity, self.sight, self.conditions)
                    rows = f"select * from ({source}) x where x.{way.there} = {alias}.{way.here}"
                    joins.append(
                        f"cross join lateral ({rows}) {known[passed]}"
                        if way.many
                        else f"left join lateral ({rows} limit 1) {known[passed]} on true"
                    )
                alias = known[passed]
            entity = ENTITIES[way.entity]
        raise QueryRefused(
            part, f"{'/'.join(names)} is an entity", f"name a property of it, like {'/'.join(names)}/name"
        )


def _field(entity: EntityName, names: tuple[str, ...], part: str) -> Field:
    known = ENTITIES[entity]
    name = "/".join(names)
    if name in IDS:
        return known.id
    if name in known.fields:
        return known.fields[name]
    raise QueryRefused(
        part,
        f"{entity} cannot be asked about {name[:80]!r}",
        f"use one of {', '.join(('@iot.id', *known.fields, *known.navigations))}",
        supported=names[0] not in known.constant,
    )


def _as_id(term: Term, other: Term) -> Term:
    # Ids are texts; a client that takes them for numbers writes them without quotes.
    if other.is_id and isinstance(term.value, float) and term.value.is_integer():
        return Term(f"{term.sql}::bigint::text", "text")
    return term


def _compared_with_nothing(operator: str, left: Term, right: Term) -> Term:
    term = right if left.kind == "nothing" else left
    if "place" in (left.kind, right.kind):
        raise QueryRefused("$filter", "compares a place with null", "ask for its type, like location/type eq null")
    if operator not in ("eq", "ne"):
        return Term(f"({term.sql} is null and false)", "truth")
    return Term(f"({term.sql} is {'' if operator == 'eq' else 'not '}null)", "truth")


def _computed(operator: str, left: Term, right: Term) -> Term:
    kinds = (left.kind, right.kind)
    if kinds == ("number", "number"):
        if operator == "div":
            return Term(f"({left.sql} / nullif({right.sql}, 0))", "number")
        if operator == "mod":
            return Term(f"({left.sql} - {right.sql} * trunc({left.sql} / nullif({right.sql}, 0)))", "number")
        return Term(f"({left.sql} {(_SUMS | {'mul': '*'})[operator]} {right.sql})", "number")
    if operator in _SUMS and kinds in (("time", "span"), ("span", "span")):
        return Term(f"({left.sql} {_SUMS[operator]} {right.sql})", left.kind)
    if (operator, kinds) == ("sub", ("time", "time")):
        return Term(f"({left.sql} - {right.sql})", "span")
    raise QueryRefused(
        "$filter", f"cannot {operator} a {left.kind} and a {right.kind}", "reckon with numbers, or times and durations"
    )
