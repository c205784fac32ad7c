"""Deadlines: within what time an alarm is acknowledged, assigned, accepted, reached, resolved and verified, and who is
told where it is not."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from model.handling import Awaited
from model.instant import MINUTE_MS
from model.position import SystemName
from model.severity import LABELS

Duty = Literal["dispatcher", "crew", "supervisor", "district_head"]
DUTIES: tuple[Duty, ...] = get_args(Duty)
ASSIGNEE = "assignee"
LEAST_MS = 30_000  # the shortest deadline: the evaluator looks at those of new alarms no later than this
STEPS_MAX = 5  # of one missed deadline

SeverityName = Literal["blue", "yellow", "orange", "red", "none"]
Minutes = Annotated[float, Field(ge=LEAST_MS / MINUTE_MS, le=43_200, allow_inf_nan=False)]
Delay = Annotated[float, Field(ge=0, le=43_200, allow_inf_nan=False)]
NOT_IN_TIME: dict[Awaited, str] = {
    Awaited.ACKNOWLEDGE: "not_acknowledged",
    Awaited.ASSIGN: "not_assigned",
    Awaited.ACCEPT: "not_accepted",
    Awaited.ARRIVE: "not_arrived",
    Awaited.RESOLVE: "not_resolved",
    Awaited.VERIFY: "not_verified",
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EscalationStep(_Part):
    """Whom to tell how many minutes after a missed deadline: `assignee`, a duty, a team or a person of the file."""

    after_min: Delay = 0.0
    to: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(min_length=1, max_length=10)


class Deadlines(_Part):
    """What is expected within how many minutes, for alarms of these severities; left out: no deadline.

    `none` stands for instrument and system alarms. To be acknowledged and assigned counts from the annunciation on,
    each further step from the one before it.
    """

    severities: list[SeverityName] = Field(min_length=1)
    systems: list[SystemName] | None = Field(None, min_length=1)
    acknowledge_min: Minutes | None = None
    assign_min: Minutes | None = None
    accept_min: Minutes | None = None
    arrive_min: Minutes | None = None
    resolve_min: Minutes | None = None
    verify_min: Minutes | None = None
    steps: list[EscalationStep] = Field(min_length=1, max_length=STEPS_MAX)

    @model_validator(mode="after")
    def _steps_follow_one_another(self) -> Self:
        delays = [step.after_min for step in self.steps]
        for place, (before, after) in enumerate(pairwise(delays), 1):
            if after <= before:
                raise ValueError(f"steps.{place}.after_min: {after:g} is not after the step before; give more")
        return self

    @property
    def allowed_ms(self) -> Mapping[Awaited, int]:
        """Within how many milliseconds each thing is expected."""
        minutes = {awaited: getattr(self, f"{awaited}_min") for awaited in Awaited}
        return {awaited: round(value * MINUTE_MS) for awaited, value in minutes.items() if value is not None}


def deadlines_for(all_of: Sequence[Deadlines], system: str, severity: int) -> Deadlines | None:
    """Return the first that are for a system and severity (an integer of model.severity), None where none are."""
    word = LABELS[severity - 1] if severity else "none"
    return next(
        (one for one in all_of if word in one.severities and (one.systems is None or system in one.systems)), None
    )


def names_in(all_of: Sequence[Deadlines]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the teams and persons that are told, each with its place in the list."""
    for number, one in enumerate(all_of):
        for place, step in enumerate(one.steps):
            for position, name in enumerate(step.to):
                if name != ASSIGNEE and name not in DUTIES:
                    yield (number, "steps", place, "to", position), name


def _proposal() -> tuple[Deadlines, ...]:
    first = EscalationStep(after_min=0, to=[ASSIGNEE, "dispatcher"])
    return (
        Deadlines(
            severities=["red"], acknowledge_min=2, assign_min=5, accept_min=5, arrive_min=30, resolve_min=240,
            verify_min=120, steps=[first, EscalationStep(after_min=5, to=["supervisor"]),
                                   EscalationStep(after_min=15, to=["district_head"])],
        ),
        Deadlines(
            severities=["orange"], acknowledge_min=5, assign_min=15, accept_min=15, arrive_min=60, resolve_min=480,
            verify_min=480, steps=[first, EscalationStep(after_min=15, to=["supervisor"]),
                                   EscalationStep(after_min=60, to=["district_head"])],
        ),
        Deadlines(
            severities=["yellow"], acknowledge_min=15, accept_min=60, arrive_min=240, resolve_min=1_440,
            verify_min=1_440, steps=[first, EscalationStep(after_min=120, to=["supervisor"])],
        ),
        Deadlines(
            severities=["blue", "none"], accept_min=240, resolve_min=4_320, verify_min=4_320, steps=[first],
        ),
    )  # fmt: skip


PROPOSED = _proposal()
"""What holds for a city whose file says nothing of it: this project's own proposal (P), to be confirmed by the city."""
