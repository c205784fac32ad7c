"""Coordinates: which systems give degrees, the direction from one place to another, and GCJ-02 for display. Pure."""

import math

Place = tuple[float, float]
"""Longitude and latitude in degrees."""

# CGCS2000 lies within some decimetres of WGS-84, so that what is kept by it is shown and measured as it is.
_USUAL_NAMES = {
    **dict.fromkeys(("wgs-84", "wgs84", "epsg:4326", "crs84"), "WGS-84"),
    **dict.fromkeys(("cgcs2000", "epsg:4490"), "CGCS2000"),
}
DEGREES = frozenset(_USUAL_NAMES)
"""Names in small letters of systems whose coordinates are longitude and latitude."""

SHIFTED = frozenset({"gcj-02", "gcj02", "bd-09", "bd09"})
"""Systems of Chinese web maps, shifted by hundreds of metres: for display alone, never taken in."""

GCJ_02 = "GCJ-02"
_AXIS_M, _ECCENTRICITY_2 = 6_378_245.0, 0.00669342162296594323  # of Krasovsky's ellipsoid, 1940
_WEST, _SOUTH, _EAST, _NORTH = 72.004, 0.8293, 137.8347, 55.8271  # beyond these nothing is shifted


class ShiftedCoordinates(ValueError):
    """Coordinates are said to be of a system that is shifted; they are not taken in."""

    def __init__(self, crs: str) -> None:
        super().__init__(f"{crs} is shifted and cannot be taken back exactly; give WGS-84 or CGCS2000")


def is_degrees(crs: str) -> bool:
    """Whether positions of this system are longitude and latitude that can be shown beside WGS-84."""
    return crs.lower() in DEGREES


def usual_name(crs: str) -> str:
    """Return the name by which a system of degrees is kept; of others the name itself."""
    return _USUAL_NAMES.get(crs.lower(), crs)


def refuse_shifted(crs: str) -> None:
    """Raise ShiftedCoordinates for a system whose coordinates are not taken in."""
    if crs.lower() in SHIFTED:
        raise ShiftedCoordinates(crs)


def bearing_deg(start: Place, end: Place) -> float:
    """Return the initial bearing of the great circle from one place to another, 0 <= degrees < 360, 0 = north.

    Places are (longitude, latitude) in degrees. By Snyder, Map Projections: A Working Manual (USGS Professional Paper
    1395, 1987), equation 5-4b. 0 where the two are one.
    """
    (east_1, north_1), (east_2, north_2) = (map(math.radians, start), map(math.radians, end))
    east = math.cos(north_2) * math.sin(east_2 - east_1)
    north = math.cos(north_1) * math.sin(north_2) - math.sin(north_1) * math.cos(north_2) * math.cos(east_2 - east_1)
    return math.degrees(math.atan2(east, north)) % 360.0 % 360.0  # twice: a hair below 0 becomes 360 at first


def to_gcj_02(place: Place) -> Place:
    """Return where a WGS-84 place (longitude, latitude in degrees) stands on a Chinese web map; abroad it stays.

    The system has no official publication. This is the formula that is commonly known for it, as in Wikipedia,
    "Restrictions on geographic data in China", section GCJ-02: waves of some hundred metres over the offset from
    (105, 35), on Krasovsky's ellipsoid. It holds to a few metres, so that what it gives is called approximate.
    """
    longitude, latitude = place
    if not (_WEST <= longitude <= _EAST and _SOUTH <= latitude <= _NORTH):
        return place
    x, y = longitude - 105.0, latitude - 35.0
    common = 20 * _wave(6 * x) + 20 * _wave(2 * x)
    root = math.sqrt(abs(x))
    north_m = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north_m += 2 / 3 * (common + 20 * _wave(y) + 40 * _wave(y / 3) + 160 * _wave(y / 12) + 320 * _wave(y / 30))
    east_m = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east_m += 2 / 3 * (common + 20 * _wave(x) + 40 * _wave(x / 3) + 150 * _wave(x / 12) + 300 * _wave(x / 30))
    flattened = 1 - _ECCENTRICITY_2 * math.sin(math.radians(latitude)) ** 2
    meridian_m = _AXIS_M * (1 - _ECCENTRICITY_2) / flattened**1.5  # radius of curvature, north and south
    parallel_m = _AXIS_M / math.sqrt(flattened) * math.cos(math.radians(latitude))
    return longitude + math.degrees(east_m / parallel_m), latitude + math.degrees(north_m / meridian_m)


def _wave(half_turns: float) -> float:
    return math.sin(math.pi * half_turns)
