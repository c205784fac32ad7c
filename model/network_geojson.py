"""Networks as GeoJSON: lines with `from`, `to` and `medium`, and points where nodes have facts of their own."""

import math
from typing import Any

from model.geojson import Feature, NotGeoJson, property_text, read_features
from model.network import MEDIA, Link, Node, Position
from model.network_content import NetworkFile, Placed, crs_name, identifier, not_negative, position
from model.plain_text import InvalidText, clean_text
from model.sensor import InvalidSensor
from model.sensor_file import number

POSITIONS_PER_LINE_MAX = 10_000


def parse_geojson(text: str, medium: str | None, crs: str) -> NetworkFile:
    """Return the networks of a feature collection of lines (and points) together with all errors."""
    try:
        features = read_features(text)
    except NotGeoJson as error:
        return NetworkFile({}, [(error.line, str(error))], [], {}, set())
    found = NetworkFile({}, [], [], {}, set())
    lines: list[tuple[Feature, str]] = []
    for feature in features:
        try:
            its_medium = property_text(feature.properties.get("medium")) or medium or ""
            if its_medium not in MEDIA:
                raise InvalidSensor("medium", f"{its_medium[:40]!r} is not known; use one of {', '.join(MEDIA)}")
            if _is_node(feature):
                _add_node(found, feature, its_medium, crs)
            else:
                lines.append((feature, its_medium))
        except (InvalidSensor, InvalidText) as error:
            found.problems.append((feature.line, f"feature {feature.number}: {error}"))
    apart = 0
    for feature, its_medium in lines:  # after the nodes, wherever these stand in the file
        try:
            apart += _add_link(found, feature, its_medium, crs)
        except (InvalidSensor, InvalidText) as error:
            found.problems.append((feature.line, f"feature {feature.number}: {error}"))
    if apart:
        found.notes.append(f"ends of lines that do not lie where their node was drawn first: {apart}")
    return found


def _is_node(feature: Feature) -> bool:
    return "node" in feature.properties or (feature.geometry is not None and feature.geometry["type"] == "Point")


def _add_node(found: NetworkFile, feature: Feature, medium: str, crs: str) -> None:
    properties = {name: property_text(value) for name, value in feature.properties.items()}
    name = identifier("node", properties.get("node") or properties.get("id") or feature.id)
    nodes = found.part(medium).nodes
    if name in nodes:
        raise InvalidSensor("node", f"{name!r} stands in the file already")
    crs = crs_name(properties.get("crs") or crs)
    positions = _positions(feature.geometry, "Point", crs)
    elevation = properties.get("elevation_m")
    nodes[name] = Node(
        node=name,
        kind=clean_text("kind", properties.get("kind") or "junction"),
        position=positions[0] if positions else None,
        elevation_m=number("elevation_m", elevation) if elevation else None,
        crs=crs,
    )


def _add_link(found: NetworkFile, feature: Feature, medium: str, crs: str) -> int:
    """Add a link and, where the file has no points for them, its nodes; return how many ends lie off their node."""
    properties = {name: property_text(value) for name, value in feature.properties.items()}
    ends = [identifier(field, properties.get(field, "")) for field in ("from", "to")]
    if ends[0] == ends[1]:
        raise InvalidSensor("to", f"{ends[1]!r} is the node from which the line comes")
    part = found.part(medium)
    name = identifier("id", properties.get("id") or feature.id or _derived_id(part, *ends))
    if name in part.links:
        first = found.lines[medium, name]
        raise InvalidSensor("id", f"{name!r} stands in line {first} already; ids of a medium's lines are single")
    crs = crs_name(properties.get("crs") or crs)
    line = _positions(feature.geometry, "LineString", crs)
    given = {field: properties.get(field) or "" for field in ("length_m", "diameter_mm", "material", "year_built")}
    part.links[name] = Link(
        link=name,
        from_node=ends[0],
        to_node=ends[1],
        kind=clean_text("kind", properties.get("kind") or "pipe"),
        length_m=not_negative("length_m", given["length_m"]) if given["length_m"] else None,
        diameter_mm=not_negative("diameter_mm", given["diameter_mm"]) if given["diameter_mm"] else None,
        material=clean_text("material", given["material"]),
        year_built=_year(given["year_built"]) if given["year_built"] else None,
        line=line,
        crs=crs,
    )
    found.lines[medium, name] = feature.line
    apart = 0
    for end, place in zip(ends, (line[0], line[-1]) if line else (None, None), strict=True):
        if end not in part.nodes:
            found.implied.add((medium, end))
        node = part.nodes.setdefault(end, Node(node=end, position=place, crs=crs))
        apart += node.position is not None and place is not None and not _near(node.position, place)
    return apart


def _derived_id(part: Placed, start: str, end: str) -> str:
    """An id for a line that has none: its ends, and a number where more than one line joins them."""
    base, count = f"{start}-{end}", 1
    while (name := base if count == 1 else f"{base}-{count}") in part.links:
        count += 1
    return name


def _near(one: Position, other: Position) -> bool:
    return all(math.isclose(a, b, rel_tol=0, abs_tol=1e-6 * max(1.0, abs(a))) for a, b in zip(one, other, strict=True))


def _year(text: str) -> int:
    year = number("year_built", text)
    if year != int(year) or not 1800 <= year <= 2100:
        raise InvalidSensor("year_built", f"{text!r} is no year")
    return int(year)


def _positions(geometry: dict[str, Any] | None, wanted: str, crs: str) -> tuple[Position, ...]:
    if geometry is None:
        return ()
    places = geometry.get("coordinates")
    if geometry["type"] == f"Multi{wanted}" and isinstance(places, list) and len(places) == 1:
        places = places[0]
    elif geometry["type"] != wanted:
        raise InvalidSensor("geometry", f"{geometry['type']} is not a {wanted}; give each part as a feature of its own")
    if wanted == "Point":
        places = [places]
    if not isinstance(places, list) or len(places) < (1 if wanted == "Point" else 2):
        raise InvalidSensor("geometry", f"a {wanted} needs its coordinates")
    if len(places) > POSITIONS_PER_LINE_MAX:
        raise InvalidSensor("geometry", f"{len(places)} positions; at most {POSITIONS_PER_LINE_MAX} are taken")
    if not all(isinstance(place, list) and len(place) >= 2 for place in places):
        raise InvalidSensor("geometry", "each position needs two coordinates")
    return tuple(position("geometry", map(property_text, place[:2]), crs) for place in places)
