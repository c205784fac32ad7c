"""What people do to alarms, each action a path of its own."""

from collections.abc import Collection
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts.lifecycle import acknowledge, note, reset
from app.access import Acknowledger, Principal
from app.actions import ActionRefused, AlarmUnknown, Asked, Do, KeyReused, perform
from app.api.bodies import Comment, KeyField, KeyHeader, Reason, one_key, reused
from app.api.context import context_of
from app.api.lines import Line, Severity, alarm_item
from app.api.parameters import AlarmInPath
from app.api.problems import Problem, not_found
from model.alarm import Alarm, Details
from model.handling import Judgement, Verdict
from model.severity import severity_of
from store.alarms import find_alarm
from store.journal import Place, Transition
from store.pool import Connection

router = APIRouter(prefix="/alarms", tags=["alarm actions"])


class ActionBody(BaseModel):
    """An action on the alarm as it was at `seen_sequence`."""

    model_config = ConfigDict(extra="forbid")

    seen_sequence: int = Field(ge=1, le=2**31 - 1, strict=True, description="`sequence` of the alarm as it was seen")
    comment: Comment | None = None
    idempotency_key: KeyField = None


class AcknowledgeBody(ActionBody):
    """An acknowledgement of the alarm as it was at `seen_sequence`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seen_sequence": 1, "comment": "crew 3 is on its way"}]},
    )


class CommentBody(ActionBody):
    """Words that stay with the alarm."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seen_sequence": 2, "comment": "the caller rang again"}]}
    )

    comment: Reason


class JudgeBody(ActionBody):
    """Whether the alarm told of something real, and the level that is proposed for a warning."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seen_sequence": 2, "verdict": "true", "proposed_severity": "orange"}]}
    )

    verdict: Verdict
    proposed_severity: Severity | None = None


@router.post("/{alarm}/acknowledge", response_model=Line, summary="Acknowledge an alarm")
async def acknowledge_alarm(
    request: Request, caller: Acknowledger, alarm: AlarmInPath, body: AcknowledgeBody, idempotency_key: KeyHeader = None
) -> Response:
    """Acknowledge an alarm and return the journal line.

    The same request again, even hours later, returns the same line and changes nothing. An escalation that came after
    `seen_sequence` is never acknowledged: 409 with the alarm as it stands.
    """

    async def do(_connection: Connection, found: Alarm, place: Place) -> list[Transition]:
        done = acknowledge(found, actor=caller.label, time=context_of(request).clock(), comment=body.comment)
        return [Transition(*done, place)]

    return await act(request, caller, alarm, "acknowledge", body, idempotency_key, do)


@router.post("/{alarm}/reset", response_model=Line, summary="Reset a latched alarm")
async def reset_alarm(
    request: Request, caller: Acknowledger, alarm: AlarmInPath, body: ActionBody, idempotency_key: KeyHeader = None
) -> Response:
    """Reset an alarm whose rule latches and whose condition has returned."""

    async def do(_connection: Connection, found: Alarm, place: Place) -> list[Transition]:
        done = reset(found, actor=caller.label, time=context_of(request).clock(), comment=body.comment)
        return [Transition(*done, place)]

    return await act(request, caller, alarm, "reset", body, idempotency_key, do)


@router.post("/{alarm}/comment", response_model=Line, summary="Comment on an alarm")
async def comment_on_alarm(
    request: Request, caller: Acknowledger, alarm: AlarmInPath, body: CommentBody, idempotency_key: KeyHeader = None
) -> Response:
    """Add words to an alarm's journal; they change no state, and an alarm that has ended takes them too."""

    async def do(_connection: Connection, found: Alarm, place: Place) -> list[Transition]:
        time = context_of(request).clock()
        done = note(found, actor=caller.label, action="comment", time=time, reason="commented", comment=body.comment)
        return [Transition(*done, place)]

    return await act(request, caller, alarm, "comment", body, idempotency_key, do, minds_escalation=False)


@router.post("/{alarm}/judge", response_model=Line, summary="Judge an alarm")
async def judge_alarm(
    request: Request, caller: Acknowledger, alarm: AlarmInPath, body: JudgeBody, idempotency_key: KeyHeader = None
) -> Response:
    """Judge whether an alarm was true, false or a test; a later judgement replaces it, and both stay in the journal.

    What is judged false counts against the rule in `lifeline rules advise --from --to`.
    """

    async def do(_connection: Connection, found: Alarm, place: Place) -> list[Transition]:
        time = context_of(request).clock()
        proposed = severity_of(body.proposed_severity)
        judged = msgspec.structs.replace(
            found,
            judgement=Judgement(verdict=body.verdict, by=caller.label, time=time, proposed_severity=proposed),
        )
        details: Details = {"judgement": body.verdict}
        if body.proposed_severity is not None:
            details["proposed_severity"] = body.proposed_severity
        done = note(
            judged, actor=caller.label, action="judge", time=time, reason="judged", comment=body.comment,
            details=details,
        )  # fmt: skip
        return [Transition(*done, place)]

    return await act(request, caller, alarm, "judge", body, idempotency_key, do, competing={"judge"})


async def act(
    request: Request,
    caller: Principal,
    alarm: str,
    action: str,
    body: ActionBody,
    header_key: str | None,
    do: Do,
    *,
    competing: Collection[str] = (),
    minds_escalation: bool = True,
) -> Response:
    """Do something to an alarm and return the journal line, or what else `do` answers, with its status.

    `competing` are actions that rule this one out where they came after what the caller saw; so do escalations where
    it minds them. Raises Problem 404 and 409.
    """
    context = context_of(request)
    key = one_key(header_key, body.idempotency_key)
    asked = Asked(alarm, action, body.seen_sequence, key, frozenset(competing), minds_escalation)
    async with context.reading() as connection:
        try:
            answer = await perform(connection, asked, caller, context.clock(), do)
        except AlarmUnknown:
            raise not_found("alarm", alarm) from None
        except KeyReused as error:
            raise reused(error) from None
        except ActionRefused as refused:
            row = await find_alarm(connection, alarm, caller.areas)
            raise refusal(refused, None if row is None else alarm_item(row)) from None
    return Response(answer.text, status_code=answer.status, media_type="application/json")


def refusal(refused: ActionRefused, item: dict[str, Any] | None) -> Problem:
    """Return the problem for an action that the present state does not allow, with who acted last and when."""
    last = refused.last
    facts: dict[str, Any] = {"alarm": item, "acknowledged_by": None, "acknowledged_at": None}
    if last is not None and last.actor is not None:
        facts |= {"last_action": last.action, "last_actor": last.actor, "last_acted_at": last.time}
        if last.action in (None, "acknowledge"):
            facts |= {"acknowledged_by": last.actor, "acknowledged_at": last.time}
    return Problem(409, "conflict", str(refused), remedy=refused.remedy, **facts)
