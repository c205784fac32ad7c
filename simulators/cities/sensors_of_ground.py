"""Sensors of slopes, of the ground above a goaf and of a tailings dam; of bridges, of the weather, of lamp posts."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from simulators.cities.blocks import BlockPlaces, places_in_blocks
from simulators.cities.chance import Chance, IntArray, to_centimetres
from simulators.cities.plans import CityPlan
from simulators.cities.sensors import QUICK_SILENCE, SensorGroup
from simulators.cities.streets import BRIDGE, Streets
from simulators.physics import FloatArray
from simulators.physics.ground import GNSS_HORIZONTAL_NOISE_MM

_GNSS_MM = GNSS_HORIZONTAL_NOISE_MM
_BRIDGE_SENSORS = (
    # thing, what, property, unit, interval s, resolution, noise, design value, how many on a bridge
    ("bridge-strain", ("bridge strain", "桥梁应变"), "strain", "um/m", 1, "0.1", 0.8, "120", 8),
    ("bridge-deflection", ("bridge deflection", "桥梁挠度"), "deflection", "mm", 1, "0.01", 0.15, "25", 4),
    ("bridge-acceleration", ("bridge acceleration", "桥梁振动"), "acceleration", "m/s2", 1, "0.001", 0.01, "", 2),
    ("bridge-tilt", ("pier tilt", "桥墩倾斜"), "tilt", "deg", 60, "0.001", 0.002, "0.2", 2),
    ("bridge-displacement", ("bearing displacement", "支座位移"), "displacement", "mm", 60, "0.1", 0.2, "40", 2),
    ("bridge-settlement", ("pier settlement", "桥墩沉降"), "settlement", "mm", 60, "0.1", 0.15, "20", 2),
    ("bridge-crack", ("bridge crack width", "桥梁裂缝宽度"), "crack_width", "mm", 60, "0.01", 0.01, "0.2", 1),
    ("bridge-temperature", ("structure temperature", "结构温度"), "temperature", "Cel", 60, "0.1", 0.1, "", 1),
)
_SLOPE_SENSORS = (
    ("slope", ("displacement by GNSS, slope", "边坡北斗位移"), "displacement", "mm", "0.1", _GNSS_MM, 2),
    ("slope-rate", ("displacement rate, slope", "边坡位移速率"), "displacement_rate", "mm/d", "0.1", 0.15, 1),
    ("slope-tilt", ("tilt, slope", "边坡倾斜"), "tilt", "deg", "0.001", 0.003, 1),
    ("slope-crack", ("crack width, slope", "边坡裂缝宽度"), "crack_width", "mm", "0.01", 0.03, 1),
)
_GOAF_SENSORS = (
    ("goaf-settlement", ("settlement above the goaf", "采空区地表沉降"), "settlement", "mm", "0.1", 0.4),
    ("goaf-displacement", ("displacement by GNSS above the goaf", "采空区北斗位移"), "displacement", "mm", "0.1",
     _GNSS_MM),
    ("goaf-tilt", ("tilt above the goaf", "采空区地表倾斜"), "tilt", "deg", "0.001", 0.003),
    ("goaf-strain", ("strain above the goaf", "采空区地表水平变形"), "strain", "um/m", "1", 15.0),
)  # fmt: skip
_GOAF_KM, _TAILINGS_KM = (-5.5, -2.2), (6.8, -4.6)  # east and north of the city's centre
_DAM_M = 900.0
LEVEL_LIMITS_M = {"blue": 1516.0, "yellow": 1517.0, "orange": 1518.0, "red": 1519.0}
_MOVE_LIMITS_MM = {"blue": 10, "yellow": 20, "orange": 40, "red": 80}


def rain_places(plan: CityPlan, streets: Streets, seed: int) -> BlockPlaces:
    """Return where the rain gauges stand."""
    return places_in_blocks(streets, Chance(seed, plan.name, "rain gauges"), plan.rain_gauges)


def weather_groups(plan: CityPlan, streets: Streets, seed: int) -> Iterator[SensorGroup]:
    """Yield rain gauges, thermometers and anemometers."""
    gauges = rain_places(plan, streets, seed)
    count = len(gauges.block)
    hour = plan.storm_mm_h
    limits = {
        "rain_1h_yellow_mm": f"{hour:g}",
        "rain_1h_red_mm": f"{1.6 * hour:.1f}",
        "rain_3d_yellow_mm": f"{3 * hour:g}",
    }
    for thing, what, observed, unit, resolution, noise, stations, columns in (
        ("rain", ("rain gauge", "雨量站"), "rainfall", "mm", "0.2", 0.0, count, limits),
        ("air", ("outdoor temperature", "室外气温"), "air_temperature", "Cel", "0.1", 0.1, max(1, count // 2), {}),
        ("wind", ("wind speed", "风速"), "wind_speed", "m/s", "0.1", 0.3, max(1, count // 4), {}),
    ):
        first = np.arange(stations)
        yield SensorGroup(
            thing, what, "weather", observed, unit, 300, resolution, noise, gauges.east[first], gauges.north[first],
            np.full(stations, -1), streets.district[gauges.corner[first]], first,
            [f"{plan.code}-weather-{k + 1:02d}" for k in range(stations)], columns,
        )  # fmt: skip


def lamp_posts(plan: CityPlan, streets: Streets) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return metres east and north of the lamp posts, evenly along the arterials, and the stretch of each."""
    stretch = np.flatnonzero(streets.arterial)
    reached = np.cumsum(streets.length_m[stretch])
    along = (np.arange(plan.lamp_posts) + 0.5) * float(reached[-1]) / plan.lamp_posts
    part = np.searchsorted(reached, along)
    share = 1.0 - (reached[part] - along) / streets.length_m[stretch[part]]
    start, end = streets.start[stretch[part]], streets.end[stretch[part]]
    east, north = (places[start] + share * (places[end] - places[start]) for places in (streets.east, streets.north))
    return to_centimetres(east), to_centimetres(north), stretch[part]


def lamp_groups(plan: CityPlan, streets: Streets) -> Iterator[SensorGroup]:
    """Yield the lamps' own power meters; each lamp post is a gateway."""
    east, north, stretch = lamp_posts(plan, streets)
    yield SensorGroup(
        "lamp", ("lamp post", "智慧灯杆"), "lighting", "lamp_power", "W", 300, "1", 1.5, east, north,
        streets.line[stretch], streets.district[streets.start[stretch]], stretch,
        [f"{plan.code}-lamp-{k + 1:05d}" for k in range(len(east))], wireless=True,
    )  # fmt: skip


def bridge_groups(plan: CityPlan, streets: Streets) -> Iterator[SensorGroup]:
    """Yield the sensors of the bridges: arterials over the motorway, the last street that the plan names first."""
    over = np.flatnonzero((streets.crossing == BRIDGE) & streets.arterial)
    named = [streets.line_names[line] == plan.streets[-1] if plan.streets else False for line in streets.line[over]]
    chosen = over[np.argsort(~np.asarray(named, np.bool_), kind="stable")][: plan.bridges]
    middle = [0.5 * (part[streets.start[chosen]] + part[streets.end[chosen]]) for part in (streets.east, streets.north)]
    for thing, what, observed, unit, interval_s, resolution, noise, design, each in _BRIDGE_SENSORS:
        place = np.repeat(np.arange(len(chosen)), each)
        along = np.tile(12.0 * (np.arange(each) - 0.5 * (each - 1)), len(chosen))
        yield SensorGroup(
            thing, what, "bridge", observed, unit, interval_s, resolution, noise,
            to_centimetres(middle[0][place] + along), middle[1][place], streets.line[chosen][place],
            streets.district[streets.start[chosen]][place], place,
            [f"{plan.code}-bridge-{k + 1:02d}" for k in place.tolist()], {"design_value": design} if design else {},
            QUICK_SILENCE if interval_s < 60 else {},
        )  # fmt: skip


def ground_groups(plan: CityPlan, streets: Streets, seed: int) -> Iterator[SensorGroup]:
    """Yield the sensors of slopes, goaf and tailings dam, where the city has them."""
    chance = Chance(seed, plan.name, "ground sensors")
    reach = 1.15 * max(float(np.abs(streets.east).max()), float(np.abs(streets.north).max()))
    slopes = plan.slopes
    at = np.round(chance.uniform(slopes, -1.0, 1.0) * reach, 2), np.round(-reach * chance.uniform(slopes, 0.9, 1.2), 2)
    for thing, what, observed, unit, resolution, noise, each in _SLOPE_SENSORS:
        place = np.repeat(np.arange(slopes), each)
        off = 25.0 * np.tile(np.arange(each), slopes)
        assets = [f"{plan.code}-slope-point-{k + 1:03d}" for k in place.tolist()]
        # A geotechnical engineer has set the velocity that is usual at every other slope.
        steady = {"steady_velocity": ["0.3" if k % 2 else "" for k in place.tolist()]} if thing == "slope" else {}
        yield _points(thing, what, observed, unit, resolution, noise, at[0][place] + off, at[1][place], assets,
                      {"place": "slope", **steady})  # fmt: skip
    if plan.goaf_points:
        where = (
            1e3 * _GOAF_KM[0] + chance.uniform(plan.goaf_points, -500, 500),
            1e3 * _GOAF_KM[1] + chance.uniform(plan.goaf_points, -400, 400),
        )
        for k, (thing, what, observed, unit, resolution, noise) in enumerate(_GOAF_SENSORS):
            own = np.arange(k, plan.goaf_points, len(_GOAF_SENSORS))
            assets = [f"{plan.code}-goaf-point-{point + 1:03d}" for point in own.tolist()]
            yield _points(thing, what, observed, unit, resolution, noise, where[0][own], where[1][own], assets,
                          {"place": "goaf"})  # fmt: skip
    if plan.tailings_sections:
        yield from _tailings(plan)


def _tailings(plan: CityPlan) -> Iterator[SensorGroup]:
    """A tailings dam: sections across it with three marks, three piezometers and a weir each; and a weather station."""
    sections = plan.tailings_sections
    move = {"item": f"{plan.code}-tailings-displacement"}
    move |= {f"displacement_{level}_mm": f"{limit}" for level, limit in _MOVE_LIMITS_MM.items()}
    water = {"item": f"{plan.code}-tailings-phreatic-level"}
    water |= {f"phreatic_level_{level}_m": f"{limit:g}" for level, limit in LEVEL_LIMITS_M.items()}
    depth = {"item": f"{plan.code}-tailings-phreatic-depth", "measured": "depth", "phreatic_depth_red_m": "4"}
    for thing, what, observed, unit, resolution, noise, each, columns in (
        ("tailings-displacement", ("tailings dam displacement by GNSS", "尾矿坝北斗位移"), "displacement", "mm", "0.1",
         _GNSS_MM, 3, move),
        ("tailings-level", ("tailings dam phreatic line", "尾矿坝浸润线水位"), "phreatic_level", "m", "0.01", 0.01, 2,
         water),
        ("tailings-depth", ("tailings dam phreatic depth", "尾矿坝浸润线埋深"), "phreatic_level", "m", "0.01", 0.01, 1,
         depth),
        ("tailings-seepage", ("tailings dam seepage", "尾矿坝渗流量"), "seepage_flow", "L/s", "0.01", 0.02, 1, {}),
        ("tailings-pond", ("tailings pond level", "尾矿库水位"), "storage_level", "m", "0.01", 0.005, 0, {}),
    ):  # fmt: skip
        place = np.repeat(np.arange(sections), each) if each else np.zeros(1, np.int64)
        step = np.tile(np.arange(each or 1), sections if each else 1)
        east = 1e3 * _TAILINGS_KM[0] + place.astype(np.float64) * (_DAM_M / max(1, sections - 1)) - _DAM_M / 2.0
        north = 1e3 * _TAILINGS_KM[1] + 40.0 * step.astype(np.float64)
        assets = [f"{plan.code}-tailings-section-{k + 1:02d}" for k in place.tolist()]
        yield _points(thing, what, observed, unit, resolution, noise, east, north, assets,
                      {"place": "tailings_dam", **columns})  # fmt: skip
    one: dict[str, Any] = {"east": np.full(1, 1e3 * _TAILINGS_KM[0]), "north": np.full(1, 1e3 * _TAILINGS_KM[1])}
    one |= {"line": np.full(1, -1), "district": np.zeros(1, np.int64), "place": np.zeros(1, np.int64)}
    one |= {"assets": [f"{plan.code}-tailings-weather"], "columns": {"place": "tailings_dam"}}
    yield SensorGroup(
        "tailings-rain", ("rain gauge, tailings", "尾矿库雨量站"), "weather", "rainfall", "mm", 300, "0.2", 0.0, **one
    )
    yield SensorGroup(
        "tailings-wind", ("wind, tailings", "尾矿库风速"), "weather", "wind_speed", "m/s", 300, "0.1", 0.3, **one
    )


def _points(
    thing: str, what: tuple[str, str], observed: str, unit: str, resolution: str, noise: float,
    east: FloatArray, north: FloatArray, assets: list[str], columns: Mapping[str, str | list[str]],
) -> SensorGroup:  # fmt: skip
    count = len(assets)
    return SensorGroup(
        thing, what, "displacement", observed, unit, 600, resolution, noise, to_centimetres(east),
        to_centimetres(north), np.full(count, -1), np.zeros(count, np.int64), np.arange(count), assets, columns,
    )  # fmt: skip
