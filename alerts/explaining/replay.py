"""A case evaluated once more by the engine itself."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.admission import Rows
from alerts.bound import Bindings, Ladders
from alerts.checkpoint import carry_over
from alerts.conditions.ladder import NEVER
from alerts.engine import Engine
from alerts.explaining.case import Case, Period, known_now, known_then
from alerts.explaining.concern import NotBound, place_of
from alerts.findings import severity_of
from model.alarm import ConditionChange
from model.reading import ReadingBatch

SIGNALS_KEPT_MAX = 1_000
_NEVER_ABSENT = np.iinfo(np.int64).max
"""Of clock_gap_ms_max: a case says itself where nobody listened."""


class Signal(NamedTuple):
    """What a kind made of a reading of this time (epoch milliseconds): the value that its limits are for."""

    time: int
    value: float


@dataclass(slots=True)
class Replay:
    """An engine that has evaluated a case; the changes and signals of the asked rule at the asked sensor on the way.

    `signals` are of the kinds that make some; at most the newest SIGNALS_KEPT_MAX.
    """

    engine: Engine
    changes: list[ConditionChange] = field(default_factory=list)
    signals: deque[Signal] = field(default_factory=lambda: deque(maxlen=SIGNALS_KEPT_MAX))

    def binding(self, rule: str, sensor: str) -> tuple[Bindings, int]:
        """Return the rule's group and its place in it. Raises NotBound."""
        place = place_of(self.engine, rule, sensor)
        if place is None:
            raise NotBound(f"rule {rule!r} did not watch {sensor!r}")
        kind = next(one.condition.kind for one in self.engine.rules if one.rule == rule)
        return self.engine.groups[kind], place

    def state(self, rule: str, sensor: str) -> Any:
        """Return the rule's state at the sensor, an element of its group's states. Raises NotBound."""
        group, place = self.binding(rule, sensor)
        return group.states[place]

    def severity(self, rule: str, sensor: str) -> int:
        """Return the severity of the rule's condition at the sensor, 0 where it is not active. Raises NotBound."""
        state = self.state(rule, sensor)
        return 0 if state["raised"] == NEVER else severity_of(state)


def replay_then(case: Case) -> Replay:
    """Evaluate a case as it was known at its time: in the order of arrival, by the rules in force on the way."""
    return replay(case, case.periods, known_then(case), case.settle_ms)


def replay_now(case: Case) -> Replay:
    """Evaluate a case as it is known now: the late readings in their places, by the rules in force at its time."""
    return replay(case, [case.period], known_now(case), 0)


def replay(
    case: Case,
    periods: Sequence[Period],
    batches: Iterable[ReadingBatch],
    settle_ms: int,
    begun: Engine | None = None,
) -> Replay:
    """Evaluate batches by engines bound as the periods say, the state carried over from each to the next.

    `begun` is an engine that is bound as the first period says, with the state from which to go on.
    """
    found = Replay(begun or engine_of(periods[0], settle_ms))
    if begun is None:
        _listened_to(case, found, found.engine)
    following = list(periods[1:])
    for batch in batches:
        while following and following[0].after < batch.sequence:
            engine = engine_of(following.pop(0), settle_ms)
            _note(case, found, carry_over(found.engine, engine))
            found.engine = _listened_to(case, found, engine)
        evaluated = found.engine.evaluate(batch)
        _note(case, found, evaluated.changes)
        _note(case, found, evaluated.unannounced)
    return found


def engine_of(period: Period, settle_ms: int) -> Engine:
    """Return a new engine bound as a period says."""
    return Engine(period.packs, period.registry, settle_ms=settle_ms, clock_gap_ms_max=_NEVER_ABSENT)


def _listened_to(case: Case, found: Replay, engine: Engine) -> Engine:
    place = place_of(engine, case.rule, case.sensor)

    def listen(group: Ladders, signals: NDArray[np.void], rows: Rows) -> None:
        if place is not None and group.bindings[place].rule.rule == case.rule:
            own = signals[signals["binding"] == place]
            times = rows.time[own["row"]].tolist()
            found.signals.extend(Signal(*one) for one in zip(times, own["value"].tolist(), strict=True))

    engine.listener = listen
    return engine


def _note(case: Case, found: Replay, changes: Iterable[ConditionChange]) -> None:
    found.changes += [change for change in changes if change.rule == case.rule and change.sensor == case.sensor]
