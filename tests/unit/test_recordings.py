"""Recordings: where their rows stand, how they are played (paced, shifted, from elsewhere, again), sent and kept."""

import argparse
import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.commands.keyboard import keys_of
from app.commands.recordings import city, moment, progress_text, speed, start
from model.instant import format_instant, parse_instant
from model.sensor import Sensor
from simulators.messages import Message
from simulators.pace import Pace
from simulators.publish import BrokerUnreachable, Progress, connect, publish
from simulators.record import rows_of
from simulators.recording import Moment, begin_of, period_of, placed_rows
from simulators.replay import ENDLESS, NothingToReplay, Replay

T0 = parse_instant("2026-11-22T08:00:00.000Z")
MINUTE = 60_000


def sensor(name: str, city: str = "c") -> Sensor:
    return Sensor(sensor=name, city=city, system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60)


SENSORS = {name: sensor(name) for name in ("a", "b")} | {"far": sensor("far", "d")}


def at(minutes: float) -> str:
    return format_instant(T0 + round(minutes * MINUTE))


def recording(tmp_path: Path, rows: Iterable[str], header: str = "time,sensor,value") -> Path:
    path = tmp_path / "recording.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def minutes_of_a(tmp_path: Path, count: int) -> Path:
    return recording(tmp_path, [f"{at(k)},a,{k}" for k in range(count)])


# --- the pace --------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that sleeping moves; what is planned at an instant happens once it is reached."""

    def __init__(self) -> None:
        self.now = 100.0
        self.plans: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        for plan in [plan for plan in self.plans if plan[0] <= self.now + 1e-9]:
            self.plans.remove(plan)
            plan[1]()


def due(pace: Pace, clock: Clock, times: Iterable[int], not_before: int = 0) -> list[float | None]:
    """When each of the messages goes out, seconds from the begin; None for one that is given up."""

    async def run() -> list[float | None]:
        found: list[float | None] = []
        for time in times:
            wanted = await pace.wait(time, pace.place, not_before)
            found.append(round(clock.now - 100.0, 6) if wanted else None)
        return found

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(1.0, [0, 2, 3, 3]), (10.0, [0, 0.2, 0.3, 0.3]), (1000.0, [0, 0.002, 0.003, 0.003]), (None, [0, 0, 0, 0])],
)
def test_messages_are_due_by_their_distances_at_the_speed(rate: float | None, expected: list[float]):
    clock = Clock()
    assert due(Pace(rate, clock=clock, sleep=clock.sleep), clock, [7_000, 9_000, 10_000, 9_500]) == expected


@pytest.mark.parametrize("rate", [1.0, None])
def test_what_a_pause_delays_is_not_caught_up_on(rate: float | None):
    clock = Clock()
    pace = Pace(rate, clock=clock, sleep=clock.sleep)
    clock.plans = [(101.5, pace.pause_or_go_on), (161.5, pace.pause_or_go_on)]
    if rate is None:
        pace.pause_or_go_on()
        clock.plans.pop(0)
        assert due(pace, clock, [0, 1_000]) == [61.5, 61.5]
    else:
        assert due(pace, clock, [0, 1_000, 2_000, 3_000]) == [0, 1, 62, 63]


def test_a_restart_gives_up_what_waits_and_counts_from_the_next_also_while_paused():
    clock = Clock()
    pace = Pace(1.0, clock=clock, sleep=clock.sleep)
    clock.plans = [(101.0, pace.restart)]
    assert due(pace, clock, [0, 50_000, 900_000, 901_000]) == [0, None, 1, 2]
    pace.pause_or_go_on()
    clock.plans = [(103.0, pace.restart), (110.0, pace.pause_or_go_on)]
    assert due(pace, clock, [950_000, 5_000, 6_000]) == [None, 10, 11]


def test_a_message_waits_for_the_clock_too():
    clock = Clock()
    pace = Pace(None, clock=clock, sleep=clock.sleep, clock_ms=lambda: round(clock.now * 1000))
    assert due(pace, clock, [0], not_before=104_000) == [4.0]
    assert due(pace, clock, [0], not_before=102_000) == [4.0]


def test_an_impossible_speed_is_refused():
    with pytest.raises(ValueError, match="speed"):
        Pace(0)


# --- where rows stand ------------------------------------------------------------------------------------------------

# own times and arrivals in minutes (None: the file has no such column, "": cannot be read), and the places
PLACES: dict[str, tuple[list[tuple[Any, Any]], list[float]]] = {
    "by the own time, never falling": ([(0, None), (2, None), (1, None), (3, None)], [0, 2, 2, 3]),
    "by the arrival where there is one": ([(0, 5), (1, 6), (-60, 7), (480, 8)], [5, 6, 7, 8]),
    "unreadable ones with the one before": ([(0, None), ("", None), (1, None)], [0, 0, 1]),
    "unreadable ones at the begin with the first": ([("", None), (3, None), (4, None)], [3, 3, 4]),
    "a wrong clock does not lead": (
        [(0, None), (480, None), (1, None), (481, None), (2, None), (3, None)],
        [0, 0, 1, 1, 2, 3],
    ),
    "nor at the begin": ([(480, None), (0, None), (1, None)], [0, 0, 1]),
    "a gap is one": ([(0, None), (1, None), (480, None), (481, None)], [0, 1, 480, 481]),
    "also before the last row": ([(0, None), (1, None), (480, None)], [0, 1, 480]),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_row_stands_where_it_went_over_the_line(tmp_path: Path, name: str):
    rows, places = PLACES[name]
    written = [(at(own) if own != "" else "no time", "" if came is None else at(came)) for own, came in rows]
    path = recording(tmp_path, [f"{own},a,1,{came}" for own, came in written], "time,sensor,value,received_at")
    found = [(placed.position - T0) / MINUTE for placed in placed_rows(path, begin_of(path))]
    assert found == places


PERIODS = {
    "a day read every minute is a day": ([(k, "a", k) for k in range(1_440)], 1_440.0),
    "sensors in step": ([(k, name, k) for k in range(10) for name in "ab"], 10.0),
    "sensors spread over the minute": (
        [(k + s / 2, n, k + s / 2) for k in range(10) for s, n in enumerate("ab")],
        10.0,
    ),
    "one reading": ([(0, "a", 0)], 1 / MINUTE),
    "what was sent later lies before the begin": ([(-30, "a", 0), (0, "a", 0), (30, "a", 30)], 90.0),
    "a clock two days behind does not count": ([(-2_880, "b", 0), *((k, "a", k) for k in range(10))], 10.0),
    "a clock ahead does not count": ([*((k, "a", k) for k in range(10)), (480, "b", 9)], 10.0),
    "it lasts as long as it was sent": ([(0, "a", 0), (1, "a", 20)], 20 + 1 / MINUTE),
}


@pytest.mark.parametrize("name", PERIODS)
def test_a_recording_follows_on_itself_after_its_length_and_one_interval(tmp_path: Path, name: str):
    rows, minutes = PERIODS[name]
    lines = [f"{at(own)},{who},1,{at(came)}" for own, who, came in rows]
    path = recording(tmp_path, lines, "time,sensor,value,received_at")
    assert period_of(path, begin_of(path), None) / MINUTE == pytest.approx(minutes, abs=1e-9)


# --- how it is played ------------------------------------------------------------------------------------------------


def replay(path: Path, **how: Any) -> Replay:
    return Replay(path, SENSORS, Pace(None), **how)


def entries(messages: Iterable[Message | int]) -> list[tuple[str, str, Any]]:
    """Sensor, time and value of each reading."""
    found = []
    for message in messages:
        if isinstance(message, Message):
            for entry in [json.loads(message.payload)] if message.readings == 1 else json.loads(message.payload):
                found.append((entry.get("sensor", message.topic.rpartition("/")[2]), entry["time"], entry.get("value")))
    return found


def minutes(messages: Iterable[Message | int]) -> list[tuple[float, int]]:
    """Time in minutes from the recording's begin, and value, of each reading."""
    return [((parse_instant(time) - T0) / MINUTE, value) for _, time, value in entries(messages)]


ROWS = [
    ("2026-11-22T08:00:00.000Z,a,12.50", "lifeline/c/gas/a", {"value": 12.5}),
    ("2026-11-22T08:00:01.000Z,a,+5", "lifeline/c/gas/a", {"value": 5.0}),
    ("2026-11-22T08:00:02.000Z,a,NaN", "lifeline/c/gas/a", {"value": "NaN"}),
    ("2026-11-22T08:00:03.000Z,a,abc", "lifeline/c/gas/a", {"value": "abc"}),
    ("2026-11-22T08:00:04.000Z,far,", "lifeline/d/gas/far", {}),
    ("no time,a,1e400", "lifeline/c/gas/a", {"value": "1e400"}),
    ("2026-11-22T08:00:05.000Z,no one/#,1", "lifeline/c/gateway/replay", {"value": 1}),
]


def test_every_row_of_a_file_is_published_with_its_own_time_odd_ones_too(tmp_path: Path):
    path = recording(tmp_path, [row for row, _, _ in ROWS])
    messages = [m for m in replay(path).messages() if isinstance(m, Message)]
    assert [m.topic for m in messages] == [topic for _, topic, _ in ROWS]
    for message, (row, topic, entry) in zip(messages, ROWS, strict=True):
        got = json.loads(message.payload)
        if topic.endswith("replay"):
            got = got[0]
            assert got.pop("sensor") == row.split(",")[1]
        assert got == {"time": row.split(",")[0], **entry}
    assert [(m.time - T0) / 1000 for m in messages] == [0, 1, 2, 3, 4, 4, 5]
    assert b'"value":12.50' in messages[0].payload
    with pytest.raises(ValueError, match="no sensor"):
        Replay(path, {}, Pace(None))


def test_all_rows_are_shifted_alike_and_what_cannot_be_read_goes_out_as_it_is(tmp_path: Path):
    epoch = str(T0 + 3 * MINUTE)
    rows = ["no time,a,0", f"{at(0)},a,1", f"{at(-5)},b,2", f"{at(2)},a,3", f"{epoch},b,4", "9999-12-31T23:59:59Z,b,5"]
    path = recording(tmp_path, [f"{row},,{at(k)}" for k, row in enumerate(rows)], "time,sensor,value,unit,received_at")
    messages = list(replay(path, start_ms=T0 + 60 * MINUTE).messages())
    assert [time for _, time, _ in entries(messages)] == [
        "no time", at(60), at(55), at(62), str(T0 + 63 * MINUTE), "9999-12-31T23:59:59Z",
    ]  # fmt: skip
    paced = [m for m in messages if isinstance(m, Message)]
    assert [(m.time - T0) / MINUTE for m in paced] == [60, 61, 62, 63, 64, 65]
    # Each waits for the clock to come to its time; one whose time is ahead of its arrival for no longer than that.
    held = [m for m in messages if isinstance(m, int)]
    assert [(m - T0) / MINUTE if m else 0 for m in held] == [0, 60, 55, 62, 63, 65]


MARKS = {
    "2h": Moment(120 * MINUTE, True),
    "08:02": Moment(T0 + 2 * MINUTE, False),
    "1m": Moment(MINUTE, True),
    "3m": Moment(3 * MINUTE, True),
}


@pytest.mark.parametrize(
    ("begin", "end", "values"),
    [
        (None, "08:02", [0, 1]),
        ("08:02", None, [2, 3, 4]),
        ("1m", "3m", [1, 2]),
        ("1m", "08:02", [1]),
        (None, "2h", [0, 1, 2, 3, 4]),
    ],
)
def test_a_part_is_played_from_a_place_up_to_before_another(
    tmp_path: Path, begin: str | None, end: str | None, values: list[int]
):
    path = minutes_of_a(tmp_path, 5)
    part = {"begin": begin and MARKS[begin], "end": end and MARKS[end]}
    assert minutes(replay(path, **part).messages()) == [(k, k) for k in values]
    shifted = minutes(replay(path, start_ms=T0 + 100 * MINUTE, **part).messages())
    assert shifted == [(100 + k - values[0], k) for k in values]


def test_a_part_without_rows_is_refused_and_an_empty_file_plays_nothing(tmp_path: Path):
    with pytest.raises(NothingToReplay, match=r"it begins at 2026-11-22T08:00:00\.000Z"):
        replay(minutes_of_a(tmp_path, 5), begin=MARKS["2h"])
    empty = recording(tmp_path, [])
    assert list(replay(empty).messages()) == []
    with pytest.raises(NothingToReplay):
        replay(empty, passes=ENDLESS)


def test_each_pass_follows_the_one_before_at_the_usual_distance(tmp_path: Path):
    path = minutes_of_a(tmp_path, 3)
    assert minutes(replay(path, passes=3).messages()) == [(k, k % 3) for k in range(9)]
    endless = replay(path, passes=ENDLESS, begin=MARKS["1m"])
    found = []
    for message in endless.messages():
        found += minutes([message])
        if len(found) == 5:
            endless.end()
    assert found == [(1, 1), (2, 2), (3, 1), (4, 2), (5, 1)]


times = st.lists(st.tuples(st.integers(0, 300), st.sampled_from("ab")), min_size=1, max_size=40, unique=True)


@settings(max_examples=60)
@given(times, st.integers(0, 200), st.integers(2, 4))
def test_no_pass_repeats_a_time_of_another_and_distances_stay(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]], delay_s: int, passes: int
):
    path = tmp_path_factory.mktemp("loop") / "recording.csv"
    lines = [
        f"{format_instant(T0 + 1_000 * s)},{who},1,{format_instant(T0 + 1_000 * (s + delay_s))}" for s, who in rows
    ]
    path.write_text("\n".join(["time,sensor,value,received_at", *lines]) + "\n")
    found = [(who, parse_instant(time)) for who, time, _ in entries(replay(path, passes=passes).messages())]
    assert len(set(found)) == len(found) == passes * len(rows)
    first = found[: len(rows)]
    assert first == [(who, T0 + 1_000 * s) for s, who in rows]
    for number in range(1, passes):
        part = found[number * len(rows) : (number + 1) * len(rows)]
        assert len({time - time_first for (_, time), (_, time_first) in zip(part, first, strict=True)}) == 1
        assert min(time for _, time in part) > max(time for _, time in found[: number * len(rows)])


def played(one: Replay, seeks: dict[int, int], count: int) -> list[tuple[float, int]]:
    """The first readings; after the n-th of them it is sent so many minutes forward or back."""
    found: list[tuple[float, int]] = []
    for message in one.messages():
        found += minutes([message])
        if isinstance(message, Message) and len(found) in seeks:
            one.seek(seeks.pop(len(found)) * MINUTE)
        if len(found) == count:
            break
    return found


SEEKS = [
    ("forward", {2: 3}, [(0, 0), (1, 1), (4, 4), (5, 5)]),
    ("back", {4: -2}, [(0, 0), (1, 1), (2, 2), (3, 3), (1, 1), (2, 2)]),
    ("back beyond the begin", {2: -9}, [(0, 0), (1, 1), (0, 0), (1, 1)]),
    ("forward beyond the end", {2: 99}, [(0, 0), (1, 1)]),
]


@pytest.mark.parametrize(("name", "seeks", "expected"), SEEKS)
def test_elsewhere_original_times_are_those_of_there(
    tmp_path: Path, name: str, seeks: dict[int, int], expected: list[tuple[float, int]]
):
    assert played(replay(minutes_of_a(tmp_path, 7)), dict(seeks), len(expected)) == expected


@pytest.mark.parametrize(("name", "seeks", "expected"), SEEKS[:3])
def test_elsewhere_shifted_times_go_on_from_where_they_were(
    tmp_path: Path, name: str, seeks: dict[int, int], expected: list[tuple[float, int]]
):
    found = played(replay(minutes_of_a(tmp_path, 7), start_ms=T0 + 60 * MINUTE), dict(seeks), len(expected))
    assert [value for _, value in found] == [value for _, value in expected]
    assert [time for time, _ in found] == sorted({time for time, _ in found})
    (place,) = seeks
    assert found[place][0] == pytest.approx(found[place - 1][0], abs=1e-3)
    assert found[-1][0] < 60 + len(found)


def test_beyond_the_end_of_a_pass_the_next_one_begins(tmp_path: Path):
    found = played(replay(minutes_of_a(tmp_path, 4), passes=ENDLESS), {2: 99}, 5)
    assert [value for _, value in found] == [0, 1, 0, 1, 2]
    assert [time for time, _ in found] == pytest.approx([0, 1, 1, 2, 3], abs=1e-3)
    assert len({time for time, _ in found}) == 5


def test_while_a_far_place_is_looked_for_other_work_goes_on(tmp_path: Path):
    path = recording(tmp_path, [f"{format_instant(T0 + k)},a,{k}" for k in range(12_000)])
    messages = list(replay(path, begin=Moment(11_999, True)).messages())
    assert messages[:2] == [0, 0]
    assert [value for _, _, value in entries(messages)] == [11_999]


def test_progress_shows_the_recordings_time_the_speed_and_a_pause():
    pace = Pace(10.0)
    assert progress_text(Progress(7, 9, 0), T0, pace) == "7 messages acknowledged, at 2026-11-22T08:00:00.000Z, 10x …"
    pace.pause_or_go_on()
    assert progress_text(Progress(7, 9, 0), T0, pace).endswith(", paused …")
    assert progress_text(Progress(7, 9, 0), T0, Pace(None)).endswith(", max …")


# --- arguments and keys ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (speed, "1", 1.0), (speed, "1000", 1000.0), (speed, "max", None), (speed, "0.5", "1 to 1000"),
        (speed, "1001", "1 to 1000"), (speed, "nan", "1 to 1000"), (speed, "fast", "1 to 1000"),
        (start, "now", "now"), (start, "2026-11-22T08:00:00Z", T0), (start, "2026-11-22T08:00:00", "with zone"),
        (moment, "2h", Moment(7_200_000, True)), (moment, "2026-11-22T16:00:00+08:00", Moment(T0, False)),
        (moment, "later", "span from its begin"), (city, "jiayuguan", "jiayuguan"), (city, "+", "A-Z a-z"),
    ],
)  # fmt: skip
def test_arguments(parse: Callable[[str], Any], text: str, value: Any):
    if isinstance(value, str) and value not in (text, "now"):
        with pytest.raises(argparse.ArgumentTypeError, match=value):
            parse(text)
    else:
        assert parse(text) == value


@pytest.mark.parametrize(
    ("sent", "pressed"),
    [(" ", [" "]), ("\x1b[C\x1b[D", ["right", "left"]), ("\x1bOCq", ["right", "q"]), ("\x1b[A ", ["\x1b[A", " "])],
)
def test_keys(sent: str, pressed: list[str]):
    assert keys_of(sent) == pressed


# --- to the broker and off it ----------------------------------------------------------------------------------------


class Broker:
    """As much of an MQTT 3.1.1 broker as publishing needs; it can break the line before it acknowledges."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.sessions = 0
        self.break_at: set[int] = set()  # how many received messages make it hang up
        self.refuse = 0
        self.listeners: list[asyncio.StreamWriter] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        try:
            while True:
                kind, body = await self._packet(reader)
                if kind >> 4 == 1:
                    writer.write(bytes([0x20, 2, 0, self.refuse]))
                elif kind >> 4 == 3:
                    size = int.from_bytes(body[:2])
                    topic, mid, payload = body[2 : 2 + size].decode(), body[2 + size : 4 + size], body[4 + size :]
                    self.received.append((topic, payload))
                    if len(self.received) in self.break_at:
                        return
                    writer.write(b"\x40\x02" + mid)
                    for listener in self.listeners:
                        listener.write(bytes([0x30]) + _length(len(body) - 2) + body[: 2 + size] + payload)
                elif kind >> 4 == 8:
                    writer.write(b"\x90\x03" + body[:2] + b"\x01")
                    self.listeners.append(writer)
                elif kind >> 4 == 14:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if writer in self.listeners:
                self.listeners.remove(writer)
            writer.close()

    async def _packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind, size, shift = (await reader.readexactly(1))[0], 0, 0
        while True:
            digit = (await reader.readexactly(1))[0]
            size += (digit & 0x7F) << shift
            shift += 7
            if digit < 0x80:
                return kind, await reader.readexactly(size)


def _length(size: int) -> bytes:
    out = b""
    while True:
        size, digit = divmod(size, 128)
        out += bytes([digit | (0x80 if size else 0)])
        if not size:
            return out


@asynccontextmanager
async def broker() -> Any:
    standing = Broker()
    server = await asyncio.start_server(standing.serve, "127.0.0.1", 0)
    standing.url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield standing
    finally:
        server.close()


def numbered(count: int) -> list[Message]:
    return [Message(1_000 * i, "lifeline/c/gas/s", str(i).encode()) for i in range(count)]


def test_messages_are_published_in_order_and_counted():
    async def run() -> tuple[int, list[bytes], Progress]:
        told: list[Progress] = []
        async with broker() as standing:
            count = await publish(standing.url, numbered(1_000), speed=None, progress=told.append)
            return count, [payload for _, payload in standing.received], told[-1]

    count, payloads, last = asyncio.run(run())
    assert count == 1_000
    assert payloads == [str(i).encode() for i in range(1_000)]
    assert last == Progress(1_000, 1_000, 999_000)


def test_after_a_broken_line_the_unacknowledged_are_sent_again_first_and_in_order():
    async def run() -> tuple[int, Broker]:
        async with broker() as standing:
            standing.break_at = {1, 300, 701}
            return await publish(standing.url, numbered(800), speed=None), standing

    count, standing = asyncio.run(run())
    numbers = [int(payload) for _, payload in standing.received]
    assert count == 800
    assert standing.sessions == 4
    assert list(dict.fromkeys(numbers)) == list(range(800))
    assert 800 < len(numbers) < 800 + 3 * 300


def test_messages_wait_until_they_are_due_at_the_speed():
    now = 100.0
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        waits.append(now)

    async def run() -> int:
        async with broker() as standing:
            return await publish(standing.url, numbered(5), speed=10.0, clock=lambda: now, sleep=sleep)

    assert asyncio.run(run()) == 5
    assert waits == pytest.approx([100.1, 100.2, 100.3, 100.4])


def test_a_broken_line_in_a_pause_does_not_end_it_and_what_was_not_acknowledged_goes_out_after_it():
    async def run() -> tuple[list[bytes], int]:
        pace = Pace(None)
        async with broker() as standing:
            standing.break_at = {3}

            def pausing() -> Iterator[Message]:
                for message in numbered(6):
                    if message.time == 3_000:
                        pace.pause_or_go_on()
                    yield message

            publishing = asyncio.create_task(publish(standing.url, pausing(), pace=pace))
            await until(lambda: standing.sessions == 2)
            async with connect(standing.url) as other:
                for _ in range(3):
                    await other.publish("t", b"other", qos=1)
            assert [payload for _, payload in standing.received] == [b"0", b"1", b"2", *3 * [b"other"]]
            pace.pause_or_go_on()
            count = await publishing
            return [payload for _, payload in standing.received if payload != b"other"], count

    payloads, count = asyncio.run(run())
    assert (payloads, count) == ([b"0", b"1", b"2", b"2", b"3", b"4", b"5"], 6)


def test_a_message_given_up_for_another_place_is_not_sent_also_not_after_a_broken_line():
    async def run() -> list[bytes]:
        pace = Pace(1.0)
        async with broker() as standing:
            far = [Message(0, "t", b"near"), Message(10**9, "t", b"far"), Message(5, "t", b"there")]
            publishing = asyncio.create_task(publish(standing.url, far, pace=pace))
            await until(lambda: len(standing.received) == 1)
            pace.restart()
            assert await publishing == 2
            return [payload for _, payload in standing.received]

    assert asyncio.run(run()) == [b"near", b"there"]


def test_an_unreachable_broker_or_a_refused_session_is_said():
    async def refused() -> None:
        async with broker() as standing:
            standing.refuse = 5
            await publish(standing.url.replace("//", "//user:secret@"), numbered(1), speed=None)

    with pytest.raises(BrokerUnreachable, match="uthori") as raised:
        asyncio.run(refused())
    assert "secret" not in str(raised.value)
    with pytest.raises(BrokerUnreachable):
        asyncio.run(publish("mqtt://127.0.0.1:1", numbered(1), patience_s=0.2))
    with pytest.raises(ValueError, match="mqtt://"):
        asyncio.run(publish("http://127.0.0.1", numbered(1)))
    with pytest.raises(ValueError, match="speed"):
        asyncio.run(publish("mqtt://127.0.0.1:1", numbered(1), speed=0))


def test_an_error_in_the_messages_is_raised_as_it_is():
    def broken() -> Iterable[Message]:
        yield from numbered(3)
        raise OSError("disk")

    async def run() -> None:
        async with broker() as standing:
            await publish(standing.url, broken(), speed=None)

    with pytest.raises(OSError, match="disk"):
        asyncio.run(run())


def test_a_recorder_keeps_odd_values_turns_integer_times_and_leaves_alarms_out():
    rows = rows_of("lifeline/c/gas/s", b'{"time": 1795000000000, "value": "odd"}', 1_795_000_000_500)
    assert rows == [
        {
            "time": '"2026-11-18T11:06:40.000Z"',
            "sensor": '"s"',
            "value": '"odd"',
            "received_at": '"2026-11-18T11:06:40.500Z"',
        }
    ]
    assert rows_of("lifeline/c/alarm/a1", b"{}", 0) == []
    assert rows_of("lifeline/c/gas/s", b"not json", 0) is None
    assert rows_of("lifeline/c/gas/s", b"\xff", 0) is None


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to hold")
