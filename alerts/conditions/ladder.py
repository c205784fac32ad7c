"""The ladder: four levels with deadband, on-delay, off-delay and persistence, on values held until the next one.

Definition, for each level k of a binding (one rule at one sensor), all in the sensor's own time:
- the level is reached by a value at or beyond limit k (by at least `needed` of the last `of` values);
- it becomes active at the first value that finds it reached for `on_delay`, or at the deadline itself where the
  reading before was held past it (zero-order hold, never beyond the sensor's staleness limit);
- it is left by a clean value (good, and neither uncertain nor at full scale) inside limit and deadband, and becomes
  inactive at the first clean value that finds it left for `off_delay`. Silence, bad and doubtful readings neither
  complete nor restart either delay, and never clear.
- "At" a limit is within a billionth of it, so that the rounding of a conversion hides no alarm.
The severity is the highest active level. Terms after ISA-18.2 / IEC 62682 and IEC 60050-351 (on-delay, off-delay,
deadband); zero-order hold as in any sampled system.

A threshold holds the readings themselves against the ladder; the other kinds a signal that they make of them.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

LEVELS = 4
NEVER = np.iinfo(np.int64).min

# Columns of an event: which binding, which row caused it, when, from and to which severity, begin of the occurrence,
# whether a deadline (a held value) caused it, whether full scale did; the value, and the outlook of SIGNAL.
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
        ("outlook", "f8", (2,)),
    ]
)

LIMITS = np.dtype(
    [
        ("sign", "f8"),  # 1 above, -1 below: everything is compared as sign * value >= reach
        ("limit", "f8", (LEVELS,)),  # infinite where the level has none
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
        ("reached", "i8", (LEVELS,)),  # the last values as bits, newest lowest: reached or not
        ("severity", "i1"),
        ("raised", "i8"),  # begin of the occurrence, NEVER where there is none
        ("value", "f8"),  # the newest that was judged
    ]
)

SIGNAL = np.dtype([("row", "i8"), ("binding", "i8"), ("value", "f8"), ("outlook", "f8", (2,))])
"""What a kind makes of a reading (its row in the batch) for a binding; no element where it makes nothing of it.

`outlook` is of the kinds that look ahead alone (findings.EXPECTED); others leave it as it is.
"""


def new_state(bindings: int) -> NDArray[Any]:
    """Return the state of `bindings` bindings that have seen nothing."""
    state = np.zeros(bindings, STATE)
    for name in ("on_since", "off_since", "raised"):
        state[name] = NEVER
    return state


def quiet_states(states: NDArray[Any]) -> NDArray[np.uint8]:
    """Tell which states are as new: no level active, reached or waited for, so that a low value changes nothing."""
    busy = (states["active"] != 0) | (states["reached"] != 0) | (states["on_since"] != NEVER)
    quiet: NDArray[np.uint8] = (~busy.any(axis=1)).astype(np.uint8)
    return quiet


def waiting_states(states: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell in which states an on-delay runs."""
    waiting: NDArray[np.bool_] = ((states["active"] == 0) & (states["on_since"] != NEVER)).any(axis=1)
    return waiting


@numba.njit(cache=True)
def is_quiet(state):
    """Tell whether a low value would change nothing of the state."""
    for level in range(LEVELS):
        if state.active[level] or state.reached[level] or state.on_since[level] != NEVER:
            return 0
    return 1


@numba.njit(cache=True)
def is_waiting(state):
    """Tell whether an on-delay runs."""
    for level in range(LEVELS):  # noqa: SIM110 (no generators in compiled code)
        if not state.active[level] and state.on_since[level] != NEVER:
            return True
    return False


@numba.njit(cache=True)
def _severity(active):
    for level in range(LEVELS, 0, -1):
        if active[level - 1]:
            return level
    return 0


@numba.njit(cache=True)
def emit(events, count, binding, row, time, state, deadline, full_scale):
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
    event.value = state.value
    state.severity = severity
    if severity == 0:
        state.raised = NEVER
    return count + 1


@numba.njit(cache=True)
def complete_deadlines(events, count, binding, row, limits, state, before, held_until):
    """Activate levels whose on-delay a held value completed before time `before`, in order of their deadlines."""
    for _ in range(LEVELS):
        earliest = before
        for level in range(LEVELS):
            if not state.active[level] and state.on_since[level] != NEVER:
                deadline = state.on_since[level] + limits.on_delay
                if deadline <= held_until and deadline < earliest:
                    earliest = deadline
        if earliest == before:
            break
        for level in range(LEVELS):
            pending = not state.active[level] and state.on_since[level] != NEVER
            if pending and state.on_since[level] + limits.on_delay == earliest:
                state.active[level] = 1
                state.off_since[level] = NEVER
        count = emit(events, count, binding, row, earliest, state, True, False)
    return count


@numba.njit(cache=True)
def judge(limits, state, time, value, clean, saturated):
    """Move the levels of one binding by one good value."""
    state.value = value
    signed = limits.sign * value
    for level in range(LEVELS):
        beyond = signed >= limits.reach[level] or (saturated and level < limits.full_scale)
        if not beyond and not clean:
            continue
        state.reached[level] = ((state.reached[level] << 1) | (1 if beyond else 0)) & limits.of_mask
        if beyond:
            state.off_since[level] = NEVER
            if not state.active[level]:
                bits = state.reached[level]
                times_reached = 0
                while bits:
                    times_reached += bits & 1
                    bits >>= 1
                # Full scale waits for nothing: what it hides may be worse than any limit.
                if times_reached >= limits.needed or saturated:
                    if state.on_since[level] == NEVER:
                        state.on_since[level] = time
                    if time - state.on_since[level] >= limits.on_delay or saturated:
                        state.active[level] = 1
        elif state.active[level]:
            if signed < limits.clear[level]:
                if state.off_since[level] == NEVER:
                    state.off_since[level] = time
                if time - state.off_since[level] >= limits.off_delay:
                    state.active[level] = 0
                    state.on_since[level] = NEVER
                    state.off_since[level] = NEVER
            else:
                state.off_since[level] = NEVER
        else:
            state.on_since[level] = NEVER


@numba.njit(cache=True)
def wait(waiting, waiting_count, is_listed, binding, state):
    """Put a binding whose on-delay runs on the list of those that the clock may complete."""
    if not is_listed[binding] and is_waiting(state):
        waiting[waiting_count[0]] = binding
        waiting_count[0] += 1
        is_listed[binding] = 1


@numba.njit(cache=True)
def walk_signals(
    signals, sensor, time, held_from, hold, events, limit_of, limits, states, quiet, waiting, waiting_count, is_listed
):
    """Hold signals (record array of SIGNAL, in order of their rows) against the ladders of their bindings.

    `sensor`, `time` and `held_from` have one element a row of the batch, the other arrays are as in threshold.walk. A
    signal is made of clean readings alone. Returns the number of events; changes `states`, `quiet`, the list and
    `events`.
    """
    count = 0
    for place in range(len(signals)):
        row, binding = signals[place].row, signals[place].binding
        judged = limits[limit_of[binding]]
        value = signals[place].value
        if quiet[binding] and judged.sign * value < judged.lowest:
            continue
        state = states[binding]
        if held_from[row] != NEVER:
            held_until = held_from[row] + hold[sensor[row]]
            count = complete_deadlines(events, count, binding, row, judged, state, time[row], held_until)
        judge(judged, state, time[row], value, True, False)
        before = count
        count = emit(events, count, binding, row, time[row], state, False, False)
        if count > before:
            events[before].outlook[:] = signals[place].outlook
        quiet[binding] = is_quiet(state)
        wait(waiting, waiting_count, is_listed, binding, state)
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
    limit_of,
    limits,
    states,
    waiting,
    waiting_count,
    is_listed,
    events,
):
    """Complete on-delays whose deadline passed by `settle` on the arrival clock, for bindings that are `announced`.

    The event bears the deadline's time, as it would if the sensor's next reading had completed it. Bindings that wait
    no longer leave the list.
    """
    count = 0
    kept = 0
    for place in range(waiting_count[0]):
        binding = waiting[place]
        sensor = binding_sensor[binding]
        if announced[binding] and last_good[sensor] and last_time[sensor] != NEVER:
            count = complete_deadlines(
                events,
                count,
                binding,
                -1,
                limits[limit_of[binding]],
                states[binding],
                clock - settle + 1,
                last_time[sensor] + hold[sensor],
            )
        if announced[binding] and is_waiting(states[binding]):
            waiting[kept] = binding
            kept += 1
        else:
            is_listed[binding] = 0
    waiting_count[0] = kept
    return count
