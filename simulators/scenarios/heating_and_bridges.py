"""A heat main that breaks in January, and a pier that settles in stages."""

import numpy as np

from simulators.cities import SimulatedCity
from simulators.cities.chance import Chance
from simulators.cities.heat import HeatNetwork
from simulators.cities.sensors import sensor_ids
from simulators.courses.bridge import PierSettles
from simulators.courses.heating import MainBreak, substations_behind
from simulators.physics.bridge import Stage
from simulators.scenarios.choice import group_of, one_of
from simulators.scenarios.story import DAY_S, HOUR_S, MINUTE_S, Claim, Scenario, Story

_CLOSED_S, _REPAIRED_S = 2.5 * HOUR_S, 14 * HOUR_S  # after the break
_LEAK = 0.12  # of the circulation behind it, twice what the pumps can make up
_BEHIND = 0.15  # of the substations, near enough
_STAGES_MM = ((0.0, 8.0), (50 * MINUTE_S, 6.0), (2 * HOUR_S, 5.0))


def break_heat_main(city: SimulatedCity, seed: int) -> Story:
    """Break a main that feeds about a seventh of the city, on the morning of the second day."""
    heat = city.heat
    if heat is None:
        return Story()
    chance = Chance(seed, city.plan.name, "heat-main-break")
    link, behind = _main(heat, chance)
    start = DAY_S + float(chance.uniform(1, 4.0, 6.0)[0]) * HOUR_S
    broken = MainBreak(link, start, start + _CLOSED_S, start + _REPAIRED_S, _LEAK)
    claims = []
    for thing in ("heat-supply", "heat-return"):
        ids = sensor_ids(city.plan, thing, len(heat.substations))
        note = "no heat comes through the broken main: more than 12 Cel below the curve, which counts after three hours"
        claims += [Claim(ids[k], start, broken.repaired_s, "heat-lost", "red", 5 * HOUR_S, note) for k in behind]
    return Story([broken], claims)


def _main(heat: HeatNetwork, chance: Chance) -> tuple[int, list[int]]:
    """A primary supply pipe behind which the wanted share of the substations lies, and these."""
    supply = len(heat.pipes.from_node) // 2
    mains = [k for k in range(supply) if heat.pipes.link_kinds[k].startswith("primary")]
    behind = {k: substations_behind(heat, k).tolist() for k in mains}
    wanted = max(1.0, _BEHIND * len(heat.substations))
    off = {k: abs(len(found) - wanted) for k, found in behind.items() if found}
    best = sorted(off, key=lambda k: (off[k], k))[:5]
    link = one_of(best, chance)
    return link, behind[link]


def settle_pier(city: SimulatedCity, seed: int) -> Story:
    """Let the middle pier of a bridge settle by 19 mm in three stages, in the night after the first day."""
    strain = group_of(city, "bridge-strain")
    if strain is None:
        return Story()
    chance = Chance(seed, city.plan.name, "bridge-support-settling")
    place = one_of(range(int(strain.place.max()) + 1), chance)
    start = DAY_S + float(chance.uniform(1, 1.0, 2.5)[0]) * HOUR_S
    settles = PierSettles(place, tuple(Stage(start + after, drop) for after, drop in _STAGES_MM))
    ids = strain.ids(city.plan)
    note = "the strain moves by 35 um/m in three stages, against 25 of yellow and 50 of orange"
    claims = [
        Claim(ids[k], start, start + 4 * HOUR_S, "lasting-offset", "yellow", 20 * MINUTE_S, note)
        for k in np.flatnonzero(strain.place == place).tolist()
    ]
    return Story([settles], claims)


SCENARIOS = [
    Scenario(
        "heat-main-break",
        "a heat main breaks on a January morning, is shut off in the forenoon and repaired by evening",
        "2026-01-13T00:00",
        3 * DAY_S,
        break_heat_main,
        ("heat-supply", "heat-return", "heat-pressure", "heat-make-up", "room", "air"),
    ),
    Scenario(
        "bridge-support-settling",
        "the middle pier of a bridge settles by 19 mm in three stages of one night",
        "2026-09-10T00:00",
        2 * DAY_S,
        settle_pier,
        ("bridge-settlement", "bridge-strain", "bridge-tilt", "bridge-deflection"),
    ),
]
