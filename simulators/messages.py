"""Readings as MQTT messages: one a message on the sensor's own topic, or what a gateway has gathered for many."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.sensor import Sensor
from simulators.instruments import Samples, taken
from simulators.platforms import Platform
from simulators.scenarios import Scenario
from simulators.stream import hasten, simulate
from simulators.write import format_instants, quality_word, shortest

READINGS_MAX = 200  # of a gateway's message


class Message(NamedTuple):
    """One message to publish: the instant (epoch ms) at which it is due, which paces it, its topic and its bytes."""

    time: int
    topic: str
    payload: bytes
    readings: int = 1


def topic_of(sensor: Sensor) -> str:
    """Return the topic that a sensor publishes on."""
    return f"lifeline/{sensor.city}/{sensor.system}/{sensor.sensor}"


def stream_messages(platform: Platform, chunks: Iterable[Samples]) -> Iterator[Message]:
    """Yield the messages of a stream in the order of their arrival.

    A sensor that speaks through a gateway stands with all that the gateway sends at that time in one array; any other
    sends each reading on its own topic.
    """
    sensors = platform.sensors
    # Topics by sensor, alike for all that speak through one gateway.
    topics = [_topic(sensor) for sensor in sensors]
    numbers = {topic: k for k, topic in enumerate(dict.fromkeys(topics))}
    lines = np.asarray([numbers[topic] for topic in topics], np.int64)
    names = [f'"sensor":"{sensor.sensor}",' if "gateway" in sensor.attributes else "" for sensor in sensors]
    for chunk in chunks:
        order = np.lexsort((lines[chunk.sensor], chunk.arrival))
        sorted_chunk = taken(chunk, order)
        who = sorted_chunk.sensor.tolist()
        entries = [
            f'{{{names[k]}"time":"{time}","value":{shortest(value)}{_quality(quality)}}}'
            for k, time, value, quality in zip(
                who, format_instants(sorted_chunk.time), sorted_chunk.value.tolist(), sorted_chunk.quality.tolist(),
                strict=True,
            )
        ]  # fmt: skip
        arrivals = sorted_chunk.arrival.tolist()
        for begin, end in _runs(sorted_chunk, lines):
            for first in range(begin, end, READINGS_MAX):
                last = min(end, first + READINGS_MAX)
                if names[who[first]]:
                    payload = f"[{','.join(entries[first:last])}]".encode()
                    yield Message(arrivals[first], topics[who[first]], payload, last - first)
                else:
                    for k in range(first, last):
                        yield Message(arrivals[k], topics[who[k]], entries[k].encode())


def live_messages(
    platform: Platform,
    scenario: Scenario,
    seed: int,
    start_ms: int,
    *,
    speed: float = 1.0,
    duration_s: float | None = None,
) -> Iterator[Message]:
    """Yield a platform to be published from `start_ms` (now) at its own pace, `speed` simulated seconds in one.

    The readings' times are drawn together, so that none lies in the future when it is due. `duration_s` are simulated
    seconds; None never ends.
    """
    chunks = _ahead(simulate(platform, scenario, seed, duration_s, start_ms))
    return stream_messages(platform, chunks if speed == 1.0 else hasten(chunks, start_ms, speed))


def _ahead(chunks: Iterator[Samples]) -> Iterator[Samples]:
    """Make each chunk while the one before it goes out, so that nothing waits at the full hour."""
    with ThreadPoolExecutor(1, thread_name_prefix="simulate") as maker:
        coming = maker.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = maker.submit(next, chunks, None)
            yield chunk


def _topic(sensor: Sensor) -> str:
    gateway = sensor.attributes.get("gateway")
    return topic_of(sensor) if gateway is None else f"lifeline/{sensor.city}/gateway/{gateway}"


def _quality(bits: int) -> str:
    return f',"quality":"{quality_word(bits)}"' if bits else ""


def _runs(chunk: Samples, lines: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Where readings that arrive at one time over one line begin and end."""
    line = lines[chunk.sensor]
    breaks = np.flatnonzero((np.diff(chunk.arrival) != 0) | (np.diff(line) != 0)) + 1
    edges = [0, *breaks.tolist(), len(line)]
    return (pair for pair in pairwise(edges) if pair[0] < pair[1])
