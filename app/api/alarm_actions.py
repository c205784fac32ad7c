"""What people do to alarms, each action a path of its own."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.access import Acknowledger
from app.actions import Acknowledgement, ActionRefused, AlarmUnknown, KeyReused, acknowledge_alarm
from app.api.context import context_of
from app.api.lines import Line, alarm_item
from app.api.parameters import AlarmId
from app.api.problems import Problem, invalid, not_found
from store.alarms import find_alarm

router = APIRouter(prefix="/alarms", tags=["alarms"])


def _no_controls(text: str) -> str:
    if any(not c.isprintable() and c not in "\n\t" for c in text):
        raise ValueError("control characters and marks that are not visible are not taken")
    return text


IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}\z")]
Comment = Annotated[str, StringConstraints(max_length=2_000), AfterValidator(_no_controls)]


class AcknowledgeBody(BaseModel):
    """An acknowledgement of the alarm as it was at `seen_sequence`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"seen_sequence": 1, "comment": "crew 3 is on its way"}]},
    )

    seen_sequence: int = Field(ge=1, le=2**31 - 1, strict=True, description="`sequence` of the alarm as it was seen")
    comment: Comment | None = None
    idempotency_key: IdempotencyKey | None = Field(default=None, description="Where no header can be sent")


@router.post("/{alarm}/acknowledge", response_model=Line, summary="Acknowledge an alarm")
async def acknowledge(
    request: Request,
    caller: Acknowledger,
    alarm: Annotated[AlarmId, Path(examples=["combustible-gas.GAS-0007.20261122T080000000Z"])],
    body: AcknowledgeBody,
    idempotency_key: Annotated[
        IdempotencyKey | None, Header(description="A text of your own, new for each act")
    ] = None,
) -> Response:
    """Acknowledge an alarm and return the journal line.

    The same request again, even hours later, returns the same line and changes nothing. An escalation that came after
    `seen_sequence` is never acknowledged: 409 with the alarm as it stands.
    """
    context = context_of(request)
    key = _one_key(idempotency_key, body.idempotency_key)
    asked = Acknowledgement(alarm, body.seen_sequence, key, body.comment)
    async with context.reading() as connection:
        try:
            line = await acknowledge_alarm(connection, asked, caller, context.clock())
        except AlarmUnknown:
            raise not_found("alarm", alarm) from None
        except KeyReused as error:
            raise Problem(
                409,
                "conflict",
                str(error),
                field="Idempotency-Key",
                remedy="send a new key with each new action, the same one only when you repeat it",
            ) from None
        except ActionRefused as refused:
            row = await find_alarm(connection, alarm, caller.areas)
            raise Problem(
                409,
                "conflict",
                str(refused),
                remedy=refused.remedy,
                alarm=None if row is None else alarm_item(row),
                acknowledged_by=refused.acknowledged_by,
                acknowledged_at=refused.acknowledged_at,
            ) from None
    return Response(line, media_type="application/json")


def _one_key(header: str | None, field: str | None) -> str:
    key = header or field
    if key is None:
        raise invalid(
            "Idempotency-Key",
            "is missing",
            "send a header `Idempotency-Key` (or the field idempotency_key) with a text of your own for this action",
        )
    if field is not None and field != key:
        raise invalid("idempotency_key", "differs from the header Idempotency-Key", "send one of the two")
    return key
