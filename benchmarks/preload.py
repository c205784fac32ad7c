"""Messages that wait in a broker for a persistent session: what the bench of ingest begins with."""

import asyncio
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiomqtt

from ingest.connection import make_client, subscribe
from ingest.settings import MqttSettings, broker_address
from model.instant import format_instant
from model.sensor import City, Sensor

CITY = "bench"
SENSORS = 1_000
IN_FLIGHT_MAX = 1_000
PAYLOAD_BYTES = 120
_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"  # 3.1.1, clean session, keep-alive 60 s, no client id
_PUBLISH_QOS_1 = 0x32
_PUBACK_BYTES = 4


@dataclass(frozen=True, slots=True)
class Load:
    """`messages` of `readings` each, whose first reading is `start_ms`; a second for a round of all sensors."""

    messages: int
    readings: int
    start_ms: int


def sensors() -> tuple[list[Sensor], list[City]]:
    """Return the sensors whose readings are published, and their city."""
    return [
        Sensor(
            sensor=_name(number),
            city=CITY,
            system="gas",
            property="gas_pressure",
            unit="kPa",
            interval_s=1,
        )
        for number in range(SENSORS)
    ], [City(city=CITY, mode="test")]


async def open_session(settings: MqttSettings) -> None:
    """Make the worker's session and leave it, so that what is published waits for it."""
    client = make_client(settings, broker_address(settings.url))
    async with client:
        await subscribe(client, settings)


async def end_session(settings: MqttSettings) -> None:
    """End the worker's session, so that nothing waits for it any more."""
    address = broker_address(settings.url)
    async with aiomqtt.Client(address.host, address.port, identifier=settings.client_id, clean_session=True):
        pass


async def open_publisher(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as a device: MQTT 3.1.1, no session that stays."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(_CONNECT)
    await reader.readexactly(4)
    return reader, writer


async def publish(url: str, load: Load) -> None:
    """Publish the load at QoS 1 over one plain connection and wait until the broker has acknowledged all of it."""
    reader, writer = await open_publisher(url)
    sent = acknowledged = 0
    packets = _packets(load)
    while acknowledged < load.messages:
        while sent < load.messages and sent - acknowledged < IN_FLIGHT_MAX:
            writer.write(next(packets))
            sent += 1
        await writer.drain()
        answer = await reader.readexactly(_PUBACK_BYTES)
        answer += await reader.readexactly(min(IN_FLIGHT_MAX // 2, sent - acknowledged - 1) * _PUBACK_BYTES)
        acknowledged += len(answer) // _PUBACK_BYTES
    writer.write(b"\xe0\x00")
    writer.close()
    await writer.wait_closed()


def publish_packet(topic: str, payload: bytes, packet_id: int) -> bytes:
    """Return a PUBLISH of QoS 1 by MQTT 3.1.1 (3.3)."""
    body = struct.pack("!H", len(topic)) + topic.encode() + struct.pack("!H", packet_id) + payload
    return bytes((_PUBLISH_QOS_1,)) + _length(len(body)) + body


def _packets(load: Load) -> Iterator[bytes]:
    number = 0
    for message in range(load.messages):
        sensor = number % SENSORS
        if load.readings == 1:
            topic, payload = f"lifeline/{CITY}/gas/{_name(sensor)}", _reading(number, load.start_ms)
            # A field that we do not use, as devices send them, fills it up.
            payload = f'{{"device":"{"D" * (PAYLOAD_BYTES - len(payload) - 12)}",{payload[1:]}'
        else:
            topic = f"lifeline/{CITY}/gateway/gateway-{message % 100}"
            entries = (_reading(n, load.start_ms, _name(n % SENSORS)) for n in range(number, number + load.readings))
            payload = f"[{','.join(entries)}]"
        number += load.readings
        yield publish_packet(topic, payload.encode(), message % 65_535 + 1)


def _reading(number: int, start_ms: int, sensor: str | None = None) -> str:
    named = f'"sensor":"{sensor}",' if sensor else ""
    value = f"{100 + number % 997 / 100:.2f}"
    when = format_instant(start_ms + number // SENSORS * 1_000)
    return f'{{{named}"time":"{when}","value":{value},"sequence":{number // SENSORS}}}'


def _name(number: int) -> str:
    return f"bench-{number:04}"


def _length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, low = size >> 7, size & 127
        encoded.append(low | (128 if size else 0))
        if not size:
            return bytes(encoded)
