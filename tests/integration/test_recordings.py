"""What is recorded off the real broker is what was replayed to it; a paused replay sends nothing, and then the rest."""

import asyncio
import gzip
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg

from model.instant import format_instant, parse_instant
from model.reading_file import read_rows
from model.sensor import Sensor
from simulators.messages import Message
from simulators.pace import Pace
from simulators.publish import connect, publish
from simulators.record import Recorded, record
from simulators.replay import Replay, replay_file
from tests.integration.log import until
from tests.integration.service import running

T0 = parse_instant("2026-11-22T08:00:00.000Z")
CAME = 1_795_000_000_000
COUNT = 400


def sensors_of(city: str) -> dict[str, Sensor]:
    return {
        name: Sensor(
            sensor=name, city=city, system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
        )
        for name in ("a", "b")
    }  # fmt: skip


def written(path: Path) -> list[tuple[str, str, str]]:
    rows = [(format_instant(T0 + 250 * k), "ab"[k % 2], f"{k}.50") for k in range(COUNT)]
    path.write_bytes(gzip.compress("\n".join(["time,sensor,value", *map(",".join, rows)]).encode()))
    return rows


async def recorded(
    url: str, path: Path, city: str, play: Callable[[], Awaitable[object]]
) -> list[tuple[str, str, str]]:
    """The rows of a recording of the city while it plays."""
    told = Recorded(0, 0, 0)

    def tell(now: Recorded) -> None:
        nonlocal told
        told = now

    stop = asyncio.Event()
    recording = asyncio.create_task(record(url, path, stop, city=city, progress=tell, clock_ms=lambda: CAME))
    async with asyncio.timeout(90), connect(url) as client:
        while told.unusable == 0:  # until the subscription stands
            await client.publish(f"lifeline/{city}/gas/a", b"no reading", qos=1)
            await asyncio.sleep(0.05)
        await client.publish(f"lifeline/{city}x/gas/a", b'{"time":0,"value":0}', qos=1)  # another city
        await play()
        await until(lambda: told.readings >= COUNT)
    stop.set()
    done = await recording
    assert (done.readings, done.gaps) == (COUNT, 0)
    rows = list(read_rows(path))
    assert {row.received_at for row in rows} == {format_instant(CAME)}
    return [(row.time, row.sensor, row.value) for row in rows]


def test_a_recording_replayed_is_the_recording_again(tmp_path: Path, broker_url: str) -> None:
    source = tmp_path / "source.csv.gz"
    rows = written(source)
    for name, size in (("b.csv", 1), ("b.ndjson.gz", 1), ("c.csv", 25)):
        city = f"city-{secrets.token_hex(4)}"

        def play(city: str = city, size: int = size) -> Awaitable[int]:
            return replay_file(source, sensors_of(city), broker_url, speed=None, readings_per_message=size)

        assert asyncio.run(recorded(broker_url, tmp_path / name, city, play)) == rows
    assert gzip.decompress((tmp_path / "b.ndjson.gz").read_bytes()).startswith(b'{"time":"2026-')


def test_paused_nothing_is_sent_and_gone_on_with_all_the_rest_in_the_same_session(
    tmp_path: Path, broker_url: str
) -> None:
    source, city = tmp_path / "source.csv.gz", f"city-{secrets.token_hex(4)}"
    rows = written(source)
    pace = Pace(None)

    async def play() -> None:
        heard: list[bytes] = []
        sent = 0

        async def listen(listening: asyncio.Event) -> None:
            async with connect(broker_url) as client:
                await client.subscribe(f"lifeline/{city}/gas/+", qos=1)
                listening.set()
                async for message in client.messages:
                    heard.append(bytes(message.payload))

        def pausing() -> Iterator[Message | int]:
            nonlocal sent
            for message in Replay(source, sensors_of(city), pace).messages():
                if sent == COUNT // 2:
                    pace.pause_or_go_on()
                yield message
                sent += 1

        listening = asyncio.Event()
        listener = asyncio.create_task(listen(listening))
        await listening.wait()
        publishing = asyncio.create_task(publish(broker_url, pausing(), pace=pace, patience_s=0.0))
        async with connect(broker_url) as client:
            await until(lambda: len(heard) == COUNT // 2)
            # What the broker takes after all that was sent before comes after it; nothing lies between.
            await client.publish(f"lifeline/{city}/gas/between", b"no reading", qos=1)
            await until(lambda: heard[-1] == b"no reading")
        assert len(heard) == COUNT // 2 + 1
        assert not publishing.done()
        pace.pause_or_go_on()
        assert await publishing == COUNT
        listener.cancel()

    assert asyncio.run(recorded(broker_url, tmp_path / "b.csv", city, play)) == rows


HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode\n"


def test_the_command_replays_a_part_shifted_and_again_and_refuses_a_city_in_operation(tmp_path: Path) -> None:
    sensors, source = tmp_path / "sensors.csv", tmp_path / "source.csv"
    sensors.write_text(f"{HEADER}a,exercised,gas,combustible_gas,%{{LEL}},98.2,39.7,A,60,\n")
    source.write_text(
        "time,sensor,value\n" + "".join(f"{format_instant(T0 + 60_000 * k)},a,{k}\n" for k in range(5))
    )  # fmt: skip
    how = ("--start", "2026-11-01T00:00:00Z", "--from", "1m", "--to", "2026-11-22T08:03:00Z", "--loop", "3")

    async def stored(url: str) -> list[tuple[str, float]]:
        connection = await asyncpg.connect(url)
        try:
            rows = await connection.fetch("select time, value from reading order by time")
            return [(row["time"].strftime("%H:%M:%S"), row["value"]) for row in rows]
        finally:
            await connection.close()

    with running(tmp_path / "home") as service:
        told = service.run("replay", str(source), "--sensors", str(sensors), "--speed", "max", *how)
        assert told.stdout == "6 messages published and acknowledged\n"
        assert "6 messages acknowledged, at 2026-11-22T08:02:00.000Z, max …" in told.stderr
        rows: list[tuple[str, float]] = []
        deadline = time.monotonic() + 60
        while len(rows) < 6 and time.monotonic() < deadline:
            time.sleep(0.1)
            rows = asyncio.run(stored(service.note["database_url"]))
        assert rows == [(f"00:0{k}:00", 1 + k % 2) for k in range(6)]
        sensors.write_text(f"{HEADER}b,real,gas,combustible_gas,%{{LEL}},98.2,39.7,B,60,operational\n")
        service.run("sensors", "import", str(sensors))
        refused = service.run("replay", str(source), "--sensors", str(sensors), expected=1)
        assert "'real' is operational" in refused.stderr
