"""Sensors of the drainage: levels in every manhole, water on roads and in underpasses, flows, covers, sewer gas."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from simulators.cities.chance import Chance, IntArray
from simulators.cities.drainage import Sewers
from simulators.cities.plans import CityPlan
from simulators.cities.sensors import SensorGroup, camera_urls, on_nodes, sensor_ids, spread, texts
from simulators.cities.streets import UNDERPASS, Streets

DAY_S = 86_400.0
WELL_HIGH_M, WELL_BRIM_M = 2.2, 4.0  # above the floor of a station's well
UNDERPASS_ROAD, LOW_ROAD = "underpass", "low_road"


def drainage_groups(plan: CityPlan, streets: Streets, sewers: Sewers, seed: int) -> Iterator[SensorGroup]:
    """Yield the groups of sensors that stand on the sewers and on the roads above them."""
    chance = Chance(seed, plan.name, "drainage sensors")
    pipes, manholes = sewers.pipes, np.arange(sewers.manholes)
    bore = pipes.diameter_mm / 1e3
    yield SensorGroup(
        "manhole-level", ("manhole level", "检查井水位"), "drainage", "manhole_level", "m", 300, "0.01", 0.006,
        **on_nodes(pipes, manholes),
        columns={"diameter_m": texts(bore), "depth_m": texts(sewers.depth_m), "kind": pipes.link_kinds},
        fields={"valid_min": -0.1, "valid_max": 16.0}, wireless=True,
        upstream=_upstream(sewers, sensor_ids(plan, "manhole-level", sewers.manholes)),
    )  # fmt: skip
    yield from _road_groups(plan, streets)
    on_way = np.argsort(-bore, kind="stable")[: max(4, sewers.manholes // 300)]
    yield _group(
        "sewer-flow", ("sewer flow", "污水流量"), "sewer_flow", "L/s", 300, "0.1", 0.8, sewers, np.sort(on_way)
    )
    basins = np.asarray([k for k, kind in enumerate(pipes.node_kinds) if kind == "storage"], np.int64)
    yield _group(
        "basin-level", ("storage basin level", "调蓄池水位"), "storage_level", "m", 300, "0.01", 0.005, sewers, basins
    )
    yield from _station_groups(plan, streets, chance)
    covers = np.sort(chance.order(sewers.manholes)[: sewers.manholes // 40])
    yield _group(
        "cover-open", ("manhole cover", "井盖状态"), "cover_open", "1", DAY_S, "1", 0.0, sewers, covers,
        reporting="by_exception", silence_s_max=93_600.0,
    )  # fmt: skip
    rattling = np.sort(chance.order(sewers.manholes)[: sewers.manholes // 160])
    yield _group(
        "cover-vibration", ("cover vibration", "井盖振动"), "vibration", "m/s2", 300, "0.01", 0.02, sewers, rattling
    )
    foul = np.sort(chance.order(sewers.manholes)[: sewers.manholes // 190])
    yield _group(
        "sewer-gas", ("hydrogen sulfide", "硫化氢"), "hydrogen_sulfide", "mg/m3", 300, "0.1", 0.15, sewers, foul
    )
    yield _group("sewer-oxygen", ("oxygen", "氧气"), "oxygen", "%", 300, "0.1", 0.05, sewers, foul)


def _group(
    thing: str, what: tuple[str, str], observed: str, unit: str, interval_s: float, resolution: str, noise: float,
    sewers: Sewers, chosen: IntArray, **fields: object,
) -> SensorGroup:  # fmt: skip
    return SensorGroup(
        thing, what, "drainage", observed, unit, interval_s, resolution, noise, **on_nodes(sewers.pipes, chosen),
        fields=fields, wireless=True,
    )  # fmt: skip


def _upstream(sewers: Sewers, ids: list[str]) -> list[str]:
    """Of each manhole's sensor those at the next manholes upstream, parted by spaces."""
    entering = [""] * len(sewers.pipes.node_names)
    for node, below in enumerate(sewers.pipes.to_node.tolist()):
        entering[below] = f"{entering[below]} {ids[node]}".strip()
    return entering[: sewers.manholes]


def low_roads(plan: CityPlan, streets: Streets) -> tuple[IntArray, IntArray]:
    """Return the stretches of street under the railway, and the crossings that lie lowest against those around."""
    under = np.flatnonzero((streets.crossing == UNDERPASS) & streets.arterial)
    around = np.zeros(len(streets.east))
    count = np.zeros(len(streets.east))
    for one, other in ((streets.start, streets.end), (streets.end, streets.start)):
        np.add.at(around, one, streets.ground_m[other])
        np.add.at(count, one, 1.0)
    hollow = around / count - streets.ground_m
    low = np.argsort(-hollow, kind="stable")[: max(0, plan.low_points - len(under))]
    return under[: plan.low_points], np.sort(low)


def _road_groups(plan: CityPlan, streets: Streets) -> Iterator[SensorGroup]:
    under, low = low_roads(plan, streets)
    middle = [0.5 * (part[streets.start[under]] + part[streets.end[under]]) for part in (streets.east, streets.north)]
    given: dict[str, Any] = {"interval_s": 60, "resolution": "0.1", "noise": 0.2}
    limits = {"valid_min": 0.0, "valid_max": 300.0}
    yield SensorGroup(
        "underpass", ("underpass water depth", "下穿通道积水"), "drainage", "water_depth", "cm", east=middle[0],
        north=middle[1], line=streets.line[under], district=streets.district[streets.start[under]], place=under,
        assets=[f"{plan.code}-underpass-{k + 1:02d}" for k in range(len(under))], columns={"place": UNDERPASS_ROAD},
        fields=limits, cameras=camera_urls(plan, "underpass", len(under)), wireless=True, **given,
    )  # fmt: skip
    yield SensorGroup(
        "road-depth", ("road water depth", "道路积水"), "drainage", "water_depth", "cm", east=streets.east[low],
        north=streets.north[low], line=streets.line_of_crossing[low], district=streets.district[low], place=low,
        assets=[f"{plan.code}-low-road-{k + 1:03d}" for k in range(len(low))], columns={"place": LOW_ROAD},
        fields=limits, cameras=camera_urls(plan, "road", len(low)), wireless=True, **given,
    )  # fmt: skip


def _station_groups(plan: CityPlan, streets: Streets, chance: Chance) -> Iterator[SensorGroup]:
    """Village stations of waste water, some kilometres outside the city."""
    count = plan.sewage_stations
    reach = 1.6 * max(float(np.abs(streets.east).max()), float(np.abs(streets.north).max()))
    side = np.where(chance.uniform(count) < 0.5, -1.0, 1.0)
    where: dict[str, Any] = {
        "east": np.round(side * chance.uniform(count, 0.7, 1.0) * reach, 2),
        "north": np.round(chance.uniform(count, -1.0, 1.0) * reach, 2),
        "line": np.full(count, -1), "district": spread(len(plan.districts) or 1, count).repeat(count)[:count],
        "place": np.arange(count), "assets": [f"{plan.code}-sewage-station-{k + 1:02d}" for k in range(count)],
        "columns": {"place": "sewage_station"},
    }  # fmt: skip
    what = ("village sewage station", "农村污水站")
    well = {"high_level_m": f"{WELL_HIGH_M:g}", "overflow_m": f"{WELL_BRIM_M:g}"}
    yield SensorGroup(
        "station-flow",
        (f"{what[0]} inflow", f"{what[1]}进水流量"),
        "drainage",
        "sewer_flow",
        "m3/h",
        300,
        "0.1",
        0.1,
        **where,
    )
    yield SensorGroup(
        "station-level",
        (f"{what[0]} level", f"{what[1]}液位"),
        "drainage",
        "storage_level",
        "m",
        300,
        "0.01",
        0.005,
        **{**where, "columns": {**where["columns"], **well}},
    )
