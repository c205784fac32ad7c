"""Readings as MQTT messages: one a message on the sensor's own topic, or what a gateway has gathered for many."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple, Protocol

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


class Outgoing(Protocol):
    """What can be published: a message, or what becomes one as it goes out."""

    @property
    def time(self) -> int:
        """The instant (ms) at which it is due, by the clock that paces it."""

    @property
    def topic(self) -> str:
        """Where it goes."""

    @property
    def payload(self) -> bytes:
        """What is sent; asked for when it goes out."""

    @property
    def readings(self) -> int:
        """How many readings it holds."""


class Portion(NamedTuple):
    """Rows `first` to before `last` of a chunk that go out as one message; as an array where a gateway sends them."""

    due: int
    topic: str
    by_gateway: bool
    first: int
    last: int


def topic_of(sensor: Sensor) -> str:
    """Return the topic that a sensor publishes on."""
    return f"lifeline/{sensor.city}/{sensor.system}/{sensor.sensor}"


def stream_messages(platform: Platform, chunks: Iterable[Samples]) -> Iterator[Message]:
    """Yield the messages of a stream in the order of their arrival.

    A sensor that speaks through a gateway stands with all that the gateway sends at that time in one array; any other
    sends each reading on its own topic.
    """
    lines = Lines(platform)
    for chunk in map(lines.in_order, chunks):
        entries = [
            f"{before}{time}{after}"
            for (before, after), time in zip(lines.entries(chunk), format_instants(chunk.time), strict=True)
        ]
        for due, topic, by_gateway, first, last in lines.portions(chunk):
            payload = f"[{','.join(entries[first:last])}]" if by_gateway else entries[first]
            yield Message(due, topic, payload.encode(), last - first)


class Lines:
    """Over which lines the sensors of a platform speak: each on a topic of its own, or through a gateway on its."""

    def __init__(self, platform: Platform) -> None:
        sensors = platform.sensors
        # Topics by sensor, alike for all that speak through one gateway.
        self._topics = [_topic(sensor) for sensor in sensors]
        numbers = {topic: k for k, topic in enumerate(dict.fromkeys(self._topics))}
        self._lines = np.asarray([numbers[topic] for topic in self._topics], np.int64)
        self._names = [f'"sensor":"{one.sensor}",' if "gateway" in one.attributes else "" for one in sensors]

    def in_order(self, chunk: Samples) -> Samples:
        """Return a chunk in the order in which it goes out."""
        return taken(chunk, np.lexsort((self._lines[chunk.sensor], chunk.arrival)))

    def entries(self, chunk: Samples) -> Iterator[tuple[str, str]]:
        """Yield what stands before and after the time in the JSON of each reading."""
        columns = zip(chunk.sensor.tolist(), chunk.value.tolist(), chunk.quality.tolist(), strict=True)
        for k, value, quality in columns:
            yield f'{{{self._names[k]}"time":"', f'","value":{shortest(value)}{_quality(quality)}}}'

    def portions(self, chunk: Samples) -> Iterator[Portion]:
        """Yield the messages of a chunk that is in order."""
        who, arrivals = chunk.sensor.tolist(), chunk.arrival.tolist()
        for begin, end in _runs(chunk, self._lines):
            by_gateway = bool(self._names[who[begin]])
            size = READINGS_MAX if by_gateway else 1
            for first in range(begin, end, size):
                topic = self._topics[who[first]]
                yield Portion(arrivals[first], topic, by_gateway, first, min(end, first + size))


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
