"""The coloured noise of a GNSS position, east or north: over days to a year. The white part is a sensor's own noise."""

import numpy as np

from simulators.physics import DAY_S, FloatArray
from simulators.physics.noise import flicker_noise

# Fitted to the daily positions of nine stations over 2.2 years, trend, seasons and outliers taken off: standard
# deviation 2.0 mm, autocorrelation 0.42, 0.23 and 0.08 after 1, 7 and 30 days. The white part, which differences from
# day to day show, is ground.GNSS_HORIZONTAL_NOISE_MM.
_COLOURED_MM = 1.25
_PERIODS_S = (5 * DAY_S, 365 * DAY_S)


def horizontal_noise_mm(times: FloatArray, course: np.random.Generator) -> FloatArray:
    """Return the coloured noise (mm) of one horizontal component, shape of `times` (s).

    `course` must stand in the same state whenever the same component is looked at. White and flicker noise together:
    Williams et al., J. Geophys. Res. 109 (2004), B03412; the sizes are fitted here. Solutions of an hour are noisier
    than a day's.
    """
    return flicker_noise(times, course, _COLOURED_MM, *_PERIODS_S)
