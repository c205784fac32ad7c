"""Courses of the water supply, solved by EPANET a local day at a time: pressure, flow, pumps and the tank."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from simulators.cities.chance import IntArray
from simulators.cities.epanet_file import PATTERNS
from simulators.cities.sensors import SensorGroup
from simulators.courses.ladders import Ladder
from simulators.courses.parts import parts
from simulators.physics import DAY_S, YEAR_D, FloatArray
from simulators.physics.hydraulics import pump_current_a
from simulators.physics.noise import relaxation_noise
from simulators.solvers.epanet import PASCALS_PER_METRE, Burst, Outage, SolverError, WaterRun, solve_water
from simulators.world import Course, Who, World

QUIET_STEP_S, EVENT_STEP_S = 300, 60
PATTERN_STEP_S = 300.0
SUMMER_SHARE = 0.12  # of the demand more in the middle of July than in the mean, as much less in January
WEEKEND = {"household": 1.06, "business": 0.8, "works": 0.9}
UNREST, UNREST_S = 0.015, 3_600.0  # of the demand of a kind of user, as a share, and how long it holds
GROWTH_STEP_S = 21_600.0
SUDDEN_S = 3_600.0
LOW_MPA = (0.14, 0.10)  # yellow, orange
PRESSURE_WITHIN_S = 480.0
MEGAPASCALS_PER_METRE = PASCALS_PER_METRE / 1e6
_DAYS_KEPT = 3


@dataclass(frozen=True, slots=True)
class MainBurst:
    """Water that flows out at a junction, by its index: `coefficient * sqrt(head)` in L/s, head in m.

    It opens over `growth_s`: minutes for a main that breaks, days for a leak.
    """

    node: int
    start_s: float
    end_s: float
    coefficient: float
    growth_s: float = 600.0

    @property
    def sudden(self) -> bool:
        """Whether it opens within an hour."""
        return self.growth_s <= SUDDEN_S

    def parts(self) -> list[tuple[float, float]]:
        """The parts of the coefficient, each from a time on (start s, coefficient)."""
        step_s = EVENT_STEP_S if self.sudden else GROWTH_STEP_S
        count = max(1, round(self.growth_s / step_s))
        return [(self.start_s + k * step_s, self.coefficient / count) for k in range(count)]


@dataclass(frozen=True, slots=True)
class PumpTrip:
    """All pumps stand from start to end (s)."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class SolvedDay:
    """A local day: `time_s` (t,) on the stream's clock; `pressure_mpa` (t, nodes), `flow_l_s` (t, links).

    Between its times the state of a `sudden` day stands still, so that nothing shows before it happens.
    """

    sudden: bool
    time_s: FloatArray
    pressure_mpa: FloatArray
    flow_l_s: FloatArray


class Supply:
    """The water supply of a city under the events of a world; days are solved as they are asked for.

    Each is solved from the midnight before the day before: the tank, which fills in every quiet night, has forgotten
    how it began. Days on which something begins or ends at once are solved every minute, the others every five.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._trips = world.of(PumpTrip)
        self._broken = [(b, start, part) for b in world.of(MainBurst) for start, part in b.parts()]
        edges = [edge for trip in self._trips for edge in (trip.start_s, trip.end_s)]
        edges += [edge for b in world.of(MainBurst) if b.sudden for edge in (b.start_s, b.end_s)]
        self._sudden_days = {self.day_of(edge) for edge in edges}
        self.day = lru_cache(maxsize=_DAYS_KEPT)(self._solved)

    @cached_property
    def _text(self) -> str:
        return self._world.city.epanet()

    def day_of(self, time_s: float) -> int:
        """Return the local day of a time, 0 for that of the start."""
        return int((time_s + self._world.local_s) // DAY_S)

    def pressure_mpa(self, times: FloatArray, nodes: IntArray) -> FloatArray:
        """Return the pressure at nodes by their index; shapes alike."""
        return self._between(times, nodes, lambda day: day.pressure_mpa)

    def flow_l_s(self, times: FloatArray, links: IntArray) -> FloatArray:
        """Return the flow in links by their index; shapes alike."""
        return self._between(times, links, lambda day: day.flow_l_s)

    def _between(self, times: FloatArray, place: IntArray, of: Callable[[SolvedDay], FloatArray]) -> FloatArray:
        found = np.empty(len(times))
        for number, mine in parts(np.floor((times + self._world.local_s) / DAY_S).astype(np.int64)):
            day = self.day(number)
            at = (times[mine] - day.time_s[0]) / (day.time_s[1] - day.time_s[0])
            left = np.minimum(at.astype(np.int64), len(day.time_s) - 2)
            on = 0.0 if day.sudden else at - left
            table, column = of(day), place[mine]
            before = table[left, column]
            found[mine] = before + (table[left + 1, column] - before) * on
        return found

    def _solved(self, number: int) -> SolvedDay:
        begin = (number - 1) * DAY_S - self._world.local_s
        sudden = number in self._sudden_days
        step = EVENT_STEP_S if sudden else QUIET_STEP_S
        pipes = self._world.city.water.pipes
        bursts = [
            Burst(pipes.node_names[burst.node], start - begin, burst.end_s - begin, part)
            for burst, start, part in self._broken
            if start < begin + 2 * DAY_S and burst.end_s > begin
        ]
        outages = [
            Outage(pipes.link_names[pump.link], trip.start_s - begin, trip.end_s - begin)
            for trip in self._trips
            if trip.start_s < begin + 2 * DAY_S and trip.end_s > begin
            for pump in self._world.city.water.pumps
        ]
        run = _solve(self._with_patterns(number), step, bursts, outages)
        kept = slice(int(DAY_S) // step, None)
        node, link = ({name: k for k, name in enumerate(names)} for names in (run.nodes, run.links))
        return SolvedDay(
            sudden,
            begin + run.time_s[kept],
            run.pressure_mpa[kept][:, [node[name] for name in pipes.node_names]].astype(np.float32),
            run.flow_l_s[kept][:, [link[name] for name in pipes.link_names]].astype(np.float32),
        )

    def _with_patterns(self, number: int) -> str:
        """The network's file with the demand of that day and of the one before, every five minutes."""
        rows = []
        for kind in PATTERNS:
            factors = self._demand(kind, number).tolist()
            rows += [f"{kind} {' '.join(f'{f:.4f}' for f in factors[k : k + 12])}" for k in range(0, len(factors), 12)]
        section = "[PATTERNS]\n" + "\n".join(rows) + "\n\n"
        text = re.sub(r"\[PATTERNS\]\n.*?\n\n", section, self._text, count=1, flags=re.DOTALL)
        return text.replace("Pattern Timestep 1:00", "Pattern Timestep 0:05")

    def _demand(self, kind: str, number: int) -> FloatArray:
        """Demand over its mean of the day before and the day: the hours' means joined, season, week, and unrest."""
        world = self._world
        since = PATTERN_STEP_S * (np.arange(2 * DAY_S / PATTERN_STEP_S) + 0.5)
        times = (number - 1) * DAY_S - world.local_s + since
        hour = since % DAY_S / 3_600.0
        usual = np.interp(hour, np.arange(24) + 0.5, PATTERNS[kind], period=24.0)
        weekday = (world.start_local.weekday() + number - 1 + since // DAY_S) % 7
        waking = np.clip((hour - 5.0) / 2.0, 0.0, 1.0) * np.clip(24.0 - hour, 0.0, 1.0)  # nights are alike
        week = 1.0 + waking * np.where(weekday >= 5, WEEKEND[kind] - 1.0, 0.0)
        season = 1.0 - SUMMER_SHARE * np.cos(2 * np.pi * (world.year_day + times / DAY_S - 15.0) / YEAR_D)
        unrest = relaxation_noise(times, world.chance("water demand", kind), UNREST, UNREST_S)
        return np.maximum(usual * week * season * (1.0 + unrest), 0.0)


@lru_cache(maxsize=4)
def supply_of(world: World) -> Supply:
    """Return the supply of a world, the same for all groups of its sensors."""
    return Supply(world)


def _solve(text: str, step_s: int, bursts: list[Burst], outages: list[Outage]) -> WaterRun:
    try:
        return solve_water(text, 2 * int(DAY_S), step_s, bursts=bursts, outages=outages)
    except ModuleNotFoundError as error:
        raise SolverError(
            f"the water network is solved by EPANET, which is not installed ({error}); "
            "install Lifeline with its extra `sim`, or leave out the sensors of the water supply"
        ) from None


def _at_nodes(world: World, group: SensorGroup) -> Course:
    supply = supply_of(world)
    return lambda times, who: supply.pressure_mpa(times, group.place[who])


def _at_links(world: World, group: SensorGroup) -> Course:
    supply = supply_of(world)
    return lambda times, who: supply.flow_l_s(times, group.place[who])


def _tank(world: World, group: SensorGroup) -> Course:
    supply = supply_of(world)
    return lambda times, who: supply.pressure_mpa(times, group.place[who]) / MEGAPASCALS_PER_METRE


def _current(world: World, group: SensorGroup) -> Course:
    pipes, supply = world.city.water.pipes, supply_of(world)

    def course(times: FloatArray, who: Who) -> FloatArray:
        link = group.place[who]
        start, end = pipes.from_node[link], pipes.to_node[link]
        gained = supply.pressure_mpa(times, end) - supply.pressure_mpa(times, start)
        lift = pipes.level_m[end] - pipes.level_m[start] + gained / MEGAPASCALS_PER_METRE
        return pump_current_a(np.maximum(supply.flow_l_s(times, link), 0.0), lift)

    return course


def _pressure_ladder(_world: World, group: SensorGroup) -> Ladder:
    """Low for any network's end, or too low for the floors that it serves (water-pressure-low, service-head-low)."""
    floors = np.asarray(group.columns["floors"], np.float64)
    limits = np.full((len(group), 4), np.nan)
    limits[:, 1] = np.maximum(LOW_MPA[0], np.where(floors > 1, (4.0 + 4.0 * floors) * MEGAPASCALS_PER_METRE, 0.0))
    limits[:, 2] = LOW_MPA[1]
    return Ladder("low-pressure", limits, PRESSURE_WITHIN_S, below=True)


COURSES: dict[str, Callable[[World, SensorGroup], Course]] = {
    "water-pressure": _at_nodes,
    "water-inflow": _at_links,
    "water-pump-flow": _at_links,
    "water-pump-current": _current,
    "water-tank-level": _tank,
}
LADDERS: dict[str, Callable[[World, SensorGroup], Ladder]] = {"water-pressure": _pressure_ladder}
