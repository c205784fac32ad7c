"""What combinations look at: a term, the sensors that it counts by group, and the groups that a sensor concerns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.conditions.combination import Combination, Term
from alerts.places import Neighbourhood, area_of
from alerts.rules import Rule
from model.registry import Registry
from model.severity import LABELS

NOBODY = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Look:
    """A term at the groups of its rule: the sensors it counts, by group, and the groups that a sensor concerns.

    `counts`, by group, is how many of its sensors have reached the level.
    """

    term: Term
    level: int
    members: Mapping[int, NDArray[np.int64]]
    groups: Mapping[int, NDArray[np.int64]]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Restless:
    """The groups of a rule that each reading may move: pairs (n,) of a sensor's key and a group it belongs to.

    `needed` has for each level the terms without which it cannot hold.
    """

    keys: NDArray[np.int64]
    groups: NDArray[np.int64]
    needed: list[list[Look]]


def look_of(
    registry: Registry, term: Term, condition: Combination, looked_at: Rule, anchors: Mapping[int, int]
) -> Look:
    """Return a term of a condition at its groups, given by their places and the registry keys of their anchors."""
    sensors = registry.sensors
    candidates = [(key, sensor) for key, sensor in sensors.items() if looked_at.select.agrees(sensor)]
    members: dict[int, NDArray[np.int64]] = {}
    groups: dict[int, NDArray[np.int64]] = {}
    if term.within_m is not None:
        neighbourhood = Neighbourhood(candidates, term.within_m)
        mode = registry.mode_of
        concerning: dict[int, list[int]] = {}
        for group, anchor in anchors.items():
            # What is exercised in a place is no neighbour of what stands there.
            own = mode(sensors[anchor])
            near = [key for key in neighbourhood.of(sensors[anchor]) if mode(sensors[key]) == own]
            members[group] = np.array(near, np.int64)
            for key in near:
                concerning.setdefault(key, []).append(group)
        groups = {key: np.array(found, np.int64) for key, found in concerning.items()}
    else:
        area = area_of(condition.per if term.around == "group" else term.around)
        keys: dict[str, list[int]] = {}
        for key, sensor in candidates:
            keys.setdefault(area(sensor) or "", []).append(key)
        arrays = {name: np.array(found, np.int64) for name, found in keys.items() if name}
        concerned: dict[str, list[int]] = {}
        for group, anchor in anchors.items():
            name = area(sensors[anchor]) or ""
            members[group] = arrays.get(name, NOBODY)
            concerned.setdefault(name, []).append(group)
        there = {name: np.array(found, np.int64) for name, found in concerned.items()}
        groups = {key: there.get(name, NOBODY) for name, found in keys.items() if name for key in found}
    counts = np.zeros(max(anchors, default=-1) + 1, np.int64)
    return Look(term, LABELS.index(term.at_least) + 1, members, groups, counts)


def may_hold(
    severity: NDArray[np.int8], groups: NDArray[np.int64], needed: Sequence[Sequence[Look]]
) -> NDArray[np.bool_]:
    """Whether groups of one rule hold already, or count enough sensors for a level, shape of `groups`."""
    may = severity[groups] != 0
    for terms in needed:
        enough = [look.counts[groups] >= look.term.sensors for look in terms]
        may |= np.logical_and.reduce(enough) if enough else True
    return np.asarray(may, np.bool_)
