"""A city's readings as its devices publish them: floods, gas and the odd broken message, the same in every trial."""

import json
import math
from collections import Counter
from dataclasses import dataclass

from model.sensor import City, Sensor

START_MS = 1_760_000_000_000
MINUTES = 400
LAST_MS = START_MS + (MINUTES - 1) * 60_000
BROKEN_EVERY = 90  # messages
PEAKS_CM = (80, 20, 35, 50)  # of the floods, one after the other
SENSORS = (*(f"depth-{number}" for number in range(8)), "gas-0", "gas-1")


@dataclass(frozen=True, slots=True)
class Message:
    """What is published at QoS 1 on lifeline/{city}/{place}; `reading` is None for a broken one."""

    place: str
    payload: bytes
    reading: tuple[str, int, float] | None  # sensor, time in epoch milliseconds, value


def sensors(city: str) -> tuple[list[Sensor], list[City]]:
    """The sensors of the stream and their city."""
    return [
        Sensor(sensor=name, city=city, system=system, property=observed, unit=unit, interval_s=60)
        for name, system, observed, unit in map(_described, SENSORS)
    ], [City(city=city, mode="test")]


def stream(minutes: int = MINUTES) -> list[Message]:
    """All messages in the order in which they are published; of more minutes, the first are the same."""
    messages: list[Message] = []
    for minute in range(minutes):
        for number, sensor in enumerate(SENSORS):
            reading = (sensor, START_MS + minute * 60_000, _value(sensor, number, minute))
            content = {"time": reading[1], "value": reading[2], "sequence": sequence_of(reading[1])}
            place = f"{_described(sensor)[1]}/{sensor}"
            messages.append(Message(place, json.dumps(content).encode(), reading))
            if len(messages) % BROKEN_EVERY == 0:
                messages.append(Message(place, b'{"time": %d, broken' % len(messages), None))
    return messages


def _described(sensor: str) -> tuple[str, str, str, str]:
    if sensor.startswith("gas"):
        return sensor, "gas", "combustible_gas", "%{LEL}"
    return sensor, "drainage", "water_depth", "cm"


def _value(sensor: str, number: int, minute: int) -> float:
    if sensor.startswith("gas"):
        return round(2 + 58 * max(0.0, math.sin((minute + 100 * number) / 25)) ** 3, 1)
    # A flood in every 100 minutes; now and then a single sample that no water can reach so fast.
    flood, into = divmod(minute + 11 * number, 100)
    spike = 400 if (minute + 37 * number) % 131 == 130 else 0
    return round(1 + PEAKS_CM[(flood + number) % 4] * math.sin(math.pi * into / 100) ** 2 + spike, 1)


def readings(messages: list[Message]) -> list[tuple[str, int, float]]:
    """The readings of the messages in the order of their key."""
    return sorted(message.reading for message in messages if message.reading is not None)


def broken(messages: list[Message]) -> Counter[bytes]:
    """The payloads that no reading can be made of."""
    return Counter(message.payload for message in messages if message.reading is None)


def sequence_of(when: int) -> int:
    """The number in its sensor's own count of the reading of that time."""
    return (when - START_MS) // 60_000 + 1
