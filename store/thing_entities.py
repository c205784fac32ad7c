"""Sensors, readings and the vocabulary as the entities of SensorThings 1.1: where their rows come from, what they are
called in a query, and how one leads to another. Each row of a sensor holds all that hangs on it alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from model.expression import Kind
from model.instant import EARLIEST_MS, LATEST_MS, to_datetime
from model.reading import HELD_BACK, UNCERTAIN
from store.conditions import Conditions, in_degrees

EntityName: TypeAlias = Literal[
    "Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors", "ObservedProperties", "Observations",
    "FeaturesOfInterest",
]  # fmt: skip
IDS = ("@iot.id", "id")
"""How a query names an entity's id."""

THING = "thing_of({s}.city, {s}.definition ->> 'asset', {s}.sensor)"
"""The id of the thing that a sensor belongs to, by migration 0044."""


class PropertyWords(NamedTuple):
    """An observed property of the vocabulary with its unit, as they are described to others."""

    property: str
    name: str
    definition: str
    unit: str
    unit_name: str
    unit_definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a query may see and is told: the caller's areas, modes of cities, the vocabulary, and the time it is."""

    areas: Sequence[str]
    modes: Sequence[str]
    vocabulary: Sequence[PropertyWords]
    now: datetime


class Field(NamedTuple):
    """A property of an entity in SQL, `{a}` for the row; `certain` where it is never null and may bound a page."""

    sql: str
    kind: Kind
    certain: bool = False


class Navigation(NamedTuple):
    """The way to other entities: their `there` is the row's `here`. `same_row`: the row holds the other entity too."""

    entity: EntityName
    many: bool
    here: str
    there: str
    same_row: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of entity: the SQL of its id, what it is ordered by, its properties and where it leads."""

    name: EntityName
    id: Field
    order: tuple[str, ...]
    fields: Mapping[str, Field]
    navigations: Mapping[str, Navigation]
    constant: frozenset[str] = field(default_factory=frozenset)  # properties that can be had, but not asked about

    @property
    def properties(self) -> frozenset[str]:
        """The names of its properties, without what is within them."""
        return self.constant | {name.partition("/")[0] for name in self.fields}


def _texts(**columns: str) -> dict[str, Field]:
    return {name.replace("__", "/"): Field(f"{{a}}.{column}", "text", True) for name, column in columns.items()}


_PROPERTIES = _texts(
    properties__city="city", properties__district="district", properties__mode="mode", properties__system="system",
    properties__asset="asset", properties__name_zh="name_zh",
)  # fmt: skip
_SENSOR_ID, _THING_ID = Field("{a}.sensor", "text", True), Field("{a}.thing", "text", True)


def _geometry(name: str) -> dict[str, Field]:
    return {
        name: Field("{a}", "place"),
        f"{name}/type": Field("case when {a}.longitude is not null then 'Point' end", "text"),
        f"{name}/geometry/type": Field("null::text", "text"),
    }


_QUALITY = (
    f"case when {{a}}.quality & {int(HELD_BACK)} <> 0 then 'bad'"
    f" when {{a}}.quality & {int(UNCERTAIN)} <> 0 then 'uncertain' else 'good' end"
)
_THINGS = Navigation("Things", True, "thing", "thing")
_THING = Navigation("Things", False, "thing", "thing")
_LOCATIONS = Navigation("Locations", True, "thing", "thing")
_HISTORICAL_LOCATIONS = Navigation("HistoricalLocations", True, "thing", "thing")
ENTITIES: dict[EntityName, Entity] = {
    entity.name: entity
    for entity in (
        Entity(
            "Things", _THING_ID, ("thing",),
            _texts(name="thing_name", description="thing_description") | _PROPERTIES,
            {
                "Locations": _LOCATIONS,
                "HistoricalLocations": _HISTORICAL_LOCATIONS,
                "Datastreams": Navigation("Datastreams", True, "thing", "thing"),
            },
        ),
        Entity(
            "Locations", _THING_ID, ("thing",),
            _texts(name="thing_name", description="place_description") | _PROPERTIES | _geometry("location"),
            {
                "Things": _THINGS,
                "HistoricalLocations": _HISTORICAL_LOCATIONS,
            },
            frozenset({"encodingType"}),
        ),
        Entity(
            "HistoricalLocations", _THING_ID, ("thing",), {"time": Field("null::timestamptz", "time")},
            {
                "Thing": _THING,
                "Locations": _LOCATIONS,
            },
        ),
        Entity(
            "Datastreams", _SENSOR_ID, ("sensor",),
            _texts(
                name="name", description="description", unitOfMeasurement__name="unit_name",
                unitOfMeasurement__symbol="unit", unitOfMeasurement__definition="unit_definition",
            ) | _PROPERTIES | _geometry("observedArea"),
            {
                "Thing": _THING,
                "Sensor": Navigation("Sensors", False, "sensor", "sensor", True),
                "ObservedProperty": Navigation("ObservedProperties", False, "property", "property", True),
                "Observations": Navigation("Observations", True, "sensor_key", "sensor_key"),
            },
            frozenset({"observationType", "phenomenonTime"}),
        ),
        Entity(
            "Sensors", _SENSOR_ID, ("sensor",), _texts(name="name", description="description") | _PROPERTIES,
            {"Datastreams": Navigation("Datastreams", True, "sensor", "sensor")},
            frozenset({"encodingType", "metadata"}),
        ),
        Entity(
            "ObservedProperties", Field("{a}.property", "text", True), ("property",),
            _texts(name="property_name", definition="property_definition", description="property_description"),
            {"Datastreams": Navigation("Datastreams", True, "property", "property")},
        ),
        Entity(
            "Observations",
            Field("({a}.sensor || ':' || (extract(epoch from {a}.time) * 1000)::bigint)", "text"),
            ("sensor_key", "time"),
            {
                "phenomenonTime": Field("{a}.time", "time", True),
                "resultTime": Field("{a}.arrived_at", "time"),
                "result": Field("{a}.value", "number", True),
                "resultQuality/quality": Field(_QUALITY, "text", True),
            },
            {
                "Datastream": Navigation("Datastreams", False, "sensor_key", "sensor_key", True),
                "FeatureOfInterest": Navigation("FeaturesOfInterest", False, "sensor_key", "sensor_key", True),
            },
            frozenset({"resultQuality"}),
        ),
        Entity(
            "FeaturesOfInterest", _SENSOR_ID, ("sensor",),
            _texts(name="name", description="place_description") | _PROPERTIES | _geometry("feature"),
            {"Observations": Navigation("Observations", True, "sensor_key", "sensor_key")},
            frozenset({"encodingType"}),
        ),
    )
}  # fmt: skip


def source_of(name: EntityName, sight: Sight, conditions: Conditions) -> str:
    """Return the SQL of an entity's rows within the caller's areas; its values go into the conditions."""
    if name == "ObservedProperties":
        return f"select * from {_vocabulary(sight, conditions)}"
    sensors = _sensors(sight, conditions)
    if name == "Observations":
        return (
            f"select v.*, r.time, r.value, r.quality, b.arrived_at from reading r join ({sensors}) v using (sensor_key)"
            " left join batch b on b.sequence = r.batch"
        )
    if name not in ("Things", "Locations", "HistoricalLocations"):
        return sensors
    # A thing is told of by the first of its sensors whose place is known: there is none before it. So a page of things
    # is read off the index; `distinct on` would sort all of them first.
    before = (
        f"select from sensor o join city oc on oc.city = o.city where {_visible('o', 'oc', sight, conditions)}"
        f" and {THING.format(s='o')} = v.thing"
        f" and ({_in_degrees('o', 'longitude')} is null, o.sensor) < (v.longitude is null, v.sensor)"
    )
    known = {"Things": "true", "Locations": "v.longitude is not null", "HistoricalLocations": "false"}[name]
    return f"select v.* from ({sensors}) v where {known} and not exists ({before})"


def key_of(name: EntityName, key: str) -> list[tuple[str, str | datetime]] | None:
    """Return the columns and values that an id stands for, None where it can be no id of this entity."""
    if name != "Observations":
        return [(ENTITIES[name].order[0], key)]
    sensor, _, time = key.rpartition(":")
    if not (time.isascii() and time.isdecimal() and EARLIEST_MS <= int(time[:15]) <= LATEST_MS):
        return None
    return [("sensor", sensor), ("time", to_datetime(int(time)))]


def _vocabulary(sight: Sight, conditions: Conditions) -> str:
    columns = [conditions.bind(list(column)) + "::text[]" for column in zip(*sight.vocabulary, strict=True)]
    return (
        f"(select u.*, property_name as property_description from unnest({', '.join(columns)}) as u"
        " (property, property_name, property_definition, unit, unit_name, unit_definition)) as p"
    )


def _sensors(sight: Sight, conditions: Conditions) -> str:
    name = "coalesce(nullif(s.definition ->> 'name', ''), s.sensor)"
    asset = "coalesce(s.definition ->> 'asset', '')"
    return (
        f"select s.sensor_key, s.sensor, {THING.format(s='s')} as thing, s.city, s.district, s.system, s.property,"
        f" c.mode, {_in_degrees('s', 'longitude')} as longitude, {_in_degrees('s', 'latitude')} as latitude,"
        f" {name} as name, {asset} as asset, coalesce(s.definition ->> 'name_zh', '') as name_zh,"
        f" coalesce(nullif({asset}, ''), {name}) as thing_name,"
        f" s.system || ' in ' || s.city as thing_description, 'Where ' || coalesce(nullif({asset}, ''), {name})"
        f" || ' stands' as place_description, p.property_name || ' at ' || {name} as description,"
        " p.property_name, p.property_definition, p.property_description, p.unit, p.unit_name, p.unit_definition"
        f" from sensor s join city c on c.city = s.city join {_vocabulary(sight, conditions)}"
        f" on p.property = s.property where {_visible('s', 'c', sight, conditions)}"
    )


def _visible(sensor: str, city: str, sight: Sight, conditions: Conditions) -> str:
    within = conditions.bounds(f"{sensor}.city", sight.areas, f"{sensor}.district")
    return f"{within} and {city}.mode = any({conditions.bind(list(sight.modes))}::text[])"


def _in_degrees(sensor: str, column: str) -> str:
    """A coordinate, null where it is one of a local grid."""
    return f"case when {in_degrees(f'{sensor}.definition')} then {sensor}.{column} end"
