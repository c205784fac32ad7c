"""The demo: something in every system within minutes, each hour elsewhere; physics and clocks as they are."""

from simulators.cities import SimulatedCity
from simulators.cities.chance import Chance
from simulators.courses.covers import CoverOpened
from simulators.courses.gas import GasLeak, KitchenLeak
from simulators.courses.slopes import GNSS_EACH, SlopeCreep
from simulators.courses.water import MainBurst
from simulators.events import Fault, Storm
from simulators.physics.ground import Episode
from simulators.scenarios.story import DAY_S, HOUR_S, MINUTE_S, Scenario, Story

LASTS_S = 3 * DAY_S
STORM_EVERY = 3  # hours, so that the alarms of the one have returned before the next
_STORM_MM_H, _STORM_M = 110.0, 500.0
_HOLE_MM, _SHARE = 8.0, 0.12
_BURST = 14.0


def tell(city: SimulatedCity, seed: int) -> Story:
    """Tell three days of it; the claims are those of the ladders."""
    events: list[object] = []
    for hour in range(int(LASTS_S / HOUR_S)):
        events += _hour(city, Chance(seed, city.plan.name, "demo", str(hour)), hour)
    return Story(events)


def _hour(city: SimulatedCity, chance: Chance, hour: int) -> list[object]:
    groups = {group.thing: group for group in city.groups}
    begin = hour * HOUR_S

    def at(minutes: float) -> float:
        return begin + minutes * MINUTE_S

    def one(count: int) -> int:
        return int(chance.below(count, 1)[0])

    events: list[object] = []
    if "gas-manhole" in groups:
        heads = groups["gas-manhole"]
        beside = heads.columns["gas_pipe"]
        pipe = beside[one(len(heads))]
        run = tuple(int(heads.place[k]) for k, name in enumerate(beside) if name == pipe)
        events.append(GasLeak(city.gas.pipes.link_names.index(pipe), run[:3], at(1), at(26), _HOLE_MM, _SHARE))
    if "gas-alarm" in groups:
        events.append(KitchenLeak(one(len(groups["gas-alarm"])), at(6), at(30), 4.0))
    if "water-pressure" in groups:
        gauges = groups["water-pressure"]
        events.append(MainBurst(int(gauges.place[one(len(gauges))]), at(3), at(40), _BURST))
    if "cover-open" in groups:
        covers = groups["cover-open"]
        events.append(CoverOpened(int(covers.place[one(len(covers))]), at(2), at(14)))
    if hour % STORM_EVERY == 0:
        roads = groups.get("underpass") or groups["road-depth"]
        place = one(len(roads))
        where = float(roads.east[place]), float(roads.north[place])
        events.append(Storm(((at(0), at(12), _STORM_MM_H),), *where, _STORM_M))
    if hour % STORM_EVERY == 1 and "slope" in groups:
        slope = one(len(groups["slope"]) // GNSS_EACH)
        episode = Episode(at(0), at(70), 4.0, 36.0, 20 * MINUTE_S, 15 * MINUTE_S)
        events.append(SlopeCreep(slope, episode))
    lamps = groups["lamp"]
    dark = frozenset(lamps.ids(city.plan)[k] for k in range(one(len(lamps)), len(lamps))[:3])
    events.append(Fault("silent", dark, at(5), at(35)))
    return events


SCENARIOS = [
    Scenario("demo", "something in every system within minutes, each hour elsewhere, for three days",
             "2026-07-15T08:00", 3 * HOUR_S, tell, ("gas-manhole", "road-depth", "water-pressure", "slope-rate")),
]  # fmt: skip
