"""`lifeline record` and `lifeline replay`: readings kept off the broker and played again."""

import argparse
import asyncio
import signal
import time
from pathlib import Path
from typing import Any

from app.commands.keyboard import LEFT, RIGHT, keys
from app.commands.output import CommandError, duration, instant, positive, progress, run_async
from app.services import broker_services, broker_tls, open_database, prepared_pool
from app.settings import load_settings
from model.instant import format_instant
from model.sensor import InvalidSensor, check_identifier
from model.sensor_file import read_sensor_file
from simulators.pace import Pace
from simulators.publish import Progress, publish
from simulators.record import record
from simulators.recording import Moment
from simulators.replay import ENDLESS, NothingToReplay, Replay
from store.sensors import import_sensors

SPEED_MAX = 1_000.0
SEEK_MS = 60_000
NOW = "now"


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    recording = commands.add_parser(
        "record", help="readings off the broker into a file",
        description="Write readings off the broker into a file, each with the time at which it came, until Ctrl-C.",
        epilog="example: lifeline record --out readings.csv.gz --city jiayuguan --duration 2h",
    )  # fmt: skip
    recording.add_argument("--out", type=Path, required=True, metavar="FILE", help="CSV or NDJSON, also .gz")
    recording.add_argument("--city", type=city, metavar="C", help="of this city only")
    recording.add_argument("--duration", type=duration, metavar="D", help="end after this long, like 90s, 5m or 2h")
    recording.set_defaults(run=lambda chosen: run_async(_record(chosen)))
    replaying = commands.add_parser(
        "replay", help="publish a recording over MQTT",
        description="Publish a recording over MQTT, every row of it, with its own times or shifted. Its sensors are\n"
        "registered in test cities first; a city in operation is refused.\n\n"
        "A time that was sent before with the same value changes nothing: with its own times a recording can\n"
        "be played again. Shifted readings, also those of a second pass, are never sent before the clock has\n"
        "come to their time, because the service refuses readings from the future: a replay that has caught up\n"
        "with the clock goes on at the clock's pace, and one that starts in the future waits until then.\n\n"
        "In a terminal: space pauses and goes on, the arrows right and left go a minute of the recording\n"
        "forward and back, q ends. SIGUSR1 pauses and goes on too. What a pause delays is not caught up on.\n"
        "Gone back, the recording's own times are sent again, which changes nothing; shifted times go on from\n"
        "where they were.",
        epilog="example: lifeline replay readings.csv.gz --sensors sensors.csv --speed max\n"
        "         lifeline replay readings.csv.gz --sensors sensors.csv --start now --from 2h --to 3h --loop",
    )  # fmt: skip
    replaying.add_argument("file", type=Path, metavar="FILE")
    replaying.add_argument("--sensors", type=Path, required=True, metavar="FILE")
    replaying.add_argument(
        "--speed", type=speed, default=1.0, metavar="X|max",
        help="1 to 1000 seconds of the recording in a second, or max: as fast as acknowledged (1)",
    )  # fmt: skip
    replaying.add_argument(
        "--start", type=start, metavar="T|now", help="shift all times alike, so that the first one played is this"
    )
    replaying.add_argument(
        "--from", dest="begin", type=moment, metavar="D|T",
        help="play from here: a span like 2h from the recording's begin, or an instant of the recording",
    )  # fmt: skip
    replaying.add_argument("--to", dest="end", type=moment, metavar="D|T", help="play up to before here")
    replaying.add_argument(
        "--loop", type=positive, nargs="?", const=ENDLESS, metavar="N",
        help="play it N times, each pass shifted to follow the one before; without N until it is ended",
    )  # fmt: skip
    replaying.set_defaults(run=_run_replay, refuse=replaying.error)


def speed(text: str) -> float | None:
    """An argument from 1 to 1000, or max, which is None."""
    if text == "max":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= SPEED_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; give 1 to {SPEED_MAX:.0f}, or max")
    return value


def start(text: str) -> int | str:
    """An argument that is an instant, in epoch milliseconds, or the word now."""
    return NOW if text == NOW else instant(text)


def moment(text: str) -> Moment:
    """An argument that is a span from the recording's begin or an instant."""
    try:
        return Moment(round(1000 * duration(text)), True)
    except argparse.ArgumentTypeError:
        pass
    try:
        return Moment(instant(text), False)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no place in a recording; write a span from its begin like 90s, 5m or 2h, or an instant like "
            "2026-11-22T08:00:00Z"
        ) from None


def city(text: str) -> str:
    """An argument that is a city's id."""
    try:
        check_identifier("city", text)
    except InvalidSensor as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


async def _record(chosen: argparse.Namespace) -> int:
    settings = load_settings()
    url, protocol = broker_services(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if chosen.duration is not None:
        loop.call_later(chosen.duration, stop.set)
    progress(f"recording into {chosen.out}; Ctrl-C ends it")
    done = await record(url, chosen.out, stop, city=chosen.city, protocol=protocol, tls=broker_tls(settings))
    print(f"{done.readings} readings written, {done.unusable} messages that were none, {done.gaps} gaps in the line")
    return 0


def _run_replay(chosen: argparse.Namespace) -> int:
    if chosen.start == NOW and chosen.speed != 1:
        chosen.refuse(
            "--start now at more than the clock's pace would put readings into the future, which the service refuses; "
            "leave --speed out, or give an earlier --start"
        )
    begin, end = chosen.begin, chosen.end
    if begin is not None and end is not None and begin.from_begin == end.from_begin and end.ms <= begin.ms:
        chosen.refuse("--to is not after --from")
    return run_async(_replay(chosen))


async def _replay(chosen: argparse.Namespace) -> int:
    # Cities that appear through a replay are test cities.
    sensors, cities = read_sensor_file(chosen.sensors, mode="test")
    if not chosen.file.exists():
        raise CommandError(f"{chosen.file}: there is no such file")
    settings = load_settings()
    url, protocol = broker_services(settings)
    now = time.time_ns() // 1_000_000
    pace = Pace(chosen.speed)
    if chosen.loop is not None:
        progress(f"reading {chosen.file} once through, for the length of a pass …")
    try:
        replay = Replay(
            chosen.file,
            {sensor.sensor: sensor for sensor in sensors},
            pace,
            begin=chosen.begin,
            end=chosen.end,
            start_ms=now if chosen.start == NOW else chosen.start,
            passes=1 if chosen.loop is None else chosen.loop,
        )
    except NothingToReplay as error:
        raise CommandError(str(error)) from None
    async with open_database(settings, progress) as database, prepared_pool(database, progress) as pool:
        await import_sensors(pool, sensors, cities, refuse_operational=True)
    if isinstance(chosen.start, int) and chosen.start > now:
        progress(f"the first reading goes out at {format_instant(chosen.start)}")
    done = Progress(0, 0, 0)

    def tell(now_done: Progress | None = None) -> None:
        nonlocal done
        done = done if now_done is None else now_done
        progress(progress_text(done, replay.position, pace))

    def pause_or_go_on() -> None:
        pace.pause_or_go_on()
        tell()

    def press(key: str) -> None:
        if key == " ":
            pause_or_go_on()
        elif key in (LEFT, RIGHT):
            replay.seek(SEEK_MS if key == RIGHT else -SEEK_MS)
        elif key == "q":
            replay.end()

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, pause_or_go_on)
    with keys(press) as listening:
        if listening:
            progress("space pauses and goes on, arrows go a minute forward and back, q ends")
        sent = await publish(
            url, replay.messages(), pace=pace, progress=tell, protocol=protocol, tls=broker_tls(settings)
        )
    print(f"{sent} messages published and acknowledged")
    return 0


def progress_text(done: Progress, position: int, pace: Pace) -> str:
    """Return how far a replay has come: messages, the recording's time, the speed, and whether it is paused."""
    pace_text = "paused" if pace.paused else "max" if pace.speed is None else f"{pace.speed:g}x"
    return f"{done.messages} messages acknowledged, at {format_instant(position)}, {pace_text} …"
