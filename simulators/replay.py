"""Replay a recorded readings file through the broker, every row of it, with its own times."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import groupby, islice
from pathlib import Path

import msgspec

from model.instant import parse_instant
from model.reading_file import Row, read_rows
from model.sensor import Sensor
from simulators.messages import Message, topic_of
from simulators.publish import Progress, publish

GATEWAY = "replay"


async def replay_file(
    path: Path,
    sensors: Mapping[str, Sensor],
    url: str,
    *,
    speed: float | None = 1.0,
    readings_per_message: int = 1,
    progress: Callable[[Progress], None] | None = None,
    protocol: str = "3.1.1",
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Publish every row of a readings file in file order and return the number of messages acknowledged.

    `speed` seconds of the file pass in one, None is as fast as acknowledged. Raises ReadingFileError,
    BrokerUnreachable, and ValueError where there is no sensor to take a city from.
    """
    messages = replay_messages(path, sensors, readings_per_message)
    return await publish(url, messages, speed=speed, progress=progress, protocol=protocol, sleep=sleep)


def replay_messages(path: Path, sensors: Mapping[str, Sensor], readings_per_message: int = 1) -> Iterator[Message]:
    """Yield the rows of a readings file as messages, in file order.

    A row stands on its sensor's topic. One whose sensor is not registered, or names none, goes out on a gateway's
    topic of the first sensor's city, and what cannot be a JSON number goes out as text: it is for ingest to refuse.
    With more than one reading a message all go out on gateways' topics, in arrays of neighbours of one city.
    """
    if not sensors:
        raise ValueError("there is no sensor; give the sensors file that belongs to the recording")
    home = next(iter(sensors.values())).city
    newest = 0
    for city, batch in _batches(read_rows(path), sensors, home, readings_per_message):
        for row in batch:
            newest = max(newest, _instant(row) or newest)
        sensor = sensors.get(batch[0].sensor)
        if readings_per_message == 1 and sensor is not None:
            yield Message(newest, topic_of(sensor), _encode(_entry(batch[0], named=False)))
        else:
            payload = _encode([_entry(row, named=True) for row in batch])
            yield Message(newest, f"lifeline/{city}/gateway/{GATEWAY}", payload, len(batch))


def _batches(
    rows: Iterator[Row], sensors: Mapping[str, Sensor], home: str, size: int
) -> Iterator[tuple[str, list[Row]]]:
    """Neighbouring rows of one city, at most `size` at a time, with that city."""
    for city, of_city in groupby(rows, lambda row: sensors[row.sensor].city if row.sensor in sensors else home):
        while batch := list(islice(of_city, size)):
            yield city, batch


def _entry(row: Row, *, named: bool) -> dict[str, object]:
    entry: dict[str, object] = {"sensor": row.sensor} if named else {}
    entry["time"] = row.time
    if row.value:
        entry["value"] = _json_value(row.value)
    if row.unit:
        entry["unit"] = row.unit
    if row.quality:
        entry["quality"] = int(row.quality) if row.quality.isascii() and row.quality.isdigit() else row.quality
    return entry


def _json_value(text: str) -> object:
    """The text as it stands where it is JSON; a number that only CSV writes so (+5, .5) as JSON writes it."""
    try:
        msgspec.json.decode(text)
        return msgspec.Raw(text.encode())
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _instant(row: Row) -> int | None:
    """When the row went over the line: its arrival where the file has it, else its own time, None if neither is."""
    for text in (row.received_at, row.time):
        if text:
            try:
                return int(text) if text.isascii() and text.isdigit() else parse_instant(text)
            except ValueError:
                continue
    return None


_encode = msgspec.json.Encoder().encode
