"""Threshold: the readings themselves held against the ladder (alerts/conditions/ladder.py)."""

from typing import Literal, Self

import numba
from pydantic import model_validator

from alerts.conditions.ladder import NEVER, complete_deadlines, emit, is_quiet, judge, wait
from alerts.conditions.prefetch import AHEAD, fetch
from alerts.words import Ladder, Level, check_ladder


class Threshold(Ladder):
    """A ladder of limits in `unit`, above or below which the readings must not come."""

    kind: Literal["threshold"]
    direction: Literal["above", "below"] = "above"
    unit: str
    full_scale: Level | None = None

    @model_validator(mode="after")
    def _ladder_is_in_order(self) -> Self:
        check_ladder(self.direction, self.limits)
        return self


@numba.njit(cache=True)
def walk(
    sensor,
    time,
    value,
    fresh,
    good,
    clean,
    saturated,
    held_from,
    hold,
    events,
    first,
    limit_of,
    limits,
    states,
    quiet,
    waiting,
    waiting_count,
    is_listed,
):
    """Walk readings in order of arrival through the bindings of their sensors; return the number of events.

    `sensor`, `time`, `value` and the flags have shape (n,); `held_from` is the time of the sensor's reading before
    where that is held, NEVER elsewhere; `hold` (milliseconds, by key) says how long readings are. Sensor k has bindings
    `first[k]` to `first[k + 1]`, binding b the limits `limits[limit_of[b]]`. `limits` and `states` are record arrays of
    ladder.LIMITS and ladder.STATE, `events` of EVENT has room for five events for each binding of each reading;
    `waiting`, `waiting_count` and `is_listed` hold the bindings whose on-delay runs. Changes `states`, `quiet`, the
    list and `events` in place.
    """
    count = 0
    for row in range(min(2 * AHEAD, len(sensor))):
        fetch(first, sensor[row])
    for row in range(len(sensor)):
        if row + 2 * AHEAD < len(sensor):
            fetch(first, sensor[row + 2 * AHEAD])
        if row + AHEAD < len(sensor):
            ahead = first[sensor[row + AHEAD]]
            fetch(quiet, ahead)
            fetch(limit_of, ahead)
        if not fresh[row]:
            continue
        for binding in range(first[sensor[row]], first[sensor[row] + 1]):
            judged = limits[limit_of[binding]]
            if quiet[binding]:
                # Nothing is active or waited for: only a reading that reaches a level can change anything.
                full = saturated[row] and judged.full_scale > 0
                if not good[row] or (judged.sign * value[row] < judged.lowest and not full):
                    continue
            state = states[binding]
            if held_from[row] != NEVER:
                held_until = held_from[row] + hold[sensor[row]]
                count = complete_deadlines(events, count, binding, row, judged, state, time[row], held_until)
            if good[row]:
                judge(judged, state, time[row], value[row], clean[row], saturated[row])
                count = emit(events, count, binding, row, time[row], state, False, saturated[row])
            quiet[binding] = is_quiet(state)
            wait(waiting, waiting_count, is_listed, binding, state)
    return count
