"""Areas of warnings: nobody who is to be warned lies outside, and no ring is sent that receivers cannot fill."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.cap import Point
from model.cap_area import InvalidRing, drawn_ring, public_circle, public_ring, ring_round
from model.network import distance_m

PLACES = st.tuples(st.floats(98.0, 98.6), st.floats(39.5, 40.0))


def _inside(point: Point, ring: tuple[Point, ...]) -> bool:
    """Even-odd rule: how often a ray to the east crosses the ring."""
    crossings = 0
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > point[1]) != (y2 > point[1]) and point[0] < x1 + (point[1] - y1) * (x2 - x1) / (y2 - y1):
            crossings += 1
    return crossings % 2 == 1


@pytest.mark.parametrize("make", [ring_round, public_ring])
@given(places=st.lists(PLACES, min_size=1, max_size=20), margin_m=st.floats(50, 3_000))
def test_a_ring_goes_round_all_places_with_its_margin(make: Any, places: list[Point], margin_m: float) -> None:
    ring = make(places, margin_m)
    assert ring[0] == ring[-1]
    assert drawn_ring(ring) == ring
    for place in places:
        for turn in range(12):
            angle = 2 * math.pi * turn / 12
            north = 0.98 * margin_m / 111_195
            edge = (
                place[0] + north * math.cos(angle) / math.cos(math.radians(place[1])),
                place[1] + north * math.sin(angle),
            )
            assert _inside(edge, ring)


def test_no_place_is_no_area() -> None:
    with pytest.raises(ValueError, match="no place"):
        ring_round([], 100)


@given(PLACES, st.floats(50, 3_000))
def test_the_middle_of_a_public_ring_is_no_house(place: Point, margin_m: float) -> None:
    corners = public_ring([place], margin_m)[:-1]
    middle = tuple(sum(corner[axis] for corner in corners) / len(corners) for axis in (0, 1))
    assert all(abs(degrees - round(degrees, 3)) < 2e-6 for degrees in middle)


@given(PLACES, st.floats(0.05, 5))
def test_a_public_circle_holds_the_one_that_was_meant(centre: Point, radius_km: float) -> None:
    rounded, wider_km = public_circle(centre, radius_km)
    assert distance_m(centre, rounded) / 1000 + radius_km <= wider_km + 0.001
    assert all(round(degrees, 3) == degrees for degrees in rounded)


SQUARE = [(98.0, 39.0), (98.1, 39.0), (98.1, 39.1), (98.0, 39.1)]


@pytest.mark.parametrize(
    ("points", "count"),
    [
        (SQUARE, 5),
        ([*SQUARE, SQUARE[0]], 5),
        ([SQUARE[0], SQUARE[0], *SQUARE[1:]], 5),
        (SQUARE[:3], 4),
    ],
)
def test_a_drawn_ring_is_closed(points: list[Point], count: int) -> None:
    ring = drawn_ring(points)
    assert len(ring) == count
    assert ring[0] == ring[-1]


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([], "three"),
        (SQUARE[:2], "three"),
        ([SQUARE[0]] * 5, "three"),
        ([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]], "crosses"),
        ([(98.0, 39.0), (98.1, 39.0), (98.2, 39.0)], "one line"),
        ([(39.0, 98.0), (39.1, 98.0), (39.1, 98.1)], "degrees"),
        ([(math.nan, 39.0), (98.1, 39.0), (98.2, 39.1)], "degrees"),
        ([(98 + math.cos(a / 100), 39 + math.sin(a / 100)) for a in range(600)], "points"),
    ],
)
def test_a_ring_that_encloses_nothing_is_refused(points: list[Point], why: str) -> None:
    with pytest.raises(InvalidRing, match=why):
        drawn_ring(points)
