"""Waste water on its way: a plant's inflow by the day's demand and rain, and wet wells that fill and are pumped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.physics import DAY_S, FloatArray
from simulators.physics.drainage import Rain
from simulators.physics.first_order import first_order, superpose


@dataclass(frozen=True, slots=True)
class PlantInflow:
    """A plant's catchment: its dry-weather flow, how late and how flattened it comes, and what rain adds to it."""

    mean_m3_d: float
    travel_s: float = 2 * 3_600.0
    mixing_s: float = 2.5 * 3_600.0
    leaking_in_m2: float = 0.0  # surface whose rain finds its way into the sewers
    leaking_in_s: float = 10 * 3_600.0


@dataclass(frozen=True, slots=True)
class WetWells:
    """Wells of pumping stations, arrays of shape (k,): levels are metres above the floor."""

    area_m2: FloatArray
    start_m: FloatArray
    stop_m: FloatArray
    pump_l_s: FloatArray
    brim_m: FloatArray


class WellCourse(NamedTuple):
    """What `pump_wells` found: `level_m` and `pumped_l_s`, shape (k, n), and `spilled_m3`, (k,)."""

    level_m: FloatArray
    pumped_l_s: FloatArray
    spilled_m3: FloatArray


def mixed_demand(local_s: FloatArray, travel_s: float, mixing_s: float) -> FloatArray:
    """Return the flow over its mean, shape of `local_s` (s of the civil day), of demand that came through the sewers.

    The two harmonics of `hydraulics.demand_factor`, late by the travel time and passed through a well-mixed store: each
    is smaller by 1 / sqrt(1 + (w T)^2) and later by arctan(w T).
    """
    hour = 2 * np.pi * (local_s - travel_s - 2.5 * 3_600.0) / DAY_S
    flow = np.ones(local_s.shape)
    for order, size in ((1, 0.35), (2, 0.22)):
        turn = order * 2 * np.pi / DAY_S * mixing_s
        flow -= size / np.sqrt(1 + turn**2) * np.cos(order * hour - np.arctan(turn))
    return flow


def plant_inflow_l_s(times: FloatArray, plant: PlantInflow, local_s: FloatArray, rain: Rain) -> FloatArray:
    """Return the inflow (L/s), shape of `times` (s): mixed demand, and rain that leaks in as a linear reservoir.

    The slow part of rain-derived inflow as one unit hydrograph with an exponential limb, as SWMM's RDII has it with
    triangles; all the rain on `leaking_in_m2` arrives in the end.
    """
    starts, intensities = superpose(rain)
    leaking = [1e3 * plant.leaking_in_m2 * mm_h / 3.6e6 for mm_h in intensities]
    added = first_order(times, starts, leaking, [plant.leaking_in_s] * len(starts))
    dry = plant.mean_m3_d / 86.4
    return dry * mixed_demand(local_s, plant.travel_s, plant.mixing_s) + added


def pump_wells(
    wells: WetWells, inflow_l_s: FloatArray, step_s: float, standing: NDArray[np.bool_] | Sequence[Sequence[bool]] = ()
) -> WellCourse:
    """Return the course of wells under an inflow (k, n) in steps, from the stop level with the pumps off.

    A pump starts above `start_m` and runs down to `stop_m`; where `standing` (k, n) it stands still (a trip), and what
    rises above the brim is spilled. Volume is kept to rounding: area * dh = (inflow - pumped) dt.
    """
    count, steps = inflow_l_s.shape
    still = np.zeros((count, steps), np.bool_) if len(standing) == 0 else np.asarray(standing, np.bool_)
    course = WellCourse(np.empty((count, steps)), np.empty((count, steps)), np.zeros(count))
    level, running = wells.stop_m.astype(np.float64), np.zeros(count, np.bool_)
    for step in range(steps):
        running = np.where(running, level > wells.stop_m, level >= wells.start_m) & ~still[:, step]
        held = 1e3 * level * wells.area_m2 / step_s
        pumped = np.where(running, np.minimum(wells.pump_l_s, held + inflow_l_s[:, step]), 0.0)
        course.level_m[:, step], course.pumped_l_s[:, step] = level, pumped
        raised = level + (inflow_l_s[:, step] - pumped) * step_s / 1e3 / wells.area_m2
        level = np.minimum(raised, wells.brim_m)
        course.spilled_m3[:] += (raised - level) * wells.area_m2
    return course
