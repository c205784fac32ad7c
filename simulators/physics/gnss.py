"""The noise of a GNSS position: white from solution to solution, and coloured over days to a year."""

import numpy as np

from simulators.physics import FloatArray
from simulators.physics.ground import GNSS_HORIZONTAL_NOISE_MM, GNSS_VERTICAL_NOISE_MM
from simulators.physics.noise import flicker_noise, relaxation_noise

DAY_S = 86_400.0
# Fitted to the daily positions of nine stations over 2.2 years, trend, seasons and outliers taken off. East and north:
# standard deviation 2.0 mm, autocorrelation 0.42, 0.23 and 0.08 after 1, 7 and 30 days; up: 6.8 mm, 0.33, 0.18 and
# 0.04 after 1, 2 and 7 days. The white parts are the 1.6 and 5.2 mm that differences from day to day show.
HORIZONTAL_COLOURED_MM = 1.25
HORIZONTAL_PERIODS_S = (5 * DAY_S, 365 * DAY_S)
VERTICAL_COLOURED_MM = 4.4
VERTICAL_TIME_CONSTANT_S = 2.5 * DAY_S


def gnss_noise_mm(
    times: FloatArray, course: np.random.Generator, chance: np.random.Generator, *, vertical: bool
) -> FloatArray:
    """Return the noise (mm) of one component, shape of `times` (s).

    `course` gives the coloured part and must stand in the same state whenever the same component is looked at; `chance`
    gives the white part, sample by sample. White and flicker noise together: Williams et al., J. Geophys. Res. 109
    (2004), B03412; the sizes are fitted here. Solutions of an hour are noisier than a day's: scale the result.
    """
    if vertical:
        coloured = relaxation_noise(times, course, VERTICAL_COLOURED_MM, VERTICAL_TIME_CONSTANT_S)
        return coloured + GNSS_VERTICAL_NOISE_MM * chance.standard_normal(len(times))
    coloured = flicker_noise(times, course, HORIZONTAL_COLOURED_MM, *HORIZONTAL_PERIODS_S)
    return coloured + GNSS_HORIZONTAL_NOISE_MM * chance.standard_normal(len(times))
