"""Which random instants a trial is run at, and how long it lasts.

`make test` runs each at one seed with durations shortened. LIFELINE_SEEDS asks for many, from LIFELINE_SEED on, and
LIFELINE_TRUE_DURATIONS=1 for the durations of the fault catalogue.
"""

import os
import random

import pytest

FIRST = int(os.environ.get("LIFELINE_SEED", "1"))
COUNT = int(os.environ.get("LIFELINE_SEEDS", "1"))
TRUE_DURATIONS = os.environ.get("LIFELINE_TRUE_DURATIONS") == "1"

each_seed = pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))


def chance(seed: int) -> random.Random:
    """The trial's random instants; tells how to have the same ones again."""
    print(f"seed {seed}: to repeat it, set LIFELINE_SEED={seed}")
    return random.Random(seed)


def lasting(short_s: float, true_s: float) -> float:
    """Seconds that a fault lasts: shortened, or those of the catalogue."""
    return true_s if TRUE_DURATIONS else short_s
