"""Exercises that the service plays: through broker and engine, steered, within areas, ended with the service."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from app.exercise_orders import Told
from app.exercises import Exercises, Plan
from model.instant import format_instant, parse_instant
from model.sensor import City, Sensor
from model.sensor_file import write_sensor_file
from simulators.exercise import Entry, Exercise, ExercisePace, Marker, Stamped, Untimed
from simulators.exercise_sources import RecordingSource, ScenarioSource, exercise_platform
from simulators.scenarios import load_scenario
from tests.integration.service import Service, running

T0 = parse_instant("2026-01-05T08:00:00.000Z")
LENGTH_S = 1_800
LEAK_S = (600, 1_200)
GAS = Sensor(
    sensor="GAS-1", city="pit", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=5,
    longitude=98.29, latitude=39.77,
)  # fmt: skip
PIT = City(city="pit", name="Pit", name_zh="矿坑", mode="operational")
EXERCISE = "pit-exercise"
WAIT_S = 120  # for a condition


def write_recording(folder: Path, name: str, city: City, sensor: Sensor) -> None:
    """Half an hour of a gas head, every five seconds; gas for ten minutes in the middle."""
    rows = [
        f"{format_instant(T0 + 1000 * s)},{sensor.sensor},{60.0 if LEAK_S[0] <= s < LEAK_S[1] else 0.5}"
        for s in range(0, LENGTH_S + 1, 5)
    ]
    (folder / f"{name}.csv.gz").write_bytes(gzip.compress("\n".join(["time,sensor,value", *rows]).encode()))
    write_sensor_file(folder / f"{name}.sensors.csv", [sensor], {city.city: city})


class Trainer:
    """Somebody who steers exercises over the API."""

    def __init__(self, service: Service, role: str, *areas: str) -> None:
        arguments = [word for area in areas or ("*",) for word in ("--area", area)]
        made = service.run("keys", "create", "--role", role, *arguments, "--label", f"{role}-{time.monotonic_ns()}")
        key = next(word for word in made.stdout.split() if word.startswith("lk_"))
        address = f"http://127.0.0.1:{service.port}/api/v1"
        self.http = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def start(self, expected: int = 201, **body: Any) -> dict[str, Any]:
        return self._answer(self.http.post("/exercises", json=body), expected)

    def do(self, exercise: str, order: str, expected: int = 200, **body: Any) -> dict[str, Any]:
        return self._answer(self.http.post(f"/exercises/{exercise}/{order}", json=body or None), expected)

    def get(self, path: str, expected: int = 200, **parameters: Any) -> dict[str, Any]:
        return self._answer(self.http.get(path, params=parameters), expected)

    def until(self, exercise: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_S
        while not holds(found := self.get(f"/exercises/{exercise}")):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def alarms(self, **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/alarms", city=EXERCISE, **parameters)["alarms"]
        return found

    @staticmethod
    def _answer(answer: httpx.Response, expected: int) -> dict[str, Any]:
        assert answer.status_code == expected, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("recordings")
    write_recording(folder, "leak", PIT, GAS)
    taken = GAS.sensor + "-taken"
    write_recording(
        folder, "taken", City(city="taken", name="Taken"),
        Sensor(sensor=taken, city="taken", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=5),
    )  # fmt: skip
    (folder / "lonely.csv").write_text("time,sensor,value\n")
    (folder / "outside.csv").symlink_to("/etc/passwd")
    with running(home, LIFELINE_RECORDINGS=str(folder)) as service:
        yield service
        trainer = Trainer(service, "supervisor")
        exercise = trainer.start(recording="leak", speed=1)["exercise"]
        trainer.until(exercise, lambda one: one["state"] == "playing")
        assert len(playing(service)) == 1
    assert playing(service) == [], "it ends with the service"


@pytest.fixture
def trainer(service: Service) -> Iterator[Trainer]:
    trainer = Trainer(service, "supervisor")
    yield trainer
    for one in trainer.get("/exercises")["exercises"]:
        trainer.do(one["exercise"], "end")


def test_a_recording_is_played_paused_sent_elsewhere_and_ended(service: Service, trainer: Trainer) -> None:
    started = trainer.start(recording="leak", speed=100, position_s=500)
    exercise = started["exercise"]
    assert (started["cities"], started["started_by"][:10]) == ([EXERCISE], "supervisor")
    # The alarm is raised in a city of its own, marked, in the place of which nothing real stands.
    trainer.until(exercise, lambda one: one["position_s"] > LEAK_S[0] + 100)
    raised = until(lambda: trainer.alarms(rule="combustible-gas"))[0]
    assert (raised["sensor"], raised["mode"], raised["severity"]) == ("ex-GAS-1", "exercise", "red")
    assert trainer.get("/alarms")["alarms"] == []
    # Its readings bear the clock's time, drawn together.
    assert parse_instant(started["started_at"]) <= parse_instant(raised["raised_at"]) <= time.time() * 1000

    paused = trainer.do(exercise, "pause")
    assert paused["state"] == "paused"
    stands = trainer.get(f"/exercises/{exercise}")
    assert stands["position_s"] == trainer.get(f"/exercises/{exercise}")["position_s"] < LENGTH_S

    # What is jumped over is not published; the gas is gone at once.
    gone = trainer.do(exercise, "seek", position_s=LEAK_S[1] + 100)
    assert (gone["state"], gone["position_s"]) == ("paused", LEAK_S[1] + 100)
    assert trainer.do(exercise, "play")["state"] == "playing"
    until(lambda: newest_value(trainer) == 0.5)
    # Gone back, it leaks again; what is journalled stays.
    trainer.do(exercise, "seek", position_s=LEAK_S[0])
    until(lambda: newest_value(trainer) == 60.0)
    assert trainer.get(f"/alarms/{raised['alarm']}")["raised_at"] == raised["raised_at"]
    before = stored_times(trainer)
    assert before == sorted(set(before)), "each reading is later than the one before, wherever the play was"

    slow = trainer.do(exercise, "speed", speed=1)
    assert slow["speed"] == 1
    trainer.do(exercise, "speed", speed=1001, expected=422)
    ended = trainer.do(exercise, "end")
    assert (ended["state"], ended["ended_by"][:10], ended["error"]) == ("ended", "supervisor", None)
    assert playing(service) == []
    assert trainer.do(exercise, "end") == ended
    assert trainer.do(exercise, "play", expected=409)["detail"] == "this exercise has ended"
    # Its sensors rest: nobody waits for them.
    assert trainer.get("/sensors/ex-GAS-1")["reporting"] == "by_exception"
    assert [one for one in trainer.alarms() if one["kind"] == "stale"] == []


def test_it_is_played_to_its_end_and_another_follows(trainer: Trainer) -> None:
    started = trainer.start(recording="leak", speed=1000, position_s=1_300)
    assert "ended" not in started["state"]
    again = trainer.start(recording="leak", expected=409)
    assert again["detail"] in ("an exercise is played in pit-exercise already", "1 of at most 1 exercises run")
    ended = trainer.until(started["exercise"], lambda one: one["ended_at"] is not None)
    assert (ended["state"], ended["ended_by"], ended["position_s"]) == ("ended", None, ended["length_s"])
    assert ended["readings"] == (LENGTH_S - 1_300) / 5 + 1
    assert trainer.start(recording="leak", speed=1000, position_s=1_795)["exercise"] != started["exercise"]


def test_nothing_stands_from_an_exercise_before(trainer: Trainer) -> None:
    def leaking(known: set[str]) -> dict[str, Any]:
        exercise = trainer.start(recording="leak", speed=100, position_s=LEAK_S[0])["exercise"]
        rule = {"rule": "combustible-gas"}
        found: dict[str, Any] = until(lambda: [one for one in trainer.alarms(**rule) if one["alarm"] not in known])[0]
        trainer.do(exercise, "end")
        return found

    first = leaking({one["alarm"] for one in trainer.alarms()})
    assert trainer.get(f"/alarms/{first['alarm']}")["condition"] == "active", "it stands, for the debriefing"
    second = leaking({one["alarm"] for one in trainer.alarms()})
    assert (second["severity"], second["state"]) == ("red", "unacknowledged")
    assert [one["alarm"] for one in trainer.alarms(rule="combustible-gas")] == [second["alarm"]], "nor is it listed"
    withdrawn, seen_to = trainer.http.get(f"/alarms/{first['alarm']}/journal").json()[-2:]
    assert (withdrawn["reason"], withdrawn["condition"], "actor" in withdrawn) == ("rule_withdrawn", "normal", False)
    assert (seen_to["action"], seen_to["actor"], seen_to["cause"]) == ("acknowledge", "exercise", "exercise")
    assert (seen_to["from"], seen_to["to"]) == ("returned_unacknowledged", "normal")
    assert "earlier exercise" in seen_to["comment"]


def test_a_crash_of_it_harms_nobody(service: Service, trainer: Trainer) -> None:
    exercise = trainer.start(recording="leak", speed=1)["exercise"]
    trainer.until(exercise, lambda one: one["state"] == "playing")
    (child,) = playing(service)
    os.kill(child, signal.SIGKILL)
    failed = trainer.until(exercise, lambda one: one["ended_at"] is not None)
    assert failed["state"] == "failed"
    assert failed["error"]
    assert trainer.get("/sensors/ex-GAS-1")["reporting"] == "by_exception"
    assert trainer.start(recording="leak", speed=1)["state"] == "preparing"


def test_a_city_in_operation_is_refused(service: Service, trainer: Trainer, tmp_path: Path) -> None:
    cities = tmp_path / "cities.csv"
    cities.write_text("city,name,mode\ntaken-exercise,Taken,operational\n")
    service.run("cities", "import", str(cities))
    refused = trainer.start(recording="taken", expected=409)
    assert "registered with mode operational" in refused["detail"]
    assert playing(service) == []


def test_what_cannot_be_played_is_said(trainer: Trainer) -> None:
    assert "no recording here" in trainer.start(recording="outside", expected=422)["detail"]
    assert "no recording here" in trainer.start(recording="..", expected=422)["detail"]
    assert "lonely.sensors.csv" in trainer.start(recording="lonely", expected=422)["remedy"]
    assert trainer.start(platform="atlantis", scenario="gas-leak", expected=422)["field"] == "platform"
    assert trainer.start(platform="jiayuguan", scenario="flood", expected=422)["field"] == "scenario"
    late = trainer.start(platform="jiayuguan", scenario="gas-leak", position_s=10_800, expected=422)
    assert late["field"] == "position_s"
    trainer.start(recording="leak", platform="jiayuguan", scenario="gas-leak", expected=422)
    offered = trainer.get("/exercises/scenarios")
    assert [(one["recording"], one["has_sensors"]) for one in offered["recordings"]] == [
        ("leak", True), ("lonely", False), ("taken", True),
    ]  # fmt: skip
    jiayuguan = offered["platforms"][0]
    assert (jiayuguan["full"], jiayuguan["small"]) == (["jiayuguan-exercise"], ["jiayuguan-small-exercise"])
    assert {"scenario": "gas-leak", "length_s": 10_800}.items() <= next(
        one for one in offered["scenarios"] if one["scenario"] == "gas-leak"
    ).items()


def test_an_exercise_is_seen_and_steered_within_its_areas(service: Service, trainer: Trainer) -> None:
    exercise = trainer.start(recording="leak", speed=1)["exercise"]
    trainer.until(exercise, lambda one: one["state"] == "playing")
    elsewhere, viewer = Trainer(service, "supervisor", "jinchang-exercise"), Trainer(service, "viewer", EXERCISE)
    assert elsewhere.get("/exercises")["exercises"] == []
    elsewhere.get(f"/exercises/{exercise}", expected=404)
    elsewhere.do(exercise, "end", expected=404)
    elsewhere.start(platform="jiayuguan", scenario="gas-leak", expected=403)
    elsewhere.start(recording="leak", expected=422)
    offered = elsewhere.get("/exercises/scenarios")
    assert ([one["platform"] for one in offered["platforms"]], offered["recordings"]) == (["jinchang"], [])
    assert viewer.get("/exercises")["exercises"][0]["exercise"] == exercise
    viewer.do(exercise, "pause", expected=403)
    assert trainer.get(f"/exercises/{exercise}")["state"] == "playing"


def test_who_played_what_is_in_the_audit(service: Service, trainer: Trainer) -> None:
    exercise = trainer.start(recording="leak", speed=2)["exercise"]
    trainer.until(exercise, lambda one: one["state"] == "playing")
    trainer.do(exercise, "speed", speed=5)
    trainer.do(exercise, "end")
    rows = Trainer(service, "auditor").get("/audit", subject=exercise)["entries"]
    assert [(one["action"], one["city"]) for one in reversed(rows)] == [
        ("exercise-started", EXERCISE), ("exercise-steered", EXERCISE), ("exercise-ended", EXERCISE),
    ]  # fmt: skip
    assert rows[1]["details"]["order"] == "speed"


def test_it_ends_with_a_service_that_is_killed(tmp_path: Path) -> None:
    write_recording(tmp_path, "leak", PIT, GAS)
    with running(tmp_path / "home", LIFELINE_RECORDINGS=str(tmp_path)) as own:
        trainer = Trainer(own, "supervisor")
        exercise = trainer.start(recording="leak", speed=1)["exercise"]
        trainer.until(exercise, lambda one: one["state"] == "playing")
        assert len(playing(own)) == 1
        own.kill()
        until(lambda: playing(own) == [])


def test_one_that_crashed_is_ended_while_its_sensors_are_put_to_rest() -> None:
    async def scenario() -> None:
        resting, rested = asyncio.Event(), asyncio.Event()

        async def rest(_: tuple[str, ...]) -> None:
            resting.set()
            await rested.wait()

        exercises = Exercises(exercises_max=1, environment=os.environ, rest=rest)
        played = await exercises.start(Plan(arguments=("--no-such-option",), cities=(EXERCISE,)), "trainer")
        await resting.wait()
        played.told = Told("playing", 0, [EXERCISE], T0, 0.0, LENGTH_S, 1.0, 1.0, 0, 0, 1, [])  # as it did before
        closing = asyncio.create_task(exercises.close())
        await asyncio.sleep(0)
        rested.set()
        await closing
        assert played.ended_at is not None

    uvloop.run(scenario())  # the service's loop, which raises otherwise than asyncio's


# --- what is played --------------------------------------------------------------------------------------------------


class Clock:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += max(1, round(1000 * seconds))


class EverySecond:
    """A source of one reading a second for an hour."""

    begin, end = T0, T0 + 3_600_000
    sensors, cities = [GAS], [PIT]

    def messages_from(self, position: int) -> Iterator[Untimed | None]:
        for time_ms in range(position, self.end + 1, 1000):
            yield None
            yield Untimed(time_ms, "topic", [Entry(str((time_ms - T0) // 1000) + '"', time_ms, '"')], False)

    def markers(self) -> list[Marker]:
        return []


async def go_out(exercise: Exercise, count: int, orders: dict[int, Callable[[], None]]) -> list[tuple[int, int]]:
    """Let so many messages go out as `publish` does; return second of the play and instant of each."""
    sent: list[tuple[int, int]] = []
    messages = exercise.messages()
    while len(sent) < count:
        message = next(messages, None)
        if message is None:
            break
        if not isinstance(message, Stamped):
            continue
        place = exercise.pace.place
        if (order := orders.pop(len(sent), None)) is not None:
            order()
        if await exercise.pace.wait(message.time, place):
            second, instant, _ = message.payload.decode().split('"')
            sent.append((int(second), parse_instant(instant)))
    return sent


def test_times_follow_the_clock_whatever_is_done() -> None:
    clock = Clock()
    pace = ExercisePace(10.0, clock_ms=clock, sleep=clock.sleep)
    exercise = Exercise(EverySecond(), pace, position=T0 + 60_000)
    began = clock.now

    def pause() -> None:
        pace.pause()
        clock.now += 600_000
        pace.play()

    orders = {
        100: lambda: pace.change_speed(1000.0), 300: lambda: pace.change_speed(1.0), 320: pause,
        330: lambda: exercise.seek(T0 + 3_000_000), 340: lambda: exercise.seek(T0), 350: lambda: jump(clock),
    }  # fmt: skip
    sent = asyncio.run(go_out(exercise, 400, orders))
    seconds, instants = [one for one, _ in sent], [at for _, at in sent]
    assert seconds[:330] == list(range(60, 390)), "nothing is left out by a speed or a pause"
    assert (seconds[330], seconds[340]) == (3_000, 0)
    assert instants == sorted(set(instants)), "time goes on, also where the play goes back"
    assert instants[-1] <= clock.now, "and never ahead of the clock"
    assert instants[99] - began == 9_900
    assert instants[299] - instants[100] == 199
    assert instants[320] - instants[319] >= 600_000
    assert instants[345] - instants[344] == 1_000


def jump(clock: Clock) -> None:
    """The machine slept, or could not keep up."""
    clock.now += 30_000


def test_what_cannot_keep_up_goes_on_slower_and_does_not_rush() -> None:
    clock = Clock()
    pace = ExercisePace(1.0, clock_ms=clock, sleep=clock.sleep)
    sent = asyncio.run(go_out(Exercise(EverySecond(), pace), 20, {10: lambda: jump(clock)}))
    steps = [later - sooner for (_, sooner), (_, later) in pairwise(sent)]
    assert steps[9] > 29_000
    assert steps[:9] + steps[10:] == [1_000] * 18


def test_a_scenario_from_its_middle_is_the_one_from_its_begin() -> None:
    platform = exercise_platform("jiayuguan", "small")
    source = ScenarioSource(platform, load_scenario("gateway-dies"), 1)
    middle = source.begin + 2 * 3_600_000 + 900_000
    whole = [one for one in source.messages_from(source.begin) if one is not None and one.due >= middle]
    entries = [(one.topic, entry) for one in whole for entry in one.entries if (entry.time or 0) >= middle]
    part = [(one.topic, entry) for one in source.messages_from(middle) if one is not None for entry in one.entries]
    assert part == entries
    assert {city.mode for city in source.cities} == {"exercise"}
    assert all(sensor.sensor.startswith("exs-") for sensor in source.sensors)
    assert [(one.position_ms, one.what) for one in source.markers()] == [(600_000, "silent")]


def test_a_recording_keeps_what_it_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "odd.ndjson"
    rows = [
        {"time": format_instant(T0), "sensor": "GAS-1", "value": 1, "quality": "bad"},
        {"time": "noon", "sensor": "GAS-1", "value": 2},
        {"time": format_instant(T0 + 1000), "sensor": "who", "value": 3},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = RecordingSource(path, [GAS], [PIT])
    pace = ExercisePace(1.0)
    pace.timeline.go_on(T0, T0 + 5_000, 1.0)
    sent = [(one.topic, json.loads(Stamped(one, pace.timeline).payload)) for one in source.messages_from(T0) if one]
    own = f"lifeline/{EXERCISE}/gas/ex-GAS-1"
    assert sent == [
        (own, {"time": format_instant(T0 + 5_000), "value": 1, "quality": "bad"}),
        (own, {"time": "noon", "value": 2}),
        (
            f"lifeline/{EXERCISE}/gateway/replay",
            [{"sensor": "ex-who", "time": format_instant(T0 + 6_000), "value": 3}],
        ),
    ]


def playing(service: Service) -> list[int]:
    """The numbers of the processes that play for this service."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().split(b"\0")
                own = f"LIFELINE_HOME={service.home}".encode() in (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if own and b"exercise" in line:
                found.append(int(entry.name))
    return found


def stored_times(trainer: Trainer) -> list[str]:
    now = round(1000 * time.time())
    span = {"from": format_instant(now - 600_000), "to": format_instant(now + 60_000)}
    found = trainer.get("/sensors/ex-GAS-1/readings", **span)
    return [one["time"] for one in found["readings"]]


def newest_value(trainer: Trainer) -> float:
    value: float = trainer.get("/sensors/ex-GAS-1/latest")["reading"]["value"]
    return value


def until(holds: Callable[[], Any]) -> Any:
    """Wait until it gives something; what it gave last is told where it does not."""
    deadline = time.monotonic() + WAIT_S
    while not (found := holds()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found
