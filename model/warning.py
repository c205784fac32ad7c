"""Warnings to the public or to government (invariant I7): their life as one table, and a warning as it stands.

A warning is judged by one person and approved by another. It is no alarm: neither severity nor priority moves it.
"""

from enum import StrEnum

import msgspec

from model.cap import Info, MessageType, Reference, Scope, Status
from model.instant import DAY_MS

DRAFT_AGE_MS_MAX = DAY_MS
"""What nobody approved within a day is about a situation that has passed."""


class WarningState(StrEnum):
    """Where a warning stands. `rejected`, `withdrawn`, `cancelled` and `expired` are ends."""

    DRAFTED = "drafted"
    ISSUED = "issued"
    UPDATE_DRAFTED = "update_drafted"
    CANCEL_DRAFTED = "cancel_drafted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class WarningAct(StrEnum):
    """What is done to a warning. `end` is a cancellation that one person may speak out, `expire` the time's doing."""

    DRAFT = "draft"
    APPROVE = "approve"
    REJECT = "reject"
    UPDATE = "update"
    CANCEL = "cancel"
    END = "end"
    EXPIRE = "expire"


_S, _A = WarningState, WarningAct
TABLE: dict[tuple[WarningState | None, WarningAct], WarningState] = {
    (None, _A.DRAFT): _S.DRAFTED,
    (_S.DRAFTED, _A.UPDATE): _S.DRAFTED,
    (_S.DRAFTED, _A.APPROVE): _S.ISSUED,
    (_S.DRAFTED, _A.REJECT): _S.REJECTED,
    (_S.DRAFTED, _A.CANCEL): _S.WITHDRAWN,
    (_S.ISSUED, _A.UPDATE): _S.UPDATE_DRAFTED,
    (_S.ISSUED, _A.CANCEL): _S.CANCEL_DRAFTED,
    (_S.ISSUED, _A.END): _S.CANCELLED,
    (_S.ISSUED, _A.EXPIRE): _S.EXPIRED,
    (_S.UPDATE_DRAFTED, _A.UPDATE): _S.UPDATE_DRAFTED,
    (_S.UPDATE_DRAFTED, _A.APPROVE): _S.ISSUED,
    (_S.UPDATE_DRAFTED, _A.REJECT): _S.ISSUED,
    (_S.UPDATE_DRAFTED, _A.CANCEL): _S.CANCEL_DRAFTED,
    (_S.UPDATE_DRAFTED, _A.END): _S.CANCELLED,
    (_S.UPDATE_DRAFTED, _A.EXPIRE): _S.EXPIRED,
    (_S.CANCEL_DRAFTED, _A.APPROVE): _S.CANCELLED,
    (_S.CANCEL_DRAFTED, _A.REJECT): _S.ISSUED,
    (_S.CANCEL_DRAFTED, _A.END): _S.CANCELLED,
    (_S.CANCEL_DRAFTED, _A.EXPIRE): _S.EXPIRED,
}
"""All that may happen; what is not in it is refused."""

# What is sent where a draft of a state is approved; an `end` sends a Cancel.
APPROVED_MESSAGES: dict[WarningState, MessageType] = {
    _S.DRAFTED: "Alert",
    _S.UPDATE_DRAFTED: "Update",
    _S.CANCEL_DRAFTED: "Cancel",
}


class WarningRefused(Exception):
    """The warning's present state, or its rule of two persons, does not allow the act."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.remedy = remedy


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says, before it has a time: frozen when it is drafted, so that what was read is what is sent.

    `own_texts` tells that people wrote them. `area` and `asked` are the request's own words, for the next update.
    """

    status: Status
    colour: str | None
    valid_s: int
    restriction: str
    incidents: tuple[str, ...] = ()
    infos: tuple[Info, ...]
    own_texts: bool = False
    asked: dict[str, object] = {}


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A draft that waits for another person: who had a hand in it, and since when (epoch milliseconds)."""

    content: Content
    authors: tuple[str, ...]
    since: int


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """A warning as it stands. `version` counts the acts; `content` is what was issued last; times in milliseconds."""

    warning: str
    city: str
    system: str
    district: str
    mode: str
    scope: Scope
    alarm: str | None = None
    incident: str | None = None
    state: WarningState
    version: int
    changed: int
    changed_by: str
    pending: Pending | None = None
    content: Content | None = None
    issued: tuple[Reference, ...] = ()
    expires: int | None = None


def state_at(warned: Warned, now: int) -> WarningState:
    """Return the state at `now` (epoch milliseconds): a warning in force expires by itself."""
    if warned.expires is not None and now >= warned.expires:
        return TABLE.get((warned.state, WarningAct.EXPIRE), warned.state)
    return warned.state


def check_act(state: WarningState | None, act: WarningAct) -> WarningState:
    """Return the state after an act. Raises WarningRefused where the table has none."""
    after = TABLE.get((state, act))
    if after is None:
        allowed = sorted({known.value for before, known in TABLE if before is state} - {"expire", "end"})
        raise WarningRefused(
            f"the warning is {state.value.replace('_', ' ') if state else 'not there'}; {act.value} is not possible",
            f"possible now: {', '.join(allowed)}" if allowed else "draft a new warning",
        )
    return after


def drafted(warned: Warned, act: WarningAct, content: Content, actor: str, now: int) -> Warned:
    """Return the warning with a draft to update or cancel it, or with its draft rewritten. Raises WarningRefused.

    Whoever rewrites a draft stays beside those who wrote it before: none of them approves it.
    """
    before = state_at(warned, now)
    after = check_act(before, act)
    authors: tuple[str, ...] = (actor,)
    if warned.pending is not None and after is before:
        authors = (*warned.pending.authors, *(() if actor in warned.pending.authors else (actor,)))
    return _changed(warned, after, actor, now, pending=Pending(content=content, authors=authors, since=now))


def withdrawn(warned: Warned, actor: str, now: int) -> Warned:
    """Return the warning taken back before anything was sent. Raises WarningRefused."""
    return _changed(warned, check_act(state_at(warned, now), WarningAct.CANCEL), actor, now, pending=None)


def rejected(warned: Warned, actor: str, now: int) -> Warned:
    """Return the warning without its draft. Raises WarningRefused."""
    return _changed(warned, check_act(state_at(warned, now), WarningAct.REJECT), actor, now, pending=None)


def approved(warned: Warned, actor: str, now: int, message: Reference) -> tuple[Warned, MessageType, Content]:
    """Return the warning after its draft was approved, and what is sent. Raises WarningRefused."""
    before = state_at(warned, now)
    after = check_act(before, WarningAct.APPROVE)
    pending = warned.pending
    assert pending is not None  # the states that can be approved have a draft
    if actor in pending.authors:
        raise WarningRefused(
            f"{actor} had a hand in this draft", "another person approves it, with a supervisor's key of their own"
        )
    if now - pending.since > DRAFT_AGE_MS_MAX:
        raise WarningRefused("the draft is older than a day", "bring it up to date with update, or reject it")
    sent = _sent(warned, after, actor, now, pending.content, message)
    return sent, APPROVED_MESSAGES[before], pending.content


def ended(warned: Warned, actor: str, now: int, content: Content, message: Reference) -> Warned:
    """Return the warning after one person alone cancelled it. Raises WarningRefused; who may, the caller has judged."""
    return _sent(warned, check_act(state_at(warned, now), WarningAct.END), actor, now, content, message)


def _sent(warned: Warned, after: WarningState, actor: str, now: int, content: Content, message: Reference) -> Warned:
    changed = _changed(warned, after, actor, now, pending=None)
    expires = now + content.valid_s * 1000 if after is WarningState.ISSUED else warned.expires
    return msgspec.structs.replace(changed, content=content, issued=(*warned.issued, message), expires=expires)


def _changed(warned: Warned, after: WarningState, actor: str, now: int, *, pending: Pending | None) -> Warned:
    return msgspec.structs.replace(
        warned, state=after, version=warned.version + 1, changed=now, changed_by=actor, pending=pending
    )
