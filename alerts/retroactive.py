"""Honest lateness (invariant I4): what a reading that came late would have raised, had it come in time.

The passage is evaluated twice over the sensor's readings in time order: as it is known now, and as it was known without
the late readings. What of an occurrence of the first lies above all that the second has at the same time is
retroactive: it was missed only because the reading came late. Comparing the two shows the effect of the late
readings and of nothing else, however little of the past the passage holds.

What was known then stays in the journal. A retroactive occurrence is journalled as it would have been, raised and
returned, known when the late reading arrived, and stands unacknowledged until somebody has seen it. Readings that
arrive at one instant are late together.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.engine import Engine
from alerts.rules import Pack
from alerts.words import Ladder
from model.alarm import ConditionChange
from model.reading import ReadingBatch
from model.registry import Registry

LOOK_BACK_MS = 86_400_000
"""How far before the oldest late reading the passage begins."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A sensor's readings in time order, each time once: arrays of shape (n,), and which of them came late just now."""

    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint16]
    late: NDArray[np.bool_]


def retroactive_changes(engine: Engine, sensor_key: int, passage: Passage, known_at: int) -> list[ConditionChange]:
    """Return the changes of the occurrences at a sensor that its late readings would have raised.

    `known_at` (epoch milliseconds) is when the late readings arrived. The engine's state is neither used nor changed:
    its rules and its registry are.
    """
    if not passage.late.any():
        return []
    packs, registry = _alone(engine, sensor_key)
    if not packs:
        return []
    now = _occurrences(packs, registry, passage, np.ones(len(passage.time), np.bool_))
    then = _occurrences(packs, registry, passage, ~passage.late)
    newest = int(passage.time[-1])
    found = []
    for occurrence in now:
        known = max((_peak(other) for other in then if _stood_with(other, occurrence)), default=0)
        found += [
            msgspec.structs.replace(change, sensor_key=sensor_key, known_at=known_at, retroactive=True)
            for change in _above(occurrence, known, newest)
        ]
    return found


def passage_of(
    time: NDArray[np.int64], value: NDArray[np.float64], quality: NDArray[np.uint16], late: NDArray[np.bool_]
) -> Passage:
    """Return a passage of readings in order of arrival: sorted by time, the first of each time."""
    _, first = np.unique(time, return_index=True)
    return Passage(time[first], value[first], quality[first], late[first])


def _alone(engine: Engine, sensor_key: int) -> tuple[list[Pack], Registry]:
    """The rules that look at the sensor's readings alone, and a registry of that sensor, with key 0."""
    sensor = engine.registry.sensors[sensor_key]
    packs = []
    for pack in engine.packs:
        rules = [
            rule
            for rule in pack.rules
            if isinstance(rule.condition, Ladder)
            and rule.condition.kind != "expression"
            and rule.annunciated
            and rule.select.agrees(sensor)
        ]
        if rules:
            packs.append(pack.model_copy(update={"rules": rules}))
    events = engine.registry.events.get(sensor_key)
    cities = {sensor.city: engine.registry.cities[sensor.city]}
    return packs, Registry(engine.registry.version, {0: sensor}, cities, {0: events} if events else {})


Occurrence = list[ConditionChange]  # of one binding, from its raise on


def _occurrences(
    packs: Iterable[Pack], registry: Registry, passage: Passage, kept: NDArray[np.bool_]
) -> list[Occurrence]:
    engine = Engine(packs, registry)
    time = passage.time[kept]
    if not len(time):
        return []
    batch = ReadingBatch(
        1, int(time[-1]), np.zeros(len(time), np.int32), time, passage.value[kept], passage.quality[kept], time
    )
    found: dict[str, Occurrence] = {}
    for change in engine.evaluate(batch).changes:
        found.setdefault(change.alarm, []).append(change)
    return list(found.values())


def _peak(occurrence: Occurrence) -> int:
    return max(change.severity for change in occurrence)


def _stood_with(known: Occurrence, occurrence: Occurrence) -> bool:
    """Tell whether an occurrence of the same rule stood at some of the same time."""
    return (
        known[0].rule == occurrence[0].rule
        and known[0].raised <= _end(occurrence)
        and occurrence[0].raised <= _end(known)
    )


def _end(occurrence: Occurrence) -> float:
    return occurrence[-1].time if occurrence[-1].severity == 0 else float("inf")


def _above(occurrence: Occurrence, known: int, newest: int) -> Occurrence:
    """Return what of an occurrence lies above the severity that was known, as an occurrence of its own, with an end.

    Where it has none, it ends at the newest reading, from which on the engine watches.
    """
    found: Occurrence = []
    severity, raised = 0, 0
    for change in occurrence:
        following = change.severity if change.severity > known else 0
        if following != severity:
            raised = change.time if severity == 0 else raised
            found.append(msgspec.structs.replace(change, raised=raised, severity_from=severity, severity=following))
            severity = following
    if severity:
        end = max(newest, found[-1].time)
        found.append(
            msgspec.structs.replace(
                found[-1],
                time=end,
                severity_from=severity,
                severity=0,
                cause="reading",
                reason="passage_ends",
                expected_from=None,
                expected_to=None,
            )
        )
    return found
