"""Gateways: the sensors that speak through each, by their attribute `gateway`, and the rules that watch them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from alerts.binding import Selection
from alerts.bound import Bound, Timed, Watch
from alerts.conditions import gateway_silent, stale
from alerts.conditions.gateway_silent import MEMBER, UNLIMITED, GatewaySilent
from alerts.conditions.ladder import NEVER
from model.registry import Registry
from model.sensor import Sensor

ATTRIBUTE = "gateway"
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # what may stand in the id of an occurrence
SENSORS_MIN = 2
"""Of those with a silence limit: one alone cannot be told from its gateway."""


class Speaker(Protocol):
    """A sensor, as far as its gateway is concerned."""

    @property
    def city(self) -> str:
        """The city's id."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """In which the gateway is named."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway by the name that its alarms bear, and the registry keys of the sensors that speak through it."""

    name: str
    keys: list[int]


@dataclass(frozen=True)
class Gateways(Timed):
    """The bindings of rules about gateways, each at its gateway's first sensor by registry key.

    `deadline` (n,) is for how long something is awaited. Gateway g has the bindings `first[g]` to `first[g + 1]` and
    the members `member_first[g]` to `member_first[g + 1]` of `members`. By registry key: `gateway_of`, -1 for none,
    and `heard`, the last arrival, which is state.
    """

    names: list[str]
    gateway_of: NDArray[np.int32]
    members: NDArray[np.void]
    member_first: NDArray[np.int64]
    heard: NDArray[np.int64]

    def hear(self, sensor: NDArray[np.int32], arrived: NDArray[np.int64], fresh: NDArray[np.bool_]) -> NDArray[np.void]:
        """Take readings in order of arrival, arrays of shape (n,); return events of stale.EVENT."""
        events = np.empty(len(sensor) * self.most * 2, stale.EVENT)
        count = gateway_silent.walk(sensor, arrived, fresh, self.gateway_of, events, *self._walked)
        return events[:count]

    def judge(self, clock: int) -> tuple[NDArray[np.void], int]:
        """Judge all at an arrival clock; return events of stale.EVENT, and until when there is nothing to judge."""
        events = np.empty(len(self.bindings), stale.EVENT)
        count, following = gateway_silent.tick(clock, events, *self._walked)
        return events[:count], following

    @cached_property
    def _walked(self) -> tuple[NDArray[Any], ...]:
        return self.first, self.members, self.member_first, self.deadline, self.heard, self.states

    def begin(self, clock: int) -> None:
        """Count the silence of those that nothing was heard of yet from `clock`."""
        never = self.states["last_arrival"] == NEVER
        self.states["last_arrival"][never] = clock
        sensors = self.members["sensor"]
        self.heard[sensors[self.heard[sensors] == NEVER]] = clock

    def excuse(self, gap: int) -> None:
        """Take `gap` milliseconds in which nobody listened for no silence."""
        for times in (self.heard, *(self.states[name] for name in ("last_arrival", "since", "back"))):
            times[times != NEVER] += gap


def gateways_of(registry: Registry) -> tuple[list[Gateway], list[str]]:
    """Return the gateways that sensors name, and the names that none can bear.

    A gateway is of a city: where several cities have one of the same name, theirs are told apart by the city's.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for key, sensor in registry.sensors.items():
        if sensor.attributes.get(ATTRIBUTE):
            found.setdefault((sensor.attributes[ATTRIBUTE], sensor.city), []).append(key)
    shared = _shared(found) | registry.shared_gateways
    gateways, unfit = [], []
    for (given, city), keys in sorted(found.items()):
        name = f"{city}.{given}" if given in shared else given
        if NAME.fullmatch(name):
            gateways.append(Gateway(name, sorted(keys)))
        else:
            unfit.append(name)
    return gateways, unfit


def shared_gateways(
    part: Iterable[Speaker], whole: Iterable[Speaker], known: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Return which names of the part's gateways are borne by gateways of several cities in the whole, or `known` to be.

    A registry of the part alone is told them (Registry.shared_gateways), so that its gateways keep their names.
    """
    given = {sensor.attributes.get(ATTRIBUTE, "") for sensor in part} - {""}
    if not given:
        return frozenset()
    return (_shared({(sensor.attributes.get(ATTRIBUTE, ""), sensor.city) for sensor in whole}) | known) & given


def _shared(named: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the names that stand there with several cities."""
    counted = Counter(name for name, _ in named)
    return frozenset(name for name, cities in counted.items() if cities > 1)


def bind_gateways(selection: Selection, unbound: list[tuple[str, str]]) -> Gateways:
    """Return the bindings of all rules about gateways; notes in `unbound` (rule, gateway) where a name is none.

    A rule watches a gateway where it selects two of its sensors at least; it is judged by all of them.
    """
    registry = selection.registry
    watch_of_key: dict[str, dict[int, Watch]] = {}  # by rule
    for watch, alike in selection.of(GatewaySilent):
        watch_of_key.setdefault(watch.rule.rule, {}).update(dict.fromkeys(alike.keys.tolist(), watch))
    gateways, unfit = gateways_of(registry) if watch_of_key else ([], [])
    unbound += [(rule, f"gateway {name!r}") for rule in watch_of_key for name in unfit]
    gateway_of = np.full(len(registry.known), -1, np.int32)
    names: list[str] = []
    watches: list[Watch] = []
    anchors: list[int] = []
    awaited: list[int] = []
    first = [0]
    members: list[tuple[int, int, int, int]] = []
    member_first = [0]
    for gateway in gateways:
        its = [(key, *_times(registry.sensors[key])) for key in gateway.keys]
        limited = {key for key, _, _, limit in its if limit < UNLIMITED}
        for by_key in watch_of_key.values():
            selected = [key for key in gateway.keys if key in by_key]
            if len(limited.intersection(selected)) >= SENSORS_MIN:
                names.append(gateway.name)
                watches.append(by_key[selected[0]])
                anchors.append(gateway.keys[0])
                awaited.append(min(member[1] for member in its))
        if len(names) > first[-1]:
            gateway_of[gateway.keys] = len(first) - 1
            first.append(len(names))
            members += its
            member_first.append(len(members))
    different, watch_of = _numbered(watches)
    sensor = np.array(anchors, np.int64)
    return Gateways(
        Bound(different, watch_of, sensor),
        sensor,
        np.array(first, np.int32),
        gateway_silent.new_state(len(names)),
        np.array(awaited, np.int64),
        names,
        gateway_of,
        np.array(members, MEMBER),
        np.array(member_first, np.int64),
        np.full(len(registry.known), NEVER, np.int64),
    )


def _times(sensor: Sensor) -> tuple[int, int, int]:
    """For how long the sensor is awaited, when it is late, and its silence limit, in milliseconds."""
    limit = sensor.silence_ms
    if limit is None:
        return UNLIMITED, UNLIMITED, UNLIMITED
    return (limit, limit, limit) if sensor.reporting == "by_exception" else (limit * 2 // 3, limit * 2 // 5, limit)


def _numbered(watches: Iterable[Watch]) -> tuple[list[Watch], NDArray[np.int32]]:
    """Return the different watches, and which of them each is."""
    places: dict[int, tuple[int, Watch]] = {}
    numbers = [places.setdefault(id(watch), (len(places), watch))[0] for watch in watches]
    return [watch for _, watch in places.values()], np.array(numbers, np.int32)
