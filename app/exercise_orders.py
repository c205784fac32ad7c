"""What passes between the service and an exercise that it plays, line by line of JSON."""

from typing import Literal

import msgspec

State = Literal["preparing", "playing", "paused", "ended", "failed"]
Do = Literal["play", "pause", "speed", "seek", "end"]


class Order(msgspec.Struct):
    """One order; `number` comes back in `seen`."""

    do: Do
    number: int = 0
    speed: float = 1.0
    position_s: float = 0.0


class Marked(msgspec.Struct):
    """Something happens there, at so many places, perhaps with an alarm of that severity due."""

    position_s: float
    what: str
    places: int
    severity: str | None


class Told(msgspec.Struct):
    """How an exercise stands; `begins_ms` is its own clock (epoch ms) at position 0."""

    state: State
    seen: int
    cities: list[str]
    begins_ms: int
    position_s: float
    length_s: float
    speed: float
    speed_reached: float | None
    messages: int
    readings: int
    sensors: int
    markers: list[Marked]
