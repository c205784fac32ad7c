"""What people do to keep alarms quiet: shelve, work on site, take out of service; each ends or is looked at again."""

from typing import Annotated, Literal, Self

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field, model_validator

from app.access import AtDesk, Principal, SiteWorker, TakesOutOfService
from app.actions import ActionRefused, Answer
from app.api.alarm_actions import ActionBody, act
from app.api.approvals import requested
from app.api.bodies import KeyHeader, Reason
from app.api.context import ApiContext, context_of
from app.api.lines import Line, Severity
from app.api.parameters import AlarmInPath, Time
from app.api.problems import invalid
from app.approvals import SHELVE, ShelfRequest
from app.suppressions import RED, Wanted, needs_second_person, release_alarm, suppress_alarm
from model.alarm import Alarm, State
from model.instant import HOUR_MS, MINUTE_MS, to_milliseconds
from model.severity import LABELS, severity_of
from model.suppression import Purpose
from store.approvals import request_approval
from store.journal import Place, Transition
from store.pool import Connection

router = APIRouter(prefix="/alarms", tags=["alarm actions"])

DurationS = Annotated[int, Field(ge=60, le=7 * 86_400, strict=True, description="Seconds from now")]
Permit = Annotated[str, Field(min_length=1, max_length=200, description="Number of the permit to work")]


class Ending(ActionBody):
    """A suppression that ends by itself: after `duration_s`, or at `until`."""

    duration_s: DurationS | None = None
    until: Time | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.duration_s is None) == (self.until is None):
            raise ValueError("give either duration_s or until: a suppression ends by itself")
        return self

    def ends(self, now: int) -> int:
        """Epoch milliseconds of the end."""
        return now + self.duration_s * 1000 if self.duration_s is not None else to_milliseconds(self.until)  # type: ignore[arg-type]


class ShelveBody(Ending):
    """A shelf for an alarm: the rule at the sensor, up to its present severity or `severity_max`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seen_sequence": 2, "duration_s": 7200, "reason": "pump test until noon"}]}
    )

    reason: Reason
    severity_max: Severity | None = Field(default=None, description="Up to which it holds; the present one if left out")


class SuppressBody(Ending):
    """Work on site: the alarms of the whole sensor, or of the rule alone, are suppressed by design meanwhile."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"seen_sequence": 1, "purpose": "bump_test", "duration_s": 900, "reason": "test gas at head 7"}
            ]
        }
    )

    purpose: Purpose
    reason: Reason
    scope: Literal["rule", "sensor"] = "sensor"


class OutOfServiceBody(ActionBody):
    """Out of service until somebody returns it; looked at again on the review date."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "seen_sequence": 1,
                    "permit": "PTW-2026-118",
                    "reason": "head is at the calibration laboratory",
                    "review_at": "2026-12-01T00:00:00.000Z",
                }
            ]
        }
    )

    permit: Permit
    reason: Reason
    review_at: Time
    scope: Literal["rule", "sensor"] = "sensor"


@router.post(
    "/{alarm}/shelve",
    response_model=Line,
    summary="Shelve an alarm",
    responses={202: {"description": "Of orange or red: another person has to approve it"}},
)
async def shelve(
    request: Request, caller: AtDesk, alarm: AlarmInPath, body: ShelveBody, idempotency_key: KeyHeader = None
) -> Response:
    """Put an alarm aside for a time, with a reason; it is watched all the while, and all of it stays in the journal.

    The shelf holds for the rule at the sensor, up to the severity at which it was shelved: what is graver is
    annunciated. One that holds orange or red needs another person: 202 with the request's number. It is never
    prolonged: it ends, or is ended with `unshelve`, and can then be asked for anew.
    """
    context = context_of(request)

    async def do(connection: Connection, found: Alarm, place: Place) -> list[Transition] | Answer:
        now = context.clock()
        ends = bounded(
            body.ends(now), now, context.limits.shelve_hours_max, "duration_s" if body.until is None else "until"
        )
        severity_max = found.severity
        if body.severity_max is not None:
            severity_max = severity_of(body.severity_max)
            if severity_max < found.severity:
                raise ActionRefused(
                    f"the alarm stands at {LABELS[found.severity - 1]}, above severity_max",
                    "leave severity_max out, or name the alarm's severity or a higher one",
                )
        wanted = Wanted(State.SHELVED, "shelve", found.rule, max(severity_max, 1), now, ends, body.reason)
        if not needs_second_person(found, wanted):
            return await suppress_alarm(connection, found, place, wanted, caller.label, now)
        asked = ShelfRequest(found.rule, wanted.severity_max, ends - now, body.reason)
        expires = now + context.limits.approval_minutes_max * MINUTE_MS
        row = await request_approval(
            connection, kind=SHELVE, city=place.city, subject=found.alarm,
            request=msgspec.to_builtins(asked), by=caller.label, now=now, expires=expires,
        )  # fmt: skip
        return Answer(202, msgspec.json.encode(requested(row) | {"alarm": found.alarm}).decode())

    return await act(request, caller, alarm, "shelve", body, idempotency_key, do)


@router.post("/{alarm}/unshelve", response_model=Line, summary="Unshelve an alarm")
async def unshelve(
    request: Request, caller: AtDesk, alarm: AlarmInPath, body: ActionBody, idempotency_key: KeyHeader = None
) -> Response:
    """End the shelf; what stands is annunciated anew."""
    return await _release(request, caller, alarm, body, idempotency_key, "unshelve", (State.SHELVED,))


@router.post("/{alarm}/suppress", response_model=Line, summary="Suppress an alarm for work on site")
async def suppress(
    request: Request, caller: SiteWorker, alarm: AlarmInPath, body: SuppressBody, idempotency_key: KeyHeader = None
) -> Response:
    """Open maintenance or a bump test: alarms are suppressed by design until it ends by itself, red ones too."""
    context = context_of(request)

    async def do(connection: Connection, found: Alarm, place: Place) -> list[Transition]:
        now = context.clock()
        ends = bounded(
            body.ends(now), now, hours_max(context, body.purpose), "duration_s" if body.until is None else "until"
        )
        rule = found.rule if body.scope == "rule" else None
        wanted = Wanted(State.SUPPRESSED_BY_DESIGN, "suppress", rule, RED, now, ends, body.reason, purpose=body.purpose)
        return await suppress_alarm(connection, found, place, wanted, caller.label, now)

    return await act(request, caller, alarm, "suppress", body, idempotency_key, do, minds_escalation=False)


@router.post("/{alarm}/out-of-service", response_model=Line, summary="Take an alarm out of service")
async def take_out_of_service(
    request: Request,
    caller: TakesOutOfService,
    alarm: AlarmInPath,
    body: OutOfServiceBody,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Take a sensor, or a rule at it, out of service under a permit, until somebody returns it."""
    context = context_of(request)

    async def do(connection: Connection, found: Alarm, place: Place) -> list[Transition]:
        now = context.clock()
        review = bounded(to_milliseconds(body.review_at), now, context.limits.review_days_max * 24, "review_at")
        rule = found.rule if body.scope == "rule" else None
        wanted = Wanted(
            State.OUT_OF_SERVICE, "out-of-service", rule, RED, now, None, body.reason,
            permit=body.permit, review=review,
        )  # fmt: skip
        return await suppress_alarm(connection, found, place, wanted, caller.label, now)

    return await act(request, caller, alarm, "out-of-service", body, idempotency_key, do)


@router.post("/{alarm}/return-to-service", response_model=Line, summary="Return an alarm to service")
async def return_to_service(
    request: Request, caller: SiteWorker, alarm: AlarmInPath, body: ActionBody, idempotency_key: KeyHeader = None
) -> Response:
    """End work on site, or bring back what was out of service; what stands is annunciated anew."""
    kinds = (State.SUPPRESSED_BY_DESIGN, State.OUT_OF_SERVICE)
    return await _release(request, caller, alarm, body, idempotency_key, "return-to-service", kinds)


async def _release(
    request: Request,
    caller: Principal,
    alarm: str,
    body: ActionBody,
    key: str | None,
    action: str,
    kinds: tuple[State, ...],
) -> Response:
    async def do(connection: Connection, found: Alarm, place: Place) -> list[Transition]:
        now = context_of(request).clock()
        return await release_alarm(connection, found, place, kinds, action, caller.label, now, body.comment)

    return await act(request, caller, alarm, action, body, key, do, minds_escalation=False)


def hours_max(context: ApiContext, purpose: Purpose) -> float:
    """Return how long work of this purpose may suppress alarms."""
    limits = context.limits
    return limits.bump_test_hours_max if purpose == "bump_test" else limits.maintenance_hours_max


def bounded(ends: int, begins: int, hours_max: float, field: str) -> int:
    """Return the end. Raises Problem 422 where it is not after the begin, or later than the limit allows."""
    if ends <= begins:
        raise invalid(field, "lies in the past", "name a time to come")
    if ends > begins + hours_max * HOUR_MS:
        raise invalid(field, f"is more than {hours_max:g} h after the begin", "name an earlier end, and ask anew then")
    return ends
