"""Coloured noise as a function of time: a sum of waves drawn once, so that any hour can be made without the others.

The waves' frequencies are drawn from the spectrum that is asked for and their phases at will (Shinozuka and Deodatis,
Simulation of stochastic processes by spectral representation, Appl. Mech. Rev. 44, 1991): a generator in the same state
gives the same course, at whatever times it is looked at.
"""

import math

import numpy as np

from simulators.physics import FloatArray

WAVES = 48  # the sum is within 3 % of the normal distribution's fourth moment
_BLOCK = 8_192


def relaxation_noise(times: FloatArray, rng: np.random.Generator, std: float, time_constant_s: float) -> FloatArray:
    """Return noise, shape of `times` (s), whose autocorrelation is exp(-lag / time_constant_s), in the unit of `std`.

    Its spectrum is that of a first-order lag driven by white noise (Ornstein and Uhlenbeck 1930): frequencies from the
    Cauchy distribution, f = tan(pi u / 2) / (2 pi T).
    """
    return _waves(times, rng, std, np.tan(np.pi / 2 * _stratified(rng)) / (2 * np.pi * time_constant_s))


def flicker_noise(
    times: FloatArray, rng: np.random.Generator, std: float, shortest_s: float, longest_s: float
) -> FloatArray:
    """Return 1/f noise, shape of `times` (s), with periods between two limits (s), in the unit of `std`.

    A power density that falls as 1/f holds equal power in each octave: frequencies even on a logarithmic scale.
    """
    return _waves(times, rng, std, (longest_s / shortest_s) ** _stratified(rng) / longest_s)


def _stratified(rng: np.random.Generator) -> FloatArray:
    """One number in each of WAVES equal parts of 0 to 1: a single course already has nearly the whole spectrum."""
    return (np.arange(WAVES) + rng.random(WAVES)) / WAVES


def _waves(times: FloatArray, rng: np.random.Generator, std: float, frequency_hz: FloatArray) -> FloatArray:
    phase, omega = 2 * np.pi * rng.random(WAVES), 2 * np.pi * frequency_hz
    total = np.empty(times.shape)
    for begin in range(0, len(times), _BLOCK):  # keeps the matrix of waves in the cache
        part = times[begin : begin + _BLOCK]
        total[begin : begin + _BLOCK] = np.cos(part[:, None] * omega + phase).sum(axis=1)
    return total * std * math.sqrt(2 / WAVES)
