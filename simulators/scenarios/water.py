"""Stories of the water supply: a main that breaks, a leak that grows for a week, pumps that trip."""

import math

import numpy as np

from simulators.cities import SimulatedCity
from simulators.cities.chance import Chance, distance
from simulators.cities.epanet_file import PATTERNS
from simulators.cities.sensors import SensorGroup
from simulators.courses.water import MainBurst, PumpTrip
from simulators.courses.water_quality import leak_rise_db
from simulators.scenarios.choice import group_of, one_of
from simulators.scenarios.story import DAY_S, HOUR_S, MINUTE_S, Claim, Scenario, Story

BURST_S = 90 * MINUTE_S
BURST_LASTS_S = 3 * HOUR_S
BURST_COEFFICIENT = 25.0  # about 80 L/s from a main of 150 mm
LEAK_AFTER_S = 38 * DAY_S  # the nights that the rules night-flow and leak-noise learn from
LEAK_GROWS_S, LEAK_ENDS_S = 7 * DAY_S, 52 * DAY_S
LEAK_SHARE = 0.28  # of the district's night flow, in the end
LEAK_NOISE_DB = ((10.0, "orange"), (6.0, "yellow"), (3.0, "blue"))  # limits of the rule leak-noise
HEARD_CLEARLY_DB = 15.0
LOUD_WITHIN_S, WITHIN_S = 6 * DAY_S, 11 * DAY_S  # the loudest show as it grows, the others once it has grown
TRIP_S = 3 * DAY_S + 10 * HOUR_S


def burst_main(city: SimulatedCity, seed: int) -> Story:
    """A narrow main breaks at a pressure gauge and is repaired three hours later."""
    nodes = _gauged_narrow(city)
    if not nodes:
        return Story()
    node = one_of(nodes, Chance(seed, city.plan.name, "burst-main"))
    end_s = BURST_S + BURST_LASTS_S
    note = "pressure falls at the gauge while the district's inflow rises; the alarm is the district's"
    voice = voice_of(city, int(city.water.pipes.node_district[node]))
    return Story(
        [MainBurst(node, BURST_S, end_s, BURST_COEFFICIENT)],
        [Claim(voice, BURST_S, end_s, "burst", "red", 15 * MINUTE_S, note)],
    )


def _gauged_narrow(city: SimulatedCity) -> list[int]:
    """Junctions of the districts with a pressure gauge, at which the widest main is as narrow as at any of them."""
    pipes = city.water.pipes
    widest = np.zeros(len(pipes.node_names), np.int64)
    for end in (pipes.from_node, pipes.to_node):
        np.maximum.at(widest, end, pipes.diameter_mm)
    gauges, trunk = group_of(city, "water-pressure"), _trunk(city)
    nodes = [] if gauges is None else [node for node in gauges.place.tolist() if node not in trunk]
    least = min((int(widest[node]) for node in nodes), default=0)
    return [node for node in nodes if widest[node] == least]


def _trunk(city: SimulatedCity) -> set[int]:
    """What lies before the inlets of the districts: the nodes that no district's own main leads to or from."""
    count = len(city.streets.east)  # the districts' junctions are the crossings, the others come after
    return set(range(count, len(city.water.pipes.node_names)))


def voice_of(city: SimulatedCity, district: int) -> str:
    """Return the sensor at which an alarm of a burst in a district stands: its first pressure gauge, by id."""
    return min(
        name
        for group in city.groups
        if group.property == "water_pressure"
        for name, its_own in zip(group.ids(city.plan), group.district.tolist(), strict=True)
        if its_own == district
    )


def slow_leak(city: SimulatedCity, seed: int) -> Story:
    """A leak beside an old main grows for a week, in a district whose nights are known by then."""
    chance = Chance(seed, city.plan.name, "slow-leak")
    water, pipes = city.water, city.water.pipes
    loggers, inlets = group_of(city, "leak-noise"), group_of(city, "water-inflow")
    if loggers is None or inlets is None:
        return Story()
    near = pipes.from_node[loggers.place]
    size = np.asarray([_night_flow_l_s(city, int(pipes.node_district[node])) * LEAK_SHARE for node in near])
    away = distance(loggers.east - pipes.east[near], loggers.north - pipes.north[near])
    rise = leak_rise_db(size, away)
    trunk = _trunk(city)
    in_district = np.asarray([node not in trunk for node in near.tolist()])
    fitting = np.flatnonzero(in_district & (rise > HEARD_CLEARLY_DB))
    if not len(fitting):
        fitting = np.asarray([int(np.argmax(rise))])
    chosen = one_of(fitting.tolist(), chance)
    node = int(near[chosen])
    coefficient = float(size[chosen]) / math.sqrt(_still_head_m(city, node))
    leak = MainBurst(node, LEAK_AFTER_S, LEAK_ENDS_S, coefficient, growth_s=LEAK_GROWS_S)
    metered = [reducer.district for reducer in water.reducers].index(int(pipes.node_district[node]))
    claims = [
        Claim(
            inlets.ids(city.plan)[metered], LEAK_AFTER_S, LEAK_ENDS_S, "night-flow", "yellow", WITHIN_S,
            f"the nights' inflow rises by {100 * LEAK_SHARE:.0f} % in a week",
        ),
        *_heard(city, loggers, node, float(size[chosen])),
    ]  # fmt: skip
    return Story([leak], claims)


def _still_head_m(city: SimulatedCity, node: int) -> float:
    """The head at a junction of a district while hardly anything is drawn, as its reducer keeps it."""
    pipes = city.water.pipes
    reducer = next(r for r in city.water.reducers if r.district == pipes.node_district[node])
    return float(pipes.level_m[pipes.to_node[reducer.link]] + reducer.setting_m - pipes.level_m[node])


def _heard(city: SimulatedCity, loggers: SensorGroup, node: int, leak_l_s: float) -> list[Claim]:
    """A claim for each logger that the leak is loud at in the end."""
    pipes = city.water.pipes
    away = distance(loggers.east - pipes.east[node], loggers.north - pipes.north[node])
    found = []
    rises = leak_rise_db(np.full(len(loggers), leak_l_s), away).tolist()
    for name, rise in zip(loggers.ids(city.plan), rises, strict=True):
        severity = next((word for limit, word in LEAK_NOISE_DB if rise > limit), None)
        if severity is not None:
            note = f"the leak is {rise:.0f} dB louder than the night"
            within_s = LOUD_WITHIN_S if severity == "orange" else WITHIN_S
            found.append(Claim(name, LEAK_AFTER_S, LEAK_ENDS_S, "leak-noise", severity, within_s, note))
    return found


def _night_flow_l_s(city: SimulatedCity, district: int) -> float:
    """The least demand of a district in a night, the mean of an hour."""
    mine = city.water.pipes.node_district == district
    by_hour = sum(
        np.asarray(PATTERNS[pattern]) * demand
        for pattern, demand, here in zip(city.water.pattern, city.water.demand_l_s.tolist(), mine.tolist(), strict=True)
        if here
    )
    return float(np.min(by_hour))


def pump_trip(city: SimulatedCity, seed: int) -> Story:
    """All pumps trip at ten in the morning of the fourth day and are back after an hour; the tank drains meanwhile."""
    pumps = group_of(city, "water-pump-flow")
    if pumps is None:
        return Story()
    works = pumps.ids(city.plan)[0]  # runs day and night, while the second one helps out
    note = "the works' pumps stand; the flow falls to nothing"
    end_s = TRIP_S + HOUR_S
    return Story([PumpTrip(TRIP_S, end_s)], [Claim(works, TRIP_S, end_s, "pump-trip", "orange", 5 * MINUTE_S, note)])


SCENARIOS = [
    Scenario(
        "burst-main", "a water main breaks and is repaired after three hours", "2026-07-15T12:00", 6 * HOUR_S,
        burst_main,
        ("water-pressure", "water-inflow", "water-pump-flow", "water-tank-level", "turbidity", "chlorine"),
    ),
    Scenario(
        "slow-leak", "a leak grows for a week in one district", "2026-06-15T00:00", LEAK_ENDS_S, slow_leak,
        ("water-inflow", "leak-noise"),
    ),
    Scenario(
        "pump-trip", "the pumps of the water works trip for an hour", "2026-07-15T00:00", 3.5 * DAY_S, pump_trip,
        ("water-pump-flow", "water-pump-current", "water-tank-level", "water-inflow", "water-pressure"),
    ),
]  # fmt: skip
