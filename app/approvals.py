"""What needs a second person: who may decide, and what happens when it is approved."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from alerts.recording import record
from app.access import DESK, Principal
from app.actions import ActionRefused
from app.roles import Role
from app.rule_activation import RULES, activate_rules
from app.suppressions import Wanted, suppress_alarm
from app.temporary_limits import TEMPORARY_LIMIT, apply_temporary_limit
from model.alarm import State, encode_line
from model.instant import format_instant, to_milliseconds
from model.severity import LABELS
from store.approvals import ApprovalRow, decide_approval, lock_approval
from store.journal import load_alarms, lock_journal
from store.pool import Connection

SHELVE = "shelve"

Execute = Callable[[Connection, ApprovalRow, str, int], Awaitable[dict[str, Any]]]
"""Does what was approved, in the approving transaction: (connection, request, approver, epoch milliseconds)."""


class Kind(NamedTuple):
    """A kind of request: who may decide on it, and what is done then."""

    deciders: frozenset[Role]
    execute: Execute


class ApprovalUnknown(Exception):
    """There is no such request within the caller's areas."""


class ApprovalRefused(Exception):
    """The request cannot be decided so; the text says why, `remedy` what to do."""

    def __init__(self, detail: str, remedy: str, *, forbidden: bool = False) -> None:
        super().__init__(detail)
        self.remedy = remedy
        self.forbidden = forbidden


class Decided(NamedTuple):
    """A request after the decision, and what was done."""

    approval: ApprovalRow
    result: dict[str, Any] | None


async def decide(
    connection: Connection, approval: int, actor: Principal, now: int, *, state: str, comment: str | None
) -> Decided:
    """Decide on a request at `now` (epoch milliseconds): `approved`, `rejected`, or `withdrawn` by who requested it.

    Raises ApprovalUnknown, ApprovalRefused and whatever the request's kind refuses; then nothing has changed.
    """
    async with connection.transaction():
        await lock_journal(connection)  # before the request's row, as everything that changes alarms does
        found = await lock_approval(connection, approval, actor.areas)
        if found is None:
            raise ApprovalUnknown
        kind = KINDS[found.kind]
        _check(found, kind, actor, state, now)
        decided = await decide_approval(connection, approval, state=state, by=actor.label, now=now, comment=comment)
        done = await kind.execute(connection, found, actor.label, now) if state == "approved" else None
        return Decided(decided, done)


def _check(found: ApprovalRow, kind: Kind, actor: Principal, state: str, now: int) -> None:
    # The evaluator voids requests; where it stands still, an old one is not approved for that.
    if found.state == "expired" or (found.state == "requested" and to_milliseconds(found.expires_at) <= now):
        since = format_instant(to_milliseconds(found.expires_at))
        raise ApprovalRefused(f"the request is void since {since}", "ask anew, if it is still wanted")
    if found.state != "requested":
        assert found.decided_at is not None
        since = format_instant(to_milliseconds(found.decided_at))
        by = found.decided_by
        raise ApprovalRefused(f"the request is {found.state} by {by} since {since}", "nothing needs to be done")
    own = actor.label == found.requested_by
    if state == "withdrawn":
        if not own:
            raise ApprovalRefused(
                f"{found.requested_by} made the request", "reject it instead of withdrawing it", forbidden=True
            )
        return
    if actor.role not in kind.deciders:
        raise ApprovalRefused(
            f"role {actor.role} may not decide on this",
            f"ask somebody with one of the roles {', '.join(sorted(kind.deciders))}",
            forbidden=True,
        )
    if own:
        raise ApprovalRefused(
            "who made a request cannot approve or reject it",
            "ask another person, or withdraw it",
            forbidden=True,
        )


class ShelfRequest(msgspec.Struct):
    """What is kept of a request to shelve an alarm of orange or red; times are epoch milliseconds."""

    rule: str | None
    severity_max: int
    duration_ms: int
    reason: str


async def _shelve(connection: Connection, found: ApprovalRow, approver: str, now: int) -> dict[str, Any]:
    asked = msgspec.convert(found.request, ShelfRequest)
    alarm, place = (await load_alarms(connection, [found.subject]))[found.subject]
    if alarm.severity > asked.severity_max:
        raise ActionRefused(
            f"the alarm has risen to {LABELS[alarm.severity - 1]} since the request",
            "look at it as it stands now, then ask anew",
        )
    wanted = Wanted(State.SHELVED, SHELVE, asked.rule, asked.severity_max, now, now + asked.duration_ms, asked.reason)
    done = await suppress_alarm(connection, alarm, place, wanted, found.requested_by, now, approver)
    await record(connection, done)
    return {"line": msgspec.Raw(encode_line(done[0].line).encode())}


_RULE_DECIDERS = frozenset({Role.ENGINEER, Role.SUPERVISOR})
KINDS: dict[str, Kind] = {
    SHELVE: Kind(DESK, _shelve),
    RULES: Kind(_RULE_DECIDERS, activate_rules),
    TEMPORARY_LIMIT: Kind(_RULE_DECIDERS, apply_temporary_limit),
}
