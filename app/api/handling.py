"""The closed loop over HTTP: an alarm is assigned, accepted or declined, reached, resolved and verified."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from alerts.handling import Act
from app import handling
from app.access import Acknowledger, AtDesk, Principal, Reader
from app.actions import InvalidField
from app.api.alarm_actions import ActionBody, act
from app.api.bodies import Coordinates, KeyHeader, Reason
from app.api.context import context_of
from app.api.lines import Line
from app.api.parameters import AlarmInPath, Parameters, Time, Word
from app.api.problems import invalid
from app.handling import COMPETING, Doing, Found
from model.alarm import Alarm
from model.cause_codes import CAUSE_CODES, CauseCode
from model.instant import to_milliseconds
from model.position import SystemName
from store.journal import Place, Transition
from store.pool import Connection

router = APIRouter(tags=["alarm handling"])
Photograph = Annotated[str, StringConstraints(pattern=r"^https://[\x21-\x7e]{1,1000}\z")]
SAFE_THOUGH_RISEN = frozenset({Act.ASSIGN, Act.ACCEPT, Act.DECLINE, Act.ARRIVE})  # only the end must have seen a rise


class AssignBody(ActionBody):
    """Whom to send: a person, a team, or, where neither is named, the crew on duty by the roster."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seen_sequence": 2}, {"seen_sequence": 2, "to": "li"}]})

    to: Word | None = Field(default=None, description="Label of a person's key")
    team: Word | None = Field(default=None, description="A team of the city's rosters")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.to is not None and self.team is not None:
            raise ValueError("give either to or team, or neither: then the roster chooses")
        return self


class StepBody(ActionBody):
    """A step of the work, told at once or later: `acted_at` is when it was done."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seen_sequence": 3, "acted_at": "2026-11-22T08:20:00.000Z"}]}
    )

    acted_at: Time | None = Field(
        default=None,
        description="When it was done, where it is told later than that. Up to a minute ahead it counts as now, and "
        "`details.acted_at_told` keeps it",
    )


class DeclineBody(StepBody):
    """Why it is not accepted, or given back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seen_sequence": 3, "reason": "no detector here"}]})

    reason: Reason


class ArriveBody(StepBody):
    """An arrival; a position is only used to say how far it is from the sensor."""

    position: Coordinates | None = Field(default=None, description="Of the crew, as coarse as it likes; never kept")


class ResolveBody(StepBody):
    """What the cause was and what was done."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"seen_sequence": 5, "cause_code": "gas_joint_leak", "note": "flange of valve 7 tightened"}]
        }
    )

    cause_code: str = Field(max_length=64, description="GET /cause-codes lists them")
    note: Reason | None = None
    photograph: Photograph | None = Field(default=None, description="An https link")


class VerifyBody(StepBody):
    """Whether it is solved, and by what that was found."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seen_sequence": 6, "method": "measurement", "value": 0.0, "unit": "%{LEL}"}]}
    )

    method: Literal["measurement", "inspection", "other"]
    passed: bool = Field(
        default=True, strict=True, description="false, with a note: it is not solved, and assigned again"
    )
    value: float | None = Field(default=None, ge=-1e12, le=1e12, allow_inf_nan=False, description="Of a measurement")
    unit: str | None = Field(default=None, min_length=1, max_length=32, description="UCUM")
    property: Word | None = Field(default=None, description="What was measured, where it is not what the sensor does")
    note: Reason | None = None

    @model_validator(mode="after")
    def _value_of_a_measurement(self) -> Self:
        measured = self.method == "measurement"
        if measured != (self.value is not None) or measured != (self.unit is not None):
            raise ValueError("value and unit belong to method measurement: give both with it, and neither without")
        if self.property is not None and not measured:
            raise ValueError("property belongs to method measurement")
        return self


@router.post("/alarms/{alarm}/assign", response_model=Line, summary="Assign an alarm")
async def assign_alarm(
    request: Request, caller: AtDesk, alarm: AlarmInPath, body: AssignBody, idempotency_key: KeyHeader = None
) -> Response:
    """Assign an alarm, or assign it anew; without a name to the crew on duty for its district, grid and system.

    The line's `details` say why it is them. An alarm that returned, and one that was verified, can be assigned too.
    """

    async def do(doing: Doing) -> list[Transition]:
        return await handling.assign(doing, body.to, body.team)

    return await _act(request, caller, alarm, Act.ASSIGN, body, idempotency_key, do)


@router.post("/alarms/{alarm}/accept", response_model=Line, summary="Accept an alarm")
async def accept_alarm(
    request: Request, caller: Acknowledger, alarm: AlarmInPath, body: StepBody, idempotency_key: KeyHeader = None
) -> Response:
    """Accept what is assigned to the caller or the caller's team; for a dispatcher who does the line says so."""

    async def do(doing: Doing) -> list[Transition]:
        return await handling.step(doing, Act.ACCEPT)

    return await _act(request, caller, alarm, Act.ACCEPT, body, idempotency_key, do)


@router.post("/alarms/{alarm}/decline", response_model=Line, summary="Decline an alarm")
async def decline_alarm(
    request: Request, caller: Acknowledger, alarm: AlarmInPath, body: DeclineBody, idempotency_key: KeyHeader = None
) -> Response:
    """Give an alarm back with a reason: it is assigned to nobody and waits for the dispatcher."""

    async def do(doing: Doing) -> list[Transition]:
        return await handling.step(doing, Act.DECLINE)

    return await _act(request, caller, alarm, Act.DECLINE, body, idempotency_key, do, words=body.reason)


@router.post("/alarms/{alarm}/arrive", response_model=Line, summary="Arrive at an alarm")
async def arrive_at_alarm(
    request: Request, caller: Acknowledger, alarm: AlarmInPath, body: ArriveBody, idempotency_key: KeyHeader = None
) -> Response:
    """Arrive. Of a position only the distance to the sensor is kept, in coarse steps."""

    async def do(doing: Doing) -> list[Transition]:
        position = None if body.position is None else (body.position.longitude, body.position.latitude)
        return await handling.arrive(doing, position)

    return await _act(request, caller, alarm, Act.ARRIVE, body, idempotency_key, do)


@router.post("/alarms/{alarm}/resolve", response_model=Line, summary="Resolve an alarm")
async def resolve_alarm(
    request: Request, caller: Acknowledger, alarm: AlarmInPath, body: ResolveBody, idempotency_key: KeyHeader = None
) -> Response:
    """Say that it is solved and what the cause was; another person verifies it."""

    async def do(doing: Doing) -> list[Transition]:
        return await handling.resolve(doing, body.cause_code, body.photograph)

    return await _act(request, caller, alarm, Act.RESOLVE, body, idempotency_key, do, words=body.note)


@router.post("/alarms/{alarm}/verify", response_model=Line, summary="Verify that an alarm is solved")
async def verify_alarm(
    request: Request, caller: Acknowledger, alarm: AlarmInPath, body: VerifyBody, idempotency_key: KeyHeader = None
) -> Response:
    """Verify, as another person than resolved it; `passed: false` with a note sends the crew back.

    An alarm about gas is verified by a person's measurement only, and not while that reaches the rule's lowest limit.
    While the sensor still says so nothing passes (409), unless it was resolved with cause_code `sensor_fault` and a
    note says how that was seen.
    """

    async def do(doing: Doing) -> list[Transition]:
        return await handling.verify(doing, Found(body.method, body.passed, body.value, body.unit, body.property))

    return await _act(request, caller, alarm, Act.VERIFY, body, idempotency_key, do, words=body.note)


class CauseItem(BaseModel):
    """A cause to choose from."""

    cause_code: str = Field(examples=["gas_joint_leak"])
    name: str
    name_zh: str
    systems: list[SystemName] = Field(description="For whose alarms it can stand")


class CauseFilters(Parameters):
    """Which causes."""

    system: SystemName | None = None


@router.get("/cause-codes", response_model=list[CauseItem], summary="Causes that a resolution can name")
async def list_causes(_caller: Reader, filters: Annotated[CauseFilters, Query()]) -> list[dict[str, Any]]:
    """List the causes, of all systems or of one."""
    return [_cause(one) for one in CAUSE_CODES.values() if filters.system is None or filters.system in one.systems]


def _cause(one: CauseCode) -> dict[str, Any]:
    return {
        "cause_code": one.cause_code,
        "name": one.name,
        "name_zh": one.name_zh,
        "systems": list(one.systems),
    }


async def _act(
    request: Request,
    caller: Principal,
    alarm: str,
    asked: Act,
    body: ActionBody,
    key: str | None,
    do: Callable[[Doing], Awaitable[list[Transition]]],
    words: str | None = None,
) -> Response:
    """Take a step; `words` are its own ones, in place of the comment. Raises Problem 404, 409 and 422."""
    if words is not None and body.comment is not None:
        raise invalid("comment", "the action has words of its own", "put all of it there and leave comment out")
    at = body.acted_at if isinstance(body, StepBody) else None

    async def take(connection: Connection, found: Alarm, place: Place) -> list[Transition]:
        now = context_of(request).clock()
        acted_at = None if at is None else to_milliseconds(at)
        try:
            return await do(Doing(connection, found, place, caller, now, words or body.comment, acted_at))
        except InvalidField as error:
            raise invalid(error.field, str(error), error.remedy) from None

    return await act(
        request, caller, alarm, asked.value, body, key, take, competing=COMPETING[asked],
        minds_escalation=asked not in SAFE_THOUGH_RISEN,
    )  # fmt: skip
