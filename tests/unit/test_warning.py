"""The life of a warning: one table, every cell of it, and nobody approves their own words."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.cap import Reference
from model.instant import parse_instant
from model.warning import (
    APPROVED_MESSAGES,
    DRAFT_AGE_MS_MAX,
    TABLE,
    Content,
    Pending,
    Warned,
    WarningAct,
    WarningRefused,
    WarningState,
    approved,
    check_act,
    drafted,
    ended,
    rejected,
    state_at,
    withdrawn,
)
from model.warning_level import FOUR_LEVELS, InvalidLevels, WarningLevel, level_for, named_levels

NOW = parse_instant("2026-11-22T08:00:00.000Z")
CONTENT = Content(status="Actual", colour="red", valid_s=3_600, restriction="", infos=())
S, A = WarningState, WarningAct

# state: act -> state after; what is not named is refused
LIFE: dict[WarningState | None, dict[WarningAct, WarningState]] = {
    None: {A.DRAFT: S.DRAFTED},
    S.DRAFTED: {A.UPDATE: S.DRAFTED, A.APPROVE: S.ISSUED, A.REJECT: S.REJECTED, A.CANCEL: S.WITHDRAWN},
    S.ISSUED: {A.UPDATE: S.UPDATE_DRAFTED, A.CANCEL: S.CANCEL_DRAFTED, A.END: S.CANCELLED, A.EXPIRE: S.EXPIRED},
    S.UPDATE_DRAFTED: {
        A.UPDATE: S.UPDATE_DRAFTED, A.APPROVE: S.ISSUED, A.REJECT: S.ISSUED, A.CANCEL: S.CANCEL_DRAFTED,
        A.END: S.CANCELLED, A.EXPIRE: S.EXPIRED,
    },
    S.CANCEL_DRAFTED: {A.APPROVE: S.CANCELLED, A.REJECT: S.ISSUED, A.END: S.CANCELLED, A.EXPIRE: S.EXPIRED},
    S.REJECTED: {},
    S.WITHDRAWN: {},
    S.CANCELLED: {},
    S.EXPIRED: {},
}  # fmt: skip


@pytest.mark.parametrize(("state", "act"), list(itertools.product([None, *WarningState], WarningAct)))
def test_every_cell_of_the_table(state: WarningState | None, act: WarningAct) -> None:
    expected = LIFE[state].get(act)
    if expected is None:
        with pytest.raises(WarningRefused) as refused:
            check_act(state, act)
        assert refused.value.remedy
    else:
        assert check_act(state, act) is expected


def test_the_table_has_no_more_cells() -> None:
    assert len(TABLE) == sum(len(acts) for acts in LIFE.values())


def new(**given: object) -> Warned:
    facts: dict[str, object] = {
        "warning": "city-20261122-1", "city": "city", "system": "gas", "district": "", "mode": "operational",
        "scope": "Public", "alarm": "a", "state": S.DRAFTED, "version": 1, "changed": NOW, "changed_by": "desk-1",
        "pending": Pending(content=CONTENT, authors=("desk-1",), since=NOW),
    }  # fmt: skip
    return Warned(**(facts | given))  # type: ignore[arg-type]


def reference(number: int, now: int = NOW) -> Reference:
    return Reference("lifeline@example.org", f"city-20261122-1-{number}", now)


def test_nobody_approves_what_they_had_a_hand_in() -> None:
    warned = drafted(new(), A.UPDATE, CONTENT, "chief-1", NOW + 1)
    assert warned.pending is not None
    assert warned.pending.authors == ("desk-1", "chief-1")
    for author in warned.pending.authors:
        with pytest.raises(WarningRefused, match="had a hand in"):
            approved(warned, author, NOW + 2, reference(1))
    after, message_type, content = approved(warned, "chief-2", NOW + 2, reference(1))
    assert (after.state, message_type, content) == (S.ISSUED, "Alert", CONTENT)
    assert after.expires == NOW + 2 + 3_600_000


def test_whoever_approved_an_alert_may_draft_its_update_and_not_approve_it() -> None:
    issued, _, _ = approved(new(), "chief-1", NOW, reference(1))
    update = drafted(issued, A.UPDATE, CONTENT, "chief-1", NOW)
    with pytest.raises(WarningRefused):
        approved(update, "chief-1", NOW, reference(2))
    after, message_type, _ = approved(update, "desk-1", NOW, reference(2))
    assert message_type == "Update"
    assert [sent.identifier for sent in after.issued] == ["city-20261122-1-1", "city-20261122-1-2"]


def test_a_draft_that_nobody_looked_at_for_a_day_is_not_sent() -> None:
    approved(new(), "chief-1", NOW + DRAFT_AGE_MS_MAX, reference(1))
    with pytest.raises(WarningRefused, match="older than a day"):
        approved(new(), "chief-1", NOW + DRAFT_AGE_MS_MAX + 1, reference(1))


def test_a_warning_expires_by_itself_and_nothing_revives_it() -> None:
    issued, _, _ = approved(new(), "chief-1", NOW, reference(1))
    end = NOW + 3_600_000
    assert state_at(issued, end - 1) is S.ISSUED
    assert state_at(issued, end) is S.EXPIRED
    for act in (A.UPDATE, A.CANCEL):
        with pytest.raises(WarningRefused):
            drafted(issued, act, CONTENT, "desk-1", end)
    waiting = drafted(issued, A.UPDATE, CONTENT, "desk-1", end - 1)
    with pytest.raises(WarningRefused):
        approved(waiting, "chief-1", end, reference(2))


ACTORS = ("desk-1", "desk-2", "chief-1")


@given(st.lists(st.tuples(st.sampled_from(list(WarningAct)), st.sampled_from(ACTORS), st.integers(0, 2_000_000))))
def test_however_it_goes(acts: list[tuple[WarningAct, str, int]]) -> None:
    """Against a plain account of what was sent: every message of two persons, except the ends that one spoke."""
    warned, now = new(), NOW
    hands = {"desk-1"}
    sent: list[str] = []
    for act, actor, pause_ms in acts:
        now += pause_ms
        before = warned
        shown = state_at(warned, now)
        try:
            if act is A.APPROVE:
                warned, message_type, _ = approved(warned, actor, now, reference(len(sent) + 1, now))
                assert actor not in hands
                assert message_type == APPROVED_MESSAGES[shown]
                sent.append(message_type)
            elif act is A.END:
                warned = ended(warned, actor, now, CONTENT, reference(len(sent) + 1, now))
                sent.append("Cancel")
            elif act is A.REJECT:
                warned = rejected(warned, actor, now)
            elif act is A.CANCEL and shown is S.DRAFTED:
                warned = withdrawn(warned, actor, now)
            elif act in (A.UPDATE, A.CANCEL):
                warned = drafted(warned, act, CONTENT, actor, now)
                hands = {*hands, actor} if warned.state is shown else {actor}
            else:
                check_act(shown, act)
        except WarningRefused:
            assert warned is before
            continue
        if act in (A.DRAFT, A.EXPIRE):
            continue
        assert warned.version == before.version + 1
        assert warned.state is LIFE[shown][act]
        assert [r.sent for r in warned.issued] == sorted(r.sent for r in warned.issued)
        assert len(warned.issued) == len(sent)
        assert (warned.pending is not None) == (warned.state in APPROVED_MESSAGES)
        assert msgspec.json.decode(msgspec.json.encode(warned), type=Warned) == warned
    assert sent[:1] in ([], ["Alert"])
    assert sent.count("Alert") <= 1
    assert "Cancel" not in sent[:-1]


THREE = named_levels([WarningLevel("red"), WarningLevel("orange"), WarningLevel("yellow")])
TWO = named_levels([WarningLevel("yellow"), WarningLevel("red", label_zh="红色预警")])


@pytest.mark.parametrize(
    ("levels", "labels"),
    [
        (FOUR_LEVELS, ["一级（红）", "二级（橙）", "三级（黄）", "四级（蓝）"]),
        (THREE, ["一级（红）", "二级（橙）", "三级（黄）"]),
        (TWO, ["红色预警", "二级（黄）"]),
    ],
)
def test_levels_are_named_from_the_highest(levels: tuple[WarningLevel, ...], labels: list[str]) -> None:
    assert [level.label_zh for level in levels] == labels


@pytest.mark.parametrize(
    ("levels", "colours"),
    [
        (FOUR_LEVELS, [None, "blue", "yellow", "orange", "red"]),
        (THREE, [None, "yellow", "yellow", "orange", "red"]),
        (TWO, [None, "yellow", "yellow", "red", "red"]),
    ],
)
def test_a_severity_is_rounded_up_and_never_down(levels: tuple[WarningLevel, ...], colours: list[str | None]) -> None:
    found = [level_for(levels, severity) for severity in range(5)]
    assert [level and level.colour for level in found] == colours


@pytest.mark.parametrize("colours", [["orange", "yellow", "blue"], ["red", "red"], ["red", "purple"], ["red", ""], []])
def test_levels_that_no_city_can_warn_in(colours: list[str]) -> None:
    with pytest.raises(InvalidLevels):
        named_levels([WarningLevel(colour) for colour in colours])
