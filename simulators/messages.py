"""Readings as MQTT messages: one a message on the sensor's own topic, or many at a time from a gateway."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from model.sensor import Sensor
from simulators.instruments import decimals_of
from simulators.platforms import Platform
from simulators.scenarios import Scenario
from simulators.stream import Chunk, hasten, simulate
from simulators.write import format_instants, shortest


class Message(NamedTuple):
    """One message to publish: the instant (epoch ms) it belongs to, which paces it, its topic and its bytes."""

    time: int
    topic: str
    payload: bytes
    readings: int = 1


def topic_of(sensor: Sensor) -> str:
    """Return the topic that a sensor publishes on."""
    return f"lifeline/{sensor.city}/{sensor.system}/{sensor.sensor}"


def stream_messages(platform: Platform, chunks: Iterable[Chunk]) -> Iterator[Message]:
    """Yield one message for each reading of a stream, in its order."""
    topics = [topic_of(sensor) for sensor in platform.sensors]
    decimals = [decimals_of(instrument.resolution) for instrument in platform.instruments]
    for chunk in chunks:
        columns = chunk.time.tolist(), format_instants(chunk), chunk.sensor.tolist(), chunk.value.tolist()
        for time, written, k, value in zip(*columns, strict=True):
            payload = f'{{"time":"{written}","value":{shortest(value, decimals[k])}}}'
            yield Message(time, topics[k], payload.encode())


def live_messages(
    platform: Platform,
    scenario: Scenario,
    seed: int,
    start_ms: int,
    *,
    speed: float = 1.0,
    duration_s: float | None = None,
) -> Iterator[Message]:
    """Yield a city to be published from `start_ms` (now) at its own pace, `speed` simulated seconds in one.

    The readings' times are drawn together, so that none lies in the future when it is due. `duration_s` are simulated
    seconds; None never ends.
    """
    chunks = simulate(platform, scenario, seed, duration_s, start_ms)
    return stream_messages(platform, chunks if speed == 1.0 else hasten(chunks, start_ms, speed))


def gateway_messages(
    platform: Platform, chunks: Iterable[Chunk], gateway: str = "gateway-1", readings_max: int = 100
) -> Iterator[Message]:
    """Yield the readings of a stream in arrays of `readings_max`, as a gateway sends them for many sensors.

    A message goes out with its last reading; every hour of the stream ends one.
    """
    topic = f"lifeline/{platform.city.city}/gateway/{gateway}"
    names = [sensor.sensor for sensor in platform.sensors]
    decimals = [decimals_of(instrument.resolution) for instrument in platform.instruments]
    for chunk in chunks:
        times = chunk.time.tolist()
        columns = format_instants(chunk), chunk.sensor.tolist(), chunk.value.tolist()
        entries = [
            f'{{"sensor":"{names[k]}","time":"{written}","value":{shortest(value, decimals[k])}}}'
            for written, k, value in zip(*columns, strict=True)
        ]
        for begin in range(0, len(entries), readings_max):
            part = entries[begin : begin + readings_max]
            payload = f"[{','.join(part)}]".encode()
            yield Message(times[begin + len(part) - 1], topic, payload, len(part))
