"""The words of notifications, in both languages."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notices import Notice, both, digest_message, message
from model.alarm import JournalLine, State
from model.instant import parse_instant
from model.sensor import Sensor

NOON = parse_instant("2026-11-22T12:00:00.000Z")
RULE = {
    "name": {"en": "Combustible gas", "zh": "可燃气体浓度"},
    "condition": {"kind": "threshold", "unit": "%{vol}"},
    "guidance": {"response": {"en": "Keep people away.", "zh": "疏散人员。"}},
}
SENSOR = Sensor(sensor="GAS-1", city="jiayuguan", system="gas", property="combustible_gas", unit="%{LEL}",
                interval_s=60, longitude=98.29, latitude=39.77, name="Chamber 7", name_zh="七号阀室")  # fmt: skip


def notice(line: dict[str, Any] | None = None, **facts: Any) -> Notice:
    usual = {
        "alarm": "a", "sequence": 1, "rule": "combustible-gas", "kind": "threshold", "sensor": "GAS-1",
        "time": "2026-11-22T12:00:00.000Z", "from_": State.NORMAL, "to": State.UNACKNOWLEDGED, "severity": "red",
        "severity_from": None, "peak_severity": "red", "class_": "process", "priority": "highest",
        "condition": "active", "value": 62.5, "limit": 50.0, "reason": "limit_reached",
        "known_at": "2026-11-22T12:00:01.000Z", "rule_version": "0", "mode": "operational", "retroactive": False,
    }  # fmt: skip
    given_facts = {
        "kind": "raised", "line": JournalLine(**(usual | (line or {}))), "raised": NOON, "state": "unacknowledged",
        "city": "jiayuguan", "city_name": "Jiayuguan", "city_name_zh": "嘉峪关", "district": "xiongguan",
        "system": "gas", "time_zone": "Asia/Urumqi", "sensor": SENSOR, "rule": RULE,
    }  # fmt: skip
    return Notice(**(given_facts | facts))


def test_everything_that_who_is_called_needs_stands_in_it() -> None:
    chinese = message(notice(), "zh", "https://lifeline.example.org/?alarm=a")
    assert chinese.title == "【一级（红）燃气报警】七号阀室 可燃气体浓度"
    assert chinese.text.split("\n") == [
        "地点：七号阀室，GAS-1，嘉峪关，xiongguan，98.29000 39.77000",
        "数值：62.5 %LEL，限值 50 %LEL",
        "起始：2026-11-22 18:00:00 (Asia/Urumqi)",
        "处置：疏散人员。",
        "https://lifeline.example.org/?alarm=a",
    ]
    english = message(notice(), "en")
    assert english.title == "[Level I (red) gas alarm] Chamber 7: Combustible gas"
    assert english.text.split("\n") == [
        "Where: Chamber 7, GAS-1, Jiayuguan, xiongguan, 98.29000 39.77000",
        "Value: 62.5 %LEL, limit 50 %LEL",
        "Since: 2026-11-22 18:00:00 (Asia/Urumqi)",
        "What to do: Keep people away.",
    ]
    assert both(chinese, english).title == f"{chinese.title} / {english.title}"


TITLES: list[tuple[dict[str, Any], str, str]] = [
    ({"line": {"severity": "orange"}}, "【二级（橙）燃气报警】", "[Level II (orange) gas alarm]"),
    ({"line": {"severity": "yellow"}}, "【三级（黄）燃气报警】", "[Level III (yellow) gas alarm]"),
    ({"line": {"severity": "blue"}}, "【四级（蓝）燃气报警】", "[Level IV (blue) gas alarm]"),
    ({"line": {"severity": None, "peak_severity": None, "class_": "instrument"}}, "【燃气仪表报警】",
     "[gas instrument alarm]"),
    ({"line": {"mode": "test"}}, "〔测试〕【一级", "TEST [Level I"),
    ({"kind": "risen"}, "报警·等级上升】", "alarm, severity rose]"),
    ({"kind": "released"}, "报警·解除抑制】", "alarm, no longer suppressed]"),
    ({"kind": "returned", "line": {"severity": None, "severity_from": "orange"}}, "【二级（橙）燃气报警·已恢复正常】",
     "[Level II (orange) gas alarm, returned to normal]"),
    ({"kind": "escalated", "step": "not_acknowledged_1"}, "报警·升级提醒】", "alarm, escalation]"),
    ({"late": True}, "(迟到数据补报)", "(late, told by readings that came late)"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "chinese", "english"), TITLES)
def test_titles(facts: dict[str, Any], chinese: str, english: str) -> None:
    line = facts.pop("line", None) if "line" in facts else None
    one = notice(line, **facts)
    facts |= {} if line is None else {"line": line}
    assert chinese in message(one, "zh").title
    assert english in message(one, "en").title


def test_an_escalation_says_what_was_not_done() -> None:
    escalated = notice(kind="escalated", step="not_accepted_2")
    assert message(escalated, "zh").text.startswith("事由：未按时接单 (2)\n")
    assert message(escalated, "en").text.startswith("Why: not accepted in time (2)\n")
    assert message(notice(kind="escalated", step="of_another_kind"), "en").text.startswith("Why: of another kind\n")


def test_a_rate_has_the_unit_of_its_condition_and_not_of_the_property() -> None:
    rate = notice({"kind": "rate"}, rule=RULE | {"condition": {"kind": "rate", "unit": "%{LEL}/min"}})
    assert "62.5 %LEL/min" in message(rate, "en").text


def test_a_combinations_value_is_told_as_the_sensors_that_it_counts() -> None:
    combined = notice({"kind": "combination", "value": 3.0, "limit": None})
    assert "满足条件的传感器：3 个" in message(combined, "zh").text.split("\n")
    assert "Sensors at which its conditions hold: 3" in message(combined, "en").text.split("\n")
    assert "数值" not in message(combined, "zh").text


def test_what_is_not_known_any_more_is_left_out() -> None:
    bare = message(notice({"value": None, "limit": None}, sensor=None, rule=None, district=""), "en")
    assert bare.title == "[Level I (red) gas alarm] GAS-1: combustible-gas"
    assert bare.text.split("\n") == ["Where: GAS-1, Jiayuguan", "Since: 2026-11-22 18:00:00 (Asia/Urumqi)"]


def test_a_digest_counts_all_and_shows_the_first() -> None:
    few = digest_message([notice(), notice(state="acknowledged")], 2, "zh")
    assert few.title == "嘉峪关2 条消息汇总"
    assert [line.rpartition(" · ")[2] for line in few.text.split("\n")] == ["未确认", "已确认"]
    many = digest_message([notice()] * 30, 500, "en", "https://lifeline.example.org")
    assert many.title == "Jiayuguan 500 messages gathered"
    assert many.text.split("\n")[-2:] == ["and 480 more; see the alarm list", "https://lifeline.example.org"]
    assert len(many.text.split("\n")) == 22


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_name_makes_a_line_of_its_own_or_hides(name: str, district: str) -> None:
    sensor = Sensor(
        sensor="S", city="c", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60, name=name
    )
    one = notice(sensor=sensor, district=district)
    for language in ("zh", "en"):
        words = message(one, language)
        assert words.title.isprintable()
        assert len(words.text.split("\n")) == 4
        assert all(line.isprintable() for line in words.text.split("\n"))
