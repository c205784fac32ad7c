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
from lifeline_client.requests import Request, build
from lifeline_client.types import (
    Alarm,
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


def status(path: str, city: str | None = None) -> Request[Status]:
    """Return how the cities stand, and how far ingest and evaluation have come."""
    return build("GET", path, {}, {"city": city})


def sensors(path: str, **filters: Unpack[SensorFilters]) -> Request[Sensor]:
    """Yield sensors by id or, near a place, the nearest first."""
    return build("GET", path, {}, {**filters})


def sensor(path: str, sensor: str) -> Request[Sensor]:
    """Return a sensor as it is registered."""
    return build("GET", path, {"sensor": sensor})


def readings(
    path: str, sensor: str, *, from_: datetime | None = None, to: datetime | None = None, bucket: str | None = None
) -> Request[Readings]:
    """Return the readings with from <= time < to, raw or in buckets (`5m`, `1h`, `1d`); of the last day where open."""
    return build("GET", path, {"sensor": sensor}, {"from_": from_, "to": to, "bucket": bucket})


def alarms(path: str, **filters: Unpack[AlarmFilters]) -> Request[Alarm]:
    """Yield alarms, last raised first; without `state` all that are not normal."""
    return build("GET", path, {}, {**filters})


def latest(path: str, sensor: str) -> Request[Latest]:
    """Return the newest reading of a sensor, and whether it can be heard."""
    return build("GET", path, {"sensor": sensor})


def alarm(path: str, alarm: str) -> Request[Alarm]:
    """Return an alarm as it stands."""
    return build("GET", path, {"alarm": alarm})


def journal(path: str, alarm: str) -> Request[list[Line]]:
    """Return the journal lines of an alarm, in order."""
    return build("GET", path, {"alarm": alarm})


def stream(
    path: str, *, last_event: int | None = None, **filters: Unpack[StreamFilters]
) -> Request[Transition | Reset]:
    """Yield the transitions after `last_event` without hole or repeat; without it, those that come from now on.

    A connection that is cut is made anew. `Reset` comes where the service does not know the event any more.
    """
    return build("GET", path, {}, {**filters}, headers={} if last_event is None else {"Last-Event-ID": str(last_event)})


def acknowledge(path: str, alarm: str, *, seen_sequence: int, **words: Unpack[Words]) -> Request[Line]:
    """Acknowledge an alarm as it was at `seen_sequence`. Raises Conflict where it has risen since."""
    return _act(path, alarm, seen_sequence, **words)


def plain_act(path: str, alarm: str, *, seen_sequence: int, **words: Unpack[Words]) -> Request[Line]:
    """Do this to an alarm, as it was at `seen_sequence`, and return the journal line."""
    return _act(path, alarm, seen_sequence, **words)


def comment(
    path: str, alarm: str, *, seen_sequence: int, comment: str, idempotency_key: str | None = None
) -> Request[Line]:
    """Add words to an alarm's journal."""
    return _act(path, alarm, seen_sequence, comment=comment, idempotency_key=idempotency_key)


def judge(path: str, alarm: str, *, seen_sequence: int, verdict: Verdict, **words: Unpack[JudgeWords]) -> Request[Line]:
    """Judge whether an alarm was true, false or a test."""
    return _act(path, alarm, seen_sequence, verdict=verdict, **words)


def shelve(path: str, alarm: str, *, seen_sequence: int, reason: str, **words: Unpack[ShelveWords]) -> Request[Line]:
    """Shelve an alarm for a time; of orange and red a second person decides."""
    return _act(path, alarm, seen_sequence, reason=reason, **words)


def suppress(
    path: str,
    alarm: str,
    *,
    seen_sequence: int,
    purpose: Literal["maintenance", "bump_test"],
    reason: str,
    **words: Unpack[SuppressWords],
) -> Request[Line]:
    """Begin work on site at the alarm's sensor; it ends by itself."""
    return _act(path, alarm, seen_sequence, purpose=purpose, reason=reason, **words)


def out_of_service(
    path: str,
    alarm: str,
    *,
    seen_sequence: int,
    permit: str,
    reason: str,
    review_at: datetime,
    **words: Unpack[OutOfServiceWords],
) -> Request[Line]:
    """Take a rule or sensor out of service until it is looked at again."""
    return _act(path, alarm, seen_sequence, permit=permit, reason=reason, review_at=review_at, **words)


def assign(path: str, alarm: str, *, seen_sequence: int, **words: Unpack[AssignWords]) -> Request[Line]:
    """Assign an alarm to a person or a team."""
    return _act(path, alarm, seen_sequence, **words)


def accept(path: str, alarm: str, *, seen_sequence: int, **words: Unpack[StepWords]) -> Request[Line]:
    """Accept an alarm as one's own work."""
    return _act(path, alarm, seen_sequence, **words)


def decline(path: str, alarm: str, *, seen_sequence: int, reason: str, **words: Unpack[StepWords]) -> Request[Line]:
    """Decline the work."""
    return _act(path, alarm, seen_sequence, reason=reason, **words)


def arrive(path: str, alarm: str, *, seen_sequence: int, **words: Unpack[ArriveWords]) -> Request[Line]:
    """Say that the crew is on site; the position is sent in the body, and rounded there."""
    return _act(path, alarm, seen_sequence, **words)


def resolve(
    path: str, alarm: str, *, seen_sequence: int, cause_code: str, **words: Unpack[ResolveWords]
) -> Request[Line]:
    """Say that the cause is removed; somebody else verifies."""
    return _act(path, alarm, seen_sequence, cause_code=cause_code, **words)


def verify(
    path: str,
    alarm: str,
    *,
    seen_sequence: int,
    method: Literal["measurement", "inspection", "other"],
    **words: Unpack[VerifyWords],
) -> Request[Line]:
    """Verify what another person resolved."""
    return _act(path, alarm, seen_sequence, method=method, **words)


def _act(path: str, alarm: str, seen_sequence: int, **fields: Any) -> Request[Line]:
    return build("POST", path, {"alarm": alarm}, body={"seen_sequence": seen_sequence, **fields})


def incidents(path: str, **filters: Unpack[IncidentFilters]) -> Request[Incident]:
    """Yield incidents."""
    return build("GET", path, {}, {**filters})


def incident(path: str, incident: str) -> Request[Incident]:
    """Return an incident with its members, the probable cause first."""
    return build("GET", path, {"incident": incident})


def reports(path: str, **filters: Unpack[ReportFilters]) -> Request[Report]:
    """Yield what people reported."""
    return build("GET", path, {}, {**filters})


def report(path: str, report: str) -> Request[Report]:
    """Return a report."""
    return build("GET", path, {"report": report})


def make_report(
    path: str, *, kind: str, city: str, place: Place, time: datetime, source: str, **words: Unpack[ReportWords]
) -> Request[Report]:
    """Make a report of something that was seen or smelt at a place."""
    where = {"longitude": place[0], "latitude": place[1]}
    body = {"kind": kind, "city": city, "place": where, "time": time, "source": source, **words}
    return build("POST", path, {}, body=body)


def verify_report(
    path: str, report: str, *, found: bool, note: str | None = None, idempotency_key: str | None = None
) -> Request[Report]:
    """Say whether what was reported was found."""
    body = {"found": found, "note": note, "idempotency_key": idempotency_key}
    return build("POST", path, {"report": report}, body=body)


def rejections(path: str, **filters: Unpack[RejectionFilters]) -> Request[dict[str, Any]]:
    """Yield messages that could not be used."""
    return build("GET", path, {}, {**filters})


def rules(path: str) -> Request[dict[str, Any]]:
    """Return the rules in force with their versions."""
    return build("GET", path, {})


def performance(path: str, **filters: Unpack[PerformanceFilters]) -> Request[dict[str, Any]]:
    """Return the figures of the alarm system (ISA-18.2)."""
    return build("GET", path, {}, {**filters})


def export_readings(
    path: str, *, from_: datetime, to: datetime, **filters: Unpack[ExportFilters]
) -> Request[ExportedReading]:
    """Yield the readings with from <= time < to as they come, sensor by sensor, however many."""
    return build("GET", path, {}, {"from_": from_, "to": to, "form": "ndjson", **filters})


def export_alarms(path: str, *, from_: datetime, to: datetime, **filters: Unpack[ExportFilters]) -> Request[Line]:
    """Yield the journal lines with from <= time < to, in the journal's order."""
    return build("GET", path, {}, {"from_": from_, "to": to, "form": "ndjson", **filters})


def export_sensors(path: str, **filters: Unpack[ExportFilters]) -> Request[dict[str, Any]]:
    """Yield the registry: sensors by id, with the columns of a sensors file."""
    return build("GET", path, {}, {"form": "ndjson", **filters})


def metrics(path: str) -> Request[str]:
    """Return the figures of the service as Prometheus text."""
    return build("GET", path, {}, decode=bytes.decode)
