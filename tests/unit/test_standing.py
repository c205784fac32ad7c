"""What a partner's lines add up to hangs on which there are, not on when they came; what was not seen is not passed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.lifecycle import acknowledge, apply_change
from app.northbound.incoming import PartnerLine, read_line
from app.northbound.standing import standing
from model.alarm import Alarm, ConditionChange, JournalLine, State, encode_line
from model.severity import severity_of

NOON = 1_795_348_800_000
PLACE = {"city": "baiyin", "system": "gas", "district": "baiyin-qu"}


def journal(steps: list[int | str]) -> list[PartnerLine]:
    """An alarm's journal by the life cycle: an integer is a new severity, `a` an acknowledgement where one is due."""
    alarm: Alarm | None = None
    lines: list[JournalLine] = []
    for number, step in enumerate(steps):
        if alarm is not None and alarm.condition == "normal" and step != "a":
            break
        if step == "a":
            if alarm is not None and alarm.state in (State.UNACKNOWLEDGED, State.RETURNED_UNACKNOWLEDGED):
                alarm, line = acknowledge(alarm, actor="ann", time=NOON + number)
                lines.append(line)
            continue
        before = 0 if alarm is None else alarm.severity
        if step == before:
            continue
        change = ConditionChange(
            rule="level", kind="threshold", rule_version="1", alarm_class="process", priority="high", sensor="GAS-1",
            sensor_key=0, mode="operational", time=NOON + number, raised=NOON, known_at=NOON, severity_from=before,
            severity=int(step), value=1.0, limit=1.0, cause="reading", reason="limit_reached",
        )  # fmt: skip
        alarm, line = apply_change(alarm, change)
        lines.append(line)
    return [read_line(msgspec.json.encode(msgspec.json.decode(encode_line(line)) | PLACE).decode()) for line in lines]


STEPS = st.lists(st.one_of(st.integers(0, 4), st.just("a")), min_size=1, max_size=12)
JOURNALS = STEPS.map(journal).filter(bool)


@pytest.mark.parametrize(
    ("steps", "here", "escalated", "missing"),
    [
        pytest.param([2], [1], 1, 0, id="raised"),
        pytest.param([2, "a"], [1, 2], 1, 0, id="acknowledged in the city"),
        pytest.param([2, 3], [1, 2], 2, 0, id="risen"),
        pytest.param([3, 2], [1, 2], 1, 0, id="fallen"),
        pytest.param([2, "a", 3], [1, 2, 3], 3, 0, id="risen after its acknowledgement"),
        pytest.param([2, 3, 0], [1, 2, 3], 2, 0, id="returned"),
        pytest.param([2, 3, 0], [2], 2, 1, id="the first is not here"),
        pytest.param([2, 4, 3], [1, 3], 3, 1, id="a rise is not here, and the next line tells of it"),
        pytest.param([3, 2, 1], [1, 3], 1, 1, id="a fall is not here"),
        pytest.param([2, "a", 3, 2], [1, 2, 4], 4, 1, id="a rise that took an acknowledgement back is not here"),
    ],
)
def test_a_line_needs_eyes(steps: list[int | str], here: list[int], escalated: int, missing: int) -> None:
    lines = [line for line in journal(steps) if line.sequence in here]
    found = standing(lines)
    assert (found.escalated, found.missing) == (escalated, missing)


@given(JOURNALS, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(lines: list[PartnerLine], order: st.Random) -> None:  # type: ignore[name-defined]
    here = [line for line in lines if order.random() < 0.7] or lines[-1:]
    expected = standing(here)
    order.shuffle(here)
    assert standing(here) == expected
    assert expected.newest.sequence == max(line.sequence for line in here)
    assert expected.missing == expected.newest.sequence - len(here)


@given(JOURNALS, st.data())
def test_whoever_saw_a_line_is_not_taken_to_have_seen_a_graver_one(
    lines: list[PartnerLine], data: st.DataObject
) -> None:
    seen = data.draw(st.integers(0, len(lines) - 1))
    later = data.draw(st.lists(st.integers(seen, len(lines) - 1), unique=True))
    here = [lines[place] for place in sorted({seen, *later})]
    if severity_of(here[-1].severity) > severity_of(here[0].severity):
        assert standing(here).escalated > here[0].sequence
