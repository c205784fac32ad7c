"""Areas of warnings: rings round places, rings that people draw, and circles. Degrees on WGS-84, lengths in metres.

Places on both sides of the antimeridian are not joined.
"""

import math
from collections.abc import Iterable, Sequence

from model.cap import RING_POINTS_MAX, Point

METRES_PER_DEGREE = 111_195.0  # of latitude, on the mean sphere
_CORNERS = 8
PUBLIC_DIGITS = 3
"""Digits of a public centre: a hundred metres, so that a single house is not pointed at."""
_PUBLIC_SHIFT_M = 80.0  # what rounding to these digits may move a place by, along both axes together


class InvalidRing(ValueError):
    """A ring that encloses no area; the text says why."""


def ring_round(places: Iterable[Point], margin_m: float) -> tuple[Point, ...]:
    """Return the convex hull of circles of `margin_m` round the places, each as an octagon that holds it; closed.

    The hull by Andrew's monotone chain (Inf. Process. Lett. 9, 1979, 216). Raises ValueError without a place.
    """
    points = sorted({corner for place in places for corner in _octagon(place, margin_m)})
    if not points:
        raise ValueError("no place to go round")
    lower, upper = _chain(points), _chain(points[::-1])
    ring = [*lower[:-1], *upper[:-1]]
    return (*ring, ring[0])


def _octagon(place: Point, margin_m: float) -> list[Point]:
    radius_m = margin_m / math.cos(math.pi / _CORNERS)
    north = radius_m / METRES_PER_DEGREE
    east = north / max(math.cos(math.radians(place[1])), 0.01)
    corners = []
    for corner in range(_CORNERS):
        angle = 2 * math.pi * (corner + 0.5) / _CORNERS
        longitude = min(max(place[0] + east * math.cos(angle), -180.0), 180.0)
        corners.append((round(longitude, 6), round(min(max(place[1] + north * math.sin(angle), -90.0), 90.0), 6)))
    return corners


def _chain(points: Sequence[Point]) -> list[Point]:
    chain: list[Point] = []
    for point in points:
        while len(chain) >= 2 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain


def drawn_ring(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return a ring that somebody drew, closed. Raises InvalidRing where it encloses nothing or crosses itself."""
    ring = [point for number, point in enumerate(points) if number == 0 or point != points[number - 1]]
    if len(ring) > 1 and ring[0] == ring[-1]:
        ring.pop()
    if len(ring) < 3:
        raise InvalidRing("a ring has three different points at least")
    if len(ring) > RING_POINTS_MAX - 1:
        raise InvalidRing(f"{len(ring)} points; at most {RING_POINTS_MAX - 1} are taken")
    for longitude, latitude in ring:
        if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
            raise InvalidRing(f"{longitude:g}, {latitude:g} is no longitude and latitude in degrees")
    sides = [(ring[number], ring[(number + 1) % len(ring)]) for number in range(len(ring))]
    for number, side in enumerate(sides):
        for other in range(number + 2, len(sides) - (number == 0)):
            if _cross(side, sides[other]):
                raise InvalidRing(f"the ring crosses itself between its points {number + 1} and {other + 1}")
    if all(_turn(ring[0], ring[1], point) == 0 for point in ring):
        raise InvalidRing("all points lie on one line")
    return (*ring, ring[0])


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two sides of a ring that are not neighbours meet."""
    return (
        _turn(*one, other[0]) * _turn(*one, other[1]) <= 0
        and _turn(*other, one[0]) * _turn(*other, one[1]) <= 0
        and _boxes_meet(one, other)
    )


def _boxes_meet(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    return all(
        max(min(a[axis] for a in one), min(b[axis] for b in other))
        <= min(max(a[axis] for a in one), max(b[axis] for b in other))
        for axis in (0, 1)
    )


def _turn(origin: Point, one: Point, other: Point) -> float:
    """Twice the signed area of the triangle: above 0 where the way turns to the left."""
    return (one[0] - origin[0]) * (other[1] - origin[1]) - (one[1] - origin[1]) * (other[0] - origin[0])


def public_ring(places: Iterable[Point], margin_m: float) -> tuple[Point, ...]:
    """Return a ring that holds the one round the places and points at no single house."""
    return ring_round((_rounded(place) for place in places), margin_m + _PUBLIC_SHIFT_M)


def public_circle(centre: Point, radius_km: float) -> tuple[Point, float]:
    """Return a circle that holds the given one and whose centre points at no single house."""
    return _rounded(centre), round(radius_km + _PUBLIC_SHIFT_M / 1000, 3)


def _rounded(place: Point) -> Point:
    return round(place[0], PUBLIC_DIGITS), round(place[1], PUBLIC_DIGITS)
