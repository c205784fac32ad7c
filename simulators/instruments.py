"""Sensors as they are: what a sensor, its clock, its battery and its line make of the truth.

Each function takes samples, of one sensor or of a whole group, and returns new ones; put them in the order in which it
happens: the quantity (drift, noise, spikes), the device (stuck, no measurement, unit, resolution, clock), the line
(sleep, loss, outage, doubles). All chance comes from the generator handed in. A fault that lasts is given as a spell,
so that its truth is known.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from model.reading import Quality
from simulators.physics import FloatArray

DAY_MS = 86_400_000


class Samples(NamedTuple):
    """Samples, arrays of shape (n,), each sensor's in the order of their times.

    `time` int64 epoch ms as the device stamps it, `sensor` int32 index into whatever the caller counts, `value` float64
    in the sensor's own unit, `arrival` int64 epoch ms at the service, `quality` uint16 of `model.reading.Quality` as
    the device reports it.
    """

    time: NDArray[np.int64]
    sensor: NDArray[np.int32]
    value: FloatArray
    arrival: NDArray[np.int64]
    quality: NDArray[np.uint16]


Spell = tuple[int, int]
"""When a fault lasts, (start, end) in epoch ms, end not included."""


def decimals_of(resolution: float) -> int:
    """Return how many decimals a multiple of the resolution needs: 0.05 needs 2, 10 needs none."""
    decimals = 0
    while decimals < 9 and not math.isclose(resolution * 10**decimals, round(resolution * 10**decimals)):
        decimals += 1
    return decimals


# --- sampling --------------------------------------------------------------------------------------------------------


def sample_times(
    rng: np.random.Generator, phase_ms: ArrayLike, interval_ms: float, start_ms: int, end_ms: int, late_ms: float = 0.0
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return (times, sensors) of the slots from `start_ms` to `end_ms` (epoch ms), each late by up to `late_ms`.

    Sensor i of the group has its slots at `phase_ms[i]` and every `interval_ms` after it since 1970, so that windows
    that follow each other have each slot once. Lateness beyond an interval would reverse them: ValueError.
    """
    if not 0 <= late_ms < interval_ms:
        raise ValueError(f"samples late by up to {late_ms:g} ms do not fit an interval of {interval_ms:g} ms")
    phase = np.atleast_1d(np.asarray(phase_ms, np.float64))
    first, last = (np.ceil((edge - phase) / interval_ms) for edge in (start_ms, end_ms))
    counts = (last - first).astype(np.int64)
    sensor = np.repeat(np.arange(len(phase), dtype=np.int32), counts)
    slot = np.arange(len(sensor)) - (np.cumsum(counts) - counts - first)[sensor]
    late = late_ms * rng.random(len(sensor))
    return np.asarray(phase[sensor] + slot * interval_ms + late, np.int64), sensor


def measured(time: NDArray[np.int64], value: FloatArray, sensor: NDArray[np.int32] | None = None) -> Samples:
    """Return good samples that arrive at once, of sensor 0 where none is told."""
    which = np.zeros(len(time), np.int32) if sensor is None else sensor
    return Samples(time, which, value, time.copy(), np.zeros(len(time), np.uint16))


# --- the quantity and the device -------------------------------------------------------------------------------------


def noisy(samples: Samples, rng: np.random.Generator, std: float) -> Samples:
    """Add white noise of that standard deviation, in the sensor's own unit."""
    return samples._replace(value=samples.value + std * rng.standard_normal(len(samples.value)))


def drifting(samples: Samples, when: Spell, per_day: float) -> Samples:
    """Add a drift from the start of the spell on; at its end the sensor is calibrated and reads right again."""
    since = np.where(_within(samples.time, when), samples.time - when[0], 0)
    return samples._replace(value=samples.value + per_day / DAY_MS * since)


def spiky(samples: Samples, rng: np.random.Generator, share: float, size: float) -> Samples:
    """Let a share of the samples jump by half to one and a half of `size`, up or down, each by itself."""
    count = len(samples.value)
    jump = size * rng.uniform(0.5, 1.5, count) * np.where(rng.random(count) < 0.5, -1.0, 1.0)
    return samples._replace(value=np.where(rng.random(count) < share, samples.value + jump, samples.value))


def stuck(samples: Samples, when: Spell, held: float) -> Samples:
    """Repeat `held` in the spell: what stood when it began."""
    return samples._replace(value=np.where(_within(samples.time, when), held, samples.value))


def unmeasured(samples: Samples, when: Spell, sent: float | None = None) -> Samples:
    """Drop the samples of the spell, or send a sentinel in their place where `sent` is given."""
    gone = _within(samples.time, when)
    if sent is None:
        return taken(samples, ~gone)
    return samples._replace(value=np.where(gone, sent, samples.value))


def in_other_unit(samples: Samples, when: Spell, factor: float) -> Samples:
    """Send `factor * value` in the spell: kPa as MPa (0.001) after maintenance, with nobody told."""
    wrong = _within(samples.time, when)
    return samples._replace(value=np.where(wrong, factor * samples.value, samples.value))


def resolved(samples: Samples, resolution: float, low: float = -math.inf, high: float = math.inf) -> Samples:
    """Round to multiples of the resolution within the sensor's scale, as it can send them."""
    steps = np.round(np.clip(samples.value, low, high) / resolution)
    value = np.round(steps * resolution, decimals_of(resolution)) + 0.0  # turns -0.0 into 0.0
    return samples._replace(value=np.asarray(value, np.float64))


def clock_off(samples: Samples, when: Spell, offset_ms: int) -> Samples:
    """Stamp the samples of the spell wrongly by an offset: 8 h, a time zone."""
    return samples._replace(time=samples.time + np.where(_within(samples.time, when), offset_ms, 0))


def battery_dying(samples: Samples, rng: np.random.Generator, when: Spell) -> Samples:
    """Report the samples of the spell as uncertain, fail to send ever more of them, and end with it."""
    weak_ms, dead_ms = when
    worn = np.clip((samples.time - weak_ms) / max(dead_ms - weak_ms, 1), 0.0, 1.0)
    quality = np.where(samples.time >= weak_ms, np.uint16(Quality.REPORTED_UNCERTAIN), samples.quality)
    sent = (samples.time < dead_ms) & (rng.random(len(worn)) >= worn**2)
    return taken(samples._replace(quality=quality.astype(np.uint16)), sent)


# --- the line --------------------------------------------------------------------------------------------------------


def under_way(samples: Samples, rng: np.random.Generator, median_ms: float, spread: float = 0.5) -> Samples:
    """Delay the arrival by a log-normal time; `spread` is the standard deviation of its logarithm."""
    delay = median_ms * np.exp(spread * rng.standard_normal(len(samples.time)))
    return samples._replace(arrival=samples.arrival + np.round(delay).astype(np.int64))


def sent_every(samples: Samples, period_ms: int, phase_ms: NDArray[np.int64]) -> Samples:
    """Hold samples until the next sending of the gateway that gathers them, every `period_ms`.

    `phase_ms` is an array by sensor: what has one phase arrives together and can be one message.
    """
    phase = phase_ms[samples.sensor]
    sendings = -((phase - samples.arrival) // period_ms)  # rounds up
    return samples._replace(arrival=phase + sendings * period_ms)


def stored_and_forwarded(samples: Samples, outage: Spell, times_as_fast: float = 20.0) -> Samples:
    """Keep what would arrive in an outage and send it after, in order, that many times as fast as it came up.

    What comes up while the store empties queues behind it: arrival = end + (arrival - start) / times_as_fast, as long
    as that is later.
    """
    start, end = outage
    drained = end + (samples.arrival - start) / times_as_fast
    queued = (samples.arrival >= start) & (drained > samples.arrival)
    return samples._replace(arrival=np.where(queued, np.round(drained), samples.arrival).astype(np.int64))


def lost(samples: Samples, rng: np.random.Generator, share: float, run: float = 1.0) -> Samples:
    """Lose a share of the samples, in runs of `run` on the average: each by itself at 1, else Gilbert's bursts.

    Source of the two-state line: Gilbert, Capacity of a burst-noise channel, Bell Syst. Tech. J. 39 (1960), 1253.
    """
    count = len(samples.time)
    if run <= 1.0 or not 0.0 < share < 1.0:
        return taken(samples, rng.random(count) >= share)
    gone = np.zeros(count, np.bool_)
    place, bad = 0, bool(rng.random() < share)
    while place < count:
        length = int(rng.geometric(1 / run if bad else min(1.0, share / (1 - share) / run)))
        gone[place : place + length] = bad
        place, bad = place + length, not bad
    return taken(samples, ~gone)


def doubled(samples: Samples, rng: np.random.Generator, share: float, delay_ms: float) -> Samples:
    """Deliver a share of the samples a second time, up to `delay_ms` later, as after a lost acknowledgement."""
    again = rng.random(len(samples.time)) < share
    second = taken(samples, again)
    delay = 1 + (delay_ms * rng.random(len(second.time))).astype(np.int64)
    return joined([samples, second._replace(arrival=second.arrival + delay)])


def shuffled(samples: Samples, rng: np.random.Generator, share: float, delay_ms: float) -> Samples:
    """Hold a share of the samples up by up to `delay_ms`, so that later ones overtake them."""
    held = rng.random(len(samples.time)) < share
    delay = np.where(held, delay_ms * rng.random(len(held)), 0.0).astype(np.int64)
    return samples._replace(arrival=samples.arrival + delay)


def joined(parts: Iterable[Samples]) -> Samples:
    """Return several samples as one, in the parts' order."""
    return Samples(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def as_arrived(samples: Samples) -> Samples:
    """Return the samples in the order of their arrival; those that arrive at one time keep their order."""
    return taken(samples, np.argsort(samples.arrival, kind="stable"))


def taken(samples: Samples, chosen: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Samples:
    """Return some of the samples: those where a mask is true, those at places, or a part."""
    time, sensor, value, arrival, quality = samples
    return Samples(time[chosen], sensor[chosen], value[chosen], arrival[chosen], quality[chosen])


def _within(time: NDArray[np.int64], spell: tuple[int, int]) -> NDArray[np.bool_]:
    return (time >= spell[0]) & (time < spell[1])
