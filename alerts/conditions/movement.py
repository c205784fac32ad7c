"""The signal of a window of displacements: velocities of it and of its halves, held against the noise that is usual.

The noise of a velocity is the larger of two:

- the readings' scatter about the lines of the two halves (1.4826 times the median absolute deviation, the larger of the
  window's own, for the whole window, and its mean over the last 200, at least `noise_min`) over the root of the sum of
  (time - mean time)^2: right for noise from reading to reading;
- what velocities change by, from the older half to the newer and back: 2.5066 times the mean of the rises or of the
  falls over the last 1000 windows, whichever is less, since what only ever gains is no noise; for a half over the root
  of 2, for the whole over the root of 8, between a random walk (4) and white noise (16): right for noise that hangs
  together for hours or weeks, such as refraction, weather and seasons.
"""

import math

import numba
import numpy as np

from alerts.conditions import creep, failure
from alerts.conditions.learning import MEAN_TO_SIGMA
from alerts.conditions.window import MAD_TO_SIGMA, median_and_deviation, push, usual_noise

MEASURES = ("velocity", "acceleration", "accelerating_velocity", "tangent_angle", "failure_forecast")
VELOCITY, ACCELERATION, ACCELERATING_VELOCITY, TANGENT_ANGLE, FAILURE_FORECAST = range(5)
DAY_MS = 86_400_000.0
USUAL_SCATTERS = 200
USUAL_CHANGES = 1000
RESTLESS = 3.0
STEADY_WINDOWS = 26
STEADY_WINDOWS_MIN = 3
STEPS_IN_FORECAST = 2
FADING = 0.9


@numba.njit(cache=True)
def _steady(given, state, learned, scratch):
    """Return the velocity of steady creep, in the rule or learned; infinite while it is not known."""
    if given.steady_velocity > 0.0:
        return given.steady_velocity
    if state.velocities < STEADY_WINDOWS_MIN:
        return math.inf
    center, deviation = median_and_deviation(learned, min(state.velocities, STEADY_WINDOWS), scratch)
    return center + 3.0 * MAD_TO_SIGMA * deviation


@numba.njit(cache=True)
def _learn_steady(state, learned, times, rate):
    """Note the velocity of a window that does not overlap the one of which was learned before."""
    now = state.kept
    if state.velocities == 0 or now + times[0] * DAY_MS >= state.learned:
        state.velocities = push(learned, STEADY_WINDOWS, state.velocities, abs(rate))
        state.learned = now


@numba.njit(cache=True)
def _slows_down(times, moved, sign, scratch):
    """Tell whether the newer part of a window is slower than its older one: a burst that began at once, and fades."""
    middle = len(times) // 2
    before = creep.velocity(times[: middle + 1], moved[: middle + 1], scratch)
    return sign * creep.velocity(times[middle:], moved[middle:], scratch) < FADING * sign * before


@numba.njit(cache=True)
def signal(given, state, learned, times, values, spare, outlook):
    """Return the signal, signed like the movement, of a window (n,), in days and the property's unit; NaN says nothing.

    `spare` has shape (5, creep.SPARE). Learns the usual scatter and the steady velocity. Fills `outlook` with the days
    to failure, at the earliest and at the latest, where the signal forecasts one.
    """
    k = given.noise_multiple
    smoothed, moved = spare[0][: len(times)], spare[1][: len(times)]
    creep.smooth(values, smoothed)
    moved[:] = smoothed
    fails = given.measure == ACCELERATING_VELOCITY or given.measure == FAILURE_FORECAST
    creep.take_out_steps(times, moved, given.noise_min, len(times) // 4, not fails, spare[2], spare[3])
    values += moved - smoothed
    half = len(times) // 2
    rate = creep.velocity(times, moved, spare[4])
    older = creep.velocity(times[:half], moved[:half], spare[4])
    newer = creep.velocity(times[half:], moved[half:], spare[4])
    scatter = max(given.noise_min, creep.scatter(times, values, half, older, newer, spare[2], spare[3]))
    state.windows += 1
    state.scatter = usual_noise(state.scatter, state.windows, scatter, USUAL_SCATTERS)
    for side in range(2):
        grown = max(0.0, newer - older if side else older - newer)
        state.changes[side] += (grown - state.changes[side]) / min(state.windows, USUAL_CHANGES)
    change = 2.0 * MEAN_TO_SIGMA * min(state.changes[0], state.changes[1])
    noise = max(max(scatter, state.scatter) / creep.lever(times), change / math.sqrt(8.0))
    counts = abs(rate) >= k * noise
    if not counts and scatter > RESTLESS * state.scatter:
        return math.nan
    if given.measure == VELOCITY:
        return rate if counts and abs(rate) >= given.velocity_min else 0.0
    noise_of_newer = max(state.scatter / creep.lever(times[half:]), change / math.sqrt(2.0))
    noise_of_older = max(state.scatter / creep.lever(times[:half]), change / math.sqrt(2.0))
    sign = 1.0 if newer > 0.0 else -1.0
    gain = sign * (newer - older)
    fast = abs(newer) >= k * noise_of_newer and abs(newer) >= given.velocity_min
    if given.measure == TANGENT_ANGLE:
        steady = max(noise_of_newer, _steady(given, state, learned, spare[2]))
        _learn_steady(state, learned, times, rate)
        faster = fast and abs(newer) - steady >= k * noise_of_newer
        return sign * math.degrees(math.atan(abs(newer) / steady)) if faster else 0.0
    accelerates = abs(newer) >= k * noise_of_newer and gain >= k * math.hypot(noise_of_newer, noise_of_older)
    accelerates = accelerates and abs(newer) >= given.growth_min * sign * older
    if given.measure == FAILURE_FORECAST:
        if not accelerates:
            return 0.0
        smoothed *= sign
        creep.take_out_steps(times, smoothed, given.noise_min, STEPS_IN_FORECAST, False, spare[2], spare[3])
        return sign * failure.urgency(times, smoothed, state.scatter, given.velocity_min, spare[2], outlook)
    if not fast or not accelerates:
        return 0.0
    if given.measure == ACCELERATING_VELOCITY:
        begins = abs(newer) > given.growth_max * sign * older
        return 0.0 if begins or _slows_down(times[half:], moved[half:], sign, spare[4]) else newer
    return sign * gain / (np.mean(times[half:]) - np.mean(times[:half]))
