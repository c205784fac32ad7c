"""Rules tried over the city's own history, before they are put into force."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from alerts.rule_file import RuleFileError, parse_packs
from app.access import Principal, allowed
from app.api.context import context_of
from app.api.examples import EXAMPLE_PACK
from app.api.hang_up import while_connected
from app.api.parameters import EXAMPLE_TIME, FileText, Time
from app.api.problems import Problem, invalid
from app.own_process import in_own_process
from app.roles import Role
from app.rule_trial import try_over_history
from app.trial_document import trial_document
from model.instant import to_milliseconds
from store.log_span import SpanTooLarge
from store.rule_packs import RuleTaken

router = APIRouter(tags=["rules"])

SPAN_DAYS_MAX = 31
WARM_UP_S_MAX = 7 * 86_400
READINGS_MAX = 2_000_000  # 60 MB in a temporary file, and some seconds on one core
TOLD_MAX = 1_000  # alarms in each list of the answer
FILES_MAX = 10

Engineer = Annotated[Principal, Depends(allowed(frozenset({Role.ENGINEER})))]
_one_at_a_time = asyncio.Lock()  # never waited for: a second trial is refused


class TrialBody(BaseModel):
    """Rule files to try, and over which of the time in which readings arrived."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: Time = Field(alias="from", examples=[EXAMPLE_TIME])
    end: Time = Field(alias="to", examples=["2026-11-23T08:00:00.000Z"])
    rules: list[FileText] = Field(
        min_length=1, max_length=FILES_MAX, description="Rule files, each as its text", examples=[[EXAMPLE_PACK]]
    )
    warm_up_s: float = Field(default=86_400.0, ge=0, le=WARM_UP_S_MAX, description="Evaluated before `from` as well")


class TriedOccurrence(BaseModel):
    """An alarm as it would have been; `ended` is null while it stands."""

    alarm: str
    rule: str
    sensor: str
    raised: str = Field(examples=[EXAMPLE_TIME])
    ended: str | None
    peak_severity: str | None


class TriedPair(BaseModel):
    """An alarm before and after; `moved_s` is how much later it is raised."""

    before: TriedOccurrence
    after: TriedOccurrence
    moved_s: float | None = None


class PositionLoadSide(BaseModel):
    """What a position is shown, by periods of 10 minutes. The mean is null for a span that is shorter."""

    annunciated: int
    per_10_minutes_mean: float | None
    per_10_minutes_peak: int
    peak_at: str | None = Field(description="When the fullest 10 minutes begin", examples=[EXAMPLE_TIME])
    periods_above_10_share: float = Field(description="Of the periods, those with more than ten annunciations")


class PositionLoadItem(BaseModel):
    """An operator's position and its load, with the rules in force and with those tried."""

    position: str = Field(examples=["jiayuguan.default"])
    city: str
    name: str
    name_zh: str
    before: PositionLoadSide
    after: PositionLoadSide


class LostAlarm(TriedOccurrence):
    """A judged alarm that the rules tried would not annunciate."""

    in_force: bool = Field(description="The rules in force do; false where they miss it as well")
    instead: TriedOccurrence | None = Field(description="The first alarm of another rule at the sensor meanwhile")


class WeakerAlarm(TriedOccurrence):
    """An alarm judged true that would come later, or with a lower highest severity."""

    after: TriedOccurrence
    later_s: float = Field(description="Than with the rules in force; 0 where only its severity is lower")


class JudgedTrial(BaseModel):
    """What becomes of the alarms of the span that people judged true or false."""

    true: int = Field(description="How many were judged true")
    false: int
    counts: dict[str, int] = Field(
        description="`missed_true`, of these `missed_true_already` by the rules in force, `weaker_true`, `gone_false`"
    )
    missed_true: list[LostAlarm]
    weaker_true: list[WeakerAlarm]
    gone_false: list[LostAlarm]


class TrialAnswer(BaseModel):
    """What would be otherwise. Lists are cut off at a thousand; `counts` has the whole numbers."""

    start: str = Field(alias="from", examples=[EXAMPLE_TIME])
    end: str = Field(alias="to", examples=["2026-11-23T08:00:00.000Z"])
    readings: int
    readings_missing: int = Field(description="Deleted since; alarms they raised are in neither journal")
    counts: dict[str, int]
    added: list[TriedOccurrence]
    removed: list[TriedOccurrence]
    moved: list[TriedPair]
    changed_peak: list[TriedPair]
    changed_return: list[TriedPair]
    positions: list[PositionLoadItem] = Field(description="Those that are shown anything, the highest peak first")
    judged: JudgedTrial
    figures: dict[str, dict[str, Any]] = Field(description="`before` and `after`, in the manner of ISA-18.2")


@router.post("/rules/backtest", response_model=TrialAnswer, summary="Try rules over the history")
async def try_rules(request: Request, caller: Engineer, body: TrialBody) -> Any:
    """Evaluate packs in the place of those of their names, and the packs in force, over the same readings.

    Nothing is put into force. Only sensors within the caller's areas are evaluated, and the load is of their alarms.
    One trial runs at a time; it ends when the client hangs up.
    """
    start, end = span_of(body.start, body.end)
    try:
        named = [(f"rules.{place}", text) for place, text in enumerate(body.rules)]
        packs = await asyncio.to_thread(parse_packs, named)
    except RuleFileError as error:
        file, line, text = error.problems[0]
        raise invalid(file, f"line {line}: {text}", "correct the rule file; `lifeline rules check` shows all") from None
    if _one_at_a_time.locked():
        raise Problem(
            503, "busy", "another trial of rules is running", remedy="try again later", headers={"Retry-After": "10"}
        )
    async with _one_at_a_time:
        work = try_over_history(
            context_of(request).pool,
            packs,
            start,
            end,
            warm_up_ms=round(body.warm_up_s * 1000),
            readings_max=READINGS_MAX,
            areas=caller.areas,
            run=in_own_process,
        )
        try:
            return trial_document(await while_connected(request, work), TOLD_MAX)
        except SpanTooLarge as error:
            raise invalid("from", str(error), "take a shorter span or warm-up, or use `lifeline backtest`") from None
        except RuleTaken as error:
            raise invalid("rules", str(error), "give the rule another id") from None
        except ClientDisconnect:
            return Response(status_code=499)  # which nobody reads


def span_of(start: datetime, end: datetime) -> tuple[int, int]:
    """Return a trial's span as epoch milliseconds. Raises Problem where it is empty or too long."""
    first, behind = to_milliseconds(start), to_milliseconds(end)
    if behind <= first:
        raise invalid("to", "is not after `from`", "give the later time as `to`")
    if behind - first > SPAN_DAYS_MAX * 86_400_000:
        raise invalid("from", f"the span is longer than {SPAN_DAYS_MAX} days", "take a shorter span")
    return first, behind
