"""What the engine makes of a reading before any rule sees it: is it new, is it good, at what value is it evaluated."""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from alerts.conditions.ladder import NEVER
from alerts.conditions.prefetch import AHEAD, fetch
from model.reading import HELD_BACK, NEVER_CLEARS, Quality

# Aligned, so that a sensor's state lies within one line of the processor's cache.
SENSOR_STATE = np.dtype([("last_time", "i8"), ("last_epoch", "i4"), ("last_good", "?")], align=True)

_HELD_BACK = int(HELD_BACK)
_NEVER_CLEARS = int(NEVER_CLEARS)
_SATURATED = int(Quality.SATURATED)


def new_sensor_state(sensors: int) -> NDArray[Any]:
    """Return the state of `sensors` sensors that nothing was heard of."""
    state = np.zeros(sensors, SENSOR_STATE)
    state["last_time"] = NEVER
    return state


class Rows(NamedTuple):
    """Readings as they came, and what `admit` made of them: arrays of shape (n,), one element a reading."""

    sensor: NDArray[np.int32]
    time: NDArray[np.int64]
    arrived: NDArray[np.int64]
    quality: NDArray[np.uint16]
    fresh: NDArray[np.bool_]
    good: NDArray[np.bool_]
    clean: NDArray[np.bool_]
    saturated: NDArray[np.bool_]
    renewed: NDArray[np.bool_]
    value: NDArray[np.float64]
    held_from: NDArray[np.int64]

    def part(self, part: slice) -> "Rows":
        """Return a part of the readings."""
        return Rows._make(column[part] for column in self)


@numba.njit(cache=True)
def all_known(sensor, known):
    """Tell whether all registry keys are in the registry."""
    for key in sensor:  # noqa: SIM110 (no generators in compiled code)
        if key >= len(known) or not known[key]:
            return False
    return True


@numba.njit(cache=True)
def admit(sensor, time, value, quality, epoch, states, low, high):
    """Tell, row by row, what is new and good, at what value to evaluate, and how the reading before was held.

    Arrays of readings have shape (n,) as in ReadingBatch, `epoch` int32 as of Registry.epoch_of; `states` of
    SENSOR_STATE, `low` and `high` (valid range) are indexed by registry key. Returns seven
    arrays (n,): `fresh` (newer than all before), `good` (fresh and not held back), `clean` (good, and fit to clear an
    alarm), `saturated`, `renewed` (of another epoch than the sensor's reading before), `evaluated` (clamped to the
    range where saturated) and `held_from`, the time of the sensor's reading before where that is held, else NEVER. Full
    scale is never held back, also where the device calls it bad: doubt does not lower danger. Changes `states`.
    """
    rows = len(sensor)
    fresh = np.zeros(rows, np.bool_)
    good = np.zeros(rows, np.bool_)
    clean = np.zeros(rows, np.bool_)
    saturated = np.zeros(rows, np.bool_)
    renewed = np.zeros(rows, np.bool_)
    evaluated = value.copy()
    held_from = np.full(rows, NEVER)
    for row in range(min(AHEAD, rows)):
        fetch(states, sensor[row])
    for row in range(rows):
        if row + AHEAD < rows:
            fetch(states, sensor[row + AHEAD])
        key = sensor[row]
        state = states[key]
        if time[row] <= state.last_time:
            continue
        fresh[row] = True
        if state.last_good:
            held_from[row] = state.last_time
        state.last_time = time[row]
        saturated[row] = (quality[row] & _SATURATED) != 0
        good[row] = saturated[row] or (quality[row] & _HELD_BACK) == 0
        clean[row] = good[row] and (quality[row] & _NEVER_CLEARS) == 0
        state.last_good = clean[row] or saturated[row]  # what is in doubt is judged when it comes, not held
        if clean[row]:
            renewed[row] = epoch[row] != state.last_epoch
            state.last_epoch = epoch[row]
        if saturated[row]:
            evaluated[row] = min(max(value[row], low[key]), high[key])
    return fresh, good, clean, saturated, renewed, evaluated, held_from
