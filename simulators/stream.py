"""The stream of readings of simulated cities, hour by hour, in the order of their arrival: deterministic for a seed.

Every group of sensors draws from its own random sequence, keyed by seed, city, group and hour of the stream. So a
longer run begins with the shorter one, and a group reads the same whether others are simulated or not.
"""

import math
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from model.sensor import Sensor
from simulators import faults
from simulators.cities import SimulatedCity
from simulators.cities.chance import IntArray
from simulators.cities.sensors import SensorGroup
from simulators.courses import course
from simulators.events import Fault
from simulators.instruments import (
    Samples,
    as_arrived,
    doubled,
    joined,
    lost,
    measured,
    noisy,
    resolved,
    sample_times,
    sent_every,
    shuffled,
    taken,
    under_way,
)
from simulators.platforms import Platform
from simulators.scenarios import Scenario, Story
from simulators.world import Course, World

HOUR_S = 3_600.0  # part of the random key: another length is another stream
WINDOW_H = 168  # of a world, which holds what is solved for it
JITTER_SHARE, JITTER_MS_MAX = 0.05, 30_000.0  # of the interval, by which a sample may come late
WAKE_MS = 1_000
GATEWAY_MS = 10_000  # a gateway sends what it has gathered
DELAY_MS, DELAY_SPREAD = 300.0, 0.2  # median on the line, and spread of its logarithm: one line keeps its order
LOST, DOUBLED, HELD_UP = 5e-4, 2e-4, 2e-4  # shares of readings over radio
RESENT_MS, HELD_UP_MS = 5_000.0, 40_000.0
EXCEPTION_MS = 60_000  # at which a device that speaks by exception looks
EXCEPTION_BANDS = {"combustible_gas": 5.0}  # and by which its value must move; 1 where not named


@dataclass(frozen=True)
class Part:
    """A group of a platform's sensors: the index of its first, the city, and the scale (low, high) of its sensors."""

    first: int
    place: SimulatedCity
    group: SensorGroup
    scale: tuple[float, float]
    gateway_phase: IntArray | None  # ms, by sensor, where they speak through lamp posts


def default_start(scenario: Scenario, platform: Platform) -> int:
    """Return the start (epoch ms) of a scenario where none is asked for: its own civil time in the first city."""
    zone = ZoneInfo(platform.cities[0].time_zone)
    return round(datetime.fromisoformat(scenario.start).replace(tzinfo=zone).astimezone(UTC).timestamp() * 1000)


def told(platform: Platform, scenario: Scenario, seed: int) -> list[Story]:
    """Return the story of each city of the platform: it happens in one of them, chosen by the seed, where it can."""
    count = len(platform.places)
    for turn in range(count):
        chosen = (seed + turn) % count
        story = scenario.tell(platform.places[chosen], seed)
        if story.events:
            return [story if k == chosen else Story() for k in range(count)]
    return [Story() for _ in range(count)]


def parts_of(platform: Platform, only: Collection[str] | None = None) -> list[Part]:
    """Return the groups of the platform's sensors, those of the things named in `only`, all where it is None."""
    found, first = [], 0
    for place in platform.places:
        for group in place.groups:
            sensors = platform.sensors[first : first + len(group)]
            if only is None or group.thing in only:
                found.append(Part(first, place, group, _scale(sensors[0]), _gateway_phase(sensors)))
            first += len(group)
    return found


def simulate(
    platform: Platform,
    scenario: Scenario,
    seed: int,
    duration_s: float | None,
    start_ms: int | None = None,
    *,
    only: Collection[str] | None = None,
    from_hour: int = 0,
) -> Iterator[Samples]:
    """Yield the readings of the platform under the scenario, hour by hour, in the order of their arrival.

    `sensor` is the index into the platform's sensors, `value` rounded to the sensor's resolution. The same arguments
    give the same arrays. A reading that arrives after the end is left out. `duration_s` None never ends. `only` names
    the things to simulate, all where it is None. The hours before `from_hour` are left out, with what of them arrives
    later. Raises ValueError for a seed or duration below 0.
    """
    if seed < 0:
        raise ValueError(f"seed {seed} is negative; give a whole number from 0")
    if duration_s is not None and not 0 < duration_s < math.inf:
        raise ValueError(f"a duration of {duration_s:g} s is not possible; give more than 0")
    start_ms = default_start(scenario, platform) if start_ms is None else start_ms
    stories = told(platform, scenario, seed)
    parts = parts_of(platform, only)
    on_their_way = _empty()
    courses: list[tuple[World, Course]] = []
    hour = from_hour
    while duration_s is None or hour * HOUR_S < duration_s:
        if hour % WINDOW_H == 0 or not courses:
            worlds = worlds_of(platform, stories, seed, start_ms, hour // WINDOW_H * WINDOW_H * HOUR_S)
            courses = [
                (worlds[part.place.plan.city], course(worlds[part.place.plan.city], part.group)) for part in parts
            ]
        made = [_hour(part, *own, hour) for part, own in zip(parts, courses, strict=True)]
        gathered = as_arrived(joined([on_their_way, *(samples for samples in made if len(samples.time))]))
        end_s = (hour + 1) * HOUR_S if duration_s is None else min((hour + 1) * HOUR_S, duration_s)
        ready = int(np.searchsorted(gathered.arrival, start_ms + round(1000 * end_s)))
        on_their_way = taken(gathered, slice(ready, None))
        yield taken(gathered, slice(ready))
        hour += 1


def worlds_of(
    platform: Platform, stories: Sequence[Story], seed: int, start_ms: int, begin_s: float
) -> dict[str, World]:
    """Return the world of each city, by its id, for the window that begins then (s since the stream's start)."""
    end_s = begin_s + WINDOW_H * HOUR_S
    return {
        place.plan.city: World(place, seed, start_ms, begin_s, end_s, tuple(story.events))
        for place, story in zip(platform.places, stories, strict=True)
    }


def hasten(chunks: Iterator[Samples], start_ms: int, speed: float) -> Iterator[Samples]:
    """Yield the chunks with times drawn together: `speed` seconds after `start_ms` become one.

    For a live broker, which refuses readings from the future, however fast the city is played.
    """
    for chunk in chunks:
        time, arrival = (
            start_ms + np.round((column - start_ms) / speed).astype(np.int64) for column in (chunk.time, chunk.arrival)
        )
        yield chunk._replace(time=time, arrival=arrival)


def _hour(part: Part, world: World, value: Course, hour: int) -> Samples:
    """The samples of a group whose nominal times lie in that hour of the stream, by its sensors' platform index."""
    group = part.group
    begin = world.start_ms + round(1000 * hour * HOUR_S)
    end = world.start_ms + round(1000 * (hour + 1) * HOUR_S)
    chance = world.chance("samples", group.thing, hour)
    interval = 1000.0 * group.interval_s
    phase = world.start_ms + interval * world.chance("phase", group.thing).random(len(group))
    late = min(JITTER_SHARE * interval, JITTER_MS_MAX)
    time, who = sample_times(chance, phase, interval, begin, end, late)
    if group.fields.get("reporting") == "by_exception":
        time, who = _with_exceptions(part, world, value, time, who, begin, end)
    if not len(time):
        return _empty()
    truth = value((time - world.start_ms) / 1000.0, who)
    # Noise comes before faults: a sensor reads the same but for its own.
    samples = noisy(measured(time, truth, who), chance, group.noise)
    failing = world.of(Fault)
    own = faults.touching(failing, group.ids(part.place.plan), world.start_ms, begin, end) if failing else []
    samples = resolved(faults.of_quantity(samples, own, chance), float(group.resolution), *part.scale)
    samples = faults.of_device(samples, own, lambda at, k: _held(part, world, value, at, k))
    if group.sleep_s:
        # It wakes once it has taken a sample.
        samples = sent_every(samples, round(1000 * group.sleep_s), (phase + late).astype(np.int64) + WAKE_MS)
    samples = faults.of_line(samples, own, chance)
    if part.gateway_phase is not None:
        samples = lost(samples, chance, LOST)
        samples = sent_every(samples, GATEWAY_MS, part.gateway_phase)
        samples = shuffled(doubled(samples, chance, DOUBLED, RESENT_MS), chance, HELD_UP, HELD_UP_MS)
    else:
        samples = under_way(samples, chance, DELAY_MS, DELAY_SPREAD)
    # A clock that is off stamps what it sends; what arrives when is not its doing.
    samples = faults.of_clock(samples, own)
    return samples._replace(sensor=(samples.sensor + part.first).astype(np.int32))


def _with_exceptions(
    part: Part, world: World, value: Course, time: NDArray[np.int64], who: NDArray[np.int32], begin: int, end: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The regular times of a group that speaks by exception, and those at which its value has left a band."""
    band = EXCEPTION_BANDS.get(part.group.property, 1.0)
    minutes = np.arange(begin, end, EXCEPTION_MS, dtype=np.int64)
    which = np.repeat(np.arange(len(part.group), dtype=np.int32), len(minutes))
    at = np.tile(minutes, len(part.group))
    steps = [
        np.floor(value((moment - world.start_ms) / 1000.0, which) / band + 1e-9) for moment in (at, at - EXCEPTION_MS)
    ]
    moved = steps[0] != steps[1]
    time, who = np.concatenate([time, at[moved]]), np.concatenate([who, which[moved]])
    order = np.lexsort((time, who))
    return time[order], who[order]


def _held(part: Part, world: World, value: Course, at_ms: int, who: int) -> float:
    """What a sensor that sticks at a time repeats; the spell may have begun in an earlier window."""
    at_s = (at_ms - world.start_ms) / 1000.0
    if at_s < world.begin_s:
        window_s = WINDOW_H * HOUR_S
        begin_s = at_s // window_s * window_s
        value = course(replace(world, begin_s=begin_s, end_s=begin_s + window_s), part.group)
    truth = value(np.asarray([at_s]), np.asarray([who]))
    held = measured(np.asarray([at_ms]), truth)
    return float(resolved(held, float(part.group.resolution), *part.scale).value[0])


def _scale(sensor: Sensor) -> tuple[float, float]:
    """The lowest and highest value that a sensor can send, in its own unit."""
    factor, offset = sensor.conversion
    low, high = sensor.valid_range
    return (low - offset) / factor, (high - offset) / factor


def _gateway_phase(sensors: Sequence[Sensor]) -> IntArray | None:
    gateways = [sensor.attributes.get("gateway") for sensor in sensors]
    if None in gateways:
        return None
    return np.asarray([zlib.crc32(str(gateway).encode()) % GATEWAY_MS for gateway in gateways], np.int64)


def _empty() -> Samples:
    return Samples(
        np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0), np.empty(0, np.int64), np.empty(0, np.uint16)
    )
