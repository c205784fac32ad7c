"""Sensors of the water supply and of the heating."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from simulators.cities.chance import Chance
from simulators.cities.heat import HeatNetwork
from simulators.cities.plans import CityPlan
from simulators.cities.sensors import QUICK_SILENCE, SensorGroup, on_links, on_nodes, spread, texts
from simulators.cities.water import WaterNetwork

HEATING_CURVE = "75/50"
PRIMARY_MPA = 0.6
LEAST_L_S = 5.0
LOGGER_SLEEP_S = 3_600.0


def water_groups(plan: CityPlan, water: WaterNetwork, seed: int) -> Iterator[SensorGroup]:
    """Yield the groups of sensors of the water supply."""
    chance = Chance(seed, plan.name, "water sensors")
    pipes = water.pipes
    junctions = np.asarray([k for k, kind in enumerate(pipes.node_kinds) if kind == "junction"], np.int64)
    gauged = junctions[spread(len(junctions), plan.water_gauges)]
    floors = 2 + chance.below(4, len(gauged))
    on_trunk = ["trunk_main" if "-water-trunk-" in pipes.node_names[k] else "" for k in gauged.tolist()]
    yield SensorGroup(
        "water-pressure", ("water pressure", "供水压力"), "water", "water_pressure", "MPa", 60, "0.001", 0.0008,
        **on_nodes(pipes, gauged), fields={"valid_min": 0.0, "valid_max": 1.6},
        columns={"floors": texts(floors, "d"), "place": on_trunk},
    )  # fmt: skip
    inlets = np.asarray([reducer.link for reducer in water.reducers], np.int64)
    yield SensorGroup(
        "water-inflow", ("district inflow", "供水分区进水流量"), "water", "water_flow", "L/s", 60, "0.1", 0.4,
        **on_links(pipes, inlets), columns={"place": "district_inlet"},
    )  # fmt: skip
    pumps = np.asarray([pump.link for pump in water.pumps], np.int64)
    # The first pump, of the works, always runs; in the smallest towns a quarter of its flow is within the noise.
    least = water.pumps[0].flow_l_s / 4.0
    flow_min = [f"{least:.1f}" if least >= LEAST_L_S else "", *[""] * (len(pumps) - 1)]
    yield SensorGroup(
        "water-pump-flow", ("pumping station flow", "泵站出水流量"), "water", "water_flow", "L/s", 60, "0.1", 0.8,
        **on_links(pipes, pumps), columns={"place": "pumping_station", "flow_min_l_s": flow_min},
    )  # fmt: skip
    yield SensorGroup(
        "water-pump-current", ("pump current", "水泵电流"), "water", "current", "A", 5, "0.1", 0.5,
        **on_links(pipes, pumps), columns={"place": "pumping_station"}, fields=QUICK_SILENCE,
    )  # fmt: skip
    yield SensorGroup(
        "water-tank-level", ("tank level", "清水池液位"), "water", "storage_level", "m", 60, "0.01", 0.005,
        **on_nodes(pipes, np.asarray([water.tank], np.int64)), columns={"place": "tank"},
    )  # fmt: skip
    sampled = junctions[spread(len(junctions), max(2, plan.water_gauges // 12))]
    for thing, what, observed, unit, resolution, noise in (
        ("turbidity", ("turbidity", "浊度"), "turbidity", "[NTU]", "0.01", 0.02),
        ("chlorine", ("residual chlorine", "余氯"), "residual_chlorine", "mg/L", "0.01", 0.01),
    ):
        yield SensorGroup(thing, what, "water", observed, unit, 300, resolution, noise, **on_nodes(pipes, sampled))
    old = np.flatnonzero((pipes.year < 1995) & (np.asarray(pipes.link_kinds) == "pipe"))
    logged = old[spread(len(old), plan.water_gauges * 2 // 5)]
    yield SensorGroup(
        "leak-noise", ("leak noise logger", "漏损噪声记录仪"), "water", "leak_noise", "dB", 900, "0.1", 0.8,
        **on_links(pipes, logged), columns={"pipe": "ageing"}, wireless=True, sleep_s=LOGGER_SLEEP_S,
        fields={"silence_s_max": 3.0 * LOGGER_SLEEP_S},
    )  # fmt: skip


def heat_groups(plan: CityPlan, heat: HeatNetwork, seed: int) -> Iterator[SensorGroup]:
    """Yield the groups of sensors of the heating."""
    chance = Chance(seed, plan.name, "heat sensors")
    pipes, stations = heat.pipes, heat.substations
    where = on_nodes(pipes, stations)
    common: dict[str, Any] = {"system": "heating", "interval_s": 300}
    yield SensorGroup(
        "heat-supply", ("supply temperature, substation", "换热站供水温度"), property="supply_temperature", unit="Cel",
        resolution="0.1", noise=0.1, columns={"heating_curve": HEATING_CURVE}, **where, **common,
    )  # fmt: skip
    yield SensorGroup(
        "heat-return", ("return temperature, substation", "换热站回水温度"), property="return_temperature", unit="Cel",
        resolution="0.1", noise=0.1, columns={"heating_curve": HEATING_CURVE}, **where, **common,
    )  # fmt: skip
    yield SensorGroup(
        "heat-pressure", ("heating pressure, substation", "换热站供热压力"), property="heating_pressure", unit="MPa",
        resolution="0.001", noise=0.002, columns={"set_point": f"{PRIMARY_MPA:g}"}, **where, **common,
    )  # fmt: skip
    yield SensorGroup(
        "heat-make-up", ("make-up water, substation", "换热站补水流量"), property="water_flow", unit="m3/h",
        resolution="0.01", noise=0.02, columns={"circulation": texts(heat.circulation_m3_h)}, **where, **common,
    )  # fmt: skip
    rooms = heat.buildings[np.sort(chance.order(len(heat.buildings))[: max(4, plan.substations * 2 // 5)])]
    yield SensorGroup(
        "room", ("room temperature", "室内温度"), "heating", "air_temperature", "Cel", 900, "0.1", 0.1,
        **on_nodes(pipes, rooms), columns={"place": "room"}, fields={"valid_min": -20.0, "valid_max": 50.0},
    )  # fmt: skip
