"""Why a rule fired or did not: the decision is the engine's, and the change that is told would have flipped it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.conditions.ladder import NEVER
from alerts.explaining.case import Case, Period
from alerts.explaining.changes import Change, apply
from alerts.explaining.concern import NotBound, concern_of
from alerts.explaining.explanation import CHANGES_TOLD_MAX, explain
from alerts.explaining.least import fewest, fewest_readings, least_amount, least_seconds, sizes_up_to
from alerts.explaining.replay import replay_now, replay_then, severity_at
from alerts.explaining.smallest import CHANGES_MAX, smallest_changes
from alerts.explaining.trials import Trials
from benchmarks.explanations import Score, made_late, score_points, simulated
from model.reading import Quality, empty_batch
from model.sensor import Sensor
from tests.rules.streams import (
    BAD_READINGS_RULE,
    PLAIN_RULE,
    SILENT_RULE,
    QualifiedReading,
    Reading,
    batch,
    engine,
    sensor,
    threshold,
    tick,
)
from tests.rules.test_combination import QUIET, at, combination
from tests.rules.test_due import DATE_S, DUE_RULE, due
from tests.rules.test_engine_properties import CONDITIONS, arrivals, rules, streams
from tests.rules.test_gateway_silent import GATEWAY_RULE, THREE

BAD, SATURATED, UNCERTAIN = int(Quality.REPORTED_BAD), int(Quality.SATURATED), int(Quality.REPORTED_UNCERTAIN)
STUCK_RULE = {**SILENT_RULE, "rule": "stuck", "condition": {"kind": "stuck"}}
RATE_RULE = {
    **PLAIN_RULE,
    "condition": {"kind": "rate", "unit": "cm/min", "window_samples": 12, "limits": {"blue": 1}},
}
OVER_OTHER = {
    "kind": "expression",
    "unit": "cm",
    "inputs": {"other": {"select": {"sensor": "b"}}},
    "expression": "value - other",
}
OVER_OTHER_RULE = {
    **PLAIN_RULE,
    "select": {"property": "water_depth", "sensor": "a"},
    "condition": {**OVER_OTHER, "limits": {"blue": 5}},
}


def limit(blue: float = 15, **more: Any) -> dict[str, Any]:
    return threshold(limits={"blue": blue}, **more)


@dataclass
class Asked:
    """A question about readings (sensor, seconds, value, quality) and what is told, times in seconds."""

    rules: list[dict[str, Any]]
    rows: Sequence[Reading | QualifiedReading]
    at: float
    told: list[Any]
    fired: bool = False
    arrived: Sequence[float] | None = None
    about: str = "a"
    sensors: list[Sensor] = field(default_factory=lambda: [sensor("a"), sensor("b")])
    mode: str = "test"


def case_of(asked: Asked) -> Case:
    """Each reading in a batch of its own, in the order of arrival, and a tick at the time asked about."""
    built = engine(*asked.rules, sensors=asked.sensors, mode=asked.mode)
    arrived = [row[1] for row in asked.rows] if asked.arrived is None else asked.arrived
    came = sorted(zip(arrived, asked.rows, strict=True), key=lambda one: one[0])
    before = [one for one in came if one[0] <= asked.at]
    since = [one for one in came if one[0] > asked.at]
    begin = round((came[0][0] if came else asked.at) * 1000)
    batches = [empty_batch(0, min(begin, round(asked.at * 1000)))]
    for clock, row in before:
        batches.append(batch(built, [row], sequence=len(batches), arrived=[clock]))
    batches.append(tick(asked.at, len(batches)))
    for clock, row in since:
        batches.append(batch(built, [row], sequence=len(batches), arrived=[clock]))
    rule = str(asked.rules[-1]["rule"])
    return Case(rule, asked.about, round(asked.at * 1000), (Period(0, built.packs, built.registry),), tuple(batches))


def short(change: Change) -> Any:
    """(kind, sensor, seconds of the readings, what else is told) of an edit, of several in a list."""
    facts = []
    for edit in change.edits:
        what = {
            name: value for name in ("by", "to", "quality", "seconds") if (value := getattr(edit, name)) is not None
        }
        what |= {"shape": edit.shape} if edit.shape != "all" else {}
        facts.append((change.kind, edit.sensor, [time / 1000 for time in edit.times], what))
    return facts[0] if len(facts) == 1 else facts


CASES: dict[str, Asked] = {
    "a reading below its limit": Asked([limit()], [("a", 0, 14.2)], 0, [("value", "a", [0], {"by": 0.8})]),
    "a reading above a lower limit": Asked(
        [limit(5, direction="below")], [("a", 0, 6.5)], 0, [("value", "a", [0], {"by": -1.5})]
    ),
    "a reading above its limit: it has to come inside": Asked(
        [limit()], [("a", 0, 15.2)], 0, [("value", "a", [0], {"by": -0.201})], fired=True
    ),
    "48 s of an on-delay of 60": Asked(
        [limit(on_delay_s=60)], [("a", 0, 16), ("a", 48, 16)], 48, [("longer", "a", [48], {"seconds": 12})]
    ),
    "an on-delay counts from when it is asked about, where the reading is older": Asked(
        [limit(on_delay_s=60)], [("a", 0, 16), ("a", 48, 16)], 55, [("longer", "a", [48], {"seconds": 5})]
    ),
    "an on-delay that the clock may announce": Asked(
        [limit(on_delay_s=60)], [("a", 0, 16)], 65, [("longer", "a", [0], {"seconds": 1})], mode="operational"
    ),
    "a standing alarm within its deadband": Asked(
        [limit(deadband=2, off_delay_s=300)],
        [("a", 0, 16), ("a", 60, 14)],
        60,
        [("value_longer", "a", [60], {"by": -1.01, "seconds": 300}), ("value", "a", [0, 60], {"by": -1.01})],
        fired=True,
    ),
    "an off-delay that runs": Asked(
        [limit(deadband=2, off_delay_s=300)],
        [("a", 0, 16), ("a", 60, 12), ("a", 120, 12)],
        120,
        [("longer", "a", [120], {"seconds": 240}), ("value", "a", [0, 60, 120], {"by": -1.01})],
        fired=True,
    ),
    "full scale": Asked(
        [limit(full_scale="red")],
        [("a", 0, 2000, SATURATED)],
        0,
        [("value", "a", [0], {"by": -1990, "quality": []})],
        fired=True,
    ),
    "a reading that was held back": Asked(
        [limit()],
        [("a", 0, 10), ("a", 60, 20, BAD)],
        60,
        [("value", "a", [0], {"by": 5}), ("quality", "a", [60], {"quality": []})],
    ),
    "a reading in doubt, which clears nothing": Asked(
        [limit()],
        [("a", 0, 16), ("a", 60, 10, UNCERTAIN)],
        60,
        [("quality", "a", [60], {"quality": []})],
        fired=True,
    ),
    "a reading that had not come yet": Asked(
        [limit(off_delay_s=300)],
        [("a", 60, 20), ("a", 120, 5)],
        130,
        [("value", "a", [120], {"by": 10}), ("in_time", "a", [60], {})],
        arrived=[200, 120],
    ),
    "a reading that came after a newer one": Asked(
        [limit(off_delay_s=300)],
        [("a", 60, 20), ("a", 120, 5), ("a", 300, 5)],
        310,
        [("value", "a", [300], {"by": 10}), ("in_time", "a", [60], {})],
        arrived=[200, 120, 300],
    ),
    "a late reading that would have cleared": Asked(
        [limit()],
        [("a", 0, 20), ("a", 60, 5)],
        100,
        [("value", "a", [0], {"by": -5.01}), ("in_time", "a", [60], {})],
        fired=True,
        arrived=[0, 150],
    ),
    "two of the last three": Asked(
        [limit(samples={"needed": 2, "of": 3})],
        [("a", 0, 10), ("a", 60, 16)],
        60,
        [("longer", "a", [60], {"seconds": 60}), ("value", "a", [0, 60], {"by": 5})],
    ),
    "heard within its time": Asked([SILENT_RULE], [("a", 0, 1)], 100, [("silent", "a", [], {"seconds": 81})]),
    "silent": Asked([SILENT_RULE], [("a", 0, 1)], 300, [("heard", "a", [300], {})], fired=True),
    "silent, as its readings came late": Asked(
        [SILENT_RULE],
        [("a", 0, 1), ("a", 60, 1), ("a", 120, 1), ("a", 200, 1)],
        300,
        [("heard", "a", [300], {}), ("in_time", "a", [200], {})],
        fired=True,
        arrived=[0, 400, 400, 400],
    ),
    "a gateway that is heard": Asked(
        [GATEWAY_RULE],
        [("a", 0, 1), ("b", 20, 1), ("c", 40, 1)],
        100,
        [("silent", "g", [], {"seconds": 61})],
        about="g",
        sensors=THREE,
    ),
    "a gateway that is silent: all of its sensors have to be heard": Asked(
        [GATEWAY_RULE],
        [("a", 0, 1), ("b", 20, 1), ("c", 40, 1)],
        200,
        [[("heard", name, [200], {}) for name in "abc"]],
        fired=True,
        about="g",
        sensors=THREE,
    ),
    "a date to come": Asked([DUE_RULE], [], DATE_S - 3600, [("date", "a", [], {"seconds": 3601})], sensors=[due()]),
    "a date that has passed": Asked(
        [DUE_RULE], [], DATE_S + 10, [("date", "a", [], {"seconds": -10})], fired=True, sensors=[due()]
    ),
    "a good reading": Asked(
        [BAD_READINGS_RULE], [("a", 0, 1)], 0, [("quality", "a", [0], {"quality": ["reported_bad"]})]
    ),
    "bad readings": Asked(
        [BAD_READINGS_RULE],
        [("a", 0, 1, BAD), ("a", 60, 1, BAD)],
        60,
        [("quality", "a", [60], {"quality": []})],
        fired=True,
    ),
    "stuck for less than its delay": Asked(
        [{**STUCK_RULE, "condition": {"kind": "stuck", "on_delay_s": 90}}],
        [("a", 0, 1), ("a", 60, 1, int(Quality.STUCK))],
        60,
        [
            ("longer", "a", [60], {"seconds": 90}),
        ],
    ),
    "a combination that lacks one": Asked(
        [QUIET, combination({"blue": at(sensors=2)})],
        [("a", 0, 12), ("b", 1, 7)],
        1,
        [("value", "b", [1], {"by": 3})],
        sensors=[sensor(name, district="d") for name in "ab"],
    ),
    "a combination that lacks two": Asked(
        [QUIET, combination({"blue": at(sensors=2)})],
        [("a", 0, 6), ("b", 1, 7), ("c", 1, 2)],
        1,
        [[("value", "a", [0], {"by": 4}), ("value", "b", [1], {"by": 3})]],
        sensors=[sensor(name, district="d") for name in "abc"],
    ),
    "a combination that holds": Asked(
        [QUIET, combination({"blue": at(sensors=2)})],
        [("a", 0, 12), ("b", 1, 11)],
        1,
        [("value", "a", [0], {"by": -2.01})],
        fired=True,
        sensors=[sensor(name, district="d") for name in "ab"],
    ),
    "a combination that something else keeps from holding": Asked(
        [QUIET, combination({"blue": {"all_of": [at(), {"not": at(at_least="yellow")}]}})],
        [("a", 0, 12), ("b", 1, 25)],
        1,
        [("value", "b", [1], {"by": -5.01})],
        sensors=[sensor(name, district="d") for name in "ab"],
    ),
    "a combination that holds in two ways": Asked(
        [QUIET, combination({"blue": {"any_of": [at(sensors=2), at(at_least="yellow")]}})],
        [("a", 0, 12), ("b", 1, 25)],
        1,
        [("value", "b", [1], {"by": -15.1})],
        fired=True,
        sensors=[sensor(name, district="d") for name in "ab"],
    ),
    "an expression over two sensors": Asked(
        [OVER_OTHER_RULE],
        [("b", 0, 7), ("a", 10, 10)],
        10,
        [("value", "a", [10], {"by": 2})],
    ),
    "a rate": Asked(
        [RATE_RULE],
        [("a", 60.0 * number, 0.01 * (number % 2)) for number in range(12)],
        660,
        [("value", "a", [60.0 * number for number in range(6, 12)], {"by": 10.3, "shape": "rising"})],
    ),
}


@pytest.mark.parametrize("asked", CASES.values(), ids=list(CASES))
def test_the_smallest_change(asked: Asked) -> None:
    explanation = explain(case_of(asked))
    assert (explanation.then.severity > 0) == asked.fired
    assert [short(change) for change in explanation.smallest] == asked.told


@pytest.mark.parametrize("asked", CASES.values(), ids=list(CASES))
def test_it_flips_the_decision(asked: Asked) -> None:
    case = case_of(asked)
    for change in explain(case).smallest:
        assert (replay_then(apply(case, change)).severity > 0) != asked.fired


@pytest.mark.parametrize(
    ("rules", "rows", "why"),
    [
        ([limit()], [("b", 0, 1)], "nothing_heard"),
        ([RATE_RULE], [("a", 0, 1)], "no_signal"),
        ([limit(3_000)], [("a", 0, 1)], "not_found"),
        ([QUIET, combination({"blue": at(sensors=3)})], [("a", 0, 12), ("b", 0, 12)], "too_few_sensors"),
        ([QUIET, combination({"blue": at(sensors=2)})], [], "nothing_heard"),
    ],
)
def test_where_nothing_would_have_flipped_it_it_says_why(
    rules: list[dict[str, Any]], rows: list[Reading], why: str
) -> None:
    both = [sensor(name, district="d") for name in "ab"]
    explanation = explain(case_of(Asked(rules, rows, 10, [], sensors=both)))
    assert (explanation.smallest, explanation.none_found) == ([], why)


def test_a_search_that_has_cost_what_it_may_ends_and_says_so() -> None:
    trials = Trials(case_of(CASES["48 s of an on-delay of 60"]), cost_max=1_000)
    assert smallest_changes(trials, "delay_running", decided_now=False) == ([], "ended")


UNWATCHED_RULES: list[tuple[dict[str, Any], str, str]] = [
    (limit(), "c", "it selects others (system: drainage, property: water_depth)"),
    ({**limit(), "select": {"property": "water_depth", "attributes": {"place": "dip"}}}, "a",
     "it selects others (property: water_depth, place: dip)"),
    (threshold(limits={"blue": {"attribute": "kerb"}}), "a", "its limit, or what it needs, is not set there"),
    (combination({"blue": at(sensors=2)}), "b", "its alarms stand at another sensor of the same district"),
    (GATEWAY_RULE, "a", "it watches gateways, and this is none of theirs"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "about", "why"), UNWATCHED_RULES)
def test_a_rule_that_did_not_watch_says_why(rule: dict[str, Any], about: str, why: str) -> None:
    other = msgspec.structs.replace(sensor("c"), property="rainfall", unit="mm")
    built = engine(QUIET, rule, sensors=[sensor("a", district="d"), sensor("b", district="d"), other])
    with pytest.raises(NotBound) as raised:
        concern_of(built.packs, built.registry, rule["rule"], about)
    assert str(raised.value) == f"rule {rule['rule']!r} did not watch {about!r}: {why}"


def test_what_is_known_now_may_be_another_decision() -> None:
    asked = CASES["a reading that had not come yet"]
    explanation = explain(case_of(asked))
    assert (explanation.then.severity, explanation.now.severity) == (0, 1)
    late = next(one for one in explanation.now.readings if one.time == 60_000)
    assert (late.arrived, late.use) == (200_000, "not_yet_here")


SEVEN = range(1, 8)


def test_the_least() -> None:
    sizes, signs = sizes_up_to(100, 1e-7, 4), [1.0, -1.0]
    assert least_amount(lambda one: one >= 0.8, sizes, signs) == 0.8
    assert least_amount(lambda one: one >= 0.8, sizes, signs, closely=False) == 100 / 4**3
    assert least_amount(lambda one: one <= -0.7999, sizes, signs) == -0.8
    assert least_amount(lambda one: one <= -0.7999, sizes, [1.0]) is None
    assert least_amount(lambda one: abs(one) > 100, sizes, signs) is None
    assert least_seconds(lambda one: one >= 81, 1_000) == 81
    assert least_seconds(lambda one: one >= 2_000, 1_000) is None
    assert fewest_readings(1_000, lambda count, _: count if count >= 37 else None) == 37
    assert fewest_readings(30, lambda count, _: count if count >= 37 else None) is None


@given(st.sets(st.sampled_from(SEVEN), min_size=1))
def test_the_fewest_of_several(needed: set[int]) -> None:
    assert fewest(SEVEN, needed.issubset) == sorted(needed)


@settings(max_examples=60)
@given(
    streams(), CONDITIONS, st.sampled_from(["depth", "silent", "bad"]), st.sampled_from("abc"),
    st.integers(0, 1_500), st.sampled_from(["test", "operational"]),
)  # fmt: skip
def test_the_decision_is_the_engines_and_every_change_flips_it(
    rows: list[QualifiedReading], condition: dict[str, Any], rule: str, about: str, later: int, mode: str
) -> None:
    given_rules = sorted(rules(condition), key=lambda one: one["rule"] == rule)
    three = [sensor(name) for name in "abc"]
    time = (rows[len(rows) // 2][1] if rows else 0) + later
    asked = Asked(given_rules, rows, time, [], arrived=arrivals(rows), about=about, sensors=three, mode=mode)
    case = case_of(asked)
    built = engine(*given_rules, sensors=three, mode=mode)
    for part in case.batches:
        if part.clock <= case.time:
            built.evaluate(part)
    explanation = explain(case)
    assert explanation.then.severity == severity_at(built, rule, about)
    now = replay_now(case)
    group, place = now.binding
    raised = NEVER if explanation.now.raised is None else explanation.now.raised
    assert (explanation.now.severity, raised) == (now.severity, group.states[place]["raised"])
    assert [one.time for one in explanation.now.changes] == [one.time for one in now.changes[-CHANGES_TOLD_MAX:]]
    kinds = [change.kind for change in explanation.smallest]
    assert len(kinds) == len(set(kinds)) <= CHANGES_MAX
    assert bool(kinds) == (explanation.none_found is None)
    for change in explanation.smallest:
        flipped = replay_then(apply(case, change)).severity
        assert (flipped > 0) != (explanation.then.severity > 0), change


@pytest.mark.parametrize("scenario", ["cloudburst", "gas-leak"])
def test_random_points_of_a_scenario(scenario: str) -> None:
    scores: dict[str, Score] = {}
    source = simulated(scenario, 0.005)
    score_points(source, 70, 1, scores)
    score_points(made_late(source, 1), 40, 2, scores)
    every = scores.values()
    assert sum(score.points for score in every) == 110
    assert [point for score in every for point in score.wrong] == []
    assert sum(score.found + score.nothing_to_change for score in every) >= 0.9 * 110
    assert sum(score.less_does_not for score in every) >= 0.9 * sum(score.amounts for score in every) > 0
