"""`lifeline exercise`: a scenario or a recording played as an exercise, steered over standard input."""

import argparse
import asyncio
import sys
from collections import deque
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from app.clock import clock
from app.commands.output import CommandError, duration, progress, run_async
from app.exercise_clearing import begin_anew
from app.exercise_orders import Marked, Order, State, Told
from app.runtime import end_with_parent
from app.services import broker_services, broker_tls, open_database, prepared_pool
from app.settings import load_settings
from model.sensor_file import read_sensor_file
from simulators.exercise import SPEED_MAX, SPEED_MIN, Exercise, ExercisePace
from simulators.exercise_sources import NotForExercise, RecordingSource, ScenarioSource, exercise_platform
from simulators.messages import Outgoing
from simulators.publish import Progress, publish
from simulators.scenarios import load_scenario
from store.exercises import rest_sensors
from store.networks import import_networks
from store.pool import Pool
from store.sensors import import_sensors

TELL_S = 0.5
MEASURE_S = 5.0  # over which the speed is measured that is reached
REST_AFTER_S = 10.0  # of a pause; no sensor is silent so soon
_encode = msgspec.json.Encoder().encode
_order = msgspec.json.Decoder(Order).decode


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    exercising = commands.add_parser(
        "exercise", help="play a scenario or recording as an exercise",
        description="Play a scenario or a recording as an exercise, in cities of their own, marked so wherever they\n"
        "appear. The page /replay steers one; this command is what it starts.\n\n"
        "Readings bear the clock's time, drawn together by the speed. Standard input takes a line of JSON for each\n"
        'order: {"do": "pause"}, "play", "speed" with "speed", "seek" with "position_s", "end"; the end of the\n'
        "input ends the exercise. Standard output tells how it stands, a line of JSON twice a second.",
        epilog="example: lifeline exercise --platform jiayuguan --scenario gas-leak --size small --speed 60",
    )  # fmt: skip
    exercising.add_argument("--platform", metavar="P", help="jiayuguan, jinchang, yunnan")
    exercising.add_argument("--scenario", metavar="S", help="as `lifeline simulate` has them")
    exercising.add_argument("--seed", type=int, default=1, metavar="N")
    exercising.add_argument("--size", choices=("full", "small"), default="full", help="the whole platform or a tenth")
    exercising.add_argument("--recording", type=Path, metavar="FILE", help="in the place of platform and scenario")
    exercising.add_argument("--sensors", type=Path, metavar="FILE", help="that belong to the recording")
    exercising.add_argument("--speed", type=_speed, default=1.0, metavar="X", help="1 to 1000 seconds in one (1)")
    exercising.add_argument("--from", dest="begin", type=duration, default=0.0, metavar="D", help="start here, like 2h")
    exercising.set_defaults(run=_run, refuse=exercising.error)


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not SPEED_MIN <= value <= SPEED_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; give {SPEED_MIN:g} to {SPEED_MAX:g}")
    return value


def _run(chosen: argparse.Namespace) -> int:
    if (chosen.recording is None) == (chosen.scenario is None or chosen.platform is None):
        chosen.refuse("give either --platform and --scenario, or --recording and --sensors")
    if chosen.recording is not None and chosen.sensors is None:
        chosen.refuse("--recording needs --sensors")
    if chosen.seed < 0:
        chosen.refuse(f"--seed {chosen.seed} is negative; give a whole number from 0")
    end_with_parent()
    return run_async(_exercise(chosen))


def _source(chosen: argparse.Namespace) -> ScenarioSource | RecordingSource:
    if chosen.recording is None:
        platform = exercise_platform(chosen.platform, chosen.size)
        return ScenarioSource(platform, load_scenario(chosen.scenario), chosen.seed)
    if not chosen.recording.exists():
        raise CommandError(f"{chosen.recording}: there is no such file")
    try:
        return RecordingSource(chosen.recording, *read_sensor_file(chosen.sensors))
    except NotForExercise as error:
        raise CommandError(str(error)) from None


async def _exercise(chosen: argparse.Namespace) -> int:
    settings = load_settings()
    url, protocol = broker_services(settings)
    source = _source(chosen)
    begin = source.begin + round(1000 * chosen.begin)
    if not begin < source.end:
        raise CommandError(f"--from lies at or behind its end, {(source.end - source.begin) / 1000:g} s")
    exercise = Exercise(source, ExercisePace(chosen.speed), position=begin)
    async with open_database(settings, progress) as database, prepared_pool(database, progress) as pool:
        session = _Session(exercise, pool)
        tasks = [asyncio.create_task(work) for work in (session.take_orders(), session.tell_on())]
        messages = exercise.messages()
        try:
            # The first readings are made before the sensors are registered: until then none of them counts as silent.
            _, first = await asyncio.gather(
                begin_anew(pool, [city.city for city in source.cities], clock), asyncio.to_thread(_first, messages)
            )
            await session.wake()
            session.state = "playing"
            await publish(
                url, chain(first, messages), pace=exercise.pace, progress=session.note, protocol=protocol,
                tls=broker_tls(settings),
            )  # fmt: skip
            session.state = "ended"
        finally:
            for task in tasks:
                task.cancel()
            await session.rest()
        session.tell()
    return 0


def _first(messages: Iterator[Outgoing | int]) -> list[Outgoing | int]:
    """The first message, which is made for a while; none where the exercise was ended meanwhile."""
    first = next((message for message in messages if not isinstance(message, int)), None)
    return [] if first is None else [first]


class _Session:
    """What is between the exercise and who steers it."""

    def __init__(self, exercise: Exercise, pool: Pool) -> None:
        self._exercise, self._pool = exercise, pool
        self._markers = [
            Marked(one.position_ms / 1000.0, one.what, one.places, one.severity) for one in exercise.source.markers()
        ]
        self._done = Progress(0, 0, 0)
        self._seen = 0
        self._measured: deque[tuple[float, int]] = deque()
        self._awake = False
        self._laid = False  # the networks are registered
        self._turning = asyncio.Lock()
        self._resting: asyncio.Task[None] | None = None
        self.state: State = "preparing"

    async def take_orders(self) -> None:
        """Do what standard input says, to its end."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            try:
                order = _order(line)
            except msgspec.DecodeError as error:
                progress(f"an order that cannot be read: {error}")
                continue
            await self._do(order)
            self._seen = order.number
            self.tell()
        self._exercise.end()

    async def _do(self, order: Order) -> None:
        exercise = self._exercise
        self._measured.clear()
        if order.do == "pause":
            exercise.pace.pause()
            if self._resting is None:
                self._resting = asyncio.create_task(self._rest_soon())
        elif order.do == "play":
            await self.wake()
            exercise.pace.play()
        elif order.do == "speed":
            exercise.pace.change_speed(min(max(order.speed, SPEED_MIN), SPEED_MAX))
        elif order.do == "seek":
            exercise.seek(exercise.source.begin + round(1000 * order.position_s))
        else:
            exercise.end()

    async def _rest_soon(self) -> None:
        await asyncio.sleep(REST_AFTER_S)
        await self.rest()

    async def wake(self) -> None:
        """Register the sensors as they are: what does not speak is silent."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        source = self._exercise.source
        async with self._turning:
            if not self._awake:
                self._awake = True
                await import_sensors(self._pool, source.sensors, source.cities, refuse_operational=True)
                if not self._laid:
                    self._laid = True
                    for city, networks in source.networks():
                        await import_networks(self._pool, city, networks)

    async def rest(self) -> None:
        """Nobody is silent while nothing is played."""
        async with self._turning:
            if self._awake:
                self._awake = False
                await rest_sensors(self._pool, [city.city for city in self._exercise.source.cities])

    async def tell_on(self) -> None:
        """Tell how it stands, now and every half second."""
        while True:
            self.tell()
            await asyncio.sleep(TELL_S)

    def note(self, done: Progress) -> None:
        """Note what the broker has acknowledged."""
        self._done = done

    def tell(self) -> None:
        """Tell how it stands."""
        exercise = self._exercise
        source, pace, position = exercise.source, exercise.pace, exercise.position
        paused = self.state == "playing" and pace.paused
        told = Told(
            state="paused" if paused else self.state,
            seen=self._seen,
            cities=[city.city for city in source.cities],
            begins_ms=source.begin,
            position_s=(position - source.begin) / 1000.0,
            length_s=(source.end - source.begin) / 1000.0,
            speed=pace.speed,
            speed_reached=None if paused or self.state != "playing" else self._speed_reached(position),
            messages=self._done.messages,
            readings=self._done.readings,
            sensors=len(source.sensors),
            markers=self._markers,
        )
        sys.stdout.buffer.write(_encode(told) + b"\n")
        sys.stdout.buffer.flush()

    def _speed_reached(self, position: int) -> float | None:
        now = asyncio.get_running_loop().time()
        self._measured.append((now, position))
        while now - self._measured[0][0] > MEASURE_S:
            self._measured.popleft()
        began, begun_at = self._measured[0]
        return None if now - began < 1.0 else round((position - begun_at) / 1000.0 / (now - began), 1)
