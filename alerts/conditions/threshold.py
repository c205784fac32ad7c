"""Threshold: four levels with deadband, on-delay, off-delay and persistence, on readings held until the next one.

Definition, for each level k of a binding (one rule at one sensor), all in the sensor's own time:
- the level is reached by a good reading at or beyond limit k (by at least `needed` of the last `of` good readings);
- it becomes active at the first good reading that finds it reached for `on_delay`, or at the deadline itself where
  the reading before was held past it (zero-order hold, never beyond the sensor's staleness limit);
- it is left by a clean reading (good, and neither uncertain nor at full scale) inside limit and deadband, and becomes
  inactive at the first clean reading that finds it left for `off_delay`. Silence, bad and doubtful readings neither
  complete nor restart either delay, and never clear.
- "At" a limit is within a billionth of it, so that the rounding of a conversion hides no alarm.
The severity is the highest active level. Terms after ISA-18.2 / IEC 62682 and IEC 60050-351 (on-delay, off-delay,
deadband); zero-order hold as in any sampled system.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

LEVELS = 4
NEVER = np.iinfo(np.int64).min

# Columns of an event: which binding, which row caused it, when, from and to which severity, begin of the occurrence,
# whether a deadline (a held value) caused it, whether full scale did.
EVENT = np.dtype(
    [
        ("binding", "i8"),
        ("row", "i8"),
        ("time", "i8"),
        ("severity_from", "i1"),
        ("severity", "i1"),
        ("raised", "i8"),
        ("deadline", "?"),
        ("full_scale", "?"),
        ("value", "f8"),
    ]
)

BINDING = np.dtype(
    [
        ("sign", "f8"),  # 1 above, -1 below: everything is compared as sign * value >= reach
        ("limit", "f8", (LEVELS,)),  # in the property's unit; infinite where the level has none
        ("reach", "f8", (LEVELS,)),  # sign * limit, less a tolerance
        ("clear", "f8", (LEVELS,)),  # sign * limit - deadband, less a tolerance
        ("lowest", "f8"),  # the smallest element of reach
        ("on_delay", "i8"),  # milliseconds
        ("off_delay", "i8"),
        ("needed", "i8"),
        ("of_mask", "i8"),  # the low `of` bits set
        ("full_scale", "i1"),  # the level reached by a saturated reading, 0 for none
    ]
)

STATE = np.dtype(
    [
        ("active", "u1", (LEVELS,)),  # 0 or 1
        ("on_since", "i8", (LEVELS,)),
        ("off_since", "i8", (LEVELS,)),
        ("reached", "i8", (LEVELS,)),  # the last readings as bits, newest lowest: reached or not
        ("severity", "i1"),
        ("raised", "i8"),  # begin of the occurrence, NEVER where there is none
    ]
)


def new_state(bindings: int) -> NDArray[Any]:
    """Return the state of `bindings` bindings that have seen nothing."""
    state = np.zeros(bindings, STATE)
    for name in ("on_since", "off_since", "raised"):
        state[name] = NEVER
    return state


def quiet_states(states: NDArray[Any]) -> NDArray[np.uint8]:
    """Tell which states are as new: no level active, reached or waited for, so that a low reading changes nothing."""
    busy = (states["active"] != 0) | (states["reached"] != 0) | (states["on_since"] != NEVER)
    quiet: NDArray[np.uint8] = (~busy.any(axis=1)).astype(np.uint8)
    return quiet


@numba.njit(cache=True)
def _is_quiet(state):
    for level in range(LEVELS):
        if state.active[level] or state.reached[level] or state.on_since[level] != NEVER:
            return 0
    return 1


@numba.njit(cache=True)
def _severity(active):
    for level in range(LEVELS, 0, -1):
        if active[level - 1]:
            return level
    return 0


@numba.njit(cache=True)
def _emit(events, count, binding, row, time, state, deadline, full_scale, value):
    """Note a change of severity, if there is one, and return the number of events."""
    severity = _severity(state.active)
    if severity == state.severity:
        return count
    if state.severity == 0:
        state.raised = time
    event = events[count]
    event.binding = binding
    event.row = row
    event.time = time
    event.severity_from = state.severity
    event.severity = severity
    event.raised = state.raised
    event.deadline = deadline
    event.full_scale = full_scale
    event.value = value
    state.severity = severity
    if severity == 0:
        state.raised = NEVER
    return count + 1


@numba.njit(cache=True)
def _complete_deadlines(events, count, binding, row, parameter, state, before, held_until, held_value):
    """Activate levels whose on-delay a held value completed before time `before`, in order of their deadlines."""
    for _ in range(LEVELS):
        earliest = before
        for level in range(LEVELS):
            if not state.active[level] and state.on_since[level] != NEVER:
                deadline = state.on_since[level] + parameter.on_delay
                if deadline <= held_until and deadline < earliest:
                    earliest = deadline
        if earliest == before:
            break
        for level in range(LEVELS):
            pending = not state.active[level] and state.on_since[level] != NEVER
            if pending and state.on_since[level] + parameter.on_delay == earliest:
                state.active[level] = 1
                state.off_since[level] = NEVER
        count = _emit(events, count, binding, row, earliest, state, True, False, held_value)
    return count


@numba.njit(cache=True)
def _judge_reading(parameter, state, time, value, clean, saturated):
    """Move the levels of one binding by one good reading."""
    signed = parameter.sign * value
    for level in range(LEVELS):
        beyond = signed >= parameter.reach[level] or (saturated and level < parameter.full_scale)
        if not beyond and not clean:
            continue
        state.reached[level] = ((state.reached[level] << 1) | (1 if beyond else 0)) & parameter.of_mask
        if beyond:
            state.off_since[level] = NEVER
            if not state.active[level]:
                bits = state.reached[level]
                times_reached = 0
                while bits:
                    times_reached += bits & 1
                    bits >>= 1
                # Full scale waits for nothing: what it hides may be worse than any limit.
                if times_reached >= parameter.needed or saturated:
                    if state.on_since[level] == NEVER:
                        state.on_since[level] = time
                    if time - state.on_since[level] >= parameter.on_delay or saturated:
                        state.active[level] = 1
        elif state.active[level]:
            if signed < parameter.clear[level]:
                if state.off_since[level] == NEVER:
                    state.off_since[level] = time
                if time - state.off_since[level] >= parameter.off_delay:
                    state.active[level] = 0
                    state.on_since[level] = NEVER
                    state.off_since[level] = NEVER
            else:
                state.off_since[level] = NEVER
        else:
            state.on_since[level] = NEVER


@numba.njit(cache=True)
def walk(
    sensor,
    time,
    value,
    fresh,
    good,
    clean,
    saturated,
    held_until,
    held_value,
    first,
    parameter,
    parameters,
    states,
    quiet,
    events,
):
    """Walk readings in order of arrival through the bindings of their sensors; return the number of events.

    `sensor`, `time`, `value` and the flags have shape (n,); `held_until` and `held_value` tell how long and at what
    value the sensor's reading before was held. Sensor k has the bindings `first[k]` to `first[k + 1]`, binding b the
    parameters `parameters[parameter[b]]`. `parameters` and `states` are record arrays of BINDING and STATE, `events` of
    EVENT has room for five events for each binding of each reading. Changes `states`, `quiet` and `events` in place.
    """
    count = 0
    for row in range(len(sensor)):
        if not fresh[row]:
            continue
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            judged = parameters[parameter[binding]]
            if quiet[binding]:
                # Nothing is active or waited for: only a reading that reaches a level can change anything.
                full = saturated[row] and judged.full_scale > 0
                if not good[row] or (judged.sign * value[row] < judged.lowest and not full):
                    continue
            state = states[binding]
            count = _complete_deadlines(
                events, count, binding, row, judged, state, time[row], held_until[row], held_value[row]
            )
            if good[row]:
                _judge_reading(judged, state, time[row], value[row], clean[row], saturated[row])
                count = _emit(events, count, binding, row, time[row], state, False, saturated[row], value[row])
            quiet[binding] = _is_quiet(state)
    return count


@numba.njit(cache=True)
def announce(
    clock,
    settle,
    binding_sensor,
    announced,
    last_time,
    last_good,
    hold,
    last_value,
    parameter,
    parameters,
    states,
    events,
):
    """Complete on-delays whose deadline passed by `settle` on the arrival clock, for bindings that are `announced`.

    The event bears the deadline's time, as it would if the sensor's next reading had completed it.
    """
    count = 0
    for binding in range(len(binding_sensor)):
        sensor = binding_sensor[binding]
        if announced[binding] and last_good[sensor] and last_time[sensor] != NEVER:
            count = _complete_deadlines(
                events,
                count,
                binding,
                -1,
                parameters[parameter[binding]],
                states[binding],
                clock - settle + 1,
                last_time[sensor] + hold[sensor],
                last_value[sensor],
            )
    return count
