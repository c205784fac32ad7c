"""A case evaluated once more by the engine itself."""

from collections.abc import Iterable
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

_NEVER_ABSENT = np.iinfo(np.int64).max
"""Of clock_gap_ms_max: a case says itself where nobody listened."""


class Signal(NamedTuple):
    """What a kind made of a reading of this time (epoch milliseconds): the value that its limits are for."""

    time: int
    value: float


class Replay:
    """An engine that evaluates a case, bound as the periods say; its state is carried over from each to the next.

    `changes` are those of the asked rule at the asked sensor on the way, `signal` is the newest, of a kind that makes
    some. `following` are the periods that it has not come to yet.
    """

    def __init__(self, case: Case, engine: Engine, following: Iterable[Period], settle_ms: int) -> None:
        self.case = case
        self.following = list(following)
        self.settle_ms = settle_ms
        self.changes: list[ConditionChange] = []
        self.signal: Signal | None = None
        self.engine = self._listened_to(engine)

    def bind(self, sequence: int) -> None:
        """Bind the engine as it was for the batch of a sequence."""
        while self.following and self.following[0].after < sequence:
            engine = engine_of(self.following.pop(0), self.settle_ms)
            self._note(carry_over(self.engine, engine))
            self.engine = self._listened_to(engine)

    def evaluate(self, batch: ReadingBatch) -> None:
        """Evaluate a batch."""
        self.bind(batch.sequence)
        evaluated = self.engine.evaluate(batch)
        self._note(evaluated.changes)
        self._note(evaluated.unannounced)

    @property
    def binding(self) -> tuple[Bindings, int]:
        """The asked rule's group and its place in it. Raises NotBound."""
        return binding_of(self.engine, self.case.rule, self.case.sensor)

    @property
    def severity(self) -> int:
        """The severity of the asked condition, 0 where it is not active. Raises NotBound."""
        return severity_at(self.engine, self.case.rule, self.case.sensor)

    def _listened_to(self, engine: Engine) -> Engine:
        place = place_of(engine, self.case.rule, self.case.sensor)

        def listen(group: Ladders, signals: NDArray[np.void], rows: Rows) -> None:
            if place is not None and group.bindings[place].rule.rule == self.case.rule:
                own = signals[signals["binding"] == place]
                if len(own):
                    self.signal = Signal(int(rows.time[own["row"][-1]]), float(own["value"][-1]))

        engine.listener = listen
        return engine

    def _note(self, changes: Iterable[ConditionChange]) -> None:
        rule, sensor = self.case.rule, self.case.sensor
        self.changes += [change for change in changes if change.rule == rule and change.sensor == sensor]


def replay_then(case: Case) -> Replay:
    """Evaluate a case as it was known at its time: in the order of arrival, by the rules in force on the way."""
    return _replayed(started(case, case.periods, case.settle_ms), known_then(case))


def replay_now(case: Case, known: Iterable[ReadingBatch] | None = None) -> Replay:
    """Evaluate a case as it is known now: the late readings in their places, by the rules in force at its time.

    `known` is what known_now returns, where it is there already.
    """
    return _replayed(started(case, [case.period], 0), known or known_now(case))


def started(case: Case, periods: Iterable[Period], settle_ms: int) -> Replay:
    """Return an evaluation of a case that has not come to its first batch yet."""
    first, *following = periods
    return Replay(case, engine_of(first, settle_ms), following, settle_ms)


def _replayed(replay: Replay, batches: Iterable[ReadingBatch]) -> Replay:
    for batch in batches:
        replay.evaluate(batch)
    return replay


def engine_of(period: Period, settle_ms: int) -> Engine:
    """Return a new engine bound as a period says."""
    return Engine(period.packs, period.registry, settle_ms=settle_ms, clock_gap_ms_max=_NEVER_ABSENT)


def binding_of(engine: Engine, rule: str, sensor: str) -> tuple[Bindings, int]:
    """Return the group of a rule and the place of its binding at a sensor, or gateway, in it. Raises NotBound."""
    place = place_of(engine, rule, sensor)
    if place is None:
        raise NotBound(f"rule {rule!r} did not watch {sensor!r}")
    kind = next(one.condition.kind for one in engine.rules if one.rule == rule)
    return engine.groups[kind], place


def severity_at(engine: Engine, rule: str, sensor: str) -> int:
    """Return the severity of a rule's condition at a sensor, or gateway, 0 where it is not active. Raises NotBound."""
    group, place = binding_of(engine, rule, sensor)
    state: Any = group.states[place]
    return 0 if state["raised"] == NEVER else severity_of(state)
