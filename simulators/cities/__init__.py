"""Cities at true size from a plan and a seed: streets, pipe networks and sensors, each made when first asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from model.network import Network
from model.sensor import City, Sensor
from simulators.cities.drainage import Sewers, lay_sewers
from simulators.cities.epanet_file import epanet_text
from simulators.cities.gas import GasNetwork, lay_gas
from simulators.cities.heat import HeatNetwork, lay_heat
from simulators.cities.plans import CityPlan
from simulators.cities.sensors import SensorGroup, sensors_of
from simulators.cities.sensors_of_drainage import drainage_groups
from simulators.cities.sensors_of_gas import gas_groups
from simulators.cities.sensors_of_ground import (
    bridge_groups,
    ground_groups,
    lamp_groups,
    lamp_posts,
    rain_places,
    weather_groups,
)
from simulators.cities.sensors_of_water import heat_groups, water_groups
from simulators.cities.streets import Streets, lay_streets
from simulators.cities.swmm_file import swmm_text
from simulators.cities.water import WaterNetwork, lay_water


@dataclass(frozen=True)
class SimulatedCity:
    """A city made from its plan; the same plan and seed give the same city, on any machine."""

    plan: CityPlan
    seed: int

    @cached_property
    def streets(self) -> Streets:
        """The streets."""
        return lay_streets(self.plan, self.seed)

    @cached_property
    def sewers(self) -> Sewers:
        """The sewers under them."""
        return lay_sewers(self.plan, self.streets, self.seed)

    @cached_property
    def gas(self) -> GasNetwork:
        """The gas network."""
        return lay_gas(self.plan, self.streets, self.seed)

    @cached_property
    def water(self) -> WaterNetwork:
        """The water network."""
        return lay_water(self.plan, self.streets, self.seed)

    @cached_property
    def heat(self) -> HeatNetwork | None:
        """The district heating, None where the city has none."""
        return lay_heat(self.plan, self.streets, self.seed)

    @cached_property
    def groups(self) -> list[SensorGroup]:
        """The sensors in groups of like ones, none of them empty."""
        plan, streets, seed = self.plan, self.streets, self.seed
        groups = [
            *drainage_groups(plan, streets, self.sewers, seed),
            *gas_groups(plan, streets, self.gas, self.sewers, seed),
            *water_groups(plan, self.water, seed),
            *([] if self.heat is None else heat_groups(plan, self.heat, seed)),
            *bridge_groups(plan, streets),
            *ground_groups(plan, streets, seed),
            *weather_groups(plan, streets, seed),
            *lamp_groups(plan, streets),
        ]
        return [group for group in groups if len(group)]

    @property
    def city(self) -> City:
        """The city as the registry takes it: simulated, so never in operation."""
        plan = self.plan
        marked, marked_zh = ("exercise", "演练") if plan.mode == "exercise" else ("simulated", "模拟")
        name, name_zh = f"{plan.name_en} ({marked})", f"{plan.name_zh}({marked_zh})"
        return City(city=plan.city, name=name, name_zh=name_zh, mode=plan.mode)

    def sensors(self) -> Iterator[Sensor]:
        """Yield all sensors, group by group, one at a time."""
        posts = lamp_posts(self.plan, self.streets)[:2]
        for group in self.groups:
            yield from sensors_of(group, self.plan, self.streets, posts)

    def networks(self) -> Iterator[Network]:
        """Yield the networks of all media as the registry takes them."""
        heating = () if self.heat is None else (self.heat.pipes,)
        for pipes in (self.sewers.pipes, self.gas.pipes, self.water.pipes, *heating):
            yield pipes.network(self.plan.city)

    def epanet(self) -> str:
        """Return the water network as an EPANET input file."""
        return epanet_text(self.water, f"Water network of {self.plan.name_en}, generated, seed {self.seed}")

    @property
    def rain_gauges(self) -> list[str]:
        """The rain gauges of the SWMM file, in the order of the sensors that stand on them."""
        return [f"{self.plan.code}-rain-{number:04d}" for number in range(1, self.plan.rain_gauges + 1)]

    def swmm(self, above: str | None = None) -> str:
        """Return the sewers as a SWMM input file; of those that drain through a manhole where one is named."""
        places = rain_places(self.plan, self.streets, self.seed)
        title = f"Sewers of {self.plan.name_en}, generated, seed {self.seed}"
        return swmm_text(self.sewers, self.rain_gauges, (places.east, places.north), title, above=above)
