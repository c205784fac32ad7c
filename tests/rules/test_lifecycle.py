"""The alarm life cycle, every cell of the table, the impossible ones too."""

import itertools

import pytest

from alerts.lifecycle import (
    TRANSITIONS,
    Event,
    Refused,
    acknowledge,
    apply_change,
    next_state,
    note,
    reset,
    strongest,
    suppress_or_release,
)
from alerts.occurrences import is_annunciation
from model.alarm import Alarm, ConditionChange, JournalLine, State, encode_line

# Read as: in this state, on this event, that state. Everything else is refused.
TABLE = """
normal                   raise                unacknowledged
unacknowledged           rise                 unacknowledged
unacknowledged           fall                 unacknowledged
unacknowledged           return               returned_unacknowledged
unacknowledged           latch                latched_unacknowledged
unacknowledged           acknowledge          acknowledged
unacknowledged           shelve               shelved
unacknowledged           suppress             suppressed_by_design
unacknowledged           take_out_of_service  out_of_service
acknowledged             rise                 unacknowledged
acknowledged             fall                 acknowledged
acknowledged             return               normal
acknowledged             latch                latched_acknowledged
acknowledged             shelve               shelved
acknowledged             suppress             suppressed_by_design
acknowledged             take_out_of_service  out_of_service
returned_unacknowledged  acknowledge          normal
latched_unacknowledged   acknowledge          latched_acknowledged
latched_unacknowledged   reset                returned_unacknowledged
latched_unacknowledged   shelve               shelved
latched_unacknowledged   suppress             suppressed_by_design
latched_unacknowledged   take_out_of_service  out_of_service
latched_acknowledged     reset                normal
latched_acknowledged     shelve               shelved
latched_acknowledged     suppress             suppressed_by_design
latched_acknowledged     take_out_of_service  out_of_service
shelved                  rise                 shelved
shelved                  fall                 shelved
shelved                  return               normal
shelved                  latch                shelved
shelved                  suppress             suppressed_by_design
shelved                  take_out_of_service  out_of_service
shelved                  release              unacknowledged
shelved                  release_latched      latched_unacknowledged
suppressed_by_design     rise                 suppressed_by_design
suppressed_by_design     fall                 suppressed_by_design
suppressed_by_design     return               normal
suppressed_by_design     latch                suppressed_by_design
suppressed_by_design     shelve               shelved
suppressed_by_design     take_out_of_service  out_of_service
suppressed_by_design     release              unacknowledged
suppressed_by_design     release_latched      latched_unacknowledged
out_of_service           rise                 out_of_service
out_of_service           fall                 out_of_service
out_of_service           return               normal
out_of_service           latch                out_of_service
out_of_service           shelve               shelved
out_of_service           suppress             suppressed_by_design
out_of_service           release              unacknowledged
out_of_service           release_latched      latched_unacknowledged
"""
EXPECTED = {(State(row[0]), Event(row[1])): State(row[2]) for row in map(str.split, TABLE.strip().splitlines())}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_cell_of_the_table(state: State, event: Event) -> None:
    if (state, event) in EXPECTED:
        assert next_state("x", state, event) is EXPECTED[state, event]
    else:
        with pytest.raises(Refused) as refused:
            next_state("x", state, event)
        assert (refused.value.state, refused.value.event) == (state, event)


def test_the_table_has_no_other_rows() -> None:
    assert TRANSITIONS == EXPECTED


def change(severity_from: int, severity: int, time: int = 0, **more: object) -> ConditionChange:
    facts: dict[str, object] = {
        "rule": "depth", "kind": "threshold", "rule_version": "0" * 12, "alarm_class": "process", "priority": "low",
        "sensor": "a", "sensor_key": 0, "mode": "test", "time": time, "raised": 0, "known_at": time,
        "severity_from": severity_from, "severity": severity, "value": 1.0, "limit": 2.0, "cause": "reading",
        "reason": "limit_reached",
    }  # fmt: skip
    return ConditionChange(**{**facts, **more})  # type: ignore[arg-type]


def story(*steps: ConditionChange | str) -> list[tuple[str, str, str | None, str | None, int]]:
    """Apply steps one after the other and tell (from, to, severity, peak, sequence) of each line."""
    alarm: Alarm | None = None
    lines = []
    for step in steps:
        if isinstance(step, str):
            assert alarm is not None
            alarm, line = acknowledge(alarm, actor=step, time=99)
        else:
            alarm, line = apply_change(alarm, step)
        lines.append((str(line.from_), str(line.to), line.severity, line.peak_severity, line.sequence))
    return lines


def test_a_rise_unacknowledges_and_a_fall_does_not() -> None:
    assert story(change(0, 1), "ann", change(1, 3), "ann", change(3, 2), change(2, 0)) == [
        ("normal", "unacknowledged", "blue", "blue", 1),
        ("unacknowledged", "acknowledged", "blue", "blue", 2),
        ("acknowledged", "unacknowledged", "orange", "orange", 3),
        ("unacknowledged", "acknowledged", "orange", "orange", 4),
        ("acknowledged", "acknowledged", "yellow", "orange", 5),
        ("acknowledged", "normal", None, "orange", 6),
    ]


def test_what_returns_unacknowledged_waits_for_its_acknowledgement() -> None:
    assert story(change(0, 2), change(2, 0), "ann") == [
        ("normal", "unacknowledged", "yellow", "yellow", 1),
        ("unacknowledged", "returned_unacknowledged", None, "yellow", 2),
        ("returned_unacknowledged", "normal", None, "yellow", 3),
    ]


def test_an_instrument_alarm_has_no_severity() -> None:
    alarm, line = apply_change(None, change(0, 1, alarm_class="instrument", kind="stale", cause="silence"))
    assert (line.severity, line.severity_from, line.peak_severity, line.cause) == (None, None, None, "silence")
    assert alarm.condition == "active"


def test_a_line_has_the_fields_of_the_contract_in_sorted_order() -> None:
    _, line = apply_change(None, change(0, 4, time=1_795_334_400_123, raised=1_795_334_400_123))
    assert encode_line(line) == (
        '{"alarm":"depth.a.20261122T080000123Z","class":"process","condition":"active","from":"normal",'
        '"kind":"threshold","known_at":"2026-11-22T08:00:00.123Z","limit":2.0,"mode":"test","peak_severity":"red",'
        '"priority":"low","reason":"limit_reached","retroactive":false,"rule":"depth","rule_version":"000000000000",'
        '"sensor":"a","sequence":1,"severity":"red","severity_from":null,"time":"2026-11-22T08:00:00.123Z",'
        '"to":"unacknowledged","value":1.0}'
    )


def test_lines_caused_by_an_actor_say_who() -> None:
    alarm, _ = apply_change(None, change(0, 1))
    _, line = acknowledge(alarm, actor="ann", time=5_000, comment="seen on camera")
    assert '"actor":"ann"' in encode_line(line)
    assert '"cause":"operator","class":"process","comment":"seen on camera"' in encode_line(line)
    assert encode_line(line).startswith('{"action":"acknowledge","actor":"ann","alarm":"depth.a.')
    assert '"known_at":"1970-01-01T00:00:05.000Z"' in encode_line(line)


def suppressed(alarm: Alarm, state: State | None, **more: object) -> tuple[Alarm, JournalLine] | None:
    return suppress_or_release(alarm, state, time=50, reason="x", cause="operator", **more)  # type: ignore[arg-type]


SUPPRESSED = (State.SHELVED, State.SUPPRESSED_BY_DESIGN, State.OUT_OF_SERVICE)


@pytest.mark.parametrize("state", SUPPRESSED)
def test_what_is_raised_while_suppressed_is_journalled_and_not_annunciated(state: State) -> None:
    alarm, line = apply_change(None, change(0, 2), suppressed=state)
    assert (line.from_, line.to, line.severity, line.condition) == ("normal", state, "yellow", "active")
    assert not is_annunciation(line)
    alarm, rise = apply_change(alarm, change(2, 3), suppressed=state)
    assert (rise.to, rise.severity, rise.severity_from, is_annunciation(rise)) == (state, "orange", "yellow", False)
    alarm, line = apply_change(alarm, change(3, 0), suppressed=state)
    assert (line.to, line.severity, line.peak_severity, line.sequence) == ("normal", None, "orange", 3)


@pytest.mark.parametrize("state", SUPPRESSED)
def test_what_rises_above_what_the_suppression_holds_is_annunciated(state: State) -> None:
    alarm, _ = apply_change(None, change(0, 2), suppressed=state)
    alarm, line = apply_change(alarm, change(2, 4), suppressed=None)
    assert (line.from_, line.to, line.severity) == (state, "unacknowledged", "red")
    assert is_annunciation(line)
    # It stays so when it falls again below: nothing is hidden again by itself.
    alarm, line = apply_change(alarm, change(4, 2), suppressed=state)
    assert line.to == "unacknowledged"


@pytest.mark.parametrize("state", SUPPRESSED)
def test_what_is_released_is_annunciated_anew_whoever_had_acknowledged_it(state: State) -> None:
    alarm, _ = apply_change(None, change(0, 2))
    alarm, _ = acknowledge(alarm, actor="ann", time=1)
    done = suppressed(alarm, state)
    assert done is not None
    assert (done[1].from_, done[1].to) == ("acknowledged", state)
    done = suppressed(done[0], None)
    assert done is not None
    assert (done[1].from_, done[1].to) == (state, "unacknowledged")
    assert is_annunciation(done[1])


def test_the_strongest_suppression_is_shown() -> None:
    assert strongest(()) is None
    assert strongest({State.SHELVED, State.SUPPRESSED_BY_DESIGN}) is State.SUPPRESSED_BY_DESIGN
    assert strongest({State.SHELVED, State.OUT_OF_SERVICE, State.SUPPRESSED_BY_DESIGN}) is State.OUT_OF_SERVICE


def test_nothing_is_suppressed_or_released_twice() -> None:
    alarm, _ = apply_change(None, change(0, 2))
    assert suppressed(alarm, None) is None
    done = suppressed(alarm, State.SHELVED)
    assert done is not None
    assert suppressed(done[0], State.SHELVED) is None


@pytest.mark.parametrize("state", [State.NORMAL, State.RETURNED_UNACKNOWLEDGED])
def test_there_is_nothing_to_suppress_where_the_condition_has_returned(state: State) -> None:
    alarm, _ = apply_change(None, change(0, 2))
    if state is State.NORMAL:
        alarm, _ = acknowledge(alarm, actor="ann", time=1)
    alarm, _ = apply_change(alarm, change(2, 0))
    assert alarm.state is state
    assert suppressed(alarm, State.SHELVED) is None


def test_an_alarm_suppressed_by_design_names_its_parent_as_long_as_it_is() -> None:
    alarm, line = apply_change(None, change(0, 1), suppressed=State.SUPPRESSED_BY_DESIGN, suppressed_by="parent")
    assert (alarm.suppressed_by, line.details) == ("parent", {"suppressed_by": "parent"})
    done = suppressed(alarm, State.OUT_OF_SERVICE, suppressed_by="parent")
    assert done is not None
    assert (done[0].state, done[0].suppressed_by) == ("out_of_service", "parent")
    done = suppressed(done[0], State.SUPPRESSED_BY_DESIGN, suppressed_by="parent")
    assert done is not None
    done = suppressed(done[0], None)
    assert done is not None
    assert (done[0].state, done[0].suppressed_by) == ("unacknowledged", None)


def test_an_alarm_that_latches_stays_until_somebody_resets_it() -> None:
    alarm, _ = apply_change(None, change(0, 4, latches=True))
    alarm, line = apply_change(alarm, change(4, 0, latches=True))
    assert (line.to, line.condition, alarm.is_open) == ("latched_unacknowledged", "normal", True)
    by_acknowledgement, _ = acknowledge(alarm, actor="ann", time=1)
    assert by_acknowledgement.state is State.LATCHED_ACKNOWLEDGED
    assert reset(by_acknowledgement, actor="ann", time=2)[0].state is State.NORMAL
    # A reset is no acknowledgement.
    by_reset, _ = reset(alarm, actor="ann", time=1)
    assert by_reset.state is State.RETURNED_UNACKNOWLEDGED
    assert acknowledge(by_reset, actor="ann", time=2)[0].state is State.NORMAL


def test_an_alarm_that_latches_while_suppressed_is_still_latched_afterwards() -> None:
    alarm, _ = apply_change(None, change(0, 4, latches=True), suppressed=State.OUT_OF_SERVICE)
    alarm, line = apply_change(alarm, change(4, 0, latches=True), suppressed=State.OUT_OF_SERVICE)
    assert line.to == "out_of_service"
    done = suppressed(alarm, None)
    assert done is not None
    assert done[1].to == "latched_unacknowledged"


def test_a_note_changes_no_state() -> None:
    alarm, _ = apply_change(None, change(0, 2))
    after, line = note(alarm, actor="ann", action="judge", time=5, reason="judged", details={"judgement": "true"})
    assert (line.from_, line.to, line.severity, line.severity_from) == ("unacknowledged",) * 2 + ("yellow",) * 2
    assert (after.sequence, line.sequence, line.details) == (2, 2, {"judgement": "true"})
    assert not is_annunciation(line)
