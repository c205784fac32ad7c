"""What an explanation says: every kind and every decision has words, in both languages, and they are these."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace as replaced

from alerts.conditions.displacement import Measure
from alerts.explaining import sentences
from alerts.explaining.case import Case, Period
from alerts.explaining.changes import Change, ChangeKind, Edit, Shape
from alerts.explaining.explanation import Explanation, Limit, Turn, Use, explain
from alerts.explaining.smallest import NoneFound
from alerts.explaining.voice import Voice
from alerts.explaining.words import Activation, Quiet, change_words, words_of
from alerts.rules import Condition
from alerts.words import Ladder
from benchmarks.explanation_pages import QUESTIONS, page
from model.alarm import SUPPRESSED_STATES
from model.bilingual import QUALITIES, Language, Words
from model.reading import HELD_BACK, NEVER_CLEARS, Quality, empty_batch
from tests.rules.streams import (
    BAD_READINGS_RULE,
    SILENT_RULE,
    QualifiedReading,
    Reading,
    batch,
    engine,
    sensor,
    threshold,
)

ROOT = Path(__file__).parents[2]
CONDITIONS = {get_args(one.model_fields["kind"].annotation)[0]: one for one in get_args(get_args(Condition)[0])}
LADDERS = {kind for kind, condition in CONDITIONS.items() if issubclass(condition, Ladder)}
BAD, DOUBTFUL = int(Quality.REPORTED_BAD), int(Quality.REPORTED_UNCERTAIN)
LANGUAGES: tuple[Language, ...] = ("en", "zh")
NOISY = {
    **SILENT_RULE,
    "select": {"property": "water_depth"},
    "condition": {"kind": "noisy", "usual_s": 604_800, "limits": {"blue": 4}},
}


def asked(
    at_s: float,
    readings: Sequence[Reading | QualifiedReading],
    condition: dict[str, Any] | None = None,
    came: Mapping[float, float] | None = None,
    rule: dict[str, Any] | None = None,
    **more: Any,
) -> Explanation:
    """Explain a rule at a sensor, `at_s` after 08:00:00 in Shanghai; `came`: by its time, when a reading came."""
    rule = rule or threshold(**(condition or {}))
    built = engine(rule, sensors=[replaced(sensor("a"), **more)])
    arrivals = [(came or {}).get(row[1], row[1]) for row in readings]
    order = sorted(range(len(readings)), key=lambda place: arrivals[place])
    log = [empty_batch(0, 0)]
    for sequence, is_known in ((1, True), (2, False)):
        rows = [place for place in order if (arrivals[place] <= at_s) == is_known]
        part = batch(built, [readings[row] for row in rows], sequence=sequence, arrived=[arrivals[r] for r in rows])
        log.append(replace(part, clock=max(part.clock, round(at_s * 1000))))
    case = Case(rule["rule"], "a", round(at_s * 1000), (Period(0, built.packs, built.registry),), tuple(log))
    return explain(case)


def rising(*values: float) -> list[Reading]:
    return [("a", 60.0 * place, value) for place, value in enumerate(values)]


# name: (explanation, what its second sentence says, in English and Chinese)
DECIDED = {
    "the first reading at the limit": (
        asked(60, rising(5, 10)),
        "The reading of 08:01:00 was 10 cm: at or above the limit of level IV (blue), 10 cm.",
        "08:01:00 的读数为 10 cm，达到或高于四级（蓝）限值 10 cm。",
    ),
    "just short of it, in as many digits as it takes": (
        asked(60, rising(5, 9.99996)),
        "The newest reading, of 08:01:00, was 9.99996 cm: below the limit of level IV (blue), 10 cm.",
        "最新读数（08:01:00）为 9.99996 cm，低于四级（蓝）限值 10 cm。",
    ),
    "an on-delay that runs": (
        asked(100, rising(5, 12), {"on_delay_s": 120}),
        "The readings have been at or above the limit of level IV (blue), 10 cm, since 08:01:00; that has to last "
        "2 min, and 40 s had passed.",
        "读数自 08:01:00 起达到或高于四级（蓝）限值 10 cm；须持续2分，已持续40秒。",
    ),
    "inside the deadband": (
        asked(60, rising(12, 8), {"deadband": 3}),
        "It had been raised before and had not ended: the newest reading, of 08:01:00, was 8 cm; level IV (blue) ends "
        "only below 7 cm.",
        "此前已成立且尚未结束：最新读数（08:01:00）为 8 cm；低于 7 cm 才会退出四级（蓝）。",
    ),
    "an off-delay that runs": (
        asked(120, rising(12, 5, 4), {"off_delay_s": 300}),
        "It had been raised before, and the readings have been below 10 cm since 08:01:00; level IV (blue) ends when "
        "they have been so for 5 min, and they had been for 1 min.",
        "此前已成立；读数自 08:01:00 起低于 10 cm，持续5分才会退出四级（蓝），已持续1分。",
    ),
    "too few of the last samples": (
        asked(120, rising(5, 12, 12), {"samples": {"needed": 3, "of": 4}}),
        "2 of the last 4 good readings had reached the limit of level IV (blue), 10 cm; 3 of them are needed.",
        "最近 4 个可用读数中有 2 个达到四级（蓝）限值 10 cm，须有 3 个。",
    ),
    "limits below": (
        asked(0, rising(15), {"direction": "below", "limits": {"yellow": 20, "red": 10}}),
        "The reading of 08:00:00 was 15 cm: at or below the limit of level III (yellow), 20 cm.",
        "08:00:00 的读数为 15 cm，达到或低于三级（黄）限值 20 cm。",
    ),
    "full scale": (
        asked(0, [("a", 0, 9.0, int(Quality.SATURATED))], {"full_scale": "red"}),
        "The reading of 08:00:00 was at the end of the sensor's range, 9 cm; the rule takes that as level I (red) at "
        "once, because the true value may be worse.",
        "08:00:00 的读数已满量程（9 cm）；真实值可能更严重，规则即按一级（红）处理。",
    ),
    "nothing came": (asked(60, []), "Nothing had been heard by then.", "截至当时未收到任何数据。"),
    "silence": (
        asked(240, rising(5), rule=SILENT_RULE),
        "Nothing had been heard since 08:00:00; it counts as silent after 3 min, and 4 min had passed.",
        "自 08:00:00 起未收到数据；超过3分即为失联，已过4分。",
    ),
    "bad readings": (
        asked(60, [("a", 0, 5), ("a", 60, 5, BAD)], rule=BAD_READINGS_RULE),
        "The newest reading, of 08:01:00, could not be used: bad by its own word.",
        "最新读数（08:01:00）不可用：设备报告异常。",
    ),
    "a figure without a unit": (
        asked(60, rising(5, 6), rule=NOISY),
        "The noise, as a multiple of the sensor's usual one, could not be told yet: too few good readings, too long a "
        "gap between them, or too short a time to learn what is usual.",
        "尚无法得出噪声与该传感器常态噪声之比：可用读数太少、间断太久，或学习常态的时间不足。",
    ),
}


@pytest.mark.parametrize("name", DECIDED)
def test_what_decided_is_said(name: str) -> None:
    explanation, english, chinese = DECIDED[name]
    assert (words_of(explanation, "en")[1], words_of(explanation, "zh")[1]) == (english, chinese)


def test_a_whole_explanation_of_late_readings() -> None:
    explanation = asked(
        150, rising(5, 25, 6), {"off_delay_s": 600}, came={60: 1_800}, name="North gate", name_zh="北门"
    )
    assert words_of(explanation, "en", (), Activation(time=-3_600_000, by="li", approved_by="wang")) == [
        "At 1970-01-01 08:02:30 (UTC+8) the condition of the rule “a” did not hold at North gate.",
        "The newest reading, of 08:02:00, was 6 cm: below the limit of level IV (blue), 10 cm.",
        "That limit stands in the rule; it is its author's own proposal.",
        "The condition would have held if the reading of 08:02:00 had been 4 cm higher; or if the reading of 08:01:00 "
        "had come in time.",
        "The reading of 08:01:00 came only at 08:30:00.",
        "As it is known now, the condition held, since 08:01:00, and stood at level III (yellow).",
        f"Version of the rule: {explanation.rule_version}, put into force at 07:00:00 by li, approved by wang.",
    ]
    assert words_of(explanation, "zh") == [
        "1970-01-01 08:02:30（UTC+8），规则“一”在 北门 的条件不成立。",
        "最新读数（08:02:00）为 6 cm，低于四级（蓝）限值 10 cm。",
        "该限值出自规则本身；为规则编制者自拟。",
        "若08:02:00 的读数高出 4 cm；或08:01:00 的读数及时到达，条件即成立。",
        "08:01:00 的读数迟至 08:30:00 才到达。",
        "按现在所知，条件自 08:01:00 起成立，为三级（黄）。",
        f"规则版本：{explanation.rule_version}。",
    ]


NOW = {
    "nothing came": ({}, {}, "No reading of that time has come since: what is known now was known then."),
    "what came changes nothing": ({60.0: 900.0}, {1: 5}, "As it is known now, the decision is the same."),
    "it had held before": (
        {60.0: 900.0},
        {1: 12},
        "As it is known now, the decision is the same, but it had held before, from 08:01:00 on, and ended again.",
    ),
    "it had held for longer": (
        {60.0: 900.0},
        {1: 12, 2: 12},
        "As it is known now, it was at the same level, but had held since 08:01:00.",
    ),
    "it had ended": ({120.0: 900.0}, {1: 12}, "As it is known now, the condition did not hold."),
}


@pytest.mark.parametrize("name", NOW)
def test_what_is_known_now_is_said(name: str) -> None:
    came, values, said = NOW[name]
    explanation = asked(130, rising(*[values.get(place, 5.0) for place in range(3)]), came=came)
    assert said in words_of(explanation, "en")


READINGS: dict[str, tuple[list[Reading | QualifiedReading], dict[float, float], str]] = {
    "held back": ([("a", 60, 50, BAD)], {}, "Held back as not usable: 1 of the last 2 readings (bad by its own word)"),
    "in doubt": ([("a", 60, 5, DOUBTFUL)], {}, "In doubt: 1 of the last 2 readings (uncertain by its own word)"),
    "late": ([("a", 60, 5), ("a", 30, 5)], {30.0: 90.0}, "Late: 1 of the last 3 readings came after a newer one"),
}


@pytest.mark.parametrize("name", READINGS)
def test_readings_that_were_not_plainly_judged_are_told(name: str) -> None:
    readings, came, said = READINGS[name]
    found = [one for one in words_of(asked(100, [("a", 0, 5), *readings], came=came), "en") if one.startswith(said)]
    assert len(found) == 1


TEMPORARY = {"mark": "P", "source": "temporary limit 7, until 1970-01-02T00:00:00.000Z"}
SET = {"select": {"sensor": "a"}, "limits": {"blue": 8}}
ORIGINS: dict[str, tuple[dict[str, Any], str]] = {
    "of the rule": ({}, "That limit stands in the rule; it is its author's own proposal."),
    "for some sensors": (
        {"overrides": [SET]},
        "That limit stands in the rule for some sensors, this one among them; it is its author's own proposal.",
    ),
    "of an attribute": (
        {"condition": {"kind": "threshold", "unit": "cm", "limits": {"blue": {"attribute": "kerb"}}}},
        "That limit follows from the sensor's attribute “kerb”; it is its author's own proposal.",
    ),
    "for a time": (
        {"overrides": [{**SET, "basis": [{**TEMPORARY, "limits": ["blue"]}]}]},
        "That limit was set for a time (no. 7, until 1970-01-02 08:00:00).",
    ),
    "of the rule, beside one that was set for a time": (
        {"overrides": [{**SET, "limits": {"blue": 10, "yellow": 15}, "basis": [{**TEMPORARY, "limits": ["yellow"]}]}]},
        "That limit stands in the rule; it is its author's own proposal.",
    ),
}


@pytest.mark.parametrize("name", ORIGINS)
def test_where_a_limit_comes_from_is_said(name: str) -> None:
    changed, said = ORIGINS[name]
    explanation = asked(0, rising(5), rule={**threshold(), **changed}, attributes={"kerb": "12"})
    assert words_of(explanation, "en")[2] == said


QUIETS = {
    Quiet(kind="rule", by="rain-3-h", since=0): "It was not annunciated: the rule “rain-3-h” has kept it quiet since "
    "08:00:00, by design.",
    Quiet(
        kind="shelved", by="li", since=0, until=3_600_000, reason="flushing"
    ): "It was not annunciated: shelved by li from 08:00:00 until 09:00:00, because “flushing”.",
    Quiet(kind="out_of_service", by="li", since=0): "It was not annunciated: taken out of service by li from 08:00:00.",
}


@pytest.mark.parametrize("quiet", QUIETS)
def test_who_kept_it_quiet_is_said(quiet: Quiet) -> None:
    assert QUIETS[quiet] in words_of(asked(0, rising(12)), "en", [quiet])


# What would have decided otherwise, of readings 5, 6, 7 at 08:00, 08:01 and 08:02.
CHANGES = {
    "value": (
        Edit(sensor="a", times=[120_000], by=0.8),
        "the reading of 08:02:00 had been 0.8 cm higher",
        "08:02:00 的读数高出 0.8 cm",
    ),
    "rising": (
        Edit(sensor="a", times=[60_000, 120_000], by=4.0, shape="rising"),
        "each of the 2 readings from 08:01:00 to 08:02:00 had been higher, evenly more so, the last by 4 cm",
        "08:01:00 至 08:02:00 的 2 个读数均匀地逐个高出，最后一个高出 4 cm",
    ),
    "steady": (
        Edit(sensor="a", times=[60_000, 120_000], to=5.0),
        "each of the 2 readings from 08:01:00 to 08:02:00 had been 5 cm",
        "08:01:00 至 08:02:00 的 2 个读数为 5 cm",
    ),
    "longer": (
        Edit(sensor="a", times=[120_000], seconds=12.0),
        "the reading of 08:02:00 had been followed by readings like it for another 12 s",
        "08:02:00 的读数其后相同读数再持续12秒",
    ),
    "value_longer": (
        Edit(sensor="a", times=[120_000], by=-5.0, seconds=300.0),
        "the reading of 08:02:00 had been 5 cm lower and been followed by readings like it for another 5 min",
        "08:02:00 的读数低 5 cm，且其后相同读数再持续5分",
    ),
    "quality": (
        Edit(sensor="a", times=[120_000], quality=[]),
        "the reading of 08:02:00 had been good",
        "08:02:00 的读数正常",
    ),
    "quality_longer": (
        Edit(sensor="a", times=[120_000], quality=["stuck"], seconds=60.0),
        "the reading of 08:02:00 had been marked as “does not move” and been followed by readings like it for another "
        "1 min",
        "08:02:00 的读数标记为“读数不变”，且其后相同读数再持续1分",
    ),
    "in_time": (
        Edit(sensor="a", times=[60_000]),
        "the reading of 08:01:00 had come in time",
        "08:01:00 的读数及时到达",
    ),
    "heard": (Edit(sensor="b", times=[120_000]), "b had been heard at 08:02:00", "b 在 08:02:00 有数据到达"),
    "silent": (
        Edit(sensor="a", seconds=61.0),
        "it had been silent for 1 min 1 s longer",
        "本传感器 再失联1分1秒",
    ),
    "date": (Edit(sensor="a", seconds=-90.0), "it had been 1 min 30 s earlier", "当时早1分30秒"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_would_have_decided_otherwise_is_said(name: str) -> None:
    edit, english, chinese = CHANGES[name]
    change = Change(kind="value" if name == "rising" else name, edits=[edit])  # type: ignore[arg-type]
    explanation = asked(120, rising(5, 6, 7))
    told = [change_words(explanation, [change], voice(language)) for language in LANGUAGES]
    assert told == [f"The condition would have held if {english}.", f"若{chinese}，条件即成立。"]


def test_why_no_change_is_told_is_said() -> None:
    told = [
        words_of(replaced(asked(60, rising(5, 6), rule=rule), none_found=why, smallest=[]), "en")
        for rule, why in ((None, "not_found"), (None, "ended"), (NOISY, "ended"), (NOISY, "no_signal"))
    ]
    default, ended, noisy, no_signal = (next(one for one in words if one in FORMS) for words in told)
    assert default == sentences.NONE_FOUND["not_found"][0]
    assert ended == sentences.NONE_FOUND["ended"][0]
    assert noisy == sentences.NOT_FOUND_OF_KIND["noisy"][0]
    assert no_signal == sentences.NONE_FOUND["no_signal"][0]


FORMS = {form[0] for form in (*sentences.NONE_FOUND.values(), *sentences.NOT_FOUND_OF_KIND.values())}


def voice(language: Language) -> Voice:
    return Voice(language, ZoneInfo("Asia/Shanghai"), 120_000)


def test_every_kind_and_every_decision_has_words() -> None:
    signals = {kind for kind in LADDERS if kind != "displacement"} | set(get_args(Measure))
    assert signals == sentences.SIGNALS.keys()
    assert set(get_args(Turn)) <= sentences.DECIDED.keys()
    assert {what for what, _ in sentences.DECIDED_OF_KIND} <= sentences.DECIDED.keys() | {"heard_again"}
    assert {kind for _, kind in sentences.DECIDED_OF_KIND} <= CONDITIONS.keys()
    assert set(get_args(Use)) - {"judged", "not_yet_here"} == sentences.READINGS.keys()
    assert set(get_args(Limit.__annotations__["origin"])) == sentences.ORIGINS.keys()
    assert set(get_args(NoneFound)) == sentences.NONE_FOUND.keys()
    assert sentences.NOT_FOUND_OF_KIND.keys() <= CONDITIONS.keys()
    assert {*SUPPRESSED_STATES, "rule"} == sentences.QUIET.keys()
    assert set((HELD_BACK | NEVER_CLEARS).labels) == QUALITIES.keys()
    assert set(get_args(ChangeKind)) <= CHANGES.keys()
    assert set(get_args(Shape)) == sentences.BY.keys()
    assert {question.kind for question in QUESTIONS} == CONDITIONS.keys()


def forms() -> Iterator[tuple[str, Words]]:
    for name, value in vars(sentences).items():
        if not name.isupper():
            continue
        if isinstance(value, dict):
            yield from ((f"{name} {key}", form) for key, form in value.items())
        elif isinstance(value, tuple):
            yield name, value


@pytest.mark.parametrize(("name", "form"), list(forms()))
def test_both_languages_say_the_same_facts(name: str, form: Words) -> None:
    english, chinese = ({place.lower() for _, place, *_ in string.Formatter().parse(text) if place} for text in form)
    assert english == chinese, name


@pytest.fixture(scope="module")
def made() -> str:
    return page()


def test_the_page_is_what_the_service_says(made: str) -> None:
    kept = (ROOT / "docs" / "explanations.md").read_text("utf-8")
    assert kept.splitlines() == made.splitlines(), "python -m benchmarks.explanation_pages docs/explanations.md"


def test_no_explanation_leaves_a_place_unfilled_or_calls_anything_safe(made: str) -> None:
    told = made.partition("\n## ")[2]
    for word in ("{", "}", "None", "safe", "Safe", "安全"):
        assert word not in told
