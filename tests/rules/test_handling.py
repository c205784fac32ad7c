"""The closed loop, every cell of its table, and what is awaited after each line of the journal."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from alerts.handling import Act, Expected, NotPossible, awaited_after, handle, next_step
from alerts.lifecycle import acknowledge, apply_change, note, suppress_or_release
from model.alarm import Alarm, ConditionChange, JournalLine, State
from model.escalation import LEAST_MS
from model.handling import Awaited, Judgement, Step

MINUTE = 60_000

# Read as: at this step, after this act, that step. Everything else is refused.
TABLE = """
none      assign   assigned
assigned  assign   assigned
accepted  assign   assigned
declined  assign   assigned
arrived   assign   assigned
verified  assign   assigned
assigned  accept   accepted
assigned  decline  declined
accepted  decline  declined
arrived   decline  declined
accepted  arrive   arrived
arrived   resolve  resolved
resolved  verify   verified
resolved  fail     assigned
"""
EXPECTED = {(row[0], row[1]): row[2] for row in map(str.split, TABLE.strip().splitlines())}


@pytest.mark.parametrize(("step", "act"), list(itertools.product([None, *Step], Act)))
def test_every_cell_of_the_table(step: Step | None, act: Act) -> None:
    expected = EXPECTED.get(("none" if step is None else step.value, act.value))
    if expected is None:
        with pytest.raises(NotPossible) as refused:
            next_step(step, act)
        assert (refused.value.step, refused.value.act) == (step, act)
    else:
        assert next_step(step, act) == expected


def change(severity_from: int, severity: int, time: int = 0, **more: object) -> ConditionChange:
    facts: dict[str, object] = {
        "rule": "depth", "kind": "threshold", "rule_version": "0" * 12, "alarm_class": "process", "priority": "low",
        "sensor": "a", "sensor_key": 0, "mode": "test", "time": time, "raised": 0, "known_at": time + 7,
        "severity_from": severity_from, "severity": severity, "value": 1.0, "limit": 2.0, "cause": "reading",
        "reason": "limit_reached",
    }  # fmt: skip
    return ConditionChange(**{**facts, **more})  # type: ignore[arg-type]


ALARM, RAISED = apply_change(None, change(0, 4))
ALLOWED = {Awaited.ACCEPT: 5 * MINUTE, Awaited.ARRIVE: 30 * MINUTE, Awaited.ASSIGN: 9 * MINUTE}


def worked(*acts: Act, alarm: Alarm = ALARM) -> tuple[Alarm, JournalLine]:
    """Take steps at minutes 1, 2, …: assigned to crew-1, each step by another person."""
    line = RAISED
    for minute, act in enumerate(acts, 1):
        to = "crew-1" if act is Act.ASSIGN else None
        alarm, line = handle(alarm, act, actor=f"p{minute}", time=minute * MINUTE, assigned_to=to, allowed_ms=ALLOWED)
    return alarm, line


WAY = (Act.ASSIGN, Act.ACCEPT, Act.ARRIVE, Act.RESOLVE)


def test_each_step_is_a_line_that_changes_no_state() -> None:
    alarm, line = worked(*WAY, Act.VERIFY)
    assert (line.from_, line.to, line.cause, line.actor, line.action, line.reason) == (
        State.UNACKNOWLEDGED, State.UNACKNOWLEDGED, "operator", "p5", "verify", "verified",
    )  # fmt: skip
    assert line.details == {"step": "verified", "assigned_to": "crew-1"}
    assert alarm.sequence == 6
    assert alarm.handling is not None
    assert (alarm.handling.step, alarm.handling.resolved_by) == (Step.VERIFIED, "p4")


def test_a_failed_verification_sends_the_same_crew_back() -> None:
    alarm, line = worked(*WAY, Act.FAIL)
    assert (line.action, line.reason) == ("verify", "verification_failed")
    assert alarm.handling is not None
    assert (alarm.handling.step, alarm.handling.assigned_to, alarm.handling.resolved_by, alarm.handling.due) == (
        Step.ASSIGNED, "crew-1", None, 10 * MINUTE,
    )  # fmt: skip


def test_what_is_declined_is_nobodys() -> None:
    alarm, line = worked(Act.ASSIGN, Act.ACCEPT, Act.DECLINE)
    assert alarm.handling is not None
    assert alarm.handling.assigned_to is None
    assert line.details == {"step": "declined", "assigned_to": "crew-1"}  # the line says who gave it back


def test_a_step_told_later_counts_from_when_it_was_taken() -> None:
    alarm, _ = worked(Act.ASSIGN)
    alarm, line = handle(alarm, Act.ACCEPT, actor="li", time=9 * MINUTE, since=4 * MINUTE, allowed_ms=ALLOWED)
    assert (line.time, line.details) == (
        "1970-01-01T00:09:00.000Z",
        {"step": "accepted", "assigned_to": "crew-1", "acted_at": "1970-01-01T00:04:00.000Z"},
    )
    assert alarm.handling is not None
    assert (alarm.handling.since, alarm.handling.due) == (4 * MINUTE, 34 * MINUTE)


def test_the_process_alarm_returns_and_the_work_stays() -> None:
    alarm, _ = acknowledge(worked(*WAY)[0], actor="ann", time=5 * MINUTE)
    alarm, line = apply_change(alarm, change(4, 0, 6 * MINUTE))
    assert alarm.state is State.NORMAL
    assert awaited_after(alarm, line) == {Awaited.ACKNOWLEDGE: None, Awaited.ASSIGN: None}
    assert handle(alarm, Act.VERIFY, actor="wu", time=7 * MINUTE)[0].handling.step is Step.VERIFIED  # type: ignore[union-attr]


def shelved(alarm: Alarm, time: int) -> tuple[Alarm, JournalLine]:
    done = suppress_or_release(alarm, State.SHELVED, time=time, reason="shelved", cause="operator", actor="ann")
    assert done is not None
    return done


def released(alarm: Alarm, time: int) -> tuple[Alarm, JournalLine]:
    done = suppress_or_release(alarm, None, time=time, reason="shelf_ended", cause="deadline")
    assert done is not None
    return done


def judged(verdict: str) -> tuple[Alarm, JournalLine]:
    judgement = Judgement(verdict=verdict, by="ann", time=MINUTE)  # type: ignore[arg-type]
    alarm = msgspec.structs.replace(ALARM, judgement=judgement)
    return note(alarm, actor="ann", action="judge", time=MINUTE, reason="judged")


ACKNOWLEDGED = acknowledge(ALARM, actor="ann", time=MINUTE)
WORK = dict.fromkeys([Awaited.ACCEPT, Awaited.ARRIVE, Awaited.RESOLVE, Awaited.VERIFY, Awaited.ASSIGN])
CASES: dict[str, tuple[tuple[Alarm, JournalLine], dict[Awaited, Expected | None]]] = {
    "raised: from when it became known": ((ALARM, RAISED), {
        Awaited.ACKNOWLEDGE: Expected(7), Awaited.ASSIGN: Expected(7)}),
    "risen: anew": (apply_change(ACKNOWLEDGED[0], change(3, 4, 9)), {
        Awaited.ACKNOWLEDGE: Expected(16), Awaited.ASSIGN: Expected(16)}),
    "risen while a crew is at it: only to be acknowledged": (apply_change(worked(Act.ASSIGN)[0], change(3, 4, 9)), {
        Awaited.ACKNOWLEDGE: Expected(16)}),
    "fallen: nothing changes": (apply_change(ALARM, change(4, 2, 9)), {}),
    "acknowledged": (ACKNOWLEDGED, {Awaited.ACKNOWLEDGE: None}),
    "returned: nobody is sent": (apply_change(ALARM, change(4, 0, 9)), {
        Awaited.ACKNOWLEDGE: None, Awaited.ASSIGN: None}),
    "judged false: nobody is sent": (judged("false"), {Awaited.ASSIGN: None}),
    "judged a test: nobody is sent": (judged("test"), {Awaited.ASSIGN: None}),
    "judged true": (judged("true"), {}),
    "commented": (note(ALARM, actor="ann", action="comment", time=9, reason="commented"), {}),
    "escalated": (note(ALARM, actor=None, action="", time=9, reason="not_acknowledged_in_time", cause="deadline"), {}),
    "assigned: until it is accepted": (worked(Act.ASSIGN), WORK | {Awaited.ACCEPT: Expected(MINUTE, 6 * MINUTE)}),
    "accepted: until somebody arrives": (worked(*WAY[:2]), WORK | {Awaited.ARRIVE: Expected(2 * MINUTE, 32 * MINUTE)}),
    "arrived: the city has set no deadline": (worked(*WAY[:3]), WORK),
    "declined: until it is assigned anew": (worked(Act.ASSIGN, Act.DECLINE), WORK | {
        Awaited.ASSIGN: Expected(2 * MINUTE, 11 * MINUTE)}),
    "verified: nothing": (worked(*WAY, Act.VERIFY), WORK),
    "shelved: nothing": (shelved(worked(Act.ASSIGN)[0], 9), dict.fromkeys(Awaited)),
    "assigned while shelved: nothing": (worked(Act.ASSIGN, alarm=shelved(ALARM, 9)[0]), {}),
    "released: annunciated anew": (released(shelved(ALARM, 9)[0], 20), {
        Awaited.ACKNOWLEDGE: Expected(20), Awaited.ASSIGN: Expected(20)}),
    "released, and due in the meantime: soon": (released(shelved(worked(Act.ASSIGN)[0], 9)[0], 8 * MINUTE), {
        Awaited.ACKNOWLEDGE: Expected(8 * MINUTE), Awaited.ACCEPT: Expected(MINUTE, 8 * MINUTE + LEAST_MS)}),
    "released, and due later: as it was": (released(shelved(worked(Act.ASSIGN)[0], 9)[0], 2 * MINUTE), {
        Awaited.ACKNOWLEDGE: Expected(2 * MINUTE), Awaited.ACCEPT: Expected(MINUTE, 6 * MINUTE)}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_awaited(case: str) -> None:
    (alarm, line), expected = CASES[case]
    assert awaited_after(alarm, line) == expected
