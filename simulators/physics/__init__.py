"""The physics of the simulated signals, one file a system: each equation with its source, vectorised over time."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""A float64 array, over time of shape (n,) where nothing else is said."""

DAY_S = 86_400.0
YEAR_D = 365.25
