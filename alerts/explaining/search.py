"""What is looked for in a case: a change by which a decision is another, at a cost that is bounded."""

from dataclasses import dataclass

from alerts.explaining.changes import Change
from alerts.explaining.trials import Goal, Readings, Trials
from alerts.rules import Rule

COST_MAX = 1_000_000
"""Of all trials of a case (trials.ROW_COST); what is not found by then is left out."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: a change by which the goal is reached, or is not any more (`fired`), at a rule's sensor."""

    trials: Trials
    rule: Rule
    goal: Goal
    fired: bool
    cost_max: int = COST_MAX

    def flips(self, change: Change) -> bool:
        """Tell whether a change flips the decision."""
        return self.trials.reaches(self.goal, change) != self.fired

    def readings(self, sensor: str) -> Readings:
        """Return the readings at a sensor that a change of their values can move."""
        found = self.trials.readings(sensor)
        used = found.good if self.rule.condition.kind == "threshold" else found.clean
        return Readings._make(column[used] for column in found)

    @property
    def is_over(self) -> bool:
        """Whether the trials have cost what they may."""
        return self.trials.spent > self.cost_max


def sensors_of(search: Search) -> list[str]:
    """The sensors whose readings make the decision: the one asked about and, of an expression, its inputs."""
    engine, registry = search.trials.engine, search.trials.registry
    inputs = engine.expressing.inputs.tolist() if search.rule.condition.kind == "expression" else []
    return list(dict.fromkeys([search.goal.sensor, *(registry.sensors[key].sensor for key in inputs)]))
