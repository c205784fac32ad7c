"""Rules put into force: checked, tried over the last day, requested by one person and approved by another."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec
from pydantic import ValidationError

from alerts.rule_file import Files, RuleFileError, check_looks, lost_looks
from alerts.rule_tests import READINGS_MAX as TEST_READINGS_MAX
from alerts.rule_tests import RuleTests, run_tests
from alerts.rules import Pack
from alerts.temporary_limits import design_of
from app.actions import ActionRefused
from app.own_process import in_own_process
from app.rule_trial import in_place, try_over_history
from app.trial_document import trial_document
from model.instant import DAY_MS, HOUR_MS
from model.temporary_limit import TemporaryLimit
from model.yaml_file import parse_model
from store.approvals import ApprovalRow, request_approval
from store.log_span import SpanTooLarge
from store.pool import Connection, Pool
from store.rule_packs import RuleTaken, StoredPack, lock_rules, packs_in_force, replace_packs
from store.temporary_limits import end_redesigned_limits, limits_in_force

RULES = "rules"
"""The kind of request for a second person."""

REQUEST_MS_MAX = 3 * DAY_MS  # a request is void after so long
TRIAL_SPANS_MS = (DAY_MS, 6 * HOUR_MS, HOUR_MS)  # unless one is named: the first whose readings are few enough
TRIAL_READINGS_MAX = 2_000_000  # 60 MB in a temporary file, and some seconds on one core
TRIAL_S_MAX = 60.0
TOLD_MAX = 20  # alarms in each list of a trial that is kept

_one_trial = asyncio.Lock()  # never waited for


class PackTestsFailed(Exception):
    """Tests that came with a pack and did not pass: the pack, and what failed with its difference."""

    def __init__(self, pack: str, failures: list[str]) -> None:
        super().__init__("; ".join(failures))
        self.pack = pack


class Checked(NamedTuple):
    """Packs that may come into force, each in the place of one of a version (None: there is none of its name).

    `warnings` tell what rules that stay would no longer see, `ends` are the temporary limits of rules that change.
    """

    files: Files
    packs: list[Pack]
    replaces: dict[str, str | None]
    warnings: list[str]
    ends: list[int]


class InForce(NamedTuple):
    """What has come into force: the packs that changed, and the temporary limits that ended with it."""

    changed: list[str]
    ended: list[int]


class RequestedPack(msgspec.Struct):
    """A pack that waits for a second person: as it was written, and as it is kept."""

    pack: str
    version: str
    replaces: str | None
    changes: dict[str, list[str]]
    text: str
    content: str


class RulesRequest(msgspec.Struct):
    """What is kept of a request to put packs into force."""

    reason: str
    packs: list[RequestedPack]
    warnings: list[str]
    ends_temporary_limits: list[int]
    tests_passed: int
    trial: dict[str, Any]


async def check_activation(connection: Connection, files: Files, packs: list[Pack]) -> Checked:
    """Hold packs, read from files of the same places, against those in force. Raises RuleFileError and RuleTaken."""
    stored = await packs_in_force(connection)
    present = [Pack.model_validate_json(pack.content) for pack in stored]
    following = in_place(present, packs)
    check_looks(files, packs, present)
    versions = {pack.pack: pack.version for pack in stored}
    return Checked(
        files,
        packs,
        {pack.pack: versions.get(pack.pack) for pack in packs},
        lost_looks(packs, present),
        _ended(await limits_in_force(connection), following),
    )


async def put_in_force(
    connection: Connection,
    packs: Sequence[Pack],
    *,
    by: str,
    now: int,
    approved_by: str | None = None,
    trial: dict[str, Any] | None = None,
) -> InForce:
    """Put packs into force at `now` (epoch milliseconds), in the caller's transaction. Raises RuleTaken.

    Temporary limits end where the rule that they were made for has other limits from now on. `trial` (trial_shown) is
    kept with the versions.
    """
    await lock_rules(connection)
    present = [Pack.model_validate_json(pack.content) for pack in await packs_in_force(connection)]
    designs = {rule.rule: design_of(rule) for pack in in_place(present, packs) for rule in pack.rules}
    # The limits before the packs: whoever ends limits elsewhere raises the registry's version after them too.
    ended = await end_redesigned_limits(connection, designs, by=by, now=now, comment="the rule was changed")
    stored = [StoredPack(pack.pack, pack.version, pack.content) for pack in packs]
    return InForce(await replace_packs(connection, stored, by=by, approved_by=approved_by, trial=trial), ended)


def run_pack_tests(tests: Mapping[str, str], packs: Sequence[Pack], present: Sequence[Pack]) -> int:
    """Run files of tests, by the name of the pack that they belong to; return how many tests passed.

    The packs that a file names in `rules` are those given, else those in force. Raises RuleFileError, PackTestsFailed.
    """
    known = {pack.pack: pack for pack in (*present, *packs)}
    passed = readings = 0
    for name, text in tests.items():
        file = f"tests.{name}"
        read = parse_model(file, text, RuleTests, "the file is empty; it needs tests")
        needed = [PurePosixPath(path).stem for path in read.rules] or [name]
        for one in needed:
            if one not in known:
                raise RuleFileError([(file, 1, f"pack {one!r} is neither given nor in force; name one that is")])
        readings += sum(len(given.values) * given.times for test in read.tests for given in test.readings)
        if readings > TEST_READINGS_MAX:
            text = f"more than {TEST_READINGS_MAX} readings in all; run longer tests with `lifeline rules test`"
            raise RuleFileError([(file, 1, text)])
        failures = run_tests(read.tests, [known[one] for one in needed])
        if failures:
            raise PackTestsFailed(name, [": ".join((f.test, f.reason, *f.difference.splitlines())) for f in failures])
        passed += len(read.tests)
    return passed


async def trial_shown(
    pool: Pool, packs: Sequence[Pack], now: int, areas: Sequence[str], span: tuple[int, int] | None = None
) -> dict[str, Any]:
    """Return what packs would have changed up to `now` (epoch milliseconds), as app.trial_document has it.

    Over a span (its begin and end), or else over the last day, or less where that holds too many readings; `not_shown`
    says why there is no trial at all. Temporary limits are left out on both sides.
    """
    spans = [(now - long, now, long) for long in TRIAL_SPANS_MS] if span is None else [(*span, DAY_MS)]
    if _one_trial.locked():
        return {"not_shown": "another trial of rules was running"}
    async with _one_trial:
        try:
            async with asyncio.timeout(TRIAL_S_MAX):
                for start, end, warm_up_ms in spans:
                    try:
                        trial = await try_over_history(
                            pool, packs, start, end, warm_up_ms=warm_up_ms, readings_max=TRIAL_READINGS_MAX,
                            areas=areas, run=in_own_process,
                        )  # fmt: skip
                        return trial_document(trial, TOLD_MAX)
                    except SpanTooLarge as error:
                        too_large = str(error)
        except TimeoutError:
            return {"not_shown": f"the trial took longer than {TRIAL_S_MAX:g} s"}
    return {"not_shown": too_large}


async def request_rules(
    connection: Connection,
    checked: Checked,
    *,
    reason: str,
    trial: dict[str, Any],
    tests_passed: int,
    by: str,
    now: int,
) -> tuple[ApprovalRow, RulesRequest]:
    """Keep a request to put packs into force, made at `now` (epoch milliseconds)."""
    present = {pack.pack: Pack.model_validate_json(pack.content) for pack in await packs_in_force(connection)}
    packs = [
        RequestedPack(
            pack.pack, pack.version, checked.replaces[pack.pack], _changes(present.get(pack.pack), pack), text,
            pack.content,
        )
        for (_, text), pack in zip(checked.files, checked.packs, strict=True)
    ]  # fmt: skip
    asked = RulesRequest(reason, packs, checked.warnings, checked.ends, tests_passed, trial)
    row = await request_approval(
        connection, kind=RULES, city=None, subject=", ".join(pack.pack for pack in packs),
        request=msgspec.to_builtins(asked), by=by, now=now, expires=now + REQUEST_MS_MAX,
    )  # fmt: skip
    return row, asked


async def activate_rules(connection: Connection, found: ApprovalRow, approver: str, now: int) -> dict[str, Any]:
    """Put the packs of an approved request into force, checked again. Raises ActionRefused."""
    asked = msgspec.convert(found.request, RulesRequest)
    await lock_rules(connection)
    try:
        packs = [Pack.model_validate_json(pack.content) for pack in asked.packs]
        files = [(pack.pack, pack.text) for pack in asked.packs]
        checked = await check_activation(connection, files, packs)
    except (ValidationError, RuleFileError, RuleTaken) as error:
        raise ActionRefused(f"the packs can no longer come into force: {error}", "correct them, ask anew") from None
    for pack in asked.packs:
        if checked.replaces[pack.pack] != pack.replaces:
            raise ActionRefused(
                f"pack {pack.pack} in force is another than the one that was compared at the request",
                "reject the request, look at what is in force now, and ask anew",
            )
    done = await put_in_force(
        connection, packs, by=found.requested_by, now=now, approved_by=approver, trial=asked.trial
    )
    return {"packs": done.changed, "temporary_limits_ended": done.ended}


def _ended(limits: Sequence[TemporaryLimit], following: Sequence[Pack]) -> list[int]:
    designs = {rule.rule: design_of(rule) for pack in following for rule in pack.rules}
    return [limit.number for limit in limits if designs.get(limit.rule) != limit.design]


def _changes(present: Pack | None, given: Pack) -> dict[str, list[str]]:
    """Return the rules that are added, removed and changed."""
    before = {} if present is None else {rule.rule: rule.version for rule in present.rules}
    after = {rule.rule: rule.version for rule in given.rules}
    return {
        "added": [rule for rule in after if rule not in before],
        "removed": [rule for rule in before if rule not in after],
        "changed": [rule for rule in after if rule in before and before[rule] != after[rule]],
    }
