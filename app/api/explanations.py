"""Why a rule fired or did not, at any sensor and time, and why an alarm was raised."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from alerts.explaining.concern import NotBound
from app.access import Principal, Reader
from app.api.context import ApiContext, context_of
from app.api.explanation_items import ExplanationItem, explanation_item
from app.api.language import Language
from app.api.parameters import AlarmInPath, Parameters, Time, Word
from app.api.performance import language_of
from app.api.problems import Problem, invalid, not_found
from app.api.structs import encoded
from app.cases import CaseLimits, NoCase
from app.explanation import explained, read_facts
from model.alarm import JournalLine
from model.instant import format_instant, parse_instant, to_milliseconds
from store.alarms import alarm_lines

router = APIRouter(tags=["explanations"])


class Question(Parameters):
    """What is asked."""

    sensor: Word = Field(description="Or gateway", examples=["DRAIN-0007"])
    rule: Word = Field(examples=["road-water-depth"])
    time: Time | None = Field(default=None, description="By the log's clock; the newest where it is left out")
    language: Language | None = Field(default=None, description="Of the words; else as Accept-Language prefers")


class AlarmQuestion(Parameters):
    """Of when, if not of when the alarm was raised."""

    time: Time | None = Field(default=None, description="By the log's clock")
    language: Language | None = Field(default=None, description="Of the words; else as Accept-Language prefers")


class Places:
    """The places in which explanations are made; how many are taken is `in_use`."""

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)
        self.in_use = 0

    @asynccontextmanager
    async def taken(self, wait_s_max: float) -> AsyncIterator[None]:
        """Take one. Raises Problem where none is free in time."""
        try:
            async with asyncio.timeout(wait_s_max):
                await self._free.acquire()
        except TimeoutError:
            raise Problem(
                503, "busy", "other explanations are being made", remedy="try again in a few seconds",
                headers={"Retry-After": "2"},
            ) from None  # fmt: skip
        self.in_use += 1
        try:
            yield
        finally:
            self.in_use -= 1
            self._free.release()


@router.get("/explanation", response_model=ExplanationItem, summary="Why a rule fired or did not")
async def get_explanation(request: Request, caller: Reader, question: Annotated[Question, Query()]) -> Response:
    """Tell what was known at a time, what was made of it, which limits were in force, and what decided.

    The engine itself evaluates the readings concerned once more: as they were known then, and as they are known now.
    """
    return await _explain(request, caller, question.rule, question.sensor, question.time, question.language)


@router.get("/alarms/{alarm}/explanation", response_model=ExplanationItem, summary="Why an alarm was raised")
async def get_alarm_explanation(
    request: Request, caller: Reader, alarm: AlarmInPath, question: Annotated[AlarmQuestion, Query()]
) -> Response:
    """Tell the same of an alarm's rule and sensor when the alarm was raised, or at another time.

    A retroactive alarm was raised by what came later: it is told of for the time that its readings are of.
    """
    async with context_of(request).reading() as connection:
        lines = await alarm_lines(connection, alarm, caller.areas, 1)
    if not lines:
        raise not_found("alarm", alarm)
    first = msgspec.json.decode(lines[0], type=JournalLine)
    raised = parse_instant(first.time if first.retroactive else first.known_at)
    time = question.time or raised
    return await _explain(request, caller, first.rule, first.sensor, time, question.language)


async def _explain(
    request: Request, caller: Principal, rule: str, sensor: str, asked: datetime | int | None, language: Language | None
) -> Response:
    context = context_of(request)
    now = context.clock()
    time = now if asked is None else asked if isinstance(asked, int) else to_milliseconds(asked)
    if time > now:
        raise invalid("time", "lies in the future", "ask for a time that has passed")
    places: Places = request.app.state.explanations
    async with places.taken(context.limits.connection_wait_s_max):
        try:
            async with context.reading() as connection:
                facts = await read_facts(connection, rule, sensor, time, now, caller.areas, _limits(context))
        except NoCase as error:
            since = "" if error.since is None else f"; it is known since {format_instant(error.since)}"
            raise invalid("time", f"{error}{since}", "ask for a later time") from None
        except NotBound as error:
            raise invalid(
                "rule", str(error), "see the rules in force at a sensor under /api/v1/sensors/SENSOR/rules"
            ) from None
        if facts is None:
            raise not_found("sensor", sensor)
        explanation = await explained(facts)
    spoken = language_of(request, language)
    answer = encoded(explanation_item(explanation, facts, spoken))
    answer.headers["Content-Language"] = spoken
    return answer


def _limits(context: ApiContext) -> CaseLimits:
    limits, evaluator = context.limits, context.evaluator
    return CaseLimits(
        readings_max=limits.explanation_readings_max,
        periods_max=limits.explanation_periods_max,
        gap_batches_max=limits.explanation_gap_batches_max,
        settle_ms=round(evaluator.settle_s * 1000),
        clock_gap_ms_max=evaluator.clock_gap_ms_max,
    )
