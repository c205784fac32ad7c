"""What an exercise can play: a scenario of a simulated platform, or a recording, moved into cities for exercises."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from model.network import Network
from model.reading_file import Row
from model.sensor import IDENTIFIER, City, Sensor
from model.severity import severity_of
from simulators.cities import SimulatedCity
from simulators.cities.plans import PLATFORM_CITIES, small
from simulators.events import Fault, Storm
from simulators.exercise import Entry, Marker, Untimed
from simulators.instruments import Samples, taken
from simulators.messages import Lines, topic_of
from simulators.platforms import EXERCISE_CODE, NETWORK_SEED, Platform, load_platform
from simulators.recording import begin_of, instant_of, placed_rows, skip_to
from simulators.replay import GATEWAY, measured
from simulators.scenarios import Scenario
from simulators.stream import HOUR_S, default_start, simulate, told

Size = Literal["full", "small"]
SMALL_SHARE = 0.1
HOUR_MS = round(1000 * HOUR_S)
LOOK_S = 0.05  # between looks whether the next hour is made
MARKERS_MAX = 200
SUFFIX = "-exercise"
_encode = msgspec.json.Encoder().encode


class NotForExercise(ValueError):
    """Sensors that cannot be moved into a city for exercises; the text says why."""


def exercise_platform(name: str, size: Size) -> Platform:
    """Return a platform in cities for exercises, whole or a tenth of it, which are other cities.

    Raises UnknownPlatform.
    """
    if size == "full":
        return load_platform(name, exercise=True)
    load_platform(name, exercise=True)  # says what is wrong with the name
    plans = [
        replace(
            small(plan, SMALL_SHARE), name=f"{plan.name}-small", code=f"{EXERCISE_CODE}s-{plan.code}",
            name_en=f"{plan.name_en} (small)", name_zh=f"{plan.name_zh}（缩小版）", mode="exercise",
        )
        for plan in PLATFORM_CITIES[name]
    ]  # fmt: skip
    return Platform(f"{name}-small", tuple(SimulatedCity(plan, NETWORK_SEED) for plan in plans))


class ScenarioSource:
    """A scenario of a platform, at its own season and time of day."""

    def __init__(self, platform: Platform, scenario: Scenario, seed: int) -> None:
        self._platform, self._scenario, self._seed = platform, scenario, seed
        self._lines = Lines(platform)
        self.begin = default_start(scenario, platform)
        self.end = self.begin + round(1000 * scenario.duration_s)
        self.sensors: Sequence[Sensor] = platform.sensors
        self.cities: Sequence[City] = platform.cities

    def networks(self) -> Iterator[tuple[str, Iterable[Network]]]:
        """Yield what lies in each city."""
        for place in self._platform.places:
            yield place.plan.city, place.networks()

    def messages_from(self, position: int) -> Iterator[Untimed | None]:
        """Yield the messages due from there on. Readings of before are left out."""
        # One hour before, for what is on its way.
        from_hour = max(0, (position - self.begin) // HOUR_MS - 1)
        duration_s = (self.end - self.begin) / 1000.0
        chunks = simulate(self._platform, self._scenario, self._seed, duration_s, self.begin, from_hour=from_hour)
        with ThreadPoolExecutor(1, thread_name_prefix="simulate") as maker:
            coming = maker.submit(next, chunks, None)
            while True:
                while not wait((coming,), LOOK_S).done:
                    yield None
                chunk = coming.result()
                if chunk is None:
                    return
                coming = maker.submit(next, chunks, None)
                yield from self._messages(chunk, position)

    def _messages(self, chunk: Samples, position: int) -> Iterator[Untimed]:
        wanted = chunk.arrival >= position
        if position > self.begin:
            wanted &= chunk.time >= position
        chunk = self._lines.in_order(taken(chunk, np.flatnonzero(wanted)))
        if not len(chunk.time):
            return
        texts, times = list(self._lines.entries(chunk)), chunk.time.tolist()
        for due, topic, by_gateway, first, last in self._lines.portions(chunk):
            entries = [Entry(texts[k][0], times[k], texts[k][1]) for k in range(first, last)]
            yield Untimed(due, topic, entries, by_gateway)

    def markers(self) -> list[Marker]:
        """Return what happens, by its place."""
        found: dict[tuple[int, str], tuple[int, str | None]] = {}
        for story in told(self._platform, self._scenario, self._seed):
            for event in story.events:
                for at_s in _begins_of(event):
                    _count(found, at_s, _word_of(event), None)
            for claim in story.claims:
                if claim.severity is not None:
                    _count(found, claim.start_s, claim.kind, claim.severity.split("/")[-1])
        markers = [Marker(at, what, *rest) for (at, what), rest in sorted(found.items())]
        return [one for one in markers if one.position_ms <= self.end - self.begin][:MARKERS_MAX]


class RecordingSource:
    """A recording with its sensors, which are moved into cities for exercises."""

    def __init__(self, path: Path, sensors: Sequence[Sensor], cities: Sequence[City]) -> None:
        self._path = path
        moved = moved_sensors(sensors)
        self._moved: Mapping[str, Sensor] = {one.sensor: to for one, to in zip(sensors, moved, strict=True)}
        self.sensors: Sequence[Sensor] = moved
        self.cities: Sequence[City] = moved_cities(cities)
        self._home = moved[0].city
        self.begin = begin_of(path)
        self.end = max((placed.position for placed in placed_rows(path, self.begin)), default=self.begin)

    def networks(self) -> Iterator[tuple[str, Iterable[Network]]]:
        """Yield nothing: a recording has no networks."""
        return iter(())

    def messages_from(self, position: int) -> Iterator[Untimed | None]:
        """Yield a message for each row from there on. Readings of before are left out."""
        rows = placed_rows(self._path, self.begin)
        looking = skip_to(rows, position)
        while True:
            try:
                next(looking)
                yield None
            except StopIteration as found:
                placed = found.value
                break
        while placed is not None:
            time = instant_of(placed.row.time)
            if time is None or time >= position or position <= self.begin:
                yield self._message(placed.position, placed.row, time)
            placed = next(rows, None)

    def markers(self) -> list[Marker]:
        """Return nothing: a recording does not say what it shows."""
        return []

    def _message(self, due: int, row: Row, time: int | None) -> Untimed:
        sensor = self._moved.get(row.sensor)
        named = {} if sensor is not None else {"sensor": f"{EXERCISE_CODE}-{row.sensor}"}
        rest = measured(row)
        before, after = _encode(named).decode()[:-1], _encode(rest).decode()[1:]
        comma = "," if named else ""
        follows = "," if rest else ""
        if time is None:
            entry = Entry(f'{before}{comma}"time":{_encode(row.time).decode()}', None, follows + after)
        else:
            entry = Entry(f'{before}{comma}"time":"', time, f'"{follows}{after}')
        if sensor is None:
            return Untimed(due, f"lifeline/{self._home}/gateway/{GATEWAY}", [entry], True)
        return Untimed(due, topic_of(sensor), [entry], False)


def city_for_exercise(city: str) -> str:
    """Return the city in which the readings of a city are exercised. Raises NotForExercise."""
    return _identifier(city if city.endswith(SUFFIX) else city.removesuffix("-sim") + SUFFIX)


def moved_cities(cities: Iterable[City]) -> list[City]:
    """Return cities for exercises in the place of others. Raises NotForExercise."""
    return [
        msgspec.structs.replace(one, city=city_for_exercise(one.city), mode="exercise", province="") for one in cities
    ]


def moved_sensors(sensors: Iterable[Sensor]) -> list[Sensor]:
    """Return sensors with ids of their own in cities for exercises in the place of others. Raises NotForExercise."""
    found = []
    for sensor in sensors:
        if sensor.city.endswith(SUFFIX):
            found.append(sensor)
            continue
        attributes = dict(sensor.attributes)
        if "gateway" in attributes:
            attributes["gateway"] = f"{EXERCISE_CODE}-{attributes['gateway']}"
        moved = _identifier(f"{EXERCISE_CODE}-{sensor.sensor}")
        found.append(
            msgspec.structs.replace(
                sensor, sensor=moved, city=city_for_exercise(sensor.city), attributes=attributes
            )
        )  # fmt: skip
    if not found:
        raise NotForExercise("the sensors file holds no sensor; give the one that belongs to the recording")
    return found


def _identifier(text: str) -> str:
    if not IDENTIFIER.fullmatch(text):
        raise NotForExercise(f"{text!r} is longer than 64 characters: for an exercise ids get a prefix; shorten it")
    return text


def _begins_of(event: object) -> Iterator[float]:
    """Seconds at which an event begins; nothing for one that has no instant of its own."""
    if isinstance(event, Storm):
        if event.blocks:
            yield event.blocks[0][0]
    elif (start_s := getattr(event, "start_s", None)) is not None:
        yield float(start_s)


def _word_of(event: object) -> str:
    """`GasLeak` as gas-leak; a fault by its kind."""
    if isinstance(event, Fault):
        return event.kind.replace("_", "-")
    name = type(event).__name__
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("-")


def _count(found: dict[tuple[int, str], tuple[int, str | None]], at_s: float, what: str, severity: str | None) -> None:
    key = round(1000 * at_s), what
    count, highest = found.get(key, (0, None))
    found[key] = count + 1, max(highest, severity, key=severity_of)
