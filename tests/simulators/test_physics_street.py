"""Covers and posts: lifted, left askew, rattling, leaning."""

import numpy as np
import pytest

from simulators.physics.cover import Opening, cover_open, cover_tilt_deg, leaning_deg, rattle_m_s2


def test_a_lifted_cover_is_open_and_one_left_askew_is_not_shut_again():
    times = np.array([0.0, 99.0, 100.0, 199.0, 200.0, 500.0, 900.0])
    openings = [Opening(500.0, 800.0, left_deg=20.0), Opening(100.0, 200.0)]
    tilt = cover_tilt_deg(times, openings, seat_deg=0.5)
    assert tilt.tolist() == [0.5, 0.5, 70.0, 70.0, 0.5, 70.0, 20.5]
    assert cover_open(tilt).tolist() == [0, 0, 1, 1, 0, 1, 1]


def test_the_peak_of_a_window_is_that_of_its_hits():
    windows = np.full(20_000, 600.0)
    firm = rattle_m_s2(np.random.default_rng(1), windows, 120.0, 0.0)
    loose = rattle_m_s2(np.random.default_rng(1), windows, 120.0, 3.0)
    assert firm.mean() == pytest.approx(0.05 * np.sqrt(np.pi / 2), rel=0.02)
    # The greatest of about 20 exponential hits: the mean's harmonic number.
    assert loose.mean() == pytest.approx(3.0 * sum(1 / i for i in range(1, 21)), rel=0.02)
    seldom = rattle_m_s2(np.random.default_rng(2), windows, 0.6, 3.0)
    assert (seldom > 0.5).mean() == pytest.approx((1 - np.exp(-0.1)) * np.exp(-0.5 / 3), rel=0.1)


def test_a_post_leans_from_its_start_and_sways_with_the_wind():
    times = np.array([0.0, 86_400.0, 3 * 86_400.0])
    assert leaning_deg(times, 86_400.0, 0.4, np.zeros(3)) == pytest.approx([0.0, 0.0, 0.8])
    assert leaning_deg(times, 1e9, 0.4, np.full(3, 10.0)) == pytest.approx(0.08)
