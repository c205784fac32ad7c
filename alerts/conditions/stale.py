"""Stale: nothing new was heard of a sensor for longer than its silence limit, judged on the log's arrival clock.

The deadline is the arrival of the sensor's last new reading plus the limit. It has passed when the clock is beyond it,
whether a tick or a later reading tells; so the alarm's time is the deadline in either case. Any new reading, good or
bad, ends the silence; a repeated one does not. A sensor that was never heard counts from when the log's clock found it
bound: missing is silent too.
"""

from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import NDArray

from alerts.conditions.ladder import NEVER
from alerts.words import Part


class Stale(Part):
    """An instrument alarm when nothing was heard of the sensor for longer than its silence limit."""

    kind: Literal["stale"]


EVENT = np.dtype(
    [("binding", "i8"), ("row", "i8"), ("time", "i8"), ("severity", "i1"), ("raised", "i8"), ("silent_s", "f8")]
)
STATE = np.dtype([("last_arrival", "i8"), ("raised", "i8")])


def new_state(bindings: int) -> NDArray[Any]:
    """Return the state of `bindings` bindings that have heard nothing."""
    state = np.zeros(bindings, STATE)
    state["last_arrival"] = state["raised"] = NEVER
    return state


def begin(states: NDArray[Any], clock: int) -> None:
    """Count the silence of those that nothing was heard of yet from `clock`."""
    never = states["last_arrival"] == NEVER
    states["last_arrival"][never] = clock


@numba.njit(cache=True)
def note(events, count, binding, row, time, severity, raised, silent_s):
    """Write an event of EVENT at `count` and return how many there are then."""
    event = events[count]
    event.binding = binding
    event.row = row
    event.time = time
    event.severity = severity
    event.raised = raised
    event.silent_s = silent_s
    return count + 1


@numba.njit(cache=True)
def walk(sensor, arrived, fresh, first, limit, states, events):
    """Walk readings in order of arrival; return the number of events (room for two each binding of each reading).

    Arrays as in threshold.walk; `limit` (bindings,) in milliseconds.
    """
    count = 0
    for row in range(len(sensor)):
        if not fresh[row]:
            continue
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            state = states[binding]
            now = arrived[row]
            if state.raised == NEVER and state.last_arrival != NEVER and now - state.last_arrival > limit[binding]:
                state.raised = state.last_arrival + limit[binding]
                count = note(events, count, binding, row, state.raised, 1, state.raised, limit[binding] / 1000)
            if state.raised != NEVER:
                silent_s = (now - state.last_arrival) / 1000
                count = note(events, count, binding, row, now, 0, state.raised, silent_s)
                state.raised = NEVER
            state.last_arrival = now
    return count


@numba.njit(cache=True)
def tick(clock, limit, states, events):
    """Judge all bindings at an arrival clock; return the number of events (room for one a binding) and the next clock.

    Before that clock no silence can reach its limit, whatever is heard: until then there is nothing to judge.
    """
    count = 0
    following = np.iinfo(np.int64).max
    for binding in range(len(states)):
        state = states[binding]
        if state.raised != NEVER or state.last_arrival == NEVER:
            continue
        if clock - state.last_arrival > limit[binding]:
            state.raised = state.last_arrival + limit[binding]
            count = note(events, count, binding, -1, state.raised, 1, state.raised, limit[binding] / 1000)
        else:
            following = min(following, state.last_arrival + limit[binding])
    return count, following
