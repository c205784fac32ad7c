"""Rules put into force by two persons: asked for here, approved under /approvals."""

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from alerts.rule_file import RuleFileError, parse_packs
from alerts.rules import Pack
from app.access import Principal, allowed
from app.api.approvals import requested
from app.api.bodies import Reason
from app.api.context import context_of
from app.api.examples import EXAMPLE_PACK
from app.api.lines import TimeText
from app.api.parameters import EXAMPLE_TIME, FileText, Time, Word
from app.api.problems import Problem, invalid
from app.api.rule_backtest import span_of
from app.roles import Role
from app.rule_activation import PackTestsFailed, check_activation, request_rules, run_pack_tests, trial_shown
from store.rule_packs import RuleTaken, packs_in_force

router = APIRouter(prefix="/rules", tags=["rules"])

FILES_MAX = 10

Engineer = Annotated[Principal, Depends(allowed(frozenset({Role.ENGINEER})))]


class ActivationBody(BaseModel):
    """Rule files that are to come into force, each pack in the place of the one of its name."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    packs: list[FileText] = Field(
        min_length=1, max_length=FILES_MAX, description="Rule files, each as its text", examples=[[EXAMPLE_PACK]]
    )
    tests: dict[Word, FileText] = Field(
        default_factory=dict, max_length=FILES_MAX, examples=[{}],
        description="Files of tests as their texts, by the name of the pack they belong to; all have to pass",
    )  # fmt: skip
    reason: Reason
    start: Time | None = Field(
        default=None, alias="from", examples=[EXAMPLE_TIME],
        description="The rules are tried over what arrived from here to `to`, at most 31 days; left out: the last day",
    )  # fmt: skip
    end: Time | None = Field(default=None, alias="to", examples=["2026-11-23T08:00:00.000Z"])


class RequestedChange(BaseModel):
    """What waits for another person now, and what it would change."""

    model_config = ConfigDict(extra="allow")

    approval: int
    kind: str
    state: str
    subject: str = Field(description="The packs, or the rule")
    expires_at: TimeText = Field(description="The request is void from then on")
    detail: str
    trial: dict[str, Any] = Field(
        description="What it would have changed over the span asked for, or in the last day or hours, as"
        " /rules/backtest tells it; `not_shown` says why there is none"
    )


@router.post("/activations", response_model=RequestedChange, summary="Ask for rules to be activated")
async def ask_for_activation(request: Request, caller: Engineer, body: ActivationBody) -> dict[str, Any]:
    """Check rule files and their tests, try them over the history, and ask another person to approve them.

    Rules hold in every city, so that it takes a key for all of them. Nothing changes before the approval, where the
    files are checked again.
    """
    if not caller.sees_everything:
        raise Problem(
            403, "forbidden", "rules hold in every city, and this key is for some",
            remedy="use a key for all cities, or ask for a temporary limit at sensors of yours",
        )  # fmt: skip
    context = context_of(request)
    if (body.start is None) != (body.end is None):
        raise invalid("from", "`from` and `to` belong together", "give both, or neither for the last day")
    span = None if body.start is None or body.end is None else span_of(body.start, body.end)
    files = [(f"packs.{place}", text) for place, text in enumerate(body.packs)]
    try:
        packs = await asyncio.to_thread(parse_packs, files)
        async with context.reading() as connection:
            checked = await check_activation(connection, files, packs)
            stored = await packs_in_force(connection)
        if all(checked.replaces[pack.pack] == pack.version for pack in packs):
            raise invalid("packs", "are in force already, unchanged", "nothing needs to be done")
        present = [Pack.model_validate_json(pack.content) for pack in stored]
        passed = await asyncio.to_thread(run_pack_tests, body.tests, packs, present)
    except RuleFileError as error:
        file, line, text = error.problems[0]
        problems = [f"{file}: line {line}: {text}" for file, line, text in error.problems[:20]]
        raise Problem(
            422, "invalid-request", f"{file}: line {line}: {text}", field=file,
            remedy="correct the file; `lifeline rules check` shows the same", errors=problems,
        ) from None  # fmt: skip
    except RuleTaken as error:
        raise invalid("packs", str(error), "give the rule another id") from None
    except PackTestsFailed as error:
        raise invalid(f"tests.{error.pack}", str(error), "correct rules or tests") from None
    now = context.clock()
    trial = await trial_shown(context.pool, packs, now, caller.areas, span)
    async with context.reading() as connection:
        row, asked = await request_rules(
            connection, checked, reason=body.reason, trial=trial, tests_passed=passed, by=caller.label, now=now
        )
    shown: dict[str, Any] = msgspec.to_builtins(asked)
    for pack in shown["packs"]:
        del pack["text"], pack["content"]
    return requested(row) | shown
