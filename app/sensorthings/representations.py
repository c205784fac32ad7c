"""Rows as SensorThings entities: their properties, their own link, and the links to what hangs on them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.api.geography import GEOJSON
from app.api.latest import reading_item
from app.api.parameters import written, written_or_none
from app.sensorthings.addresses import link_to
from model.instant import to_milliseconds
from store.thing_entities import ENTITIES, EntityName
from store.things import Row

MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
_PROPERTIES = ("city", "district", "mode", "system", "asset", "name_zh")
Spans = Mapping[int, tuple[datetime, datetime]]


def id_of(entity: EntityName, row: Row) -> str:
    """Return the id of an entity."""
    if entity == "Observations":
        return f"{row['sensor']}:{to_milliseconds(row['time'])}"
    return str(row[ENTITIES[entity].order[0]])


def properties_of(entity: EntityName, row: Row, spans: Spans) -> dict[str, Any]:
    """Return the properties of an entity, without its id and links; `spans` are the times of what was observed."""
    if entity == "Datastreams":
        span = spans.get(row["sensor_key"])
        timed = {} if span is None else {"phenomenonTime": "/".join(map(written, span))}
        return _datastream(row) | timed
    return _FORMS[entity](row)


def represent(
    root: str, entity: EntityName, row: Row, properties: dict[str, Any], selected: frozenset[str] | None
) -> dict[str, Any]:
    """Return an entity as it is answered; `selected` names the properties and links asked for, None all."""
    key = id_of(entity, row)
    own = link_to(root, entity, key)
    control = {"@iot.id": key, "@iot.selfLink": own}
    links = {name: f"{own}/{name}" for name in ENTITIES[entity].navigations}
    if selected is not None:
        control = {name: value for name, value in control.items() if name in selected}
        properties = {name: value for name, value in properties.items() if name in selected}
        links = {name: link for name, link in links.items() if name in selected}
    return control | properties | {f"{name}@iot.navigationLink": link for name, link in links.items()}


def _further(row: Row) -> dict[str, str]:
    return {name: row[name] for name in _PROPERTIES if row[name] != "" or name == "district"}


def _geometry(row: Row) -> dict[str, Any] | None:
    if row["longitude"] is None:
        return None
    return {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]}


def _thing(row: Row) -> dict[str, Any]:
    return {"name": row["thing_name"], "description": row["thing_description"], "properties": _further(row)}


def _location(row: Row) -> dict[str, Any]:
    return {
        "name": row["thing_name"],
        "description": row["place_description"],
        "encodingType": GEOJSON,
        "location": _geometry(row),
        "properties": _further(row),
    }


def _datastream(row: Row) -> dict[str, Any]:
    area = _geometry(row)
    return {
        "name": row["name"],
        "description": row["description"],
        "observationType": MEASUREMENT,
        "unitOfMeasurement": {
            "name": row["unit_name"],
            "symbol": row["unit"],
            "definition": row["unit_definition"],
        },
        **({} if area is None else {"observedArea": area}),
        "properties": _further(row),
    }


def _sensor(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "description": row["description"],
        "encodingType": "text/plain",
        "metadata": f"{row['property_name']} in {row['unit']}",
        "properties": _further(row),
    }


def _observed_property(row: Row) -> dict[str, Any]:
    return {
        "name": row["property_name"],
        "definition": row["property_definition"],
        "description": row["property_description"],
    }


def _observation(row: Row) -> dict[str, Any]:
    reading = reading_item(row["time"], row["value"], row["quality"])
    return {
        "phenomenonTime": reading["time"],
        "resultTime": written_or_none(row["arrived_at"]),
        "result": reading["value"],
        "resultQuality": {"quality": reading["quality"], "flags": reading["flags"]},
    }


def _feature(row: Row) -> dict[str, Any]:
    place = _geometry(row)
    return {
        "name": row["name"],
        "description": row["place_description"],
        "encodingType": GEOJSON,
        "feature": place or {"type": "Feature", "geometry": None, "properties": {}},
        "properties": _further(row),
    }


_FORMS: dict[EntityName, Callable[[Row], dict[str, Any]]] = {
    "Things": _thing,
    "Locations": _location,
    "HistoricalLocations": lambda row: {"time": None},
    "Sensors": _sensor,
    "ObservedProperties": _observed_property,
    "Observations": _observation,
    "FeaturesOfInterest": _feature,
}
