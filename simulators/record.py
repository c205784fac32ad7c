"""Record readings off the broker into a readings file, each with the instant at which it came."""

import asyncio
import csv
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, NamedTuple

import aiomqtt
import msgspec

from model.instant import EARLIEST_MS, LATEST_MS, format_instant
from simulators.publish import BACK_OFF_S_MAX, BACK_OFF_S_MIN, BrokerUnreachable, connect
from simulators.whole_file import is_ndjson, open_whole

COLUMNS = ("time", "sensor", "value", "unit", "quality", "received_at")
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw]]).decode


class Recorded(NamedTuple):
    """What a recording holds: readings written, messages that were no readings, and times the line broke."""

    readings: int
    unusable: int
    gaps: int


async def record(
    url: str,
    path: Path,
    stop: asyncio.Event,
    *,
    city: str | None = None,
    progress: Callable[[Recorded], None] | None = None,
    protocol: str = "3.1.1",
    tls: ssl.SSLContext | None = None,
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Recorded:
    """Write readings off the broker, of all cities or one, into a CSV or NDJSON file until `stop` is set.

    The session is clean and its own: it takes nothing from anyone else's, and what is published while the line is
    broken is missing, which `gaps` says. Retained messages are left out, they are no news. Raises BrokerUnreachable
    where not even the first session stands. Returns what was written.
    """
    done = Recorded(0, 0, 0)
    stopping = asyncio.create_task(stop.wait())
    wait_s = BACK_OFF_S_MIN
    connected = False
    try:
        with open_whole(path) as stream:
            write = _ndjson_writer(stream) if is_ndjson(path) else _csv_writer(stream)
            while not stop.is_set():
                try:
                    async with connect(url, protocol=protocol, tls=tls) as client:
                        await client.subscribe(f"lifeline/{city or '+'}/+/+", qos=1)
                        connected, wait_s = True, BACK_OFF_S_MIN
                        async for message in _until(client, stopping):
                            done = _take(message, clock_ms(), write, done)
                            if progress is not None:
                                progress(done)
                except aiomqtt.MqttError as error:
                    if not connected:
                        raise BrokerUnreachable(str(error)) from None
                    if wait_s == BACK_OFF_S_MIN:
                        done = done._replace(gaps=done.gaps + 1)
                    await asyncio.wait({stopping}, timeout=wait_s)
                    wait_s = min(2 * wait_s, BACK_OFF_S_MAX)
    finally:
        stopping.cancel()
    return done


async def _until(client: aiomqtt.Client, stopping: asyncio.Task[bool]) -> AsyncIterator[aiomqtt.Message]:
    """Messages as they come, to the stop."""
    messages = aiter(client.messages)
    while not stopping.done():
        coming = asyncio.ensure_future(anext(messages))
        await asyncio.wait({coming, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not coming.done():
            coming.cancel()
            return
        yield coming.result()


def rows_of(topic: str, payload: bytes, received_ms: int) -> list[dict[str, str]] | None:
    """Return the readings of a message as rows of JSON texts by column, or None where it cannot be read.

    Values stand as they came, also odd ones: a replay sends them again. Alarms, which Lifeline itself publishes on
    the same depth of topic, have none.
    """
    _, _, system, device = topic.split("/")
    if system == "alarm":
        return []
    try:
        decoded = _decode(payload)
        entries = decoded if isinstance(decoded, list) else [decoded]
        texts = [{name: bytes(entry[name]).decode() for name in COLUMNS if name in entry} for entry in entries]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    rows = []
    for row in texts:
        if system != "gateway":
            row["sensor"] = json.dumps(device)
        row["time"] = _as_instant(row.get("time", "null"))
        row["received_at"] = json.dumps(format_instant(received_ms))
        rows.append(row)
    return rows


def _take(message: aiomqtt.Message, now_ms: int, write: Callable[[dict[str, str]], None], done: Recorded) -> Recorded:
    if message.retain or not isinstance(message.payload, bytes | bytearray):
        return done
    rows = rows_of(str(message.topic), bytes(message.payload), now_ms)
    if rows is None:
        return done._replace(unusable=done.unusable + 1)
    for row in rows:
        write(row)
    return done._replace(readings=done.readings + len(rows))


def _as_instant(text: str) -> str:
    """A time in epoch milliseconds as RFC 3339, in JSON; any other text as it is."""
    if text.isascii() and text.isdigit() and EARLIEST_MS <= int(text) <= LATEST_MS:
        return json.dumps(format_instant(int(text)))
    return text


def _ndjson_writer(stream: IO[str]) -> Callable[[dict[str, str]], None]:
    def write(row: dict[str, str]) -> None:
        cells = ",".join(f'"{name}":{row[name]}' for name in COLUMNS if name in row)
        # A line break can only stand between JSON's tokens, never in a string.
        stream.write("{" + cells.replace("\n", " ").replace("\r", " ") + "}\n")

    return write


def _csv_writer(stream: IO[str]) -> Callable[[dict[str, str]], None]:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)

    def write(row: dict[str, str]) -> None:
        writer.writerow([_cell(row.get(name, "")) for name in COLUMNS])

    return write


def _cell(text: str) -> str:
    """A JSON text as a cell: a string without its quotes, nothing for null, anything else as it is."""
    if text == "null":
        return ""
    try:
        return msgspec.json.decode(text, type=str) if text.startswith('"') else text
    except msgspec.DecodeError:
        return text
