"""The course of each sensor: steps faster than possible, units mixed up, values that stand still, clocks behind.

What is judged depends on the sensor's own readings in order of arrival alone, not on how they were cut into batches.
Judging changes nothing: the state moves with `commit`, after the store has taken the batch, so that a batch can be
judged again after a failure. After a restart the state is a checkpoint and the log after it (ingest.course_recovery).
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.course_walk import LIMITS, NEVER, STATE, take_over, walk
from ingest.settings import IngestLimits
from model.reading import Quality
from model.registry import DANGER_CODES, Registry
from model.sensor import Sensor
from model.vocabulary import PROPERTIES
from store.batches import IncomingReadings

log = logging.getLogger(__name__)

BEHIND_S_MIN = 120.0  # less is the way of a message through gateways and networks
_JUMP_CODES = {"none": 0, "thousands": 1, "decades": 2}
_NEVER_MS = np.iinfo(np.int64).max
# A gas head or an oxygen cell far beyond its range may yet have seen gas; a gauge that says 2 km of water has not.
_JUMP_HELD = frozenset({"water_depth", "manhole_level"})


@dataclass(frozen=True, slots=True)
class Judged:
    """The bits found, uint16 (n,), and the states after the batch of the sensors (registry keys) in it."""

    bits: NDArray[np.uint16]
    keys: NDArray[np.int32]
    drafts: NDArray[Any]


class Course:
    """The states of all sensors, and what they are judged by. One writer; batches one after the other."""

    def __init__(self, registry: Registry, limits: IngestLimits) -> None:
        self._delayed_ms = round(limits.delayed_s_min * 1000)
        self._behind_ms = round(BEHIND_S_MIN * 1000)
        self._registry = Registry(0, {}, {})
        self._limits = np.zeros(0, LIMITS)
        self._states = _new_states(0)
        self._slot = np.zeros(0, np.int32)
        self.bind(registry)

    def bind(self, registry: Registry) -> None:
        """Take over a registry; the state of a sensor that observes something else now is forgotten."""
        if registry is self._registry:
            return
        states = _new_states(len(registry.known))
        kept = min(len(states), len(self._states))
        states[:kept] = self._states[:kept]
        changed = [key for key in range(kept) if _subject(registry, key) != _subject(self._registry, key)]
        states[changed] = _new_states(len(changed))
        self._registry, self._states = registry, states
        self._limits = course_limits(registry)
        self._slot = np.full(len(states), -1, np.int32)

    def judge(self, registry: Registry, readings: IncomingReadings, arrived: NDArray[np.int64] | int) -> Judged:
        """Return the further quality bits of checked readings in order of arrival; `commit` moves the state.

        `arrived` is the arrival clock in epoch milliseconds, one for all or one a row.
        """
        self.bind(registry)
        rows = len(readings)
        touched = np.empty(min(rows, len(self._slot)), np.int32)
        drafts = np.empty(len(touched), STATE)
        bits, count = walk(
            readings.sensor, readings.time, readings.value, readings.quality,
            np.ascontiguousarray(np.broadcast_to(np.asarray(arrived, np.int64), rows)),
            registry.epoch_of(readings.sensor, readings.time),
            self._limits, self._states, self._slot, touched, drafts, self._behind_ms, self._delayed_ms,
        )  # fmt: skip
        return Judged(bits, touched[:count], drafts[:count])

    def commit(self, judged: Judged) -> None:
        """Take over the states after a batch that was stored."""
        take_over(self._states, judged.keys, judged.drafts)

    def dump(self) -> bytes:
        """Return the states of all sensors as bytes, for `load` by the same version."""
        content: bytes = self._states.tobytes()
        return content

    def load(self, content: bytes) -> None:
        """Take over what `dump` returned. Raises ValueError where it is not of this version."""
        found = np.frombuffer(content, STATE)
        kept = min(len(found), len(self._states))
        self._states[:kept] = found[:kept]


def _new_states(sensors: int) -> NDArray[Any]:
    """Return the states of sensors of which nothing was heard."""
    states = np.zeros(sensors, STATE)
    for name in ("last_time", "level_time", "candidate_time", "constant_since", "arrival", "behind_since"):
        states[name] = NEVER
    return states


def with_bits(quality: NDArray[np.uint16], bits: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the quality with the bits of `judge`, shape (n,).

    A unit jump is recognised before full scale (I5): where it is held back, the value is no measurement at all.
    """
    joined = quality | bits
    joined[(bits & np.uint16(Quality.UNIT_JUMP)) != 0] &= ~np.uint16(Quality.SATURATED)
    return joined


def layout() -> str:
    """Return what names the form of the states: a checkpoint of another form is not read."""
    return str(STATE.descr)


def course_limits(registry: Registry) -> NDArray[Any]:
    """Return what the sensors are judged by, record array of ingest.course_walk.LIMITS by registry key."""
    limits = np.zeros(len(registry.known), LIMITS)
    limits["rate_max"] = np.inf
    limits["constant_ms_max"] = _NEVER_MS
    for key, sensor in registry.sensors.items():
        limits[key] = sensor_limits(sensor)
    return limits


def sensor_limits(sensor: Sensor) -> tuple[float, float, int, float, int, int, bool]:
    """Return one element of LIMITS: the property's, or the sensor's own where an attribute gives it.

    Attributes: `rate_max` (per second) and `resolution` in the sensor's unit, `constant_s_max` in seconds, 0 for never.
    """
    observed = PROPERTIES[sensor.property]
    scale = abs(sensor.conversion[0])
    rate = _positive(sensor.attributes, "rate_max", sensor.sensor)
    resolution = _positive(sensor.attributes, "resolution", sensor.sensor) or 0.0
    constant_s = _positive(sensor.attributes, "constant_s_max", sensor.sensor)
    if constant_s is None:
        constant_s = math.inf if sensor.reporting == "by_exception" else observed.constant_s_max
    return (
        scale * rate if rate else observed.rate_max,
        scale * resolution,
        round(constant_s * 1000) if 0 < constant_s < 1e12 else _NEVER_MS,
        observed.rest,
        _JUMP_CODES[observed.unit_jumps],
        DANGER_CODES[observed.danger],
        sensor.property in _JUMP_HELD,
    )


def _positive(attributes: Mapping[str, str], name: str, sensor: str) -> float | None:
    """Return an attribute as a number from 0; None where it is not given or is none."""
    text = attributes.get(name, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        log.warning("sensor %s: attribute %s %r is no number from 0; the property's own holds", sensor, name, text[:40])
        return None
    return number


def _subject(registry: Registry, key: int) -> tuple[str, str] | None:
    sensor = registry.sensors.get(key)
    return None if sensor is None else (sensor.sensor, sensor.property)
