"""Sensors as they are: what a sensor stands on, and what it, its clock, its battery and its line make of the truth.

Each function takes samples, of one sensor or of a whole group, and returns new ones; put them in the order in which it
happens: the quantity (drift, noise, spikes), the device (stuck, no measurement, unit, resolution, clock), the line
(sleep, loss, outage, doubles). `only` puts a step to some sensors. All chance comes from the generator handed in.
Faults that last are given as spells, so that their truth is known; `spells` draws some.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from model.reading import Quality
from model.sensor import Sensor
from simulators.physics import FloatArray
from simulators.physics.drainage import LowPoint, Manhole
from simulators.physics.gas import Chamber
from simulators.physics.ground import Slope
from simulators.physics.hydraulics import Inflow, Node

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class GasMain:
    """A gas pipe behind a regulator: its set pressure, and what the peak demand takes off."""

    set_kpa: float
    loss_kpa: float


Site = Chamber | GasMain | Node | Inflow | LowPoint | Manhole | Slope


@dataclass(frozen=True, slots=True)
class Instrument:
    """A sensor at its site; `noise` is the standard deviation of its readings in the property's own unit."""

    sensor: Sensor
    site: Site
    noise: float

    @property
    def resolution(self) -> float:
        """The step between two values that the sensor can send, in its own unit."""
        return float(self.sensor.attributes["resolution"])


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


Spells = Sequence[tuple[int, int]]
"""Spells of a fault as (start, end) in epoch ms, end not included."""


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


def only(samples: Samples, sensors: Sequence[int], step: Callable[[Samples], Samples]) -> Samples:
    """Put a step to the samples of some sensors, each by itself, and leave the others; theirs come first."""
    if not sensors:
        return samples
    others = _kept(samples, ~np.isin(samples.sensor, sensors))
    return joined([others, *(step(_kept(samples, samples.sensor == one)) for one in sensors)])


def spells(
    rng: np.random.Generator, start_ms: int, end_ms: int, per_day: float, mean_ms: float
) -> list[tuple[int, int]]:
    """Return spells that begin within the window, a Poisson process, exponentially long about `mean_ms`, none joined.

    A spell may end after the window; one that begins within the one before it is left out.
    """
    begins = np.sort(rng.integers(start_ms, end_ms, rng.poisson(per_day * (end_ms - start_ms) / DAY_MS)))
    found: list[tuple[int, int]] = []
    for begin, length in zip(begins.tolist(), rng.exponential(mean_ms, len(begins)).tolist(), strict=True):
        if not found or begin >= found[-1][1]:
            found.append((begin, begin + max(1, round(length))))
    return found


# --- the quantity and the device -------------------------------------------------------------------------------------


def noisy(samples: Samples, rng: np.random.Generator, std: float) -> Samples:
    """Add white noise of that standard deviation, in the sensor's own unit."""
    return samples._replace(value=samples.value + std * rng.standard_normal(len(samples.value)))


def drifting(samples: Samples, start_ms: int, per_day: float, end_ms: int | None = None) -> Samples:
    """Add a drift from `start_ms` on; at `end_ms` the sensor is calibrated and reads right again."""
    since = np.maximum(samples.time - start_ms, 0)
    if end_ms is not None:
        since = np.where(samples.time < end_ms, since, 0)
    return samples._replace(value=samples.value + per_day / DAY_MS * since)


def spiky(samples: Samples, rng: np.random.Generator, share: float, size: float) -> Samples:
    """Let a share of the samples jump by half to one and a half of `size`, up or down, each by itself."""
    count = len(samples.value)
    jump = size * rng.uniform(0.5, 1.5, count) * np.where(rng.random(count) < 0.5, -1.0, 1.0)
    return samples._replace(value=np.where(rng.random(count) < share, samples.value + jump, samples.value))


def stuck(samples: Samples, when: Spells, held: float | None = None) -> Samples:
    """Repeat one value of one sensor in each spell: `held`, or the spell's first sample where it is None.

    Where a spell is cut by the window in which the samples are made, hand in what stood when it began.
    """
    value = samples.value.copy()
    for inside in (_within(samples.time, spell) for spell in when):
        if inside.any():
            value[inside] = value[inside.argmax()] if held is None else held
    return samples._replace(value=value)


def unmeasured(samples: Samples, when: Spells, sent: float | None = None, *, told: bool = False) -> Samples:
    """Drop the samples of each spell, or send a sentinel in their place where `sent` is given.

    `told` says that the device reports such a value as bad.
    """
    gone = _any_within(samples.time, when)
    if sent is None:
        return _kept(samples, ~gone)
    quality = np.where(gone & told, np.uint16(Quality.REPORTED_BAD), samples.quality)
    return samples._replace(value=np.where(gone, sent, samples.value), quality=quality.astype(np.uint16))


def in_other_unit(samples: Samples, when: Spells, factor: float, offset: float = 0.0) -> Samples:
    """Send `factor * value + offset` in each spell: kPa as MPa (0.001) after maintenance, with nobody told."""
    wrong = _any_within(samples.time, when)
    return samples._replace(value=np.where(wrong, factor * samples.value + offset, samples.value))


def resolved(samples: Samples, resolution: float, low: float = -math.inf, high: float = math.inf) -> Samples:
    """Round to multiples of the resolution within the sensor's scale, as it can send them."""
    steps = np.round(np.clip(samples.value, low, high) / resolution)
    value = np.round(steps * resolution, decimals_of(resolution)) + 0.0  # turns -0.0 into 0.0
    return samples._replace(value=np.asarray(value, np.float64))


def clock_off(samples: Samples, when: Spells, offset_ms: int, drift_ppm: float = 0.0) -> Samples:
    """Stamp the samples of each spell wrongly: by an offset (8 h: a time zone), and by a drift since its start."""
    time = samples.time.copy()
    for spell in when:
        inside = _within(samples.time, spell)
        ahead = np.round((samples.time[inside] - spell[0]) * drift_ppm * 1e-6).astype(np.int64)
        time[inside] += offset_ms + ahead
    return samples._replace(time=time)


def battery_dying(samples: Samples, rng: np.random.Generator, weak_ms: int, dead_ms: int) -> Samples:
    """End the samples at `dead_ms`; from `weak_ms` on they are reported uncertain and ever more fail to be sent."""
    worn = np.clip((samples.time - weak_ms) / max(dead_ms - weak_ms, 1), 0.0, 1.0)
    quality = np.where(samples.time >= weak_ms, np.uint16(Quality.REPORTED_UNCERTAIN), samples.quality)
    sent = (samples.time < dead_ms) & (rng.random(len(worn)) >= worn**2)
    return _kept(samples._replace(quality=quality.astype(np.uint16)), sent)


def by_exception(samples: Samples, band: float, heartbeat_ms: int, before: tuple[float, int] | None = None) -> Samples:
    """Send those of one sensor's samples that left the last one sent by `band`, or came `heartbeat_ms` after it.

    `before` is the value sent last before the window and its time (epoch ms); without it the first sample is sent.
    """
    chosen: list[int] = []
    value, due = (math.inf, -math.inf) if before is None else (before[0], before[1] + heartbeat_ms)
    for i, (time, now) in enumerate(zip(samples.time.tolist(), samples.value.tolist(), strict=True)):
        if abs(now - value) >= band or time >= due:
            chosen.append(i)
            value, due = now, time + heartbeat_ms
    kept = np.zeros(len(samples.time), np.bool_)
    kept[chosen] = True
    return _kept(samples, kept)


# --- the line --------------------------------------------------------------------------------------------------------


def under_way(samples: Samples, rng: np.random.Generator, median_ms: float, spread: float = 0.5) -> Samples:
    """Delay the arrival by a log-normal time; `spread` is the standard deviation of its logarithm."""
    delay = median_ms * np.exp(spread * rng.standard_normal(len(samples.time)))
    return samples._replace(arrival=samples.arrival + np.round(delay).astype(np.int64))


def sent_every(samples: Samples, period_ms: int, phase_ms: int | NDArray[np.int64] = 0) -> Samples:
    """Hold samples until the next sending: a device that sleeps, or a gateway that gathers, with its own phase.

    `phase_ms` may be an array by sensor: what has one phase arrives together and can be one message.
    """
    phase = phase_ms[samples.sensor] if isinstance(phase_ms, np.ndarray) else phase_ms
    sendings = -((phase - samples.arrival) // period_ms)  # rounds up
    return samples._replace(arrival=phase + sendings * period_ms)


def stored_and_forwarded(samples: Samples, outages: Spells, times_as_fast: float = 20.0) -> Samples:
    """Keep what would arrive in an outage and send it after, in order, that many times as fast as it came up.

    What comes up while the store empties queues behind it: arrival = end + (arrival - start) / times_as_fast, as long
    as that is later. Outages may not overlap the emptying after the one before.
    """
    arrival = samples.arrival.copy()
    for start, end in outages:
        drained = end + (samples.arrival - start) / times_as_fast
        queued = (samples.arrival >= start) & (drained > samples.arrival)
        arrival[queued] = np.round(drained[queued]).astype(np.int64)
    return samples._replace(arrival=arrival)


def lost(samples: Samples, rng: np.random.Generator, share: float, run: float = 1.0) -> Samples:
    """Lose a share of the samples, in runs of `run` on the average: each by itself at 1, else Gilbert's bursts.

    Source of the two-state line: Gilbert, Capacity of a burst-noise channel, Bell Syst. Tech. J. 39 (1960), 1253.
    """
    count = len(samples.time)
    if run <= 1.0 or not 0.0 < share < 1.0:
        return _kept(samples, rng.random(count) >= share)
    gone = np.zeros(count, np.bool_)
    place, bad = 0, bool(rng.random() < share)
    while place < count:
        length = int(rng.geometric(1 / run if bad else min(1.0, share / (1 - share) / run)))
        gone[place : place + length] = bad
        place, bad = place + length, not bad
    return _kept(samples, ~gone)


def doubled(samples: Samples, rng: np.random.Generator, share: float, delay_ms: float) -> Samples:
    """Deliver a share of the samples a second time, up to `delay_ms` later, as after a lost acknowledgement."""
    again = rng.random(len(samples.time)) < share
    second = _kept(samples, again)
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
    return _kept(samples, np.argsort(samples.arrival, kind="stable"))


def _kept(samples: Samples, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Samples:
    time, sensor, value, arrival, quality = samples
    return Samples(time[chosen], sensor[chosen], value[chosen], arrival[chosen], quality[chosen])


def _within(time: NDArray[np.int64], spell: tuple[int, int]) -> NDArray[np.bool_]:
    return (time >= spell[0]) & (time < spell[1])


def _any_within(time: NDArray[np.int64], when: Spells) -> NDArray[np.bool_]:
    inside = np.zeros(len(time), np.bool_)
    for spell in when:
        inside |= _within(time, spell)
    return inside
