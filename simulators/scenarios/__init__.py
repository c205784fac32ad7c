"""The scenarios by name."""

from simulators.scenarios import demo, drainage, gas, ground, heating_and_bridges, instruments, water
from simulators.scenarios.everything import everything
from simulators.scenarios.story import Claim, Scenario, Story

__all__ = ["SCENARIOS", "Claim", "Scenario", "Story", "UnknownScenario", "load_scenario"]

_TOLD: list[Scenario] = [
    scenario
    for subject in (drainage, gas, water, heating_and_bridges, ground, instruments, demo)
    for scenario in subject.SCENARIOS
]
SCENARIOS = {scenario.name: scenario for scenario in (*_TOLD, everything(_TOLD))}


class UnknownScenario(ValueError):
    """A scenario that does not exist; the text names those that do."""


def load_scenario(name: str) -> Scenario:
    """Return the scenario of that name. Raises UnknownScenario."""
    scenario = SCENARIOS.get(name)
    if scenario is None:
        raise UnknownScenario(f"there is no scenario {name!r}; use one of: {', '.join(SCENARIOS)}")
    return scenario
