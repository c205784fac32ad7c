"""What became of each alarm: steps of people and how long they took, fleeting ones, suppressions without authority."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from alerts.accounts import Account, Answered, Ledger, Placed, unauthorised
from alerts.lifecycle import acknowledge, apply_change, note, suppress_or_release
from model.alarm import Alarm, JournalLine, State
from model.suppression import SuppressionSpan
from tests.rules.journals import change, ms, occurrence

YELLOW, ORANGE, RED = 2, 3, 4


def account(*lines: JournalLine) -> Account:
    ledger = Ledger()
    for line in lines:
        ledger.take(Placed(line, "c", "gas", "north"))
    (found,) = ledger.accounts
    return found


class Course:
    """One alarm through the life cycle; times in seconds."""

    def __init__(self, at: float = 0, severity: int = 1, **facts: Any) -> None:
        self.lines: list[JournalLine] = []
        self.alarm: Alarm | None = None
        self.raised = ms(at)
        self.turn(at, 0, severity, **facts)

    def turn(self, at: float, before: int, after: int, **facts: Any) -> Course:
        return self._add(apply_change(self.alarm, change(at, before, after, raised=self.raised, **facts)))

    def acknowledge(self, at: float) -> Course:
        assert self.alarm
        return self._add(acknowledge(self.alarm, actor="li", time=ms(at)))

    def sweep(self, at: float) -> Course:
        """What an exercise does about the alarms of the one before."""
        assert self.alarm
        return self._add(acknowledge(self.alarm, actor="exercise", time=ms(at), cause="exercise"))

    def act(self, action: str, at: float, **details: Any) -> Course:
        assert self.alarm
        return self._add(note(self.alarm, actor="li", action=action, time=ms(at), reason=action, details=details))

    def suppress(self, at: float, state: State | None) -> Course:
        assert self.alarm
        done = suppress_or_release(self.alarm, state, time=ms(at), reason="r", cause="operator", actor="li")
        assert done
        return self._add(done)

    def _add(self, done: tuple[Alarm, JournalLine]) -> Course:
        self.alarm, line = done
        self.lines.append(line)
        return self


# name: (the course, (at, after) in seconds of each acknowledgement)
ACKNOWLEDGED: dict[str, tuple[Course, list[tuple[float, float]]]] = {
    "none": (Course(), []),
    "one": (Course().acknowledge(40), [(40, 40)]),
    "a rise meanwhile does not begin it anew": (Course().turn(20, 1, 2).acknowledge(40), [(40, 40)]),
    "after its return": (Course().turn(20, 1, 0).acknowledge(50), [(50, 50)]),
    "a rise afterwards calls for another": (
        Course().acknowledge(10).turn(30, 1, 3).acknowledge(35),
        [(10, 10), (35, 5)],
    ),
    "shelving is none, and what is released calls anew": (
        Course().suppress(5, State.SHELVED).suppress(100, None).acknowledge(110),
        [(110, 10)],
    ),
    "nobody does whose alarm another exercise sweeps away": (Course().turn(20, 1, 0).sweep(900), []),
    "the clock of a city that replays stands elsewhere": (Course(1_000).acknowledge(40), [(40, 0)]),
}


@pytest.mark.parametrize("name", ACKNOWLEDGED)
def test_an_acknowledgement_counts_from_what_called_for_it(name: str) -> None:
    course, expected = ACKNOWLEDGED[name]
    assert account(*course.lines).acknowledged == [Answered(ms(at), after) for at, after in expected]


def test_arriving_counts_once_and_resolving_at_last_from_the_first_annunciation() -> None:
    course = Course(10).act("arrive", 70).act("arrive", 90).act("resolve", 200).act("resolve", 310).turn(400, 1, 0)
    found = account(*course.lines)
    assert (found.arrived, found.resolved) == (Answered(ms(70), 60.0), Answered(ms(310), 300.0))


def test_a_step_that_is_told_later_counts_when_it_was_done() -> None:
    course = Course(10).act("arrive", 500, acted_at="1970-01-01T00:01:10.000Z")
    assert account(*course.lines).arrived == Answered(ms(70), 60.0)


def test_the_last_judgement_counts() -> None:
    course = Course().act("judge", 5, judgement="true").act("judge", 9, judgement="false")
    assert account(*course.lines).verdict == "false"


FLEETING: dict[str, tuple[Course, bool]] = {
    "stands": (Course(), False),
    "within a minute": (Course().turn(60, 1, 0), True),
    "later": (Course().turn(61, 1, 0), False),
    "acknowledged before": (Course().acknowledge(5).turn(30, 1, 0), False),
    "acknowledged afterwards": (Course().turn(30, 1, 0).acknowledge(35), True),
}


@pytest.mark.parametrize("name", FLEETING)
def test_what_returns_within_a_minute_before_anybody_acknowledged_it_is_fleeting(name: str) -> None:
    course, expected = FLEETING[name]
    assert account(*course.lines).fleeting is expected


def test_what_was_never_annunciated_is_not_fleeting() -> None:
    alarm, line = apply_change(None, change(0, 0, 1), suppressed=State.SHELVED)
    _, returned = apply_change(alarm, change(10, 1, 0, raised=0))
    found = account(line, returned)
    assert (found.annunciations, found.fleeting, found.state) == ([], False, State.NORMAL)


def test_an_account_knows_since_when_it_is_suppressed() -> None:
    course = Course().suppress(5, State.SHELVED).suppress(20, State.OUT_OF_SERVICE)
    assert account(*course.lines).suppressed_since == ms(5)
    assert account(*course.suppress(30, None).lines).suppressed_since is None


def record(kind: str = "shelved", **facts: Any) -> SuppressionSpan:
    given: dict[str, Any] = {"sensor": "a", "rule": "depth", "begins": 0, "ended": None, "approved_by": None}
    return SuppressionSpan(kind, **given | facts)


# name: (state, severity, records, why it is without authority)
AUTHORITY: dict[str, tuple[State, int, list[SuppressionSpan], str | None]] = {
    "no record": (State.SHELVED, YELLOW, [], "no_record"),
    "one in force": (State.SHELVED, YELLOW, [record()], None),
    "of all rules": (State.SHELVED, YELLOW, [record(rule=None)], None),
    "of another rule": (State.SHELVED, YELLOW, [record(rule="other")], "no_record"),
    "of another sensor": (State.SHELVED, YELLOW, [record(sensor="b")], "no_record"),
    "of another kind": (State.SHELVED, YELLOW, [record("out_of_service")], "no_record"),
    "not yet": (State.SHELVED, YELLOW, [record(begins=ms(11))], "no_record"),
    "no longer": (State.SHELVED, YELLOW, [record(ended=ms(10))], "no_record"),
    "orange by one person": (State.SHELVED, ORANGE, [record()], "one_person"),
    "red by one person": (State.SHELVED, RED, [record()], "one_person"),
    "red by two": (State.SHELVED, RED, [record(approved_by="wang")], None),
    "red out of service": (State.OUT_OF_SERVICE, RED, [record("out_of_service")], None),
}


@pytest.mark.parametrize("name", AUTHORITY)
def test_a_suppression_needs_a_record_in_force_and_over_orange_a_second_person(name: str) -> None:
    state, severity, records, why = AUTHORITY[name]
    line = Course(0, severity).suppress(10, state).lines[-1]
    assert unauthorised(line, records) == why


def test_what_the_rules_suppress_has_their_authority_and_a_release_needs_none() -> None:
    line = Course(0, RED).suppress(10, State.SUPPRESSED_BY_DESIGN).lines[-1]
    assert unauthorised(line, []) == "no_record"
    assert unauthorised(msgspec.structs.replace(line, details={"suppressed_by": "parent"}), []) is None
    assert unauthorised(Course().suppress(10, State.SHELVED).suppress(20, None).lines[-1], []) is None
    assert unauthorised(occurrence(0)[0], []) is None
