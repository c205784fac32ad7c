"""Exercises: a scenario or a recording played in cities of its own, steered while it is played."""

import asyncio
from typing import Annotated, Any, Literal, Self

import msgspec
from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.access import Principal, Reader, allowed, check_city, check_whole_city
from app.api.context import context_of
from app.api.lines import Severity, TimeText
from app.api.problems import Problem, invalid, not_found
from app.exercise_orders import Order, State
from app.exercise_recordings import RecordingFile, find_recordings
from app.exercises import ExerciseRefused, Exercises, Plan, Played
from app.roles import Role
from model.area import touches
from model.audit import Action
from model.instant import format_instant
from model.sensor_file import SensorFileError, read_sensor_file
from simulators.exercise import SPEED_MAX, SPEED_MIN
from simulators.exercise_sources import NotForExercise, exercise_platform, moved_cities
from simulators.platforms import PLATFORMS
from simulators.scenarios import SCENARIOS
from store.audit import record
from store.sensors import load_cities

router = APIRouter(prefix="/exercises", tags=["exercises"])

TRAINERS = frozenset({Role.SUPERVISOR, Role.ENGINEER})
Trainer = Annotated[Principal, Depends(allowed(TRAINERS))]
ExerciseInPath = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_.-]{1,128}\z", examples=["jiayuguan-small-exercise.20261122T080000000Z"])
]
PlayedSpeed = Annotated[float, Field(ge=SPEED_MIN, le=SPEED_MAX, allow_inf_nan=False, examples=[60])]
PositionS = Annotated[float, Field(ge=0, le=100 * 366 * 86_400, allow_inf_nan=False, examples=[3600])]
_NAME = StringConstraints(pattern=r"^[^/\x00-\x1f]{1,200}\z")


class MarkerItem(BaseModel):
    """Something that happens in a scenario."""

    position_s: float = Field(examples=[3600])
    what: str = Field(examples=["gas-leak"])
    places: int = Field(description="At so many sensors or pipes", examples=[1])
    severity: Severity | None = Field(description="Of the alarm that is right; null where the course of it decides")


class ExerciseItem(BaseModel):
    """An exercise as it stands. Its alarms are those of its cities from `started_at` on."""

    exercise: str = Field(examples=["jiayuguan-small-exercise.20261122T080000000Z"])
    state: State
    platform: str | None = Field(examples=["jiayuguan"])
    scenario: str | None = Field(examples=["gas-leak"])
    size: Literal["full", "small"] | None
    seed: int | None = Field(examples=[1])
    recording: str | None
    cities: list[str] = Field(examples=[["jiayuguan-small-exercise"]])
    sensors: int | None
    started_by: str
    started_at: TimeText
    ended_by: str | None = Field(description="null where it was played to its end")
    ended_at: TimeText | None
    begins: TimeText | None = Field(description="Its own clock at position 0: the season and time of day it plays in")
    position_s: float
    length_s: float | None
    speed: float = Field(description="Asked for: so many seconds of it in one", examples=[60])
    speed_reached: float | None = Field(description="Of the last seconds; lower where the machine cannot do more")
    readings: int = Field(description="Published and acknowledged")
    error: str | None = Field(description="Why it failed")
    markers: list[MarkerItem]


class ExerciseList(BaseModel):
    """Exercises that run, and those that ended last, newest first."""

    exercises: list[ExerciseItem]
    exercises_max: int = Field(description="That run at one time; 0: none can be played here", examples=[1])


class PlatformItem(BaseModel):
    """A simulated platform and the cities in which it is exercised, by its size."""

    platform: str = Field(examples=["jiayuguan"])
    name: str
    name_zh: str
    full: list[str] = Field(examples=[["jiayuguan-exercise"]])
    small: list[str] = Field(description="With a tenth of the sensors", examples=[["jiayuguan-small-exercise"]])


class ScenarioItem(BaseModel):
    """What can be played on a platform."""

    scenario: str = Field(examples=["gas-leak"])
    summary: str = Field(examples=["an old gas pipe leaks into three manholes beside it"])
    length_s: float = Field(examples=[10800])


class RecordingItem(BaseModel):
    """A recording of the folder LIFELINE_RECORDINGS, with its sensors file beside it."""

    recording: str
    size_bytes: int
    changed_at: TimeText
    has_sensors: bool = Field(description="Without NAME.sensors.csv beside it, it cannot be played")


class PlayableList(BaseModel):
    """What can be exercised here."""

    platforms: list[PlatformItem]
    scenarios: list[ScenarioItem]
    recordings: list[RecordingItem]
    speed_max: float = Field(examples=[SPEED_MAX])


class StartExerciseBody(BaseModel):
    """A scenario of a platform, or a recording; where to start in it, and how fast."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"platform": "jiayuguan", "scenario": "gas-leak", "size": "small", "speed": 60}]
        },
    )

    platform: Annotated[str, _NAME] | None = None
    scenario: Annotated[str, _NAME] | None = None
    size: Literal["full", "small"] = "full"
    seed: int = Field(default=1, ge=0, le=2**31, strict=True, description="The same seed, the same course")
    recording: Annotated[str, _NAME] | None = None
    speed: PlayedSpeed = 1.0
    position_s: PositionS = 0.0

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.recording is None) == (self.platform is None or self.scenario is None):
            raise ValueError("give either platform and scenario, or recording")
        return self


class SpeedBody(BaseModel):
    """How fast it is played."""

    model_config = ConfigDict(extra="forbid")

    speed: PlayedSpeed


class SeekBody(BaseModel):
    """Where it goes on."""

    model_config = ConfigDict(extra="forbid")

    position_s: PositionS


@router.get("", response_model=ExerciseList, summary="Exercises")
async def list_exercises(request: Request, caller: Reader) -> dict[str, Any]:
    """List the exercises in cities within the caller's areas: those that run, and the last that ended."""
    exercises = _exercises(request)
    return {
        "exercises": [_item(one) for one in exercises.all() if _sees(caller, one)],
        "exercises_max": exercises.exercises_max if exercises.available else 0,
    }


@router.get("/scenarios", response_model=PlayableList, summary="What can be exercised")
async def list_scenarios(request: Request, caller: Reader) -> dict[str, Any]:
    """List platforms, scenarios and recordings. Platforms whose cities lie outside the caller's areas are left out."""
    platforms = []
    for name in PLATFORMS:
        places = {size: exercise_platform(name, size).cities for size in ("full", "small")}
        cities = {size: [one.city for one in found if touches(caller.areas, one.city)]
                  for size, found in places.items()}  # fmt: skip
        if any(cities.values()):
            first = places["full"][0] if len(places["full"]) == 1 else None
            names = {"name": first.name if first else "", "name_zh": first.name_zh if first else ""}
            platforms.append({"platform": name, **names, **cities})
    recordings = await asyncio.to_thread(find_recordings, _exercises(request).recordings)
    return {
        "platforms": platforms,
        "scenarios": [
            {"scenario": one.name, "summary": one.summary, "length_s": one.duration_s} for one in SCENARIOS.values()
        ],
        "recordings": [
            {
                "recording": one.recording, "size_bytes": one.size_bytes,
                "changed_at": format_instant(one.changed_ms), "has_sensors": one.sensors is not None,
            }
            for one in (recordings if caller.sees_everything else [])
        ],
        "speed_max": SPEED_MAX,
    }  # fmt: skip


@router.post("", response_model=ExerciseItem, status_code=201, summary="Start an exercise")
async def start_exercise(request: Request, caller: Trainer, body: StartExerciseBody) -> dict[str, Any]:
    """Start to play a scenario or recording in cities of mode exercise, which are made where they are not there yet.

    A recording is played in the city of its name with `-exercise` behind, by sensors of their own. A city in operation
    is refused. It takes seconds, for a whole city half a minute, until the first readings go out: `preparing`.
    """
    plan = await _plan(request, caller, body)
    for city in plan.cities:
        check_whole_city(caller, city)
    async with context_of(request).reading() as connection:
        known = await load_cities(connection)
        for city in plan.cities:
            if city in known and known[city].mode != "exercise":
                raise Problem(
                    409,
                    "conflict",
                    f"city {city!r} is registered with mode {known[city].mode}, and an exercise is never mixed with it",
                    remedy="let the system administrator register that city under another name",
                )
        try:
            played = await _exercises(request).start(plan, caller.label)
        except ExerciseRefused as error:
            raise Problem(409, "conflict", str(error), remedy=error.remedy) from None
        await record(
            connection, actor=caller.label, action=Action.EXERCISE_STARTED, subject=played.exercise,
            city=plan.cities[0], details=_facts(plan) | {"speed": body.speed, "position_s": body.position_s},
        )  # fmt: skip
    return _item(played)


@router.get("/{exercise}", response_model=ExerciseItem, summary="One exercise")
async def get_exercise(request: Request, caller: Reader, exercise: ExerciseInPath) -> dict[str, Any]:
    """Return an exercise as it stands."""
    return _item(_found(request, caller, exercise))


@router.post("/{exercise}/play", response_model=ExerciseItem, summary="Go on with an exercise")
async def play_exercise(request: Request, caller: Trainer, exercise: ExerciseInPath) -> dict[str, Any]:
    """Go on after a pause, which is not caught up on."""
    return await _ordered(request, caller, exercise, Order("play"))


@router.post("/{exercise}/pause", response_model=ExerciseItem, summary="Pause an exercise")
async def pause_exercise(request: Request, caller: Trainer, exercise: ExerciseInPath) -> dict[str, Any]:
    """Publish nothing more until it goes on. The silence of its sensors says nothing meanwhile."""
    return await _ordered(request, caller, exercise, Order("pause"))


@router.post("/{exercise}/speed", response_model=ExerciseItem, summary="Change the speed of an exercise")
async def change_speed(request: Request, caller: Trainer, exercise: ExerciseInPath, body: SpeedBody) -> dict[str, Any]:
    """Go on so many times as fast as the clock. Where the machine cannot keep up, `speed_reached` says so."""
    return await _ordered(request, caller, exercise, Order("speed", speed=body.speed))


@router.post("/{exercise}/seek", response_model=ExerciseItem, summary="Go elsewhere in an exercise")
async def seek_exercise(request: Request, caller: Trainer, exercise: ExerciseInPath, body: SeekBody) -> dict[str, Any]:
    """Go on from another place. What lies between is not published; readings bear the clock's time, as ever.

    Gone back, the city is again as it was there: alarms that stand return to normal where the readings say so, and what
    is journalled stays.
    """
    return await _ordered(request, caller, exercise, Order("seek", position_s=body.position_s))


@router.post("/{exercise}/end", response_model=ExerciseItem, summary="End an exercise")
async def end_exercise(request: Request, caller: Trainer, exercise: ExerciseInPath) -> dict[str, Any]:
    """End it. Its alarms and its journal stay, and its sensors are put to rest. Ended twice does no harm."""
    played = _steered(request, caller, exercise)
    if played.ended_at is None:
        await _exercises(request).end(played, caller.label)
        await _note(request, caller, played, Action.EXERCISE_ENDED, {"position_s": _item(played)["position_s"]})
    return _item(played)


async def _ordered(request: Request, caller: Principal, exercise: str, order: Order) -> dict[str, Any]:
    played = _steered(request, caller, exercise)
    try:
        await _exercises(request).order(played, order)
    except ExerciseRefused as error:
        raise Problem(409, "conflict", str(error), remedy=error.remedy) from None
    given = {"speed": {"speed": order.speed}, "seek": {"position_s": order.position_s}}.get(order.do, {})
    await _note(request, caller, played, Action.EXERCISE_STEERED, {"order": order.do, **given})
    return _item(played)


async def _note(
    request: Request, caller: Principal, played: Played, action: Action, details: dict[str, str | float]
) -> None:
    async with context_of(request).reading() as connection:
        await record(
            connection, actor=caller.label, action=action, subject=played.exercise, city=played.plan.cities[0],
            details=details,
        )  # fmt: skip


async def _plan(request: Request, caller: Principal, body: StartExerciseBody) -> Plan:
    more = ("--speed", f"{body.speed:g}", "--from", f"{body.position_s:.3f}s")
    if body.recording is not None:
        return await _plan_of_recording(request, caller, body.recording, more)
    if body.platform not in PLATFORMS:
        raise invalid("platform", f"{body.platform!r} is no platform", f"name one of {', '.join(PLATFORMS)}")
    scenario = SCENARIOS.get(body.scenario or "")
    if scenario is None:
        raise invalid("scenario", f"{body.scenario!r} is no scenario", "see GET /exercises/scenarios")
    if body.position_s >= scenario.duration_s:
        raise invalid("position_s", f"lies behind its end, {scenario.duration_s:g} s", "give an earlier place")
    arguments = (
        "--platform", body.platform, "--scenario", scenario.name, "--seed", str(body.seed), "--size", body.size
    )  # fmt: skip
    cities = tuple(one.city for one in exercise_platform(body.platform, body.size).cities)
    return Plan(
        arguments=(*arguments, *more), cities=cities, platform=body.platform, scenario=scenario.name, size=body.size,
        seed=body.seed,
    )  # fmt: skip


async def _plan_of_recording(request: Request, caller: Principal, name: str, more: tuple[str, ...]) -> Plan:
    found = await asyncio.to_thread(find_recordings, _exercises(request).recordings)
    recording = next((one for one in found if one.recording == name), None)
    if recording is None or not caller.sees_everything:  # whose readings it holds, nobody has said
        raise invalid("recording", f"{name!r} is no recording here", "see GET /exercises/scenarios")
    sensors = recording.sensors
    if sensors is None:
        raise invalid("recording", f"{name!r} has no sensors file", f"put {name}.sensors.csv beside it")
    cities = await asyncio.to_thread(_cities_of, recording)
    arguments = ("--recording", str(recording.path), "--sensors", str(sensors), *more)
    return Plan(arguments=arguments, cities=cities, recording=name)


def _cities_of(recording: RecordingFile) -> tuple[str, ...]:
    assert recording.sensors is not None
    try:
        cities = moved_cities(read_sensor_file(recording.sensors)[1])
    except (SensorFileError, NotForExercise) as error:
        raise invalid(
            "recording", f"its sensors file cannot be used: {str(error)[:300]}", "correct the sensors file"
        ) from None
    if not cities:
        raise invalid("recording", "its sensors file is empty", "correct the sensors file")
    return tuple(one.city for one in cities)


def _facts(plan: Plan) -> dict[str, str | int | float]:
    named = {
        "platform": plan.platform, "scenario": plan.scenario, "size": plan.size, "seed": plan.seed,
        "recording": plan.recording,
    }  # fmt: skip
    return {name: value for name, value in named.items() if value is not None}


def _exercises(request: Request) -> Exercises:
    exercises: Exercises = request.app.state.exercises
    return exercises


def _sees(caller: Principal, played: Played) -> bool:
    return any(touches(caller.areas, city) for city in played.plan.cities)


def _found(request: Request, caller: Principal, exercise: str) -> Played:
    played = _exercises(request).find(exercise)
    if played is None or not _sees(caller, played):
        raise not_found("exercise", exercise)
    return played


def _steered(request: Request, caller: Principal, exercise: str) -> Played:
    played = _found(request, caller, exercise)
    for city in played.plan.cities:
        check_city(caller, city)
        check_whole_city(caller, city)
    return played


def _item(played: Played) -> dict[str, Any]:
    told, plan = played.told, played.plan
    return {
        "exercise": played.exercise,
        "state": played.state,
        "platform": plan.platform,
        "scenario": plan.scenario,
        "size": plan.size,
        "seed": plan.seed,
        "recording": plan.recording,
        "cities": list(plan.cities),
        "sensors": told.sensors if told else None,
        "started_by": played.started_by,
        "started_at": format_instant(played.started_at),
        "ended_by": played.ended_by,
        "ended_at": None if played.ended_at is None else format_instant(played.ended_at),
        "begins": format_instant(told.begins_ms) if told else None,
        "position_s": told.position_s if told else 0.0,
        "length_s": told.length_s if told else None,
        "speed": told.speed if told else 1.0,
        "speed_reached": told.speed_reached if told and played.ended_at is None else None,
        "readings": told.readings if told else 0,
        "error": played.error,
        "markers": msgspec.to_builtins(told.markers) if told else [],
    }
