"""A bridge of two equal spans: strain and deflection in the middle of the first, under vehicles, warmth, settlement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulators.physics import FloatArray

GRAVITY = 9.81


@dataclass(frozen=True, slots=True)
class Bridge:
    """A girder continuous over two equal spans, in SI units, and what warmth does to its gauge."""

    span_m: float
    stiffness_n_m2: float  # E I
    fibre_m: float  # distance of the gauge from the neutral axis, downward
    warmth_um_m_k: float = 3.0  # strain per kelvin that the restraint leaves: 0 where free, 10 where fixed
    warmth_mm_k: float = 0.05  # deflection per kelvin
    warmth_lag_s: float = 2 * 3_600.0


class Traffic(NamedTuple):
    """Vehicles, arrays of shape (v,): when each enters (s), its mass (t) and speed (m/s), and its direction (1, -1)."""

    enters_s: FloatArray
    mass_t: FloatArray
    speed_m_s: FloatArray
    direction: FloatArray


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a settling support: when, by how much more (mm, down), and how fast (time constant)."""

    start_s: float
    drop_mm: float
    settling_s: float = 60.0


def poisson_traffic(
    rng: np.random.Generator, start_s: float, end_s: float, per_hour: float, heavy_share: float = 0.12
) -> Traffic:
    """Return the vehicles that enter from `start_s` to `end_s`, a Poisson process.

    Cars of about 1.6 t and heavy vehicles of about 18 t, log-normal, at 50 to 80 km/h; the shares are our own choice of
    a city road. One generator for one window: the next window adds its own vehicles, `join` puts them together.
    """
    count = int(rng.poisson(per_hour * (end_s - start_s) / 3600.0))
    heavy = rng.random(count) < heavy_share
    mass = np.where(heavy, 18.0, 1.6) * np.exp(np.where(heavy, 0.45, 0.25) * rng.standard_normal(count))
    speed = rng.uniform(50.0, 80.0, count) / 3.6 * np.where(heavy, 0.85, 1.0)
    enters = np.sort(rng.uniform(start_s, end_s, count))
    return Traffic(enters, np.minimum(mass, 55.0), speed, np.where(rng.random(count) < 0.5, 1.0, -1.0))


def join(parts: Sequence[Traffic]) -> Traffic:
    """Return the vehicles of several windows as one."""
    return Traffic(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def traffic_load(times: FloatArray, bridge: Bridge, traffic: Traffic) -> tuple[FloatArray, FloatArray]:
    """Return (strain um/m, deflection mm) of the vehicles on the bridge, shapes of `times` (s, ascending).

    Each vehicle is one force that moves over the influence lines; vehicles add up. Sampling a crossing of seconds at
    1 Hz sees it a few times, as a real gauge would.
    """
    crossing = 2 * bridge.span_m / traffic.speed_m_s
    first = np.searchsorted(times, traffic.enters_s)
    counts = np.searchsorted(times, traffic.enters_s + crossing) - first
    vehicle = np.repeat(np.arange(len(counts)), counts)
    sample = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[vehicle]
    run = (times[sample] - traffic.enters_s[vehicle]) * traffic.speed_m_s[vehicle]
    place = np.where(traffic.direction[vehicle] > 0, run, 2 * bridge.span_m - run)
    force = 1e3 * GRAVITY * traffic.mass_t[vehicle]
    strain = 1e6 * force * moment_influence_m(place, bridge.span_m) * bridge.fibre_m / bridge.stiffness_n_m2
    deflection = 1e3 * force * deflection_influence_m_n(place, bridge)
    return (
        np.bincount(sample, strain, len(times)).astype(np.float64),
        np.bincount(sample, deflection, len(times)).astype(np.float64),
    )


def moment_influence_m(place: FloatArray, span_m: float) -> FloatArray:
    """Return the moment (m, times the force) in the middle of the first span for a force at `place` (0 to 2 spans).

    The simple beam's triangle and half of the moment over the support, -s (L^2 - s^2) / (4 L^2) with s from the outer
    end of the loaded span: the three-moment equation of Clapeyron; Euler-Bernoulli beam.
    """
    simple = np.clip(np.minimum(place, span_m - place), 0.0, None) / 2
    return np.asarray(simple + _support_moment_m(place, span_m) / 2, np.float64)


def deflection_influence_m_n(place: FloatArray, bridge: Bridge) -> FloatArray:
    """Return the deflection (m/N, down) in the middle of the first span for a force at `place` (0 to 2 spans).

    a (3 L^2 - 4 a^2) / (48 E I) of the simple beam, a to the nearer end, and M L^2 / (16 E I) of the support's moment.
    """
    span = bridge.span_m
    near = np.clip(np.minimum(place, span - place), 0.0, None)
    simple = near * (3 * span**2 - 4 * near**2) / 48
    return np.asarray((simple + _support_moment_m(place, span) * span**2 / 16) / bridge.stiffness_n_m2, np.float64)


def settlement_mm(times: FloatArray, stages: Sequence[Stage]) -> FloatArray:
    """Return how far the middle support has settled (mm, down), shape of `times` (s): stages that add up."""
    total = np.zeros(times.shape)
    for stage in stages:
        total -= stage.drop_mm * np.expm1(-np.maximum(times - stage.start_s, 0.0) / stage.settling_s)
    return total


def settlement_load(settled_mm: FloatArray, bridge: Bridge) -> tuple[FloatArray, FloatArray]:
    """Return (strain um/m, deflection mm) in the middle of the first span for a settled middle support (mm).

    The support's moment becomes 3 E I s / L^2, half of it in the middle of the span: strain 1.5 y s / L^2; the middle
    goes down by 11/16 s. Source: the three-moment equation with settled supports.
    """
    return 1e3 * 1.5 * bridge.fibre_m * settled_mm / bridge.span_m**2, settled_mm * 11 / 16


def warmth_load(outdoor: FloatArray, bridge: Bridge, reference_cel: float = 10.0) -> tuple[FloatArray, FloatArray]:
    """Return (strain um/m, deflection mm) of a girder at a temperature (Cel), its shape.

    Hand in the air's temperature `warmth_lag_s` earlier: the girder follows it by hours.
    """
    above = outdoor - reference_cel
    return bridge.warmth_um_m_k * above, bridge.warmth_mm_k * above


def bearing_mm(outdoor: FloatArray, bridge: Bridge, reference_cel: float = 10.0) -> FloatArray:
    """Return the way (mm) of a sliding bearing, shape of `outdoor` (Cel, earlier as above): both spans lengthen.

    Steel and concrete alike by 1.1e-5 for each kelvin.
    """
    return 1.1e-2 * 2 * bridge.span_m * (outdoor - reference_cel)


def acceleration_m_s2(
    times: FloatArray, deflection_mm: FloatArray, frequency_hz: float, swinging: float = 0.05
) -> FloatArray:
    """Return the acceleration (m/s2), shape of `times` (s), where the deflection under traffic is `deflection_mm`.

    Vehicles make the girder swing in its first mode about the static line, by a share of it (the dynamic increment):
    (2 pi f)^2 times the amplitude, in the phase that the clock gives, so that it is the same whenever it is asked.
    """
    turn = 2 * np.pi * frequency_hz
    amplitude = turn**2 * swinging * deflection_mm / 1e3
    return np.asarray(amplitude * np.cos(turn * times), np.float64)


def _support_moment_m(place: FloatArray, span: float) -> FloatArray:
    from_end = np.where(place <= span, place, 2 * span - place)
    inside = (place >= 0) & (place <= 2 * span)
    return np.where(inside, -from_end * (span**2 - from_end**2) / (4 * span**2), 0.0)
