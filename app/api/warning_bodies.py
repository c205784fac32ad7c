"""The forms of warnings in requests and answers."""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.api.bodies import Comment, KeyField, Reason, Visible
from app.api.lines import Mode, Severity, TimeText
from app.api.parameters import AlarmId, written
from app.warnings.subject import VALID_S, AreaAsked, Texts
from model.cap import HEADLINE_CHARACTERS_MAX, RING_POINTS_MAX, Certainty, MessageType, ResponseType, Scope, Urgency
from model.instant import format_instant
from model.warning import APPROVED_MESSAGES, Content, Warned, WarningAct, WarningState, state_at
from store.warnings import StepRow

VALID_S_MIN, VALID_S_MAX = 600, 604_800
Headline = Annotated[str, StringConstraints(max_length=HEADLINE_CHARACTERS_MAX), Visible]
LongText = Annotated[str, StringConstraints(max_length=4_000), Visible]
ShortText = Annotated[str, StringConstraints(max_length=500), Visible]
Restriction = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Visible]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OwnTexts(_Body):
    """A person's own words in one language; what is left out is written from the alarm."""

    headline: Headline = ""
    description: LongText = ""
    instruction: LongText = ""


class BothTexts(_Body):
    """Texts in Chinese and in English."""

    zh: OwnTexts = OwnTexts()
    en: OwnTexts = OwnTexts()


class AreaBody(_Body):
    """Where: a circle round the sensor, a ring, or round the sensors of the alarm's district or of the incident."""

    kind: Literal["circle", "polygon", "district", "incident"] = "circle"
    radius_m: float | None = Field(default=None, ge=10, le=100_000, allow_inf_nan=False, description="Or the margin")
    polygon: list[tuple[float, float]] = Field(
        default_factory=list, max_length=RING_POINTS_MAX, description="Longitude and latitude of each point"
    )
    description_zh: ShortText = ""
    description_en: ShortText = ""


class _Wishes(_Body):
    level: Severity | None = Field(default=None, description="Without it that of the alarm, in the city's levels")
    valid_s: int = Field(default=VALID_S, ge=VALID_S_MIN, le=VALID_S_MAX, description="Seconds from when it is sent")
    restriction: Restriction | None = Field(default=None, description="For whom a Restricted warning is")
    area: AreaBody | None = None
    texts: BothTexts | None = None
    urgency: Urgency | None = None
    certainty: Certainty | None = None
    response_types: list[ResponseType] | None = Field(default=None, min_length=1, max_length=9)

    def given(self) -> dict[str, Any]:
        """Return the fields that were sent, as app.warnings.subject.Asked has them."""
        found: dict[str, Any] = {}
        for name in self.model_fields_set & _Wishes.model_fields.keys():
            value = getattr(self, name)
            if name == "area":
                found[name] = AreaAsked() if value is None else AreaAsked(**_area(value))
            elif name == "texts":
                found[name] = None if value is None else {
                    language: Texts(**getattr(value, language).model_dump()) for language in ("zh", "en")
                }  # fmt: skip
            elif name == "response_types":
                found[name] = None if value is None else tuple(value)
            elif name != "restriction" or value is not None:
                found[name] = value
        return found


def _area(body: AreaBody) -> dict[str, Any]:
    return body.model_dump() | {"polygon": tuple(body.polygon)}


class DraftBody(_Wishes):
    """A new warning, of an alarm or of an incident."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"alarm": "combustible-gas.GAS-0007.20261122T080000000Z", "level": "red"}]}
    )

    alarm: AlarmId | None = None
    incident: AlarmId | None = None
    scope: Scope = "Restricted"
    comment: Comment | None = None
    idempotency_key: KeyField = None


class ActBody(_Body):
    """Which warning, as it was at `version`."""

    version: int = Field(ge=1, le=2**31 - 1, strict=True, description="`version` of the warning as it was seen")
    comment: Comment | None = None
    idempotency_key: KeyField = None


class DecideBody(ActBody):
    """An approval or rejection."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 1, "comment": "read and compared on site"}]})


class UpdateBody(_Wishes, ActBody):
    """What is to change; what is left out stays as it was asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2, "level": "orange"}]})


class CancelBody(ActBody):
    """The end of a warning, with the reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2, "comment": "measured 0 %LEL on site"}]})

    comment: Reason
    texts: BothTexts | None = None

    def given(self) -> dict[str, Any]:
        """Return the texts, where they were sent, as app.warnings.subject.Asked has them."""
        if self.texts is None:
            return {}
        texts = {language: Texts(**getattr(self.texts, language).model_dump()) for language in ("zh", "en")}
        return {"texts": texts}


class WarningStep(BaseModel):
    """Something that was done to a warning; `version` and `state` are those after it."""

    warning: str = Field(examples=["jiayuguan-20261122-1"])
    version: int
    acted_at: TimeText
    act: WarningAct
    actor: str
    state: WarningState
    comment: str | None
    identifier: str | None = Field(description="Of the CAP message that was sent", examples=["jiayuguan-20261122-1-1"])


class WarningContent(BaseModel):
    """What a message says; `infos` are CAP's, in Chinese and in English."""

    model_config = ConfigDict(extra="allow")

    status: str
    colour: Severity | None
    valid_s: int
    restriction: str
    infos: list[dict[str, Any]]


class PendingDraft(BaseModel):
    """What waits for another person, who had a hand in it, and which message its approval sends."""

    message_type: MessageType
    authors: list[str]
    since: TimeText
    content: WarningContent


class SentReference(BaseModel):
    """A message that was sent."""

    identifier: str
    sent_at: TimeText


class WarningItem(BaseModel):
    """A warning as it stands."""

    warning: str = Field(examples=["jiayuguan-20261122-1"])
    city: str
    system: str
    district: str
    mode: Mode
    scope: Scope
    alarm: str | None
    incident: str | None
    state: WarningState
    version: int
    changed_at: TimeText
    changed_by: str
    expires_at: TimeText | None
    content: WarningContent | None = Field(description="As it was issued last")
    pending: PendingDraft | None
    messages: list[SentReference]


def warning_item(warned: Warned, now: int) -> dict[str, Any]:
    """Return a warning at `now` (epoch milliseconds) in the form of WarningItem."""
    state = state_at(warned, now)
    pending = warned.pending
    return {
        "warning": warned.warning,
        "city": warned.city,
        "system": warned.system,
        "district": warned.district,
        "mode": warned.mode,
        "scope": warned.scope,
        "alarm": warned.alarm,
        "incident": warned.incident,
        "state": state,
        "version": warned.version,
        "changed_at": format_instant(warned.changed),
        "changed_by": warned.changed_by,
        "expires_at": None if warned.expires is None else format_instant(warned.expires),
        "content": None if warned.content is None else _content(warned.content),
        "pending": None if pending is None or warned.state not in APPROVED_MESSAGES else {
            "message_type": APPROVED_MESSAGES[warned.state],
            "authors": list(pending.authors),
            "since": format_instant(pending.since),
            "content": _content(pending.content),
        },
        "messages": [
            {"identifier": sent.identifier, "sent_at": format_instant(sent.sent)} for sent in warned.issued
        ],
    }  # fmt: skip


def _content(content: Content) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(content)
    for info in found["infos"]:
        onset = info.pop("onset")
        info["onset"] = None if onset is None else format_instant(onset)
        for name in ("effective", "expires", "web"):  # a message has them when it is sent
            info.pop(name)
    return found


def warning_step(step: StepRow) -> dict[str, Any]:
    """Return a step in the form of WarningStep."""
    return step._asdict() | {"acted_at": written(step.acted_at)}
