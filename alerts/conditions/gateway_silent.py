"""Gateway silent: nothing comes through a gateway any more, judged on the log's arrival clock; one alarm a gateway.

A sensor counts where silence says something of it (it has a silence limit). One that speaks regularly is awaited for
two thirds of its limit, which are two of three intervals, and is late after two fifths of it, a fifth of an interval
after it should have been heard; one that speaks by exception is given its limit in full for both. The gateway is silent
when

- nothing came through it, from whichever of its sensors, for the least of what its sensors are awaited for, and
- two of its sensors are late, of those that were not silent already when it was last heard: one that fails by itself
  is no gateway.

So where several sensors share an interval the gateway's silence is known before theirs, or at the same time. It ends
with the arrival at which none of its sensors is awaited any more: each that fell silent with it is heard, or had its
silence limit's time to be heard since the gateway came back. What is missing then is silent by itself.
"""

from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import NDArray

from alerts.conditions.ladder import NEVER
from alerts.conditions.stale import note
from alerts.words import Part

UNLIMITED = 2**60
"""Milliseconds, in place of the limit of a sensor that may be silent for ever."""
_LATER = np.iinfo(np.int64).max


class GatewaySilent(Part):
    """A system alarm when nothing is heard through a gateway, which sensors name by the attribute `gateway`."""

    kind: Literal["gateway_silent"]


# `last_arrival` of any of its sensors; `since`: the one before the silence; `back`: the first after it.
STATE = np.dtype([("last_arrival", "i8"), ("raised", "i8"), ("since", "i8"), ("back", "i8")])
# A sensor's registry key and, in milliseconds, for how long it is awaited, when it is late, and its silence limit.
MEMBER = np.dtype([("sensor", "i8"), ("awaited", "i8"), ("late", "i8"), ("limit", "i8")])


def new_state(bindings: int) -> NDArray[Any]:
    """Return the state of `bindings` gateways through which nothing has come."""
    state = np.empty(bindings, STATE)
    for name in STATE.names or ():
        state[name] = NEVER
    return state


@numba.njit(cache=True)
def _deadline(last_arrival, awaited, members, heard):
    """When a gateway's silence is one, if nothing more comes: two of those that spoke must be late by then."""
    first = second = _LATER
    for place in range(len(members)):
        member = members[place]
        arrival = heard[member.sensor]
        if member.limit < UNLIMITED and arrival + member.limit >= last_arrival:
            late = arrival + member.late
            if late < first:
                first, second = late, first
            elif late < second:
                second = late
    return max(last_arrival + awaited, second) if second < _LATER else _LATER


@numba.njit(cache=True)
def _is_awaited(now, state, members, heard):
    """Whether a sensor that fell silent with the gateway, and not before, is still given time to be heard."""
    for place in range(len(members)):
        member = members[place]
        arrival = heard[member.sensor]
        is_missing = now - arrival > member.awaited and arrival + member.limit >= state.since
        if is_missing and now - state.back <= member.limit:
            return True
    return False


@numba.njit(cache=True)
def _raise(binding, row, deadline, state, events, count):
    state.raised, state.since, state.back = deadline, state.last_arrival, NEVER
    silent_s = (deadline - state.last_arrival) / 1000
    return note(events, count, binding, row, deadline, 1, deadline, silent_s)


@numba.njit(cache=True)
def walk(sensor, arrived, fresh, gateway_of, events, first, members, member_first, awaited, heard, states):
    """Walk readings in order of arrival; return the number of events (room for two each binding of each reading).

    `sensor` int32, `arrived` int64, `fresh` bool (n,) of the readings; `gateway_of` (by registry key) the sensor's
    gateway or -1, `heard` (by registry key) its last arrival. Gateway g has the bindings `first[g]` to `first[g + 1]`
    and the members `member_first[g]` to `member_first[g + 1]`; `awaited` (bindings,) in milliseconds.
    """
    count = 0
    for row in range(len(sensor)):
        gateway = gateway_of[sensor[row]]
        if gateway < 0 or not fresh[row]:
            continue
        now = arrived[row]
        its = members[member_first[gateway] : member_first[gateway + 1]]
        for binding in range(first[gateway], first[gateway + 1]):
            state = states[binding]
            is_pause = now - state.last_arrival > awaited[binding]
            if state.raised == NEVER and state.last_arrival != NEVER and is_pause:
                deadline = _deadline(state.last_arrival, awaited[binding], its, heard)
                if now > deadline:
                    count = _raise(binding, row, deadline, state, events, count)
            state.last_arrival = now
            if state.raised != NEVER and (state.back == NEVER or is_pause):
                state.back = now
        heard[sensor[row]] = now
        for binding in range(first[gateway], first[gateway + 1]):
            state = states[binding]
            if state.raised != NEVER and not _is_awaited(now, state, its, heard):
                silent_s = (state.back - state.since) / 1000
                count = note(events, count, binding, row, now, 0, state.raised, silent_s)
                state.raised = state.since = state.back = NEVER
    return count


@numba.njit(cache=True)
def tick(clock, events, first, members, member_first, awaited, heard, states):
    """Judge all gateways at an arrival clock; return the number of events (room for one a binding) and the next clock.

    Before that clock no gateway can be silent, whatever is heard: until then there is nothing to judge.
    """
    count = 0
    following = _LATER
    for gateway in range(len(first) - 1):
        its = members[member_first[gateway] : member_first[gateway + 1]]
        for binding in range(first[gateway], first[gateway + 1]):
            state = states[binding]
            if state.raised != NEVER or state.last_arrival == NEVER:
                continue
            deadline = state.last_arrival + awaited[binding]
            if clock > deadline:
                deadline = _deadline(state.last_arrival, awaited[binding], its, heard)
            if clock > deadline:
                count = _raise(binding, -1, deadline, state, events, count)
            else:
                # A sensor that is heard again may bring the deadline closer, but not closer than this.
                following = min(following, deadline, clock + awaited[binding])
    return count, following
