"""A creeping slope: steady creep, acceleration after Voight, and arrest; and the white noise of what measures it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.physics import DAY_S, FloatArray

GNSS_HORIZONTAL_NOISE_MM = 1.6  # standard deviation of a daily position, measured on 18 stations


@dataclass(frozen=True, slots=True)
class Slope:
    """A point on a slope and its steady creep."""

    creep_mm_d: float


@dataclass(frozen=True, slots=True)
class Episode:
    """Accelerating creep that stops: it would fail at `failure_s`, but is held at `peak_mm_d` and then dies away.

    Times in seconds. `onset_mm_d` is added to the steady creep at once; `held_s` is how long the peak lasts,
    `decay_s` the time constant of the dying away.
    """

    start_s: float
    failure_s: float
    onset_mm_d: float
    peak_mm_d: float
    held_s: float
    decay_s: float

    @property
    def peak_s(self) -> float:
        """When the peak rate is reached, from the velocity of `voight_rate` with alpha 2."""
        return self.start_s + (self.failure_s - self.start_s) * (1.0 - self.onset_mm_d / self.peak_mm_d)


def voight_rate(elapsed: FloatArray, failure: float, onset: float, alpha: float = 2.0) -> FloatArray:
    """Return the velocity v(t) of accelerating creep, `onset` at 0, without bound towards `failure` (same time unit).

    dv/dt = A v^alpha gives v = onset * (1 - t / failure)^(-1 / (alpha - 1)); for alpha 2 the inverse velocity falls on
    a straight line. Sources: Fukuzono (1985), inverse velocity; Voight (1988), Nature 332, 125-130.
    """
    return onset * (1.0 - elapsed / failure) ** (-1.0 / (alpha - 1.0))


def voight_displacement(elapsed: FloatArray, failure: float, onset: float, alpha: float = 2.0) -> FloatArray:
    """Return the integral of `voight_rate` from 0: -onset * failure * ln(1 - t / failure) where alpha is 2."""
    left = 1.0 - elapsed / failure
    if alpha == 2.0:
        return np.asarray(-onset * failure * np.log(left), np.float64)
    power = (alpha - 2.0) / (alpha - 1.0)
    return onset * failure * (1.0 - left**power) / power


def slope_rate_mm_d(times: FloatArray, slope: Slope, episodes: Sequence[Episode]) -> FloatArray:
    """Return the velocity (mm/d), shape of `times` (s): steady creep and the episodes on top."""
    rate = np.full(times.shape, slope.creep_mm_d)
    for episode in episodes:
        rising, _, falling = _phases(times, episode)
        span = episode.failure_s - episode.start_s
        accelerating = voight_rate(rising, span, episode.onset_mm_d)
        dying = episode.peak_mm_d * np.exp(-falling / episode.decay_s)
        rate += np.select(
            [times < episode.start_s, times < episode.peak_s, falling <= 0.0],
            [0.0, accelerating, episode.peak_mm_d],
            dying,
        )
    return rate


def slope_displacement_mm(times: FloatArray, slope: Slope, episodes: Sequence[Episode]) -> FloatArray:
    """Return the displacement (mm) since 0: the integral of `slope_rate_mm_d`, in closed form."""
    moved = slope.creep_mm_d * times / DAY_S
    for episode in episodes:
        rising, holding, falling = _phases(times, episode)
        span = (episode.failure_s - episode.start_s) / DAY_S
        moved = moved + voight_displacement(rising / DAY_S, span, episode.onset_mm_d)
        moved += episode.peak_mm_d * holding / DAY_S
        moved += episode.peak_mm_d * episode.decay_s / DAY_S * (1.0 - np.exp(-falling / episode.decay_s))
    return moved


def _phases(times: FloatArray, episode: Episode) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The seconds spent so far in acceleration, at the peak, and dying away; each 0 before its phase."""
    peak = episode.peak_s
    rising = np.clip(times - episode.start_s, 0.0, peak - episode.start_s)
    holding = np.clip(times - peak, 0.0, episode.held_s)
    falling = np.maximum(times - peak - episode.held_s, 0.0)
    return rising, holding, falling
