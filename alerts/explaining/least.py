"""The least of what flips a decision: an amount, seconds, a number of readings, or some of several things."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

from alerts.bound import plain

T = TypeVar("T")


def sizes_up_to(most: float, least: float, factor: float) -> list[float]:
    """Return amounts above 0, each `factor` times the one before it, from about `least` to `most`."""
    steps = max(0, math.ceil(math.log(most / least, factor) - 1e-9))
    return [most * factor**-step for step in range(steps, -1, -1)]


def least_amount(
    flips: Callable[[float], bool], sizes: Sequence[float], signs: Sequence[float], *, closely: bool = True
) -> float | None:
    """Return the first of the sizes that flips, with the first of the signs with which it does; None where none does.

    `sizes` are above 0 and rise. Looked for `closely` it is the least amount between that size and the one before it,
    with three digits, rounded away from 0.
    """
    for before, size in pairwise([0.0, *sizes]):
        for sign in signs:
            if flips(sign * size):
                if not closely:
                    return sign * size
                return sign * _between(lambda amount, sign=sign: flips(sign * amount), before or size, size)  # type: ignore[misc]
    return None


def _between(flips: Callable[[float], bool], low: float, high: float) -> float:
    """Return a number of three digits between one that does not flip and one that does."""
    while high - low > 2.0**-12 * high:
        middle = 0.5 * (low + high)
        if flips(middle):
            high = middle
        else:
            low = middle
    for rounded in (rounded_up(low), rounded_up(high)):
        if low < rounded and flips(rounded):
            return rounded
    return high


def rounded_up(amount: float) -> float:
    """Return a number above 0 with three digits, rounded up; 0 for what is not."""
    if amount <= 0.0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(amount)) - 2)
    return plain(math.ceil(amount / unit - 1e-9) * unit)


def least_seconds(flips: Callable[[int], bool], longest: int) -> int | None:
    """Return the least number of seconds from 1 on that flips, None where none does that is looked at."""
    before, seconds = 0, 1
    while not flips(seconds):
        if seconds >= longest:
            return None
        before, seconds = seconds, min(2 * seconds, longest)
    while seconds - before > 1:
        middle = (before + seconds) // 2
        if flips(middle):
            seconds = middle
        else:
            before = middle
    return seconds


def fewest_readings(most: int, at: Callable[[int, T | None], T | None], known: int = 0) -> T | None:
    """Return what flips with the fewest readings: more than `known`, by which none does, and up to `most`.

    `at` returns what flips with so many readings, None where nothing does; it is given what flips with more of them,
    once that is known.
    """
    low, high = known, 2 * known or 1
    while low < most:
        high = min(high, most)
        found = at(high, None)
        if found is None:
            low, high = high, 2 * high
            continue
        while high - low > 1:
            middle = (low + high) // 2
            fewer = at(middle, found)
            if fewer is None:
                low = middle
            else:
                high, found = middle, fewer
        return found
    return None


def fewest(items: Sequence[T], holds: Callable[[Sequence[T]], bool]) -> list[T]:
    """Return as few of the items as still hold, in their order: without any one of them they would not.

    All of them hold. Delta debugging: Zeller and Hildebrandt, IEEE Trans. Softw. Eng. 28 (2002) 183.
    """
    kept, parts = list(items), 2
    while len(kept) > 1:
        edges = np.linspace(0, len(kept), parts + 1).round().astype(int).tolist()
        spans = list(pairwise(edges))
        fewer = next((kept[a:b] for a, b in spans if holds(kept[a:b])), None)
        if fewer is not None:
            kept, parts = fewer, 2
            continue
        fewer = next((kept[:a] + kept[b:] for a, b in spans if parts > 2 and holds(kept[:a] + kept[b:])), None)
        if fewer is not None:
            kept, parts = fewer, max(parts - 1, 2)
        elif parts >= len(kept):
            break
        else:
            parts = min(2 * parts, len(kept))
    return kept
