"""The life cycle against a plain model of it: flags instead of a table, in any order of events."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from alerts.lifecycle import Refused, acknowledge, apply_change, note, reset, strongest, suppress_or_release
from model.alarm import SUPPRESSED_STATES, Alarm, JournalLine, State
from tests.faults.seeds import lasting
from tests.rules.test_lifecycle import change

KINDS = st.sampled_from(SUPPRESSED_STATES)
SEVERITIES = st.integers(1, 4)


class LifeCycle(RuleBasedStateMachine):
    """One occurrence from its raise to its end, then another; `hold` has what is in force and up to which severity."""

    def __init__(self) -> None:
        super().__init__()
        self.alarm: Alarm | None = None
        self.lines: list[JournalLine] = []
        self.hold: dict[State, int] = {}
        self.latches = False
        self.severity = self.peak = 0
        self.acknowledged = self.latched = self.out = False  # out: annunciated since the raise, nothing hides it

    @initialize(latches=st.booleans())
    def choose(self, latches: bool) -> None:
        self.latches = latches

    def _called_for(self) -> State | None:
        return strongest({kind for kind, holds in self.hold.items() if self.severity <= holds})

    def _take(self, done: tuple[Alarm, JournalLine]) -> None:
        before = State.NORMAL if self.alarm is None else self.alarm.state
        self.alarm, line = done
        assert line.from_ == before
        assert line.to == self.alarm.state
        assert line.sequence == len(self.lines) + 1 == self.alarm.sequence
        self.lines.append(line)

    def _changed(self, before: int, **more: Any) -> None:
        self.peak = max(self.peak, self.severity)
        self._take(
            apply_change(
                self.alarm, change(before, self.severity, latches=self.latches, **more), suppressed=self._called_for()
            )
        )

    @precondition(lambda self: self.alarm is None or self.alarm.state is State.NORMAL)
    @rule(severity=SEVERITIES)
    def raises(self, severity: int) -> None:
        self.alarm, self.lines = None, []
        self.severity = self.peak = severity
        self.acknowledged = self.latched = False
        self.out = self._called_for() is None
        self._changed(0)

    @precondition(lambda self: self.severity > 0)
    @rule(severity=SEVERITIES)
    def moves(self, severity: int) -> None:
        before, self.severity = self.severity, severity
        if severity == before:
            self.severity = before
            return
        if severity > before:
            self.acknowledged = False
        if not self.out and self._called_for() is None:
            self.out, self.acknowledged = True, False
        self._changed(before)

    @precondition(lambda self: self.severity > 0)
    @rule()
    def returns(self) -> None:
        before, self.severity = self.severity, 0
        if self.latches:
            self.latched = True
            if not self.out and self._called_for() is None:
                self.out, self.acknowledged = True, False
        elif not self.out:
            self.acknowledged = True  # it has ended unseen, as it was meant to
        self._changed(before)

    @precondition(lambda self: self.alarm is not None)
    @rule()
    def is_acknowledged(self) -> None:
        assert self.alarm is not None
        try:
            self._take(acknowledge(self.alarm, actor="ann", time=1))
        except Refused:
            assert self.acknowledged or not self.out
        else:
            assert self.out
            assert not self.acknowledged
            self.acknowledged = True

    @precondition(lambda self: self.alarm is not None)
    @rule()
    def is_reset(self) -> None:
        assert self.alarm is not None
        try:
            self._take(reset(self.alarm, actor="ann", time=1))
        except Refused:
            assert not (self.latched and self.out)
        else:
            assert self.latched
            assert self.out
            self.latched = False

    @rule(kind=KINDS, holds=SEVERITIES)
    def is_suppressed(self, kind: State, holds: int) -> None:
        self.hold[kind] = holds
        self._settle()

    @precondition(lambda self: self.hold)
    @rule(data=st.data())
    def is_released(self, data: st.DataObject) -> None:
        del self.hold[data.draw(st.sampled_from(sorted(self.hold)))]
        self._settle()

    def _settle(self) -> None:
        # A person who suppresses hides what stands; a suppression that ends shows it again.
        if self.alarm is None:
            return
        state = self._called_for()
        done = suppress_or_release(self.alarm, state, time=1, reason="x", cause="operator")
        if done is not None:
            self._take(done)
        if self.severity > 0 or self.latched:
            if state is not None:
                self.out = False
            elif not self.out:
                self.out, self.acknowledged = True, False

    @precondition(lambda self: self.alarm is not None)
    @rule()
    def is_noted(self) -> None:
        assert self.alarm is not None
        self._take(note(self.alarm, actor="ann", action="comment", time=1, reason="commented"))

    @invariant()
    def state_is_the_models(self) -> None:
        if self.alarm is None:
            return
        assert self.alarm.state is self._expected()
        assert (self.alarm.severity, self.alarm.peak_severity) == (self.severity, self.peak)
        assert self.alarm.condition == ("active" if self.severity else "normal")

    @invariant()
    def nothing_is_hidden_that_no_suppression_holds(self) -> None:
        if self.alarm is not None and self.alarm.state in SUPPRESSED_STATES:
            assert self.hold.get(self.alarm.state, 0) >= self.severity

    def _expected(self) -> State:
        if self.severity > 0 or self.latched:
            if not self.out:
                called_for = self._called_for()
                assert called_for is not None
                return called_for
            if self.severity > 0:
                return State.ACKNOWLEDGED if self.acknowledged else State.UNACKNOWLEDGED
            return State.LATCHED_ACKNOWLEDGED if self.acknowledged else State.LATCHED_UNACKNOWLEDGED
        return State.NORMAL if self.acknowledged else State.RETURNED_UNACKNOWLEDGED


def test_case_45_any_history_of_an_alarm_equals_the_model() -> None:
    """No clock runs here: a history is the order of its events."""
    histories = round(lasting(300, 10_000))
    run_state_machine_as_test(LifeCycle, settings=settings(max_examples=histories, stateful_step_count=40))  # type: ignore[no-untyped-call]
    print(f"{histories} histories of up to 40 events")
