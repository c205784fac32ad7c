"""Covers that rattle."""

import numpy as np
import pytest

from simulators.physics.cover import rattle_m_s2


def test_the_peak_of_a_window_is_that_of_its_hits():
    windows = np.full(20_000, 600.0)
    firm = rattle_m_s2(np.random.default_rng(1), windows, 120.0, 0.0)
    loose = rattle_m_s2(np.random.default_rng(1), windows, 120.0, 3.0)
    assert firm.mean() == pytest.approx(0.05 * np.sqrt(np.pi / 2), rel=0.02)
    # The greatest of about 20 exponential hits: the mean's harmonic number.
    assert loose.mean() == pytest.approx(3.0 * sum(1 / i for i in range(1, 21)), rel=0.02)
    seldom = rattle_m_s2(np.random.default_rng(2), windows, 0.6, 3.0)
    assert (seldom > 0.5).mean() == pytest.approx((1 - np.exp(-0.1)) * np.exp(-0.5 / 3), rel=0.1)
