"""From a request to the content of a warning: the alarm as it stands, the area worked out, the texts composed."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from alerts.rules import Pack, Rule
from app.access import Principal
from app.actions import InvalidField
from app.warnings.subject import AreaAsked, Asked, Shape, Subject
from app.warnings.text import compose
from model.area import within_city
from model.cap import MessageType, Point, Scope, Status
from model.cap_area import InvalidRing, drawn_ring, public_ring, ring_round
from model.cap_terms import RADII_M, RADIUS_M, STATUSES
from model.coordinates import is_degrees
from model.warning import Content
from model.warning_level import FOUR_LEVELS
from store.alarms import find_alarm
from store.journal import load_alarms
from store.pool import Connection
from store.rule_packs import packs_in_force
from store.sensor_search import find_sensor
from store.sensors import load_cities
from store.warning_subjects import city_warnings, district_places, incident_alarm, incident_places

PLACES_MAX = 20_000


class SubjectUnknown(Exception):
    """There is no such alarm or incident within the actor's areas; `kind` and `name` say which."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name}")
        self.kind = kind
        self.name = name


async def load_subject(connection: Connection, alarm: str | None, incident: str | None, actor: Principal) -> Subject:
    """Return what is warned of, as it stands: the alarm, or the gravest one of the incident. Raises SubjectUnknown."""
    if incident is not None:
        alarm = await incident_alarm(connection, incident, actor.areas)
        if alarm is None:
            raise SubjectUnknown("incident with alarms", incident)
    assert alarm is not None  # the API asks for one of the two
    row = await find_alarm(connection, alarm, actor.areas)
    if row is None:
        raise SubjectUnknown("alarm", alarm)
    facts, place = (await load_alarms(connection, [alarm]))[alarm]
    found = await find_sensor(connection, facts.sensor, within_city(actor.areas, place.city))
    return Subject(
        alarm=facts,
        city=(await load_cities(connection))[place.city],
        system=place.system,
        district=place.district,
        sensor=None if found is None else found.sensor,
        rule=await _rule(connection, facts.rule),
        doubtful=row.doubtful,
        warnings=await city_warnings(connection, place.city),
        incident=incident,
    )


async def _rule(connection: Connection, name: str) -> Rule | None:
    for stored in await packs_in_force(connection):
        if name in stored.rules:
            return next(rule for rule in Pack.model_validate_json(stored.content).rules if rule.rule == name)
    return None


async def content_of(
    connection: Connection,
    subject: Subject,
    asked: Asked,
    message_type: MessageType,
    scope: Scope,
) -> Content:
    """Return what a message says, ready to be read and approved. Raises InvalidField."""
    colours = [level.colour for level in subject.warnings.levels]
    if asked.level is not None and asked.level not in colours:
        raise InvalidField("level", f"{asked.level!r} is no level of this city", f"use one of {', '.join(colours)}")
    if asked.level is None and subject.proposed_level() is None:
        raise InvalidField(
            "level", "the alarm is about an instrument and has no severity", f"name one of {', '.join(colours)}"
        )
    shape = await _shape(connection, subject, asked.area, scope)
    return compose(subject, asked, shape, message_type, scope, STATUSES[subject.city.mode])


async def unapproved_content(connection: Connection, subject: Subject) -> Content:
    """Return what an alarm says of itself as it stands, for a document that is no warning."""
    asked = Asked()
    status: Status = "Draft" if subject.city.mode == "operational" else STATUSES[subject.city.mode]
    shape = await _shape(connection, subject, asked.area, "Restricted")
    return compose(subject, asked, shape, "Alert", "Restricted", status)


async def _shape(connection: Connection, subject: Subject, area: AreaAsked, scope: Scope) -> Shape:
    radius_m = area.radius_m or RADII_M.get(subject.system, RADIUS_M)
    match area.kind:
        case "polygon":
            try:
                return Shape(ring=drawn_ring(area.polygon))
            except InvalidRing as error:
                raise InvalidField("area.polygon", str(error), "draw it anew, point after point round it") from None
        case "district":
            places: Sequence[Point] = []
            if subject.district:
                places = await district_places(connection, subject.city.city, subject.district, PLACES_MAX)
            return _round(places, radius_m, scope, "no sensor of the alarm's district has a place")
        case "incident":
            places = [] if subject.incident is None else await incident_places(connection, subject.incident, PLACES_MAX)
            return _round(places, radius_m, scope, "there is no incident, or no sensor of it has a place")
        case _:
            sensor = subject.sensor
            if sensor is None or sensor.longitude is None or sensor.latitude is None or not is_degrees(sensor.crs):
                return Shape()  # told of in words alone
            return Shape(circle=((sensor.longitude, sensor.latitude), radius_m / 1000))


def _round(places: Sequence[Point], margin_m: float, scope: Scope, none: str) -> Shape:
    if not places:
        raise InvalidField("area.kind", none, "draw a polygon, or leave the area out")
    return Shape(ring=(public_ring if scope == "Public" else ring_round)(places, margin_m))


def updated_request(subject: Subject, before: Content, given: Mapping[str, Any]) -> Asked:
    """Return the request before with what is given in its place.

    Raises InvalidField where people's own texts would stay under another level than they were written for.
    """
    asked = msgspec.structs.replace(msgspec.convert(before.asked, Asked), **given)
    level = subject.proposed_level()
    colour = asked.level or (level.colour if level is not None else None)
    if before.own_texts and "texts" not in given and colour != before.colour:
        raise InvalidField(
            "texts",
            f"were written for level {before.colour}, and the level is {colour} now",
            "send the texts again, or null to have them written from the alarm, or name the level",
        )
    return asked


async def cancellation(
    connection: Connection, subject: Subject, issued: Content, given: Mapping[str, Any], scope: Scope
) -> Content:
    """Return what the end of a warning says: of the level and for the area that was warned."""
    if issued.colour not in [level.colour for level in subject.warnings.levels]:  # the city has dropped it since
        warnings = msgspec.structs.replace(subject.warnings, levels=FOUR_LEVELS)
        subject = msgspec.structs.replace(subject, warnings=warnings)
    asked = msgspec.structs.replace(
        msgspec.convert(issued.asked, Asked),
        level=issued.colour, texts=None, urgency=None, certainty=None, response_types=None, area=AreaAsked(),
    )  # fmt: skip
    asked = msgspec.structs.replace(asked, **given)
    content = await content_of(connection, subject, asked, "Cancel", scope)
    infos = tuple(
        msgspec.structs.replace(info, area=before.area)
        for info, before in zip(content.infos, issued.infos, strict=True)
    )
    return msgspec.structs.replace(content, infos=infos, status=issued.status)
