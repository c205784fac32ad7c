"""`lifeline simulate`, `record` and `replay`: streams of readings made, kept and played again."""

import argparse
import asyncio
import signal
import time
from pathlib import Path
from typing import Any

from app.commands.output import CommandError, duration, instant, progress, run_async, speed
from app.services import broker_services, open_database, prepared_pool
from app.settings import load_settings
from model.sensor import City
from model.sensor_file import read_sensor_file
from simulators.messages import live_messages
from simulators.platforms import load_platform
from simulators.publish import Progress, publish
from simulators.record import record
from simulators.replay import replay_file
from simulators.scenarios import load_scenario
from simulators.stream import DEFAULT_START_MS, simulate
from simulators.truth import truth
from simulators.write import write_readings, write_sensors, write_truth
from store.sensors import import_sensors


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    simulating = commands.add_parser(
        "simulate", help="make a simulated stream", description="Make a simulated stream, as a file or to the broker.",
        epilog="example: lifeline simulate jiayuguan --scenario gas-leak --seed 1 --duration 2h --out readings.csv.gz "
        "--sensors sensors.csv --truth truth.csv",
    )  # fmt: skip
    simulating.add_argument("platform", metavar="PLATFORM")
    simulating.add_argument("--scenario", required=True, metavar="S")
    simulating.add_argument("--seed", type=int, required=True, metavar="N")
    simulating.add_argument("--duration", type=duration, required=True, metavar="D", help="like 90s, 5m, 2h or 7d")
    simulating.add_argument("--start", type=instant, metavar="T", help="fixed with --out, now with --publish")
    target = simulating.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", type=Path, metavar="FILE", help="CSV or NDJSON, also .gz")
    target.add_argument("--publish", action="store_true", help="to the broker")
    simulating.add_argument("--truth", type=Path, metavar="FILE", help="where to write what happens")
    simulating.add_argument("--sensors", type=Path, metavar="FILE", help="where to write the sensors")
    simulating.add_argument("--speed", type=speed, default=1.0, metavar="X", help="with --publish: 1, 10, …")
    simulating.set_defaults(run=_simulate)
    recording = commands.add_parser(
        "record", help="readings off the broker into a file",
        description="Write readings off the broker into a file until Ctrl-C.",
        epilog="example: lifeline record --out readings.csv.gz",
    )  # fmt: skip
    recording.add_argument("--out", type=Path, required=True, metavar="FILE")
    recording.set_defaults(run=lambda chosen: run_async(_record(chosen)))
    replaying = commands.add_parser(
        "replay", help="publish a recording over MQTT",
        description="Publish a recording over MQTT with its own times. Its sensors are registered in test cities first;"
        " a city in operation is refused.",
        epilog="example: lifeline replay readings.csv.gz --sensors sensors.csv --speed max",
    )  # fmt: skip
    replaying.add_argument("file", type=Path, metavar="FILE")
    replaying.add_argument("--sensors", type=Path, required=True, metavar="FILE")
    replaying.add_argument("--speed", type=speed, default=1.0, metavar="X|max")
    replaying.set_defaults(run=lambda chosen: run_async(_replay(chosen)))


def _simulate(chosen: argparse.Namespace) -> int:
    platform, scenario = load_platform(chosen.platform), load_scenario(chosen.scenario)
    if chosen.seed < 0:
        raise CommandError(f"--seed {chosen.seed} is negative; give a whole number from 0")
    start = (
        chosen.start
        if chosen.start is not None
        else time.time_ns() // 1_000_000
        if chosen.publish
        else DEFAULT_START_MS
    )
    if chosen.sensors is not None:
        write_sensors(chosen.sensors, platform)
    if chosen.truth is not None:
        write_truth(chosen.truth, truth(platform, scenario, chosen.seed, chosen.duration, start))
    if chosen.publish:
        return run_async(_publish(chosen, start))
    chunks = simulate(platform, scenario, chosen.seed, chosen.duration, start)
    written = write_readings(chosen.out, platform, chunks, lambda n: progress(f"{n} readings …"))
    print(f"{written} readings written to {chosen.out}")
    return 0


async def _publish(chosen: argparse.Namespace, start: int) -> int:
    platform, scenario = load_platform(chosen.platform), load_scenario(chosen.scenario)
    settings = load_settings()
    url, protocol = broker_services(settings)
    async with open_database(settings, progress) as database, prepared_pool(database, progress) as pool:
        await import_sensors(pool, platform.sensors, [_test_city(platform.city)], refuse_operational=True)
    messages = live_messages(
        platform, scenario, chosen.seed, start, speed=chosen.speed or 1.0, duration_s=chosen.duration
    )
    sent = await publish(url, messages, speed=None if chosen.speed is None else 1.0, progress=_tell, protocol=protocol)
    print(f"{sent} messages published")
    return 0


async def _record(chosen: argparse.Namespace) -> int:
    url, protocol = broker_services(load_settings())
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    progress(f"recording into {chosen.out}; Ctrl-C ends it")
    done = await record(url, chosen.out, stop, protocol=protocol)
    print(f"{done.readings} readings written, {done.unusable} messages that were none, {done.gaps} gaps in the line")
    return 0


async def _replay(chosen: argparse.Namespace) -> int:
    # Cities that appear through a replay are test cities.
    sensors, cities = read_sensor_file(chosen.sensors, mode="test")
    if not chosen.file.exists():
        raise CommandError(f"{chosen.file}: there is no such file")
    settings = load_settings()
    url, protocol = broker_services(settings)
    async with open_database(settings, progress) as database, prepared_pool(database, progress) as pool:
        await import_sensors(pool, sensors, cities, refuse_operational=True)
    by_id = {sensor.sensor: sensor for sensor in sensors}
    sent = await replay_file(chosen.file, by_id, url, speed=chosen.speed, progress=_tell, protocol=protocol)
    print(f"{sent} messages published and acknowledged")
    return 0


def _test_city(city: City) -> City:
    return City(
        city=city.city, name=city.name, name_zh=city.name_zh, time_zone=city.time_zone,
        mode="test" if city.mode == "operational" else city.mode,
    )  # fmt: skip


def _tell(done: Progress) -> None:
    progress(f"{done.messages} messages acknowledged …")
