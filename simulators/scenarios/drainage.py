"""Scenarios of rain and sewers, and the day on which nothing happens."""

import numpy as np

from simulators.cities import SimulatedCity
from simulators.cities.chance import Chance, distance
from simulators.courses.roads import Undrained, low_points_of
from simulators.courses.sewer_flows import Blockage, reaches_of
from simulators.courses.standing_water import storage, upstream_of
from simulators.courses.stations import PumpsStanding
from simulators.events import Storm
from simulators.physics.drainage import keifer_chu, rain_blocks
from simulators.physics.sewer import accumulated_m3_s
from simulators.scenarios.choice import group_of, one_of
from simulators.scenarios.rain_claims import rain_claims
from simulators.scenarios.story import HOUR_S, MINUTE_S, Scenario, Story

CLOUDBURST, FLOOD = 3.1, 2.9  # of the hour's rain for which the city's drains are made
HEAVY = (0.3, 0.6, 0.6, 0.3)  # likewise: long, but less than the drains take
CLOUDBURST_MM = 50.0
FLOOD_S = 25 * MINUTE_S
HEAVY_S = 200 * MINUTE_S
CLEARLY_RED_CM = 75.0
BLOCKED_S = 18 * HOUR_S
STANDING_S = 12 * HOUR_S
FILLED_WITHIN_S = 16 * HOUR_S  # by the mean flow of dry weather, up to the ground
STANDING_MIN = 6  # manholes above the blockage that then stand above the crown of their pipe
LOOKED_AT = 300
STORM_RADIUS_MIN_M = 2_000.0


def _quiet(_city: SimulatedCity, _seed: int) -> Story:
    return Story()


def _cloudburst(city: SimulatedCity, _seed: int) -> Story:
    streets = city.streets
    low = streets.ground_m <= np.median(streets.ground_m)
    east, north = float(streets.east[low].mean()), float(streets.north[low].mean())
    away = distance(streets.east[low] - east, streets.north[low] - north)
    radius = max(STORM_RADIUS_MIN_M, 1.5 * float(np.sqrt(np.mean(away**2))))
    depth = max(CLOUDBURST_MM, CLOUDBURST * city.plan.storm_mm_h)  # at its centre
    storm = Storm(tuple(rain_blocks(HOUR_S, HOUR_S, keifer_chu(depth, HOUR_S, 6))), east, north, radius)
    return Story([storm], rain_claims(city, [storm]))


def _flood_of_alarms(city: SimulatedCity, _seed: int) -> Story:
    storm = Storm(((HOUR_S, HOUR_S + FLOOD_S, FLOOD * city.plan.storm_mm_h),))
    return Story([storm], rain_claims(city, [storm]))


def _underpass_filling(city: SimulatedCity, seed: int) -> Story:
    group = group_of(city, "underpass") or group_of(city, "road-depth")
    if group is None:
        return Story()
    intensities = [share * city.plan.storm_mm_h for share in HEAVY]
    storm = Storm(tuple(rain_blocks(HOUR_S, HEAVY_S, intensities)))
    fallen_m = float(np.mean(intensities)) / 1e3 * HEAVY_S / HOUR_S
    depth_cm = [100.0 * fallen_m * p.catchment_m2 * p.runoff / p.pond_m2 for p in low_points_of(city, group)]
    deepest = min(CLEARLY_RED_CM, max(depth_cm))
    deep = [asset for asset, depth in zip(group.assets, depth_cm, strict=True) if depth >= deepest]
    asset = one_of(deep, Chance(seed, city.plan.name, "underpass-filling"))
    pumps = Undrained(asset, HOUR_S + 10 * MINUTE_S, HOUR_S + HEAVY_S + 1.5 * HOUR_S)
    return Story([storm, pumps], rain_claims(city, [storm]))


def _blocked_sewer(city: SimulatedCity, seed: int) -> Story:
    manhole = _blockable(city, seed)
    return Story() if manhole is None else Story([Blockage(manhole, HOUR_S, HOUR_S + BLOCKED_S)])


def _pumps_stand(city: SimulatedCity, seed: int) -> Story:
    stations = group_of(city, "station-level")
    if stations is None:
        return Story()
    asset = one_of(stations.assets, Chance(seed, city.plan.name, "station-pumps-stand"))
    return Story([PumpsStanding(asset, HOUR_S, HOUR_S + STANDING_S)])


def _blockable(city: SimulatedCity, seed: int) -> int | None:
    """Return a manhole above which sewage stands up to the ground within hours if the sewer below it is blocked.

    The first that is found by chance; where there is none, that of those looked at whose pool fills soonest.
    """
    sewers = city.sewers
    reaches = reaches_of(sewers)
    flow = accumulated_m3_s(reaches, sewers.sewage_l_s / 1e3)
    above = accumulated_m3_s(reaches, np.ones(sewers.manholes))  # how many manholes drain through each
    soonest: tuple[float, int] | None = None
    order = Chance(seed, city.plan.name, "blocked-sewer").order(sewers.manholes)
    for manhole in order[above[order] >= STANDING_MIN][:LOOKED_AT].tolist():
        upstream = upstream_of(reaches.down, manhole)
        surface, volume = storage(sewers, reaches, upstream, manhole)
        standing = int((sewers.pipes.level_m[upstream] + reaches.diameter_m[upstream] < surface[-1]).sum())
        if standing < STANDING_MIN:
            continue
        filled_s = float(volume[-1] / flow[manhole])
        if filled_s <= FILLED_WITHIN_S:
            return int(manhole)
        if soonest is None or filled_s < soonest[0]:
            soonest = filled_s, int(manhole)
    return None if soonest is None else soonest[1]


SCENARIOS = [
    Scenario(
        "quiet-day", "a day on which nothing happens but the season's weather", "2026-11-22T08:00", 24 * HOUR_S, _quiet,
        ("road-depth", "sewer-flow", "gas-inlet", "water-pressure", "water-inflow", "heat-supply", "slope", "air"),
    ),
    Scenario(
        "cloudburst", "50 mm in an hour at its centre, over the low-lying half: roads and manholes fill",
        "2026-07-15T14:00", 6 * HOUR_S, _cloudburst, ("underpass", "road-depth", "manhole-level", "rain"),
    ),
    Scenario(
        "blocked-sewer", "a sewer is blocked in dry weather: sewage stands in the manholes above",
        "2026-09-08T06:00", 24 * HOUR_S, _blocked_sewer, ("manhole-level", "rain"),
    ),
    Scenario(
        "underpass-filling", "the pumps of one underpass fail in a heavy rain that the others cope with",
        "2026-07-15T15:00", 7 * HOUR_S, _underpass_filling, ("underpass", "road-depth", "rain"),
    ),
    Scenario(
        "flood-of-alarms", "a third of the drainage sensors alarm within ten minutes of a storm as never seen",
        "2026-07-15T16:00", 5 * HOUR_S, _flood_of_alarms, ("manhole-level", "underpass", "road-depth", "rain"),
    ),
    Scenario(
        "station-pumps-stand", "the pumps of a village's sewage station stand for half a day", "2026-09-08T06:00",
        18 * HOUR_S, _pumps_stand, ("station-level", "station-flow"),
    ),
]  # fmt: skip
