"""What people do to warnings: draft, approve, reject, update, cancel; each one transaction, safe to send twice."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.access import Principal, check_whole_city
from app.actions import KeyReused
from app.measured import GASES
from app.roles import Role
from app.warnings.drafting import cancellation, content_of, load_subject, updated_request
from app.warnings.sending import CapSettings, reference_of, send_message
from app.warnings.subject import Asked, Subject
from model.audit import Action
from model.cap import MessageType, Scope
from model.instant import to_datetime
from model.warning import (
    Content,
    Pending,
    Warned,
    WarningAct,
    WarningRefused,
    approved,
    check_act,
    drafted,
    ended,
    rejected,
    state_at,
    withdrawn,
)
from store.audit import record
from store.pool import Connection
from store.warnings import (
    StepRow,
    find_step,
    find_warning,
    insert_step,
    insert_warning,
    lock_drafting,
    next_warning,
    standing_warning,
    update_warning,
)

_AUDITED = {
    WarningAct.APPROVE: Action.WARNING_APPROVED,
    WarningAct.REJECT: Action.WARNING_REJECTED,
    WarningAct.CANCEL: Action.WARNING_CANCELLED,
}


class WarningUnknown(Exception):
    """There is no such warning within the actor's areas."""


class VersionMoved(Exception):
    """Somebody did something to the warning after what the actor saw."""

    def __init__(self, warned: Warned) -> None:
        super().__init__(f"{warned.changed_by} changed the warning; it is at version {warned.version}")
        self.warned = warned


class Act(NamedTuple):
    """A request to do something to a warning as it was at `version`, at `now` (epoch milliseconds)."""

    warning: str
    version: int
    idempotency_key: str
    comment: str | None
    actor: Principal
    now: int


class Draft(NamedTuple):
    """A request for a new warning, of an alarm or of an incident."""

    alarm: str | None
    incident: str | None
    scope: Scope
    asked: Asked
    idempotency_key: str
    comment: str | None
    actor: Principal
    now: int


class _Done(NamedTuple):
    after: Warned
    content: Content | None = None
    sent: MessageType | None = None


async def draft_warning(connection: Connection, draft: Draft) -> StepRow:
    """Draft a warning and return the step; the same request again returns it again.

    Raises SubjectUnknown (of app.warnings.drafting), InvalidField, KeyReused, WarningRefused, and Problem 403 for an
    actor who does not see the whole city, for which a warning speaks.
    """
    async with connection.transaction():
        await lock_drafting(connection)
        earlier = await find_step(connection, draft.idempotency_key)
        if earlier is not None:
            return _repeated(earlier, None, WarningAct.DRAFT, draft.actor)
        subject = await load_subject(connection, draft.alarm, draft.incident, draft.actor)
        check_whole_city(draft.actor, subject.city.city)
        alarm = subject.alarm
        _refuse_judged_false(subject)
        standing = await standing_warning(connection, alarm.alarm, draft.incident, draft.scope, draft.now)
        if standing is not None:
            raise WarningRefused(
                f"warning {standing} of this alarm or incident stands already", f"update or cancel warning {standing}"
            )
        content = await content_of(connection, subject, draft.asked, "Alert", draft.scope)
        day = to_datetime(draft.now).astimezone(ZoneInfo(subject.city.time_zone))
        warned = Warned(
            warning=await next_warning(connection, subject.city.city, f"{day:%Y%m%d}"),
            city=subject.city.city,
            system=subject.system,
            district=subject.district,
            mode=subject.city.mode,
            scope=draft.scope,
            alarm=alarm.alarm,
            incident=draft.incident,
            state=check_act(None, WarningAct.DRAFT),
            version=1,
            changed=draft.now,
            changed_by=draft.actor.label,
            pending=Pending(content=content, authors=(draft.actor.label,), since=draft.now),
        )
        await insert_warning(connection, warned)
        step = _step(warned, WarningAct.DRAFT, draft.comment, None)
        await insert_step(connection, step, content, draft.idempotency_key)
        return step


async def approve_warning(connection: Connection, act: Act, cap: CapSettings) -> StepRow:
    """Approve a draft, which sends its message. Raises as `_act` does."""

    async def do(warned: Warned) -> _Done:
        after, message_type, content = approved(warned, act.actor.label, act.now, reference_of(warned, act.now, cap))
        return _Done(after, content, message_type)

    return await _act(connection, act, WarningAct.APPROVE, do, cap)


async def reject_warning(connection: Connection, act: Act, cap: CapSettings) -> StepRow:
    """Reject a draft. Raises as `_act` does."""

    async def do(warned: Warned) -> _Done:
        return _Done(rejected(warned, act.actor.label, act.now))

    return await _act(connection, act, WarningAct.REJECT, do, cap)


async def redraft_warning(connection: Connection, act: Act, given: Mapping[str, Any], cap: CapSettings) -> StepRow:
    """Draft an update, or write a draft anew: from the alarm as it stands, with what is `given` in place of the old."""

    async def do(warned: Warned) -> _Done:
        check_act(state_at(warned, act.now), WarningAct.UPDATE)
        subject = await load_subject(connection, warned.alarm, warned.incident, act.actor)
        before = warned.pending.content if warned.pending is not None else warned.content
        assert before is not None  # the states that can be updated have one
        asked = updated_request(subject, before, given)
        message_type: MessageType = "Update" if warned.issued else "Alert"
        content = await content_of(connection, subject, asked, message_type, warned.scope)
        return _Done(drafted(warned, WarningAct.UPDATE, content, act.actor.label, act.now), content)

    return await _act(connection, act, WarningAct.UPDATE, do, cap)


async def cancel_warning(connection: Connection, act: Act, given: Mapping[str, Any], cap: CapSettings) -> StepRow:
    """Withdraw a draft, draft a cancellation, or, where one person may (see `_may_end`), send it at once."""

    async def do(warned: Warned) -> _Done:
        if warned.content is None:
            return _Done(withdrawn(warned, act.actor.label, act.now))
        subject = await load_subject(connection, warned.alarm, warned.incident, act.actor)
        content = await cancellation(connection, subject, warned.content, given, warned.scope)
        if _may_end(subject, act.actor):
            reference = reference_of(warned, act.now, cap)
            return _Done(ended(warned, act.actor.label, act.now, content, reference), content, "Cancel")
        return _Done(drafted(warned, WarningAct.CANCEL, content, act.actor.label, act.now), content)

    return await _act(connection, act, WarningAct.CANCEL, do, cap)


def _may_end(subject: Subject, actor: Principal) -> bool:
    """Whether one person may speak the all-clear: the measurement itself is the second witness.

    It is none for gas, where a person measures, for an incident, which is more than one sensor, or in doubt.
    """
    gas = subject.system == "gas" or (subject.sensor is not None and subject.sensor.property in GASES)
    return (
        actor.role == Role.SUPERVISOR
        and subject.returned
        and not subject.doubtful
        and not gas
        and subject.incident is None
    )


async def _act(
    connection: Connection,
    asked: Act,
    act: WarningAct,
    do: Callable[[Warned], Awaitable[_Done]],
    cap: CapSettings,
) -> StepRow:
    """Do it in one transaction and return the step; the same request again returns it again.

    Raises WarningUnknown, KeyReused, VersionMoved and WarningRefused; then nothing has changed.
    """
    async with connection.transaction():
        warned = await find_warning(connection, asked.warning, asked.actor.areas, lock=True)
        if warned is None:
            raise WarningUnknown
        earlier = await find_step(connection, asked.idempotency_key)
        if earlier is not None:
            return _repeated(earlier, asked.warning, act, asked.actor)
        if asked.version != warned.version:
            raise VersionMoved(warned)
        done = await do(warned)
        identifier = None
        if done.sent is not None:
            assert done.content is not None
            identifier = await send_message(connection, warned, done.after, done.content, done.sent, cap.public_url)
        await update_warning(connection, done.after)
        step = _step(done.after, act, asked.comment, identifier)
        await insert_step(connection, step, done.content, asked.idempotency_key)
        if act in _AUDITED:
            await record(
                connection, actor=asked.actor.label, action=_AUDITED[act], subject=asked.warning, city=warned.city,
                details={"version": step.version, "state": str(step.state), "comment": asked.comment},
            )  # fmt: skip
        return step


def _step(after: Warned, act: WarningAct, comment: str | None, identifier: str | None) -> StepRow:
    return StepRow(
        after.warning, after.version, to_datetime(after.changed), act, after.changed_by, after.state, comment,
        identifier,
    )  # fmt: skip


def _repeated(earlier: StepRow, warning: str | None, act: WarningAct, actor: Principal) -> StepRow:
    if warning not in (None, earlier.warning) or (earlier.act, earlier.actor) != (act, actor.label):
        raise KeyReused
    return earlier


def _refuse_judged_false(subject: Subject) -> None:
    judged = subject.alarm.judgement
    if judged is not None and judged.verdict != "true":
        raise WarningRefused(
            f"{judged.by} judged the alarm as {judged.verdict}", "judge it anew where that was wrong, then draft again"
        )
