"""`lifeline simulate`: a stream of a simulated platform, into a file or to the broker."""

import argparse
import math
import os
import time
from itertools import chain, islice
from pathlib import Path
from typing import Any

from app.commands.output import CommandError, duration, instant, progress, run_async, speed
from app.runtime import end_with_parent
from app.services import broker_services, broker_tls, open_database, prepared_pool
from app.settings import load_settings
from simulators.cities.files import write_city_files
from simulators.messages import live_messages
from simulators.platforms import PLATFORMS, Platform, load_platform
from simulators.publish import Progress, publish
from simulators.scenarios import SCENARIOS, Scenario, load_scenario
from simulators.stream import HOUR_S, default_start, simulate, told
from simulators.truth import hastened, truth, write_truth
from simulators.write import write_readings, write_sensors
from store.networks import import_networks
from store.sensors import import_sensors

QUIET = "quiet-day"


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    scenarios = "\n".join(f"  {one.name:24} {_span(one.duration_s):>6}  {one.summary}" for one in SCENARIOS.values())
    simulating = commands.add_parser(
        "simulate", help="make a simulated stream", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make a simulated stream, as a file or to the broker.\n\n"
        f"platforms: {', '.join(PLATFORMS)}\n\nscenarios, with the time that each takes:\n{scenarios}",
        epilog="example: lifeline simulate jiayuguan --scenario gas-leak --seed 1 --duration 2h --out readings.csv.gz "
        "--sensors sensors.csv --truth truth.csv",
    )  # fmt: skip
    simulating.add_argument("platform", metavar="PLATFORM")
    simulating.add_argument("--scenario", required=True, metavar="S")
    simulating.add_argument("--seed", type=int, required=True, metavar="N")
    simulating.add_argument("--duration", type=duration, required=True, metavar="D", help="like 90s, 5m, 2h or 7d")
    simulating.add_argument(
        "--start",
        type=instant,
        metavar="T",
        help="the scenario's own with --out, now to publish, or so that it ends now with --speed max",
    )
    target = simulating.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", type=Path, metavar="FILE", help="CSV or NDJSON, also .gz")
    target.add_argument("--publish", action="store_true", help="to the broker")
    simulating.add_argument(
        "--truth", type=Path, metavar="FILE", help="where to write what happens, and which alarms are right"
    )
    simulating.add_argument("--sensors", type=Path, metavar="FILE", help="where to write the sensors")
    simulating.add_argument(
        "--networks", type=Path, metavar="FOLDER", help="where to write pipe networks: GeoJSON, EPANET, SWMM"
    )
    simulating.add_argument(
        "--speed",
        type=speed,
        default=1.0,
        metavar="X",
        help="with --publish: 1, 10, … or max; the times of readings and truth are drawn together",
    )
    simulating.add_argument(
        "--exercise", action="store_true", help="as an exercise: in cities of their own, marked so wherever they appear"
    )
    simulating.set_defaults(run=_simulate)


def _simulate(chosen: argparse.Namespace) -> int:
    if os.environ.get("LIFELINE_END_WITH_PARENT"):
        end_with_parent()
    platform, scenario = load_platform(chosen.platform, exercise=chosen.exercise), load_scenario(chosen.scenario)
    if chosen.seed < 0:
        raise CommandError(f"--seed {chosen.seed} is negative; give a whole number from 0")
    if not chosen.duration > 0:
        raise CommandError("--duration 0 has no reading in it; give more")
    _check_files(chosen.out, chosen.truth, chosen.sensors)
    _tell_what_is_missing(chosen, platform, scenario)
    start = chosen.start
    if start is None:
        now = _now_ms()
        # Played as fast as the broker takes it, it has just ended: the service refuses readings from the future.
        begun = now if chosen.speed is not None else now - round(1000 * chosen.duration)
        start = begun if chosen.publish else default_start(scenario, platform)
    if chosen.sensors is not None:
        write_sensors(chosen.sensors, platform)
    if chosen.networks is not None:
        chosen.networks.mkdir(parents=True, exist_ok=True)
        for place in platform.places:
            write_city_files(place, chosen.networks)
    if chosen.truth is not None:
        rows = truth(platform, scenario, chosen.seed, chosen.duration, start)
        drawn_together = chosen.speed if chosen.publish and chosen.speed is not None else 1.0
        write_truth(chosen.truth, [hastened(row, start, drawn_together) for row in rows])
    if chosen.publish:
        return run_async(_publish(chosen, platform, scenario, start))
    hours = math.ceil(chosen.duration / HOUR_S)
    done = 0

    def tell(written: int) -> None:
        nonlocal done
        done += 1
        progress(f"{written} readings, {done} of {hours} h")

    written = write_readings(
        chosen.out, platform, simulate(platform, scenario, chosen.seed, chosen.duration, start), tell
    )
    print(f"{written} readings written to {chosen.out}")
    return 0


def _check_files(*paths: Path | None) -> None:
    """Refuse what cannot be written before anything is simulated."""
    given = [path for path in paths if path is not None]
    for path in given:
        if path.is_dir():
            raise CommandError(f"{path} is a folder; name a file in it")
        if not path.parent.is_dir():
            raise CommandError(f"there is no folder {path.parent}; make it first")
    if len({path.resolve() for path in given}) < len(given):
        raise CommandError("two outputs have one name; give each a file of its own")


def _tell_what_is_missing(chosen: argparse.Namespace, platform: Platform, scenario: Scenario) -> None:
    if not any(story.events for story in told(platform, scenario, chosen.seed)):
        if scenario.name != QUIET:
            progress(f"nothing of {scenario.name} can happen in {platform.name}: it has not what that takes")
    elif chosen.duration < scenario.duration_s:
        progress(f"{scenario.name} takes {_span(scenario.duration_s)}; not all of it happens in the time that is given")


def _span(seconds: float) -> str:
    """A duration as --duration takes it: 52d, 84h, 90m."""
    for unit, length in (("d", 86_400.0), ("h", 3_600.0)):
        if seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds / 60.0:.0f}m"


async def _publish(chosen: argparse.Namespace, platform: Platform, scenario: Scenario, start: int) -> int:
    settings = load_settings()
    url, protocol = broker_services(settings)
    messages = live_messages(
        platform, scenario, chosen.seed, start, speed=chosen.speed or 1.0, duration_s=chosen.duration
    )
    # The first hour is made before the sensors are registered: until then none of them counts as silent.
    first = list(islice(messages, 1))
    async with open_database(settings, progress) as database, prepared_pool(database, progress) as pool:
        await import_sensors(pool, platform.sensors, platform.cities, refuse_operational=True)
        for place in platform.places:  # what flows where is the same at each start: then nothing is written
            await import_networks(pool, place.plan.city, place.networks())
    sent = await publish(
        url, chain(first, messages), speed=None if chosen.speed is None else 1.0, progress=_tell, protocol=protocol,
        tls=broker_tls(settings), origin_ms=_now_ms() if chosen.start is None else None,
    )  # fmt: skip
    print(f"{sent} messages published")
    return 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _tell(done: Progress) -> None:
    progress(f"{done.readings} readings acknowledged …")
