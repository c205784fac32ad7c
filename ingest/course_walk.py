"""The kernel behind ingest.course: walks readings in order of arrival and judges each against its sensor's course."""
# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# numba infers the types of kernels

import numba
import numpy as np

from model.reading import Quality

NEVER = np.iinfo(np.int64).min
WINDOW = 5  # believed readings that make up the recent level
STEADY_FROM = 3  # so many of them are needed to call a level steady
BELIEVED_FROM = 3  # consecutive readings at a new level, after which it is believed
CONSTANT_FROM = 12  # readings
LEVEL_MS_MAX = 24 * 3_600_000  # an older level says nothing about the present one
STEP_S_MIN = 1.0  # clocks of devices are not finer: a step within a second is judged as if it took one
ARRIVALS_BEHIND = 5
BEHIND_MS_SPAN = 600_000  # on the arrival clock

LIMITS = np.dtype(
    [
        ("rate_max", "f8"),  # property's unit per second
        ("resolution", "f8"),
        ("constant_ms_max", "i8"),
        ("rest", "f8"),
        ("jumps", "i1"),  # 0 none, 1 thousands, 2 tens and hundreds too
        ("danger", "i1"),  # 1 high, -1 low, 0 none
        ("jump_held", "?"),  # a unit jump beyond the range towards danger is no measurement
    ]
)

STATE = np.dtype(
    [
        ("last_time", "i8"),  # of the newest reading; what is not newer is passed over
        ("epoch", "i4"),
        ("window", "f8", (WINDOW,)),  # the last believed values, the newest at (believed - 1) % WINDOW
        ("believed", "i8"),
        ("level_time", "i8"),  # of the newest believed reading
        ("candidate", "f8"),  # the newest reading that departs from the level
        ("candidate_time", "i8"),
        ("candidates", "i4"),  # consecutive ones that agree
        ("constant", "f8"),
        ("constant_since", "i8"),
        ("constants", "i4"),
        ("arrival", "i8"),  # of the newest reading
        ("delay", "i8"),  # of the newest reading of that arrival
        ("behind_since", "i8"),
        ("behind", "i4"),  # consecutive arrivals whose newest reading was late
    ]
)

_HELD = int(Quality.REPORTED_BAD | Quality.OUT_OF_RANGE | Quality.SENTINEL)
_OUT_OF_RANGE = int(Quality.OUT_OF_RANGE)
_SATURATED = int(Quality.SATURATED)
_RATE = int(Quality.RATE_EXCEEDED)
_RATE_DANGER = int(Quality.RATE_TOWARDS_DANGER)
_JUMP = int(Quality.UNIT_JUMP)
_JUMP_DANGER = int(Quality.UNIT_JUMP_TOWARDS_DANGER)
_STUCK = int(Quality.STUCK)
_BEHIND = int(Quality.CLOCK_BEHIND)


@numba.njit(cache=True)
def _matches(size, low, high, factor, slack):
    """Whether `size` is `factor` times the level between `low` and `high`, or the level divided by it."""
    upward = low * factor * (1.0 - slack) <= size <= high * factor * (1.0 + slack)
    return upward or low / factor * (1.0 - slack) <= size <= high / factor * (1.0 + slack)


@numba.njit(cache=True)
def _is_unit_jump(limit, state, value):
    """Whether the value is a power of ten off a level that was steady and of the same sign."""
    if limit.jumps == 0 or state.believed < STEADY_FROM or value == 0.0:
        return False
    low, high = np.inf, 0.0
    for place in range(min(state.believed, WINDOW)):
        one = state.window[place]
        if one * value <= 0.0:
            return False
        low, high = min(low, abs(one)), max(high, abs(one))
    size = abs(value)
    if high <= 1.5 * low and (_matches(size, low, high, 1e3, 0.25) or _matches(size, low, high, 1e6, 0.25)):
        return True
    if limit.jumps < 2 or high > 1.1 * low:
        return False
    return _matches(size, low, high, 10.0, 0.05) or _matches(size, low, high, 100.0, 0.05)


@numba.njit(cache=True)
def _is_possible(limit, step, from_time, to_time):
    allowed = limit.rate_max * max((to_time - from_time) / 1000.0, STEP_S_MIN) + limit.resolution
    return abs(step) <= allowed * (1.0 + 1e-9)


@numba.njit(cache=True)
def _forget_level(state):
    state.believed = 0
    state.candidates = 0
    state.level_time = NEVER


@numba.njit(cache=True)
def _believe(state, time, value):
    state.window[state.believed % WINDOW] = value
    state.believed += 1
    state.level_time = time
    state.candidates = 0


@numba.njit(cache=True)
def _judge_level(limit, state, time, value, saturated):
    """Return the bits of rate and unit jump, and move the level or the candidate for a new one."""
    if state.believed == 0:
        _believe(state, time, value)
        return 0
    newest = state.window[(state.believed - 1) % WINDOW]
    possible = _is_possible(limit, value - newest, state.level_time, time)
    jump = _is_unit_jump(limit, state, value)
    if possible and not jump:
        _believe(state, time, value)
        return 0
    agrees = state.candidates > 0 and _is_possible(limit, value - state.candidate, state.candidate_time, time)
    if agrees and jump:
        agrees = 0.5 * abs(state.candidate) <= abs(value) <= 2.0 * abs(state.candidate)
    state.candidates = state.candidates + 1 if agrees else 1
    state.candidate = value
    state.candidate_time = time
    if state.candidates >= BELIEVED_FROM:
        _forget_level(state)
        _believe(state, time, value)
        return 0
    towards_danger = (value - newest) * limit.danger > 0.0
    bits = 0
    if jump:
        bits |= _JUMP_DANGER if towards_danger and not (saturated and limit.jump_held) else _JUMP
    if not possible:
        bits |= _RATE_DANGER if towards_danger else _RATE
    return bits


@numba.njit(cache=True)
def _judge_constancy(limit, state, time, value):
    span = max(0.5 * limit.resolution, 1e-9 * abs(value))
    if state.constants == 0 or not abs(value - state.constant) <= span:
        state.constant = value
        state.constant_since = time
        state.constants = 0
    state.constants += 1
    credible = state.constants < CONSTANT_FROM or time - state.constant_since < limit.constant_ms_max
    return 0 if credible or abs(value) <= limit.rest else _STUCK


@numba.njit(cache=True)
def _judge_clock(state, time, arrived, behind_min, delayed_min):
    """Whether the device's clock is behind: each arrival's newest reading was late, again and again."""
    if arrived != state.arrival:
        if state.arrival != NEVER and behind_min <= state.delay <= delayed_min:
            if state.behind == 0:
                state.behind_since = state.arrival
            state.behind += 1
        else:
            state.behind = 0
        state.arrival = arrived
    state.delay = arrived - time
    steady = state.behind >= ARRIVALS_BEHIND and arrived - state.behind_since >= BEHIND_MS_SPAN
    return _BEHIND if steady and behind_min <= state.delay <= delayed_min else 0


@numba.njit(cache=True)
def walk(sensor, time, value, quality, arrived, epoch, limits, states, slot, touched, drafts, behind_min, delayed_min):
    """Judge readings in order of arrival; return their bits, uint16 (n,), and how many sensors were touched.

    Readings as in ReadingBatch, `epoch` int32 (n,). `limits` and `states` are record arrays indexed by registry key;
    `slot` int32 by registry key, all -1 before and after. The states after the batch go to `drafts`, of the sensors
    in `touched`; `states` is left as it is, so that a batch that was not stored can be judged again.
    """
    bits = np.zeros(len(sensor), np.uint16)
    count = 0
    for row in range(len(sensor)):
        key = sensor[row]
        if slot[key] < 0:
            slot[key] = count
            touched[count] = key
            drafts[count] = states[key]
            count += 1
        state = drafts[slot[key]]
        if time[row] <= state.last_time:  # repeated, or later than a newer one: it changes nothing
            continue
        state.last_time = time[row]
        if state.epoch != epoch[row]:  # replaced or re-zeroed: a step says nothing
            state.epoch = epoch[row]
            state.constants = 0
            _forget_level(state)
        if state.believed > 0 and time[row] - state.level_time > LEVEL_MS_MAX:
            _forget_level(state)
        limit = limits[key]
        found = _judge_clock(state, time[row], arrived[row], behind_min, delayed_min)
        if quality[row] & _HELD:
            if quality[row] & _OUT_OF_RANGE and _is_unit_jump(limit, state, value[row]):
                found |= _JUMP
        else:
            saturated = (quality[row] & _SATURATED) != 0
            found |= _judge_level(limit, state, time[row], value[row], saturated)
            if saturated:  # full scale is constant by nature
                state.constants = 0
            else:
                found |= _judge_constancy(limit, state, time[row], value[row])
        bits[row] = found
    for place in range(count):
        slot[touched[place]] = -1
    return bits, count


@numba.njit(cache=True)
def take_over(states, keys, drafts):
    """Write the states of some sensors (registry keys) into those of all."""
    for place in range(len(keys)):
        states[keys[place]] = drafts[place]
