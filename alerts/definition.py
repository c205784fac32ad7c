"""What an engine is bound to, as it is kept in the database: rules and sensors as bytes, whole or in part."""

import zlib
from collections.abc import Container
from functools import lru_cache
from typing import NamedTuple

import msgspec

from alerts.engine import Engine
from alerts.gateways import shared_gateways
from alerts.rules import Pack
from model.registry import Registry
from model.sensor import City, Sensor
from model.sensor_event import SensorEvent

PACKS_KEPT_MAX = 64  # as they are read from their content: from one binding to the next most are the same


class Bound(NamedTuple):
    """Rules and sensors to which an engine is or was bound."""

    packs: list[Pack]
    registry: Registry


class Definition(msgspec.Struct):
    """The same in the form that is kept; the packs as JSON."""

    packs: list[str]
    sensors: dict[int, Sensor]
    cities: dict[str, City]
    events: dict[int, list[SensorEvent]] = {}


class _Undecoded(msgspec.Struct):
    packs: list[str]
    sensors: dict[int, msgspec.Raw]
    cities: dict[str, City]
    events: dict[int, msgspec.Raw] = {}


class _Speaker(msgspec.Struct):
    """Of a sensor no more than names its gateway."""

    city: str
    attributes: dict[str, str] = {}


def definition_of(engine: Engine) -> Definition:
    """Return what an engine is bound to."""
    return Definition(
        [pack.model_dump_json(by_alias=True) for pack in engine.packs],
        dict(engine.registry.sensors),
        dict(engine.registry.cities),
        {key: list(events) for key, events in engine.registry.events.items()},
    )


def packed(definition: Definition) -> bytes:
    """Return a definition as bytes."""
    return zlib.compress(msgspec.msgpack.encode(definition), 1)


def unpacked(version: int, definition: bytes) -> Bound:
    """Return what `packed` was given, of a version of the registry.

    Raises pydantic.ValidationError, msgspec.DecodeError, ValueError or zlib.error where another Lifeline has kept it.
    """
    found = msgspec.msgpack.decode(zlib.decompress(definition), type=Definition)
    return Bound(_packs(found.packs), Registry(version, found.sensors, found.cities, found.events))


def unpacked_part(version: int, definition: bytes, keys: Container[int]) -> Bound:
    """Return the same with no sensors but those of these registry keys: four times as fast. Raises as `unpacked`."""
    found = msgspec.msgpack.decode(zlib.decompress(definition), type=_Undecoded)
    sensors = {key: _sensor.decode(raw) for key, raw in found.sensors.items() if key in keys}
    events = {key: _events.decode(raw) for key, raw in found.events.items() if key in keys}
    shared = shared_gateways(sensors.values(), (_speaker.decode(raw) for raw in found.sensors.values()))
    return Bound(_packs(found.packs), Registry(version, sensors, found.cities, events, shared))


def _packs(contents: list[str]) -> list[Pack]:
    return [_pack(content) for content in contents]


@lru_cache(PACKS_KEPT_MAX)
def _pack(content: str) -> Pack:
    return Pack.model_validate_json(content)


_sensor = msgspec.msgpack.Decoder(Sensor)
_speaker = msgspec.msgpack.Decoder(_Speaker)
_events = msgspec.msgpack.Decoder(list[SensorEvent])
