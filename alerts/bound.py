"""Rules bound to sensors, as the engine holds them: which rule holds where, in the arrays that the kernels walk."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from alerts.conditions import ladder
from alerts.conditions.ladder import LEVELS
from alerts.kinds import SignalKind
from alerts.rules import Override, Rule
from model.alarm import Priority


@dataclass(frozen=True, slots=True)
class Binding:
    """One rule at one sensor, with the override that counts there."""

    rule: Rule
    version: str
    sensor_key: int
    override: Override | None


@dataclass(frozen=True)
class Watch:
    """A rule with the override that counts at some of its sensors, and what its changes say of it."""

    rule: Rule
    version: str
    override: Override | None

    @cached_property
    def priorities(self) -> tuple[Priority, ...]:
        """The priority at each severity from 0."""
        return tuple(self.rule.priority_at(max(severity, 1), self.override) for severity in range(LEVELS + 1))


class Bound(Sequence[Binding]):
    """Bindings, one element each: `watch_of` (n,) of `watches`, at the sensors of registry keys `sensor` (n,).

    A Binding is made when it is asked for: most of a million never are.
    """

    def __init__(self, watches: Sequence[Watch], watch_of: NDArray[np.int32], sensor: NDArray[np.int64]) -> None:
        self.watches = watches
        self.watch_of = watch_of
        self.sensor = sensor

    def __len__(self) -> int:
        return len(self.sensor)

    @overload
    def __getitem__(self, place: int) -> Binding: ...
    @overload
    def __getitem__(self, place: slice) -> "Bound": ...
    def __getitem__(self, place: int | slice) -> "Binding | Bound":
        if isinstance(place, slice):
            return Bound(self.watches, self.watch_of[place], self.sensor[place])
        watch = self.watches[self.watch_of[place]]
        return Binding(watch.rule, watch.version, int(self.sensor[place]), watch.override)


@dataclass(frozen=True)
class Bindings:
    """The bindings of one kind, sorted by sensor: those of registry key k are `first[k]` to `first[k + 1]`."""

    bindings: Sequence[Binding]
    sensor: NDArray[np.int64]
    first: NDArray[np.int32]
    states: NDArray[Any]

    @cached_property
    def most(self) -> int:
        """The number of bindings of the sensor that has most."""
        return int(np.diff(self.first).max(initial=0))


@dataclass(frozen=True)
class Timed(Bindings):
    """Bindings that are judged by a clock: `deadline` (n,), milliseconds of silence or of a date."""

    bindings: Bound
    deadline: NDArray[np.int64]


@dataclass(frozen=True)
class Detector:
    """What makes signals of readings: parameters (shared, so `parameter_of`), states and memory of the kind."""

    kind: SignalKind
    parameter_of: NDArray[np.int32]
    parameters: NDArray[Any]
    states: NDArray[Any]
    memory: NDArray[np.float64]

    @cached_property
    def state_bytes(self) -> NDArray[np.uint8]:
        """The states as bytes (n, of one state), the same memory."""
        return self.states.view(np.uint8).reshape(len(self.states), self.states.itemsize)


@dataclass(frozen=True)
class Ladders(Bindings):
    """Bindings whose values are held against a ladder of limits.

    Many share their limits: `limit_of` (n,) is the row of `limits` that holds for each. `quiet` (n,) is 1 where a state
    is that of a new one: most readings are judged by limits and this byte alone, which keeps 100,000 sensors within the
    processor's cache. `waiting` lists, `waiting_count` long, the bindings whose on-delay may run (`is_listed`), so that
    the clock looks at no others; `announced` are those in operational cities.
    """

    bindings: Bound
    limit_of: NDArray[np.int32]
    limits: NDArray[Any]
    quiet: NDArray[np.uint8]
    announced: NDArray[np.bool_]
    waiting: NDArray[np.int64]
    waiting_count: NDArray[np.int64]
    is_listed: NDArray[np.uint8]
    detector: Detector | None

    @cached_property
    def walked(self) -> tuple[NDArray[Any], ...]:
        """What a kernel is given: who has which bindings, their limits, states and the list of waiting ones."""
        return (
            self.first, self.limit_of, self.limits, self.states, self.quiet,
            self.waiting, self.waiting_count, self.is_listed,
        )  # fmt: skip

    @cached_property
    def limits_told(self) -> list[list[float | None]]:
        """The limits as journals tell them, by row and level; None where a level has none."""
        return [[plain(limit) if isfinite(limit) else None for limit in row] for row in self.limits["limit"].tolist()]

    def find_waiting(self) -> None:
        """Find from the states which are quiet and which wait."""
        self.quiet[:] = ladder.quiet_states(self.states)
        waiting = np.flatnonzero(ladder.waiting_states(self.states))
        self.waiting[: len(waiting)] = waiting
        self.waiting_count[0] = len(waiting)
        self.is_listed[:] = 0
        self.is_listed[waiting] = 1


def plain(value: float) -> float:
    """Return the value without what a conversion left in its last digits."""
    return float(f"{value:.12g}")
