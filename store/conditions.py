"""The conditions of a query that a caller puts together, with its values kept apart from the SQL."""

from collections.abc import Sequence
from typing import Any

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

    def within(self, column: str, areas: Sequence[str]) -> None:
        """Bound the query to the areas: cities, or `*` for all of them (invariant I10)."""
        self.add_among(column, None if "*" in areas else areas)

    def __str__(self) -> str:
        return " and ".join(self.terms) if self.terms else "true"


METRES_PER_DEGREE = 111_000.0  # of latitude, a little too few, so that a belt or box is never too small


def distance_m(longitude: str, latitude: str) -> str:
    """Return SQL for the metres on the sphere from the columns' place to (`longitude`, `latitude`) placeholders."""
    return (
        f"(2 * {EARTH_RADIUS_M} * asin(least(1.0, sqrt("
        f"power(sin(radians(s.latitude - {latitude}::float8) / 2), 2) + cos(radians({latitude}::float8))"
        f" * cos(radians(s.latitude)) * power(sin(radians(s.longitude - {longitude}::float8) / 2), 2)))))"
    )


def add_near(conditions: Conditions, longitude: float, latitude: float, radius_m: float) -> str:
    """Keep sensors `s` within the radius (metres); return the SQL of their distance in metres.

    The belt of latitudes comes first, because an index or a plain comparison leaves out most sensors by it.
    """
    belt = radius_m / METRES_PER_DEGREE
    distance = distance_m(conditions.bind(longitude), conditions.bind(latitude))
    conditions.add("s.latitude between ? and ?", latitude - belt, latitude + belt)
    conditions.add(f"{distance} <= ?", radius_m)
    return distance
