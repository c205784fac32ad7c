"""The limits that a right alarm goes by, so that the truth of a level can be read off its course."""

from dataclasses import dataclass

import numpy as np

from simulators.physics import FloatArray


@dataclass(frozen=True, slots=True)
class Ladder:
    """Limits of the sensors of a group: `limits` (n, 4), blue to red, in the group's unit, nan where there is none.

    `kind` names what happens beyond them; an alarm is due `within_s` of the first sample beyond the lowest, and only
    where the value stays beyond that long. `below`: the limits are undershot, not exceeded.
    """

    kind: str
    limits: FloatArray
    within_s: float
    below: bool = False


def same_for_all(kind: str, count: int, limits: tuple[float, ...], within_s: float, *, below: bool = False) -> Ladder:
    """Return a ladder with the same four limits for all sensors of a group; nan leaves a severity out."""
    return Ladder(kind, np.tile(np.asarray(limits, np.float64), (count, 1)), within_s, below)
