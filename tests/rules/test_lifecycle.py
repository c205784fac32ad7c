"""The alarm life cycle, every cell of the table, the impossible ones too."""

import itertools

import pytest

from alerts.lifecycle import TRANSITIONS, Event, Refused, acknowledge, apply_change, next_state
from model.alarm import Alarm, ConditionChange, State, encode_line

# Read as: in this state, on this event, that state. Everything else is refused.
TABLE = """
normal                   raise        unacknowledged
unacknowledged           rise         unacknowledged
unacknowledged           fall         unacknowledged
unacknowledged           return       returned_unacknowledged
unacknowledged           acknowledge  acknowledged
acknowledged             rise         unacknowledged
acknowledged             fall         acknowledged
acknowledged             return       normal
returned_unacknowledged  acknowledge  normal
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
    assert '"known_at":"1970-01-01T00:00:05.000Z"' in encode_line(line)
