"""The conditions of a query that a caller puts together, with its values kept apart from the SQL."""

import math
from collections.abc import Sequence
from typing import Any

from model.area import EVERYWHERE, districts_by_city, touched_cities
from model.coordinates import DEGREES
from model.network import EARTH_RADIUS_M


class Conditions:
    """Terms joined by `and`; a `?` in a term stands for the next of its values, which never enter the SQL."""

    def __init__(self) -> None:
        self.terms: list[str] = []
        self.values: list[Any] = []

    def add(self, term: str, *values: Any) -> None:
        """Add a term with one value for each `?` in it."""
        for value in values:
            term = term.replace("?", self.bind(value), 1)
        self.terms.append(term)

    def add_equal(self, column: str, value: Any) -> None:
        """Add `column = value`, unless the value is None."""
        if value is not None:
            self.add(f"{column} = ?", value)

    def add_among(self, column: str, texts: Sequence[str] | None) -> None:
        """Add that the column is one of the texts, unless they are None."""
        if texts is not None:
            self.add(f"{column} = any(?::text[])", list(texts))

    def bind(self, value: Any) -> str:
        """Keep a value and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"

    def within(self, city: str, areas: Sequence[str], district: str | None = None) -> None:
        """Bound the query to the areas (invariant I10), by the SQL of a row's city and district.

        Rows without a `district` are of their city as a whole: who is bound to districts of it does not see them.
        """
        if EVERYWHERE not in areas:
            self.terms.append(self.bounds(city, areas, district))

    def bounds(self, city: str, areas: Sequence[str], district: str | None = None) -> str:
        """Return the term by which `within` bounds a query, for use within other terms."""
        if EVERYWHERE in areas:
            return "true"
        terms = [f"{city} = any({self.bind([area for area in areas if '/' not in area])}::text[])"]
        if district is not None:
            for name, districts in districts_by_city(areas).items():
                terms.append(f"{city} = {self.bind(name)} and {district} = any({self.bind(districts)}::text[])")
        return terms[0] if len(terms) == 1 else f"(({') or ('.join(terms)}))"

    def touching(self, city: str, areas: Sequence[str]) -> None:
        """Bound the query to the cities of which the areas hold all or some district."""
        self.within(city, touched_cities(areas))

    def __str__(self) -> str:
        return " and ".join(self.terms) if self.terms else "true"


METRES_PER_DEGREE = 111_000.0  # of latitude, a little too few, so that a belt or box is never too small


def in_degrees(definition: str) -> str:
    """Return SQL for whether a sensor, node or link lies by longitude and latitude; the usual system is not written."""
    names = ", ".join(f"'{name}'" for name in sorted(DEGREES))
    return f"lower(coalesce({definition} ->> 'crs', 'wgs-84')) in ({names})"


def distance_m(longitude: str, latitude: str) -> str:
    """Return SQL for the metres on the sphere from the columns' place to (`longitude`, `latitude`) placeholders."""
    return (
        f"(2 * {EARTH_RADIUS_M} * asin(least(1.0, sqrt("
        f"power(sin(radians(s.latitude - {latitude}::float8) / 2), 2) + cos(radians({latitude}::float8))"
        f" * cos(radians(s.latitude)) * power(sin(radians(s.longitude - {longitude}::float8) / 2), 2)))))"
    )


def add_near(conditions: Conditions, longitude: float, latitude: float, radius_m: float) -> str:
    """Keep sensors `s` within the radius (metres); return the SQL of their distance in metres.

    A box around the circle comes first, because an index leaves out most sensors by it. Those of a local grid have no
    place on the globe and are left out.
    """
    belt = radius_m / METRES_PER_DEGREE
    distance = distance_m(conditions.bind(longitude), conditions.bind(latitude))
    conditions.add("s.latitude between ? and ?", latitude - belt, latitude + belt)
    if abs(latitude) + belt < 90:  # else the circle holds a pole, and all longitudes
        width = math.degrees(math.asin(min(1.0, math.sin(math.radians(belt)) / math.cos(math.radians(latitude)))))
        west, east = longitude - width, longitude + width
        if west >= -180 and east <= 180:
            conditions.add("s.longitude between ? and ?", west, east)
        else:  # across the antimeridian
            conditions.add("(s.longitude >= ? or s.longitude <= ?)", (west + 180) % 360 - 180, (east + 180) % 360 - 180)
    conditions.add(in_degrees("s.definition"))
    conditions.add(f"{distance} <= ?", radius_m)
    return distance
