"""Chance and geometry that come out alike on every machine.

Only additions, multiplications, divisions and square roots of IEEE 754 doubles are used, whose results are the same
everywhere; no sums whose order the processor chooses, and nothing that is written comes from sines, logarithms or
powers of the platform's library.
"""

import math
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.physics import FloatArray

METRES_PER_DEGREE = 111_320.0
IntArray = NDArray[np.int64]


class Chance:
    """A sequence of uniform draws, keyed by a seed and words: another part of the city never shifts them."""

    def __init__(self, seed: int, *words: str) -> None:
        key = [seed, *(zlib.crc32(word.encode()) for word in words)]
        self._generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))

    def uniform(self, count: int, low: float = 0.0, high: float = 1.0) -> FloatArray:
        """Return `count` draws from low to high, shape (count,)."""
        return low + (high - low) * self._generator.random(count)

    def below(self, limit: int, count: int) -> IntArray:
        """Return `count` whole numbers from 0 to limit - 1, shape (count,)."""
        return np.floor(self._generator.random(count) * limit).astype(np.int64)

    def order(self, count: int) -> IntArray:
        """Return the numbers from 0 to count - 1 shuffled, shape (count,)."""
        return np.argsort(self._generator.random(count), kind="stable")


class Frame(NamedTuple):
    """Metres east and north of a place, as degrees and back; good to a few metres over a city."""

    longitude: float
    latitude: float

    def degrees(self, east: FloatArray, north: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return longitude and latitude, rounded to 1e-6 degrees (a tenth of a metre)."""
        across = METRES_PER_DEGREE * cosine(self.latitude)
        return np.round(self.longitude + east / across, 6), np.round(self.latitude + north / METRES_PER_DEGREE, 6)

    def metres(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Return metres east and north of the place."""
        across = METRES_PER_DEGREE * cosine(self.latitude)
        return (longitude - self.longitude) * across, (latitude - self.latitude) * METRES_PER_DEGREE


def cosine(degrees: float) -> float:
    """Return the cosine of an angle up to 90 degrees by its series: libraries of two machines may differ by a bit."""
    square = (degrees * (3.141592653589793 / 180.0)) ** 2
    total = 1.0
    for k in range(24, 0, -2):
        total = 1.0 - total * square / (k * (k - 1))
    return total


def distance(east: FloatArray, north: FloatArray) -> FloatArray:
    """Return the length of each vector; shapes alike."""
    return np.asarray(np.sqrt(east * east + north * north), np.float64)


def to_centimetres(metres: FloatArray) -> FloatArray:
    """Return lengths in metres rounded to centimetres."""
    return np.asarray(np.round(metres * 100.0) / 100.0, np.float64)


def shares(weights: FloatArray, total: int, least: int = 1) -> IntArray:
    """Split a whole number by weights, each part at least `least`, shape of `weights`; the parts add up to `total`.

    Method of the largest remainder (Hamilton); of equal remainders the first goes first. Raises ValueError where the
    total is too small for the parts.
    """
    spare = total - least * len(weights)
    if spare < 0:
        raise ValueError(f"{total} cannot be split into {len(weights)} parts of at least {least}")
    ideal = weights / math.fsum(weights) * spare
    whole = np.floor(ideal).astype(np.int64)
    missing = spare - int(whole.sum())
    first = np.argsort(whole - ideal, kind="stable")[:missing]
    whole[first] += 1
    return whole + least
