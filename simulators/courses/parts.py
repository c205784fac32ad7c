"""Rows that are worked out part by part: each sensor's, or those of each block of time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulators.world import Who


def parts(numbers: Who) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield (number, where it stands) for each number of (m,), ascending; masks (m,)."""
    for number in np.unique(numbers).tolist():
        yield number, numbers == number
