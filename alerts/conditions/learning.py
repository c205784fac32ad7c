"""What the kinds share that learn a sensor's usual level and noise from its own readings, as these come.

A running mean over the first readings, then an exponential one over a time constant: so it starts by itself, and what
it makes of a reading depends on the readings before it alone.
"""

import math

import numba

from model.sensor import Sensor

MEAN_TO_SIGMA = 1.2533
"""The mean distance of normal noise from its center times this is its standard deviation, sqrt(pi / 2)."""


def resolution(sensor: Sensor) -> float:
    """Return the sensor's attribute `resolution` (in its own unit) in the property's unit; 0 where there is none."""
    try:
        step = float(sensor.attributes.get("resolution", "0"))
    except ValueError:
        return 0.0
    factor, _ = sensor.conversion
    return abs(factor) * step if math.isfinite(step) and step > 0 else 0.0


@numba.njit(cache=True)
def weight(count, step, constant):
    """Return what the newest of `count` readings counts for, a `step` after the one before; both in seconds.

    A step of the exponential mean taken backwards (implicit Euler): near 1 - exp(-step / constant) for short steps,
    never beyond 1, and made of operations that every machine rounds alike, so that a proof holds elsewhere too.
    """
    return max(step / (step + constant), 1.0 / count)


@numba.njit(cache=True)
def cut(distance, most):
    """Return the distance, at most `most` either way."""
    return max(-most, min(most, distance))
