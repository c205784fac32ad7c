"""What people do to deal with an alarm: assign it, accept, decline, arrive, resolve, verify; who may, and on whose
behalf."""

from collections.abc import Mapping
from typing import NamedTuple

from alerts.awaiting import deadlines_of
from alerts.handling import ACTIONS, Act, NotPossible, handle
from app.access import Principal
from app.actions import ActionRefused, InvalidField, lines_of
from app.measured import GASES, Measured, is_gas_alarm, measured_property, refuse_danger, refuse_still_active
from app.roles import Role
from model.alarm import Alarm, Details
from model.cause_codes import causes_of
from model.coordinates import is_degrees
from model.handling import Awaited, Step
from model.instant import format_instant, to_milliseconds
from model.network import distance_m
from model.sensor import Sensor
from store.handling import has_key
from store.journal import Place, Transition
from store.pool import Connection
from store.rosters import CityRosters, rosters_of
from store.sensor_search import find_sensor

CLOCK_AHEAD_MS_MAX = 60_000  # of the device on which somebody says when it was done; the line then says so
DISTANCES_M = (100, 500, 2_000)  # in which a crew's distance is told; the position itself is not kept (invariant I9)
CREW_ROLES = (Role.FIELD, Role.OPERATOR, Role.SUPERVISOR)

# What somebody else did after what the actor saw, and rules the act out. Not the step before it: a crew out of coverage
# tells one step after the other, all with what it saw at first.
COMPETING: dict[Act, frozenset[str]] = {
    Act.ASSIGN: frozenset(ACTIONS),
    Act.ACCEPT: frozenset({"assign", "accept", "decline"}),
    Act.DECLINE: frozenset({"assign", "accept", "decline", "resolve"}),
    Act.ARRIVE: frozenset({"assign", "decline", "arrive"}),
    Act.RESOLVE: frozenset({"assign", "decline", "resolve", "verify"}),
    Act.VERIFY: frozenset({"assign", "resolve", "verify"}),
}


class Doing(NamedTuple):
    """Who does something about which alarm, when (epoch milliseconds) and with what words.

    `acted_at` is when it was done, where it is told later than that.
    """

    connection: Connection
    alarm: Alarm
    place: Place
    caller: Principal
    now: int
    comment: str | None = None
    acted_at: int | None = None


async def assign(doing: Doing, to: str | None, team: str | None) -> list[Transition]:
    """Assign the alarm to a person, a team, or who is on duty. Raises InvalidField and ActionRefused."""
    connection, place = doing.connection, doing.place
    city = await _rosters(doing)
    details: Details = {}
    if to is not None:
        if not await has_key(connection, to, CREW_ROLES, place.city, place.district):
            raise InvalidField(
                "to", f"nobody of label {to!r} may deal with alarms of {place.city}",
                "name the label of a key in force with role field, operator or supervisor",
            )  # fmt: skip
        holder = to
    elif team is not None:
        if city is None or not city.file.members_of(team):
            raise InvalidField("team", f"{place.city} has no team {team!r}", "GET /rosters lists the teams")
        holder = team
    else:
        holder, details = await _by_roster(doing, city)
    before = None if doing.alarm.handling is None else doing.alarm.handling.assigned_to
    if before is not None and before != holder:
        details["assigned_before"] = before
    return await _take(doing, Act.ASSIGN, city, details, assigned_to=holder)


async def step(doing: Doing, act: Act, details: Details | None = None) -> list[Transition]:
    """Accept, decline or arrive, as the person or team it is assigned to or on their behalf. Raises as `assign`."""
    city = await _rosters(doing)
    return await _take(doing, act, city, await _on_behalf(doing, city) | (details or {}))


async def arrive(doing: Doing, position: tuple[float, float] | None) -> list[Transition]:
    """Arrive; of a position (longitude, latitude) only how far it is from the sensor is kept, in coarse steps."""
    details: Details = {}
    if position is not None:
        sensor = await _sensor(doing)
        distance = _distance(sensor, position)
        if distance is not None:
            details["distance"] = distance
    return await step(doing, Act.ARRIVE, details)


async def resolve(doing: Doing, cause_code: str, photograph: str | None) -> list[Transition]:
    """Say that it is solved and what the cause was. Raises as `assign`."""
    known = [cause.cause_code for cause in causes_of(doing.place.system)]
    if cause_code not in known:
        raise InvalidField(
            "cause_code", f"{cause_code!r} is no cause of an alarm of system {doing.place.system}",
            f"GET /cause-codes?system={doing.place.system} lists them",
        )  # fmt: skip
    details: Details = {"cause_code": cause_code}
    if photograph is not None:
        details["photograph"] = photograph
    return await step(doing, Act.RESOLVE, details)


class Found(NamedTuple):
    """What a verification found: by what method, whether it is solved, and the value where it was measured."""

    method: str
    passed: bool
    value: float | None = None
    unit: str | None = None
    property: str | None = None


async def verify(doing: Doing, found: Found) -> list[Transition]:
    """Verify that it is solved, as another person than resolved it, or with a note that it is not. Raises as `assign`.

    While the sensor still says so it is not solved, unless it was resolved as the sensor's fault.
    """
    alarm, place = doing.alarm, doing.place
    if not found.passed and not (doing.comment or "").strip():
        raise InvalidField("note", "is missing: the crew is sent back", "say what is not solved")
    sensor = await _sensor(doing)
    if found.passed and alarm.handling is not None:
        if doing.caller.label in (alarm.handling.resolved_by, alarm.handling.assigned_to):
            raise await _refused(doing, "who resolved an alarm does not verify it", "let another person verify it")
        if is_gas_alarm(alarm, place, sensor) and found.method != "measurement":
            gas = "this" if sensor is None or sensor.property not in GASES else sensor.property.replace("_", " ")
            raise InvalidField(
                "method", f"an alarm of {gas} is verified by a person's measurement only",
                "measure at the place and send method: measurement with value and unit",
            )  # fmt: skip
    details: Details = {"method": found.method, "passed": found.passed}
    if found.value is not None and found.unit is not None:
        measured = Measured(measured_property(found.property, alarm, place, sensor), found.value, found.unit)
        if found.passed:
            await refuse_danger(doing.connection, alarm, sensor, measured)
        details |= {"property": measured.property, "value": measured.value, "unit": measured.unit}
    if found.passed and alarm.handling is not None and alarm.handling.step is Step.RESOLVED:
        await refuse_still_active(doing.connection, alarm, sensor, doing.comment, doing.caller.areas)
    city = await _rosters(doing)
    return await _take(doing, Act.VERIFY if found.passed else Act.FAIL, city, details)


async def _take(
    doing: Doing, act: Act, city: CityRosters | None, details: Details, assigned_to: str | None = None
) -> list[Transition]:
    deadlines = deadlines_of(city, doing.alarm, doing.place)
    allowed: Mapping[Awaited, int] = {} if deadlines is None else deadlines.allowed_ms
    since = _done_at(doing)
    if doing.acted_at is not None and since != doing.acted_at:
        details = details | {"acted_at_told": format_instant(doing.acted_at)}
    try:
        done = handle(
            doing.alarm, act, actor=doing.caller.label, time=doing.now, since=since, assigned_to=assigned_to,
            allowed_ms=allowed, comment=doing.comment, details=details,
        )  # fmt: skip
    except NotPossible as error:
        raise await _refused(doing, str(error), "look at the alarm as it stands now") from None
    return [Transition(*done, doing.place)]


def _done_at(doing: Doing) -> int:
    """Return when it was done: now where the device's clock is a little ahead. Raises InvalidField beyond that."""
    if doing.acted_at is None:
        return doing.now
    if doing.acted_at > doing.now + CLOCK_AHEAD_MS_MAX:
        raise InvalidField("acted_at", "lies in the future", "set the device's clock, or leave acted_at out")
    if doing.acted_at < doing.alarm.raised:
        raise InvalidField(
            "acted_at", f"lies before the alarm was raised at {format_instant(doing.alarm.raised)}",
            "correct it, or leave it out",
        )  # fmt: skip
    return min(doing.acted_at, doing.now)


async def _by_roster(doing: Doing, city: CityRosters | None) -> tuple[str, Details]:
    """Return who is on duty for the alarm, and why it is them."""
    place = doing.place
    sensor = await _sensor(doing)
    grid = "" if sensor is None else sensor.grid
    on_duty = [] if city is None else city.on_duty(place.district, place.system, doing.now, grid)
    crews = [one for one in on_duty if one.duty == "crew"]
    if not crews:
        raise InvalidField(
            "to", f"no crew is on duty in {place.city} for district {place.district or '(none)'}, system "
            f"{place.system}", "name a person in `to` or a `team`; GET /rosters shows who is on duty when",
        )  # fmt: skip
    chosen = crews[0]
    return chosen.who, {
        "roster": chosen.roster,
        "chosen_for": ", ".join(chosen.fits) or f"all of {place.city}",
        "on_duty_until": format_instant(to_milliseconds(chosen.until)),
    }


async def _rosters(doing: Doing) -> CityRosters | None:
    return (await rosters_of(doing.connection, [doing.place.city])).get(doing.place.city)


async def _sensor(doing: Doing) -> Sensor | None:
    found = await find_sensor(doing.connection, doing.alarm.sensor, [doing.place.city])
    return None if found is None else found.sensor


async def _on_behalf(doing: Doing, city: CityRosters | None) -> Details:
    """Return what the line says where the actor is not who it is assigned to. Raises ActionRefused for a crew."""
    handling, caller = doing.alarm.handling, doing.caller
    if handling is None or handling.assigned_to is None:
        return {}  # the table refuses it
    members = [] if city is None else city.file.members_of(handling.assigned_to)
    if caller.label == handling.assigned_to or caller.label in members:
        return {}
    if caller.role == Role.FIELD:
        raise await _refused(
            doing, f"it is assigned to {handling.assigned_to}", "ask the dispatcher to assign it to you"
        )
    return {"on_behalf_of": handling.assigned_to}


async def _refused(doing: Doing, detail: str, remedy: str) -> ActionRefused:
    """Return the refusal with who dealt with the alarm last, and when."""
    lines = [line for line in await lines_of(doing.connection, doing.alarm, doing.caller) if line.action in ACTIONS]
    if not lines:
        return ActionRefused(detail, remedy)
    last = lines[-1]
    return ActionRefused(f"{detail}; last: {last.action} by {last.actor} at {last.time}", remedy, last)


def _distance(sensor: Sensor | None, position: tuple[float, float]) -> str | None:
    if sensor is None or sensor.longitude is None or sensor.latitude is None or not is_degrees(sensor.crs):
        return None
    metres = distance_m((sensor.longitude, sensor.latitude), position)
    return next((f"within {most} m" for most in DISTANCES_M if metres <= most), f"further than {DISTANCES_M[-1]} m")
