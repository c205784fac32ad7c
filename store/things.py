"""Reads the entities of SensorThings 1.1: a page of a set, pages of the sets that hang on rows, and counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from model.expression import Expression, Operation, Path, QueryRefused, Value
from store.conditions import Conditions
from store.pool import Connection, Pool
from store.thing_entities import ENTITIES, IDS, EntityName, Field, Sight, key_of, source_of
from store.thing_filter import FilterSql, Ways

Row: TypeAlias = Mapping[str, Any]
KEYSET = "keyset_"
# The ways from an observation to what has the id of its sensor.
_OWN_IDS: dict[tuple[str, ...], EntityName] = {
    (): "Observations",
    ("Datastream",): "Datastreams",
    ("Datastream", "Sensor"): "Sensors",
    ("FeatureOfInterest",): "FeaturesOfInterest",
}
_CASTS = {"text": "text", "number": "float8", "time": "timestamptz"}
_COLUMN_CASTS = {"sensor_key": "integer", "time": "timestamptz"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which rows of a set, and in which order; `order` are properties and whether each descends.

    A page begins after `after`, the keyset of the last row of the page before, and passes `skip` rows over.
    """

    filter: Expression | None = None
    order: Sequence[tuple[Path, bool]] = ()
    after: Sequence[Any] | None = None
    skip: int = 0


class _Query:
    """The parts of a statement over rows `a` of an entity."""

    def __init__(self, entity: EntityName, sight: Sight, selection: Selection, with_order: bool = True) -> None:
        self.conditions = Conditions()
        self.source = source_of(entity, sight, self.conditions)
        self.ways = Ways()
        compiled = FilterSql(entity, "a", sight, self.conditions, self.ways)
        if selection.filter is not None:
            if entity == "Observations":
                self._pin(selection.filter)
            self.conditions.terms.append(compiled.condition(selection.filter))
        self.order: list[tuple[Field, bool]] = []
        if not with_order:
            return
        self.order = [(compiled.order(path), down) for path, down in selection.order]
        down = bool(self.order) and self.order[-1][1]
        self.order += [(Field(f"a.{column}", "text", True), down) for column in ENTITIES[entity].order]

    def _pin(self, expression: Expression) -> None:
        """Say again of a filter for one datastream or observation what the index of the readings can use."""
        match expression:
            case Operation("and", left, right):
                self._pin(left)
                self._pin(right)
            case Operation("eq", Path(names), Value("text", str(text))) if names[:-1] in _OWN_IDS and names[-1] in IDS:
                columns = dict(key_of(_OWN_IDS[names[:-1]], text) or {})
                if "sensor" in columns:
                    key = f"select sensor_key from sensor where sensor = {self.conditions.bind(columns['sensor'])}"
                    self.constrain("sensor_key", f"({key})")
                if "time" in columns:
                    self.constrain("time", self.conditions.bind(columns["time"]))

    def constrain(self, column: str, value: str) -> None:
        self.conditions.terms.append(f"a.{column} = {value}")

    @property
    def joins(self) -> str:
        return " ".join(self.ways.joins)

    @property
    def by(self) -> str:
        return ", ".join(f"{found.sql}{' desc' if down else ''}" for found, down in self.order)

    @property
    def keyset(self) -> str:
        """Columns of the values that a page can go on after, none where it cannot."""
        if not _has_keyset(self.order):
            return ""
        return "".join(f", {found.sql} as {KEYSET}{number}" for number, (found, _) in enumerate(self.order))

    def begin_after(self, entity: EntityName, values: Sequence[Any]) -> None:
        if not _has_keyset(self.order) or len(values) != len(self.order):
            raise QueryRefused("$skiptoken", "is none of this list", "follow @iot.nextLink unchanged")
        ends = ENTITIES[entity].order
        casts = [_CASTS[found.kind] for found, _ in self.order[: len(self.order) - len(ends)]]
        casts += [_COLUMN_CASTS.get(column, "text") for column in ends]
        try:
            bound = [
                self.conditions.bind(_fitting(value, cast)) + f"::{cast}"
                for value, cast in zip(values, casts, strict=True)
            ]
        except (TypeError, ValueError, OverflowError):
            raise QueryRefused("$skiptoken", "is none of this list", "follow @iot.nextLink unchanged") from None
        columns = ", ".join(found.sql for found, _ in self.order)
        self.conditions.terms.append(f"({columns}) {'<' if self.order[0][1] else '>'} ({', '.join(bound)})")


def _has_keyset(order: Sequence[tuple[Field, bool]]) -> bool:
    return all(found.certain for found, _ in order) and len({down for _, down in order}) == 1


def _fitting(value: Any, cast: str) -> Any:
    if cast == "timestamptz":
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment
    if cast == "text":
        if not isinstance(value, str) or not value.isprintable():
            raise ValueError(value)
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(value)
    if cast == "integer" and not (isinstance(value, int) and abs(value) < 2**31):
        raise ValueError(value)
    return value if cast == "integer" else float(value)


def keyset_of(row: Row) -> list[Any] | None:
    """Return the values after which the page after this row goes on, None where pages are counted instead."""
    values = [value for name, value in row.items() if name.startswith(KEYSET)]
    return [value.isoformat() if isinstance(value, datetime) else value for value in values] or None


async def find_entities(
    connection: Connection | Pool,
    entity: EntityName,
    sight: Sight,
    selection: Selection,
    rows_max: int,
    within: Sequence[tuple[str, Any]] = (),
) -> list[Row]:
    """Return rows of a set, those alone whose columns have the values of `within`. Raises QueryRefused."""
    query = _Query(entity, sight, selection)
    for column, value in within:
        query.constrain(column, query.conditions.bind(value))
    if selection.after is not None:
        query.begin_after(entity, selection.after)
    limit, skip = query.conditions.bind(rows_max), query.conditions.bind(selection.skip)
    rows = await connection.fetch(
        f"select a.*{query.keyset} from ({query.source}) a {query.joins} where {query.conditions}"
        f" order by {query.by} limit {limit} offset {skip}",
        *query.conditions.values,
    )
    return [dict(row) for row in rows]


async def count_entities(
    connection: Connection | Pool,
    entity: EntityName,
    sight: Sight,
    selection: Selection,
    rows_max: int,
    within: Sequence[tuple[str, Any]] = (),
) -> int:
    """Return how many rows a set has, all pages together. Raises QueryRefused where they are more than `rows_max`."""
    query = _Query(entity, sight, selection, with_order=False)
    for column, value in within:
        query.constrain(column, query.conditions.bind(value))
    limit = query.conditions.bind(rows_max + 1)
    count: int = await connection.fetchval(
        f"select count(*) from (select from ({query.source}) a {query.joins} where {query.conditions} limit {limit}) n",
        *query.conditions.values,
    )
    if count > rows_max:
        raise QueryRefused("$count", f"there are more than {rows_max}", "leave $count out, or ask for fewer by $filter")
    return count


async def find_related(
    connection: Connection | Pool,
    entity: EntityName,
    column: str,
    links: Sequence[Any],
    sight: Sight,
    selection: Selection,
    rows_max: int,
) -> dict[Any, list[Row]]:
    """Return, for each of the links, the rows whose column has it, each at most `rows_max`. Raises QueryRefused."""
    query = _Query(entity, sight, selection)
    query.constrain(column, "k.link")
    limit, skip = query.conditions.bind(rows_max), query.conditions.bind(selection.skip)
    rows = await connection.fetch(
        f"select k.link as link_, x.* from unnest({_links(query, column, links)}) as k (link) cross join lateral"
        f" (select a.*{query.keyset}, row_number() over (order by {query.by}) as place_ from ({query.source}) a"
        f" {query.joins} where {query.conditions} order by {query.by} limit {limit} offset {skip}) as x"
        " order by k.link, x.place_",
        *query.conditions.values,
    )
    found: dict[Any, list[Row]] = {link: [] for link in links}
    for row in rows:
        found[row["link_"]].append(dict(row))
    return found


async def count_related(
    connection: Connection | Pool,
    entity: EntityName,
    column: str,
    links: Sequence[Any],
    sight: Sight,
    selection: Selection,
    rows_max: int,
) -> dict[Any, int]:
    """Return, for each of the links, how many rows have it. Raises QueryRefused where they are more than `rows_max`."""
    query = _Query(entity, sight, selection, with_order=False)
    query.constrain(column, "k.link")
    limit = query.conditions.bind(rows_max + 1)
    rows = await connection.fetch(
        f"select k.link as link_, n.n from unnest({_links(query, column, links)}) as k (link) cross join lateral"
        f" (select count(*) as n from (select from ({query.source}) a {query.joins} where {query.conditions}"
        f" limit {limit}) c) as n",
        *query.conditions.values,
    )
    counts = {row["link_"]: row["n"] for row in rows}
    if sum(counts.values()) > rows_max:
        raise QueryRefused("$count", f"there are more than {rows_max}", "leave $count out of $expand")
    return counts


async def observed_spans(
    connection: Connection | Pool, sensor_keys: Sequence[int]
) -> dict[int, tuple[datetime, datetime]]:
    """Return the times of the first and last reading of those of the sensors that were heard."""
    rows = await connection.fetch(
        "select k, f.time, l.time from unnest($1::integer[]) as k"
        " cross join lateral (select time from reading where sensor_key = k order by time limit 1) as f"
        " cross join lateral (select time from reading where sensor_key = k order by time desc limit 1) as l",
        list(sensor_keys),
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def _links(query: _Query, column: str, links: Sequence[Any]) -> str:
    return f"{query.conditions.bind(list(links))}::{_COLUMN_CASTS.get(column, 'text')}[]"
