"""The hand-over as a page: what it says of rules."""

from __future__ import annotations

from typing import Any

import pytest

from app.hand_over_page import hand_over_html
from app.rule_names import RuleNames
from model.bilingual import Language

AT = "2026-11-22T12:00:00.000Z"
NAMES = {"level": {"en": "Gas level", "zh": "燃气浓度"}}
ALARM = {"severity": 4, "sensor": "GAS-1", "name": "", "name_zh": "", "district": "", "raised_at": AT}
WORK = ALARM | {"handling": "assigned", "assigned_to": "wang", "deadline_at": None}
SHELF = {
    "kind": "shelved", "sensor": "GAS-1", "reason": "test", "actor": "li", "approved_by": None, "ends_at": AT,
    "review_at": None,
}  # fmt: skip


def _item(part: str, row: dict[str, Any]) -> dict[str, Any]:
    parts = {name: {"rows": [], "total": 0} for name in ("unacknowledged", "suppressed", "work", "incidents")}
    return {
        "hand_over": 1, "position": "c.default", "city": "c", "mode": "test", "handed_by": "li", "handed_to": None,
        "handed_at": AT, "accepted_by": None, "accepted_at": None, "notes": [], "struck": [],
        "snapshot": {"open": [], "floods": []} | parts | {part: {"rows": [row], "total": 1}},
    }  # fmt: skip


# rule, names, language: what the page says
RULES: list[tuple[str | None, RuleNames, Language, str]] = [
    ("level", NAMES, "en", "Gas level (level)"),
    ("level", NAMES, "zh", "燃气浓度（level）"),
    ("gone", NAMES, "en", "gone"),
    ("level", {}, "zh", "level"),
    ("level", {"level": {"en": "<b>", "zh": ""}}, "en", "&lt;b&gt; (level)"),
]


@pytest.mark.parametrize(("rule", "names", "language", "told"), RULES)
@pytest.mark.parametrize(("part", "row"), [("unacknowledged", ALARM), ("work", WORK), ("suppressed", SHELF)])
def test_rules_are_told_by_their_names_with_the_id_beside(
    part: str, row: dict[str, Any], rule: str, names: RuleNames, language: Language, told: str
) -> None:
    page = hand_over_html(_item(part, row | {"rule": rule}), "Desk", "Asia/Shanghai", language, names)
    assert f"<td>{told}</td>" in page


def test_a_suppression_of_a_whole_sensor_is_of_all_rules() -> None:
    page = hand_over_html(_item("suppressed", SHELF | {"rule": None}), "Desk", "UTC", "zh", NAMES)
    assert "<td>所有规则</td>" in page
