"""Which random instants a trial is run at: one, or LIFELINE_SEEDS many, from LIFELINE_SEED on."""

import os
import random

import pytest

FIRST = int(os.environ.get("LIFELINE_SEED", "1"))
COUNT = int(os.environ.get("LIFELINE_SEEDS", "1"))

each_seed = pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))


def chance(seed: int) -> random.Random:
    """The trial's random instants; tells how to have the same ones again."""
    print(f"seed {seed}: to repeat it, set LIFELINE_SEED={seed}")
    return random.Random(seed)
