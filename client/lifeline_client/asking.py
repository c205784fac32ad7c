"""The requests that the methods make: what each takes, by name, and what it is answered with."""

from datetime import datetime
from typing import Any, Literal, Unpack

from lifeline_client.events import Reset, Transition
from lifeline_client.filters import (
    AlarmFilters,
    ArriveWords,
    AssignWords,
    ExportFilters,
    IncidentFilters,
    JudgeWords,
    OutOfServiceWords,
    PerformanceFilters,
    Place,
    RejectionFilters,
    ReportFilters,
    ReportWords,
    ResolveWords,
    SensorFilters,
    ShelveWords,
    StepWords,
    StreamFilters,
    SuppressWords,
    VerifyWords,
    Words,
)
from lifeline_client.requests import Request, Route, build
from lifeline_client.types import (
    Alarm,
    Explanation,
    ExportedReading,
    Incident,
    Latest,
    Line,
    Readings,
    Report,
    Sensor,
    Status,
    Verdict,
)


def status(route: Route, city: str | None = None) -> Request[Status]:
    """Return how the cities stand, and how far ingest and evaluation have come."""
    return build(route, {}, {"city": city})


def sensors(route: Route, **filters: Unpack[SensorFilters]) -> Request[Sensor]:
    """Yield sensors by id or, near a place, the nearest first."""
    return build(route, {}, {**filters})


def sensor(route: Route, sensor: str) -> Request[Sensor]:
    """Return a sensor as it is registered."""
    return build(route, {"sensor": sensor})


def readings(
    route: Route, sensor: str, *, from_: datetime | None = None, to: datetime | None = None, bucket: str | None = None
) -> Request[Readings]:
    """Return the readings with from <= time < to, raw or in buckets (`5m`, `1h`, `1d`); of the last day where open."""
    return build(route, {"sensor": sensor}, {"from_": from_, "to": to, "bucket": bucket})


def alarms(route: Route, **filters: Unpack[AlarmFilters]) -> Request[Alarm]:
    """Yield alarms, last raised first; without `state` all that are not normal."""
    return build(route, {}, {**filters})


def latest(route: Route, sensor: str) -> Request[Latest]:
    """Return the newest reading of a sensor, and whether it can be heard."""
    return build(route, {"sensor": sensor})


def alarm(route: Route, alarm: str) -> Request[Alarm]:
    """Return an alarm as it stands."""
    return build(route, {"alarm": alarm})


def journal(route: Route, alarm: str) -> Request[list[Line]]:
    """Return the journal lines of an alarm, in order."""
    return build(route, {"alarm": alarm})


def explanation(
    route: Route, sensor: str, rule: str, time: datetime | None = None, *, language: Literal["en", "zh"] | None = None
) -> Request[Explanation]:
    """Return why a rule fired or did not at a sensor (or gateway) and a time, the newest where none is given."""
    return build(route, {}, {"sensor": sensor, "rule": rule, "time": time, "language": language})


def alarm_explanation(
    route: Route, alarm: str, *, time: datetime | None = None, language: Literal["en", "zh"] | None = None
) -> Request[Explanation]:
    """Return why an alarm was raised, or how its rule and sensor stood at another time."""
    return build(route, {"alarm": alarm}, {"time": time, "language": language})


def stream(
    route: Route, *, last_event: int | None = None, **filters: Unpack[StreamFilters]
) -> Request[Transition | Reset]:
    """Yield the transitions after `last_event` without hole or repeat; without it, those that come from now on.

    A connection that is cut is made anew. `Reset` comes where the service does not know the event any more.
    """
    return build(route, {}, {**filters}, headers={} if last_event is None else {"Last-Event-ID": str(last_event)})


def acknowledge(route: Route, alarm: str, *, seen_sequence: int, **words: Unpack[Words]) -> Request[Line]:
    """Acknowledge an alarm as it was at `seen_sequence`. Raises Conflict where it has risen since."""
    return _act(route, alarm, seen_sequence, **words)


def plain_act(route: Route, alarm: str, *, seen_sequence: int, **words: Unpack[Words]) -> Request[Line]:
    """Do this to an alarm, as it was at `seen_sequence`, and return the journal line."""
    return _act(route, alarm, seen_sequence, **words)


def comment(
    route: Route, alarm: str, *, seen_sequence: int, comment: str, idempotency_key: str | None = None
) -> Request[Line]:
    """Add words to an alarm's journal."""
    return _act(route, alarm, seen_sequence, comment=comment, idempotency_key=idempotency_key)


def judge(
    route: Route, alarm: str, *, seen_sequence: int, verdict: Verdict, **words: Unpack[JudgeWords]
) -> Request[Line]:
    """Judge whether an alarm was true, false or a test."""
    return _act(route, alarm, seen_sequence, verdict=verdict, **words)


def shelve(route: Route, alarm: str, *, seen_sequence: int, reason: str, **words: Unpack[ShelveWords]) -> Request[Line]:
    """Shelve an alarm for a time; of orange and red a second person decides."""
    return _act(route, alarm, seen_sequence, reason=reason, **words)


def suppress(
    route: Route,
    alarm: str,
    *,
    seen_sequence: int,
    purpose: Literal["maintenance", "bump_test"],
    reason: str,
    **words: Unpack[SuppressWords],
) -> Request[Line]:
    """Begin work on site at the alarm's sensor; it ends by itself."""
    return _act(route, alarm, seen_sequence, purpose=purpose, reason=reason, **words)


def out_of_service(
    route: Route,
    alarm: str,
    *,
    seen_sequence: int,
    permit: str,
    reason: str,
    review_at: datetime,
    **words: Unpack[OutOfServiceWords],
) -> Request[Line]:
    """Take a rule or sensor out of service until it is looked at again."""
    return _act(route, alarm, seen_sequence, permit=permit, reason=reason, review_at=review_at, **words)


def assign(route: Route, alarm: str, *, seen_sequence: int, **words: Unpack[AssignWords]) -> Request[Line]:
    """Assign an alarm to a person or a team."""
    return _act(route, alarm, seen_sequence, **words)


def accept(route: Route, alarm: str, *, seen_sequence: int, **words: Unpack[StepWords]) -> Request[Line]:
    """Accept an alarm as one's own work."""
    return _act(route, alarm, seen_sequence, **words)


def decline(route: Route, alarm: str, *, seen_sequence: int, reason: str, **words: Unpack[StepWords]) -> Request[Line]:
    """Decline the work."""
    return _act(route, alarm, seen_sequence, reason=reason, **words)


def arrive(route: Route, alarm: str, *, seen_sequence: int, **words: Unpack[ArriveWords]) -> Request[Line]:
    """Say that the crew is on site; the position is sent in the body, and rounded there."""
    return _act(route, alarm, seen_sequence, **words)


def resolve(
    route: Route, alarm: str, *, seen_sequence: int, cause_code: str, **words: Unpack[ResolveWords]
) -> Request[Line]:
    """Say that the cause is removed; somebody else verifies."""
    return _act(route, alarm, seen_sequence, cause_code=cause_code, **words)


def verify(
    route: Route,
    alarm: str,
    *,
    seen_sequence: int,
    method: Literal["measurement", "inspection", "other"],
    **words: Unpack[VerifyWords],
) -> Request[Line]:
    """Verify what another person resolved."""
    return _act(route, alarm, seen_sequence, method=method, **words)


def _act(route: Route, alarm: str, seen_sequence: int, **fields: Any) -> Request[Line]:
    return build(route, {"alarm": alarm}, body={"seen_sequence": seen_sequence, **fields})


def incidents(route: Route, **filters: Unpack[IncidentFilters]) -> Request[Incident]:
    """Yield incidents."""
    return build(route, {}, {**filters})


def incident(route: Route, incident: str) -> Request[Incident]:
    """Return an incident with its members, the probable cause first."""
    return build(route, {"incident": incident})


def reports(route: Route, **filters: Unpack[ReportFilters]) -> Request[Report]:
    """Yield what people reported."""
    return build(route, {}, {**filters})


def report(route: Route, report: str) -> Request[Report]:
    """Return a report."""
    return build(route, {"report": report})


def make_report(
    route: Route, *, kind: str, city: str, place: Place, time: datetime, source: str, **words: Unpack[ReportWords]
) -> Request[Report]:
    """Make a report of something that was seen or smelt at a place."""
    where = {"longitude": place[0], "latitude": place[1]}
    body = {"kind": kind, "city": city, "place": where, "time": time, "source": source, **words}
    return build(route, {}, body=body)


def verify_report(
    route: Route, report: str, *, found: bool, note: str | None = None, idempotency_key: str | None = None
) -> Request[Report]:
    """Say whether what was reported was found."""
    body = {"found": found, "note": note, "idempotency_key": idempotency_key}
    return build(route, {"report": report}, body=body)


def rejections(route: Route, **filters: Unpack[RejectionFilters]) -> Request[dict[str, Any]]:
    """Yield messages that could not be used."""
    return build(route, {}, {**filters})


def rules(route: Route) -> Request[dict[str, Any]]:
    """Return the rules in force with their versions."""
    return build(route, {})


def performance(route: Route, **filters: Unpack[PerformanceFilters]) -> Request[dict[str, Any]]:
    """Return the figures of the alarm system (ISA-18.2)."""
    return build(route, {}, {**filters})


def export_readings(
    route: Route, *, from_: datetime, to: datetime, **filters: Unpack[ExportFilters]
) -> Request[ExportedReading]:
    """Yield the readings with from <= time < to as they come, sensor by sensor, however many."""
    return build(route, {}, {"from_": from_, "to": to, "form": "ndjson", **filters})


def export_alarms(route: Route, *, from_: datetime, to: datetime, **filters: Unpack[ExportFilters]) -> Request[Line]:
    """Yield the journal lines with from <= time < to, in the journal's order."""
    return build(route, {}, {"from_": from_, "to": to, "form": "ndjson", **filters})


def export_sensors(route: Route, **filters: Unpack[ExportFilters]) -> Request[dict[str, Any]]:
    """Yield the registry: sensors by id, with the columns of a sensors file."""
    return build(route, {}, {"form": "ndjson", **filters})


def metrics(route: Route) -> Request[str]:
    """Return the figures of the service as Prometheus text."""
    return build(route, {}, decode=bytes.decode)
