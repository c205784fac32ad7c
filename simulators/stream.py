"""The stream of readings of a simulated city: deterministic, in time order, endless where no duration is given.

Every sensor draws from its own random sequence, keyed by seed, sensor id and hour of the stream. So a longer run
begins with the shorter one, a sensor reads the same whether its neighbours are simulated or not, and any hour can be
made without the hours before.
"""

import math
import zlib
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulators.events import Event, Silence
from simulators.instruments import Instrument, decimals_of
from simulators.physics import FloatArray
from simulators.platforms import Platform
from simulators.scenarios import Scenario
from simulators.signals import true_value

CHUNK_S = 3_600.0  # part of the random key: another length is another stream
JITTER_SHARE = 0.05  # of the interval, by which a sample may come late
DEFAULT_START_MS = 1_795_305_600_000  # 2026-11-22T00:00:00.000Z, where no start is given for a file


class Chunk(NamedTuple):
    """Readings in time order; arrays of shape (n,).

    `time` int64 epoch milliseconds, `sensor` int32 index into the platform's instruments, `value` float64 in the
    sensor's own registered unit, rounded to its resolution.
    """

    time: NDArray[np.int64]
    sensor: NDArray[np.int32]
    value: FloatArray


def simulate(
    platform: Platform,
    scenario: Scenario,
    seed: int,
    duration_s: float | None,
    start_ms: int = DEFAULT_START_MS,
    *,
    only: Collection[str] | None = None,
) -> Iterator[Chunk]:
    """Yield the readings of the platform under the scenario, hour by hour; the same arguments give the same arrays.

    `only` names the sensors to simulate, all where it is None. Raises ValueError for a seed or duration below 0.
    """
    if seed < 0:
        raise ValueError(f"seed {seed} is negative; give a whole number from 0")
    if duration_s is not None and not 0 < duration_s < math.inf:
        raise ValueError(f"a duration of {duration_s:g} s is not possible; give more than 0")
    chosen = [(k, i) for k, i in enumerate(platform.instruments) if only is None or i.sensor.sensor in only]
    local_s = _local_seconds(platform, start_ms)
    held = Chunk(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0))
    hour = 0
    while duration_s is None or hour * CHUNK_S < duration_s:
        begin, end = hour * CHUNK_S, (hour + 1) * CHUNK_S
        events = scenario.events(platform, seed, begin * scenario.haste, (end + CHUNK_S) * scenario.haste)
        parts = [_sample(k, i, events, scenario.haste, seed, hour, start_ms, local_s) for k, i in chosen]
        ordered = _in_order([held, *parts])
        # Jitter may carry a sample past the hour: it waits for the next chunk, or falls off the end.
        until = start_ms + round(1000 * (end if duration_s is None else min(end, duration_s)))
        ready = int(np.searchsorted(ordered.time, until))
        held = _part(ordered, ready, len(ordered.time))
        yield _part(ordered, 0, ready)
        hour += 1


def hasten(chunks: Iterator[Chunk], start_ms: int, speed: float) -> Iterator[Chunk]:
    """Yield the chunks with times drawn together: `speed` seconds after `start_ms` become one.

    For a live broker, which refuses readings from the future, however fast the city is played.
    """
    for chunk in chunks:
        yield chunk._replace(time=start_ms + np.round((chunk.time - start_ms) / speed).astype(np.int64))


def _in_order(parts: Sequence[Chunk]) -> Chunk:
    """All readings of the parts by time, and by sensor where times are equal."""
    time = np.concatenate([part.time for part in parts])
    sensor = np.concatenate([part.sensor for part in parts])
    value = np.concatenate([part.value for part in parts])
    order = np.lexsort((sensor, time))
    return Chunk(time[order], sensor[order], value[order])


def _part(chunk: Chunk, begin: int, end: int) -> Chunk:
    return Chunk(chunk.time[begin:end], chunk.sensor[begin:end], chunk.value[begin:end])


def _sample(
    index: int,
    instrument: Instrument,
    events: list[Event],
    haste: float,
    seed: int,
    hour: int,
    start_ms: int,
    local_s: float,
) -> Chunk:
    """One sensor's readings whose nominal times lie in that hour of the stream."""
    sensor = instrument.sensor
    key = zlib.crc32(sensor.sensor.encode())
    interval = sensor.interval_s
    phase = interval * np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, key]))).random()
    chance = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, key, 1 + hour])))
    first = math.ceil((hour * CHUNK_S - phase) / interval)
    last = math.ceil(((hour + 1) * CHUNK_S - phase) / interval)
    slots = np.arange(first, last, dtype=np.float64)
    late = JITTER_SHARE * interval * chance.random(len(slots))
    noise = instrument.noise * chance.standard_normal(len(slots))
    milliseconds = np.floor(1000.0 * (phase + slots * interval + late)).astype(np.int64)
    seconds = milliseconds / 1000.0
    kept = np.ones(len(slots), np.bool_)
    for silence in events:
        if isinstance(silence, Silence) and silence.sensor == sensor.sensor:
            kept &= (seconds * haste < silence.start_s) | (seconds * haste >= silence.end_s)
    truth = true_value(instrument, events, seconds * haste, local_s + seconds)
    value = _as_sent(instrument, truth + noise)
    return Chunk(start_ms + milliseconds[kept], np.full(int(kept.sum()), index, np.int32), value[kept])


def _as_sent(instrument: Instrument, value: FloatArray) -> FloatArray:
    """Turn values in the property's unit into what the device sends: its unit, its full scale, its resolution."""
    factor, offset = instrument.sensor.conversion
    low, high = instrument.sensor.valid_range
    own = (np.clip(value, low, high) - offset) / factor
    resolution = instrument.resolution
    rounded = np.round(np.round(own / resolution) * resolution, decimals_of(resolution))
    return np.asarray(rounded + 0.0, np.float64)  # turns -0.0 into 0.0


def _local_seconds(platform: Platform, start_ms: int) -> float:
    """Seconds since the local midnight of the start; a change to summer time within the run is not followed."""
    local = datetime.fromtimestamp(start_ms / 1000, UTC).astimezone(ZoneInfo(platform.city.time_zone))
    return local.hour * 3600.0 + local.minute * 60.0 + local.second + local.microsecond / 1e6
