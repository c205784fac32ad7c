"""Advice: what is tried, how it is weighed, and what is never advised."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import ValidationError

from alerts.advice import Candidate, Weighed, advise, best_of, candidates, events, rules_in_need, weigh, with_values
from alerts.backtest import backtest
from alerts.engine import Engine
from alerts.occurrences import occurrences
from alerts.rule_file import default_packs
from alerts.rules import Pack, Rule
from app.commands.output import CommandError
from app.commands.rule_advice import add_parser
from model.alarm import JournalLine
from model.instant import format_instant
from tests.rules.journals import found, journal, occurrence
from tests.rules.streams import PLAIN_RULE, SILENT_RULE, TEXT, batch, registry, sensor, threshold

ANY = Candidate(0.0, 0.0, 0.0)
MINUTE = {"a": 60.0}
Spans = list[tuple[float, float | None]]


def rule_of(content: dict[str, Any]) -> Rule:
    return Rule.model_validate_json(json.dumps(content), strict=True)


def run_over(values: Sequence[float], every_s: float = 60.0) -> Any:
    """What advise() runs: the journal of a rule over readings of sensor a."""

    def run(rule: Rule) -> list[JournalLine]:
        pack = Pack.model_validate({"pack": "test", "description": TEXT, "rules": [rule]})
        engine = Engine([pack], registry([sensor("a", interval_s=every_s)]))
        rows = [("a", n * every_s, value) for n, value in enumerate(values)]
        return list(backtest(engine, [batch(engine, rows)], None))

    return run


# name: (spans before, spans after, (share removed, median and worst delay, lost, merged)); events lie 600 s apart
WEIGHED: dict[str, tuple[Spans, Spans, tuple[float, float, float, int, int]]] = {
    "no change": ([(0, 60)], [(0, 60)], (0, 0, 0, 0, 0)),
    "chatter becomes one": ([(0, 60), (120, 180), (240, 300)], [(0, 300)], (2 / 3, 0, 0, 0, 0)),
    "the first is told later": ([(0, 60), (120, 180)], [(130, 180)], (0.5, 130, 130, 0, 0)),
    "two events, one of them later": ([(0, 60), (9_000, 9_300)], [(0, 60), (9_060, 9_300)], (0, 30, 60, 0, 0)),
    "lost": ([(0, 60)], [], (1, 0, 0, 1, 0)),
    "one of two lost": ([(0, 60), (9_000, 9_300)], [(9_000, 9_300)], (0.5, 0, 0, 1, 0)),
    "one alarm for two events": ([(0, 60), (9_000, 9_300)], [(0, 9_300)], (0.5, 0, 0, 0, 1)),
    "one that stands to the end": ([(0, 60), (9_000, None)], [(0, None)], (0.5, 0, 0, 0, 1)),
    "an alarm after the event is not its alarm": ([(0, 60)], [(90, 120)], (0, 0, 0, 1, 0)),
}


@pytest.mark.parametrize("name", WEIGHED)
def test_weighing(name: str) -> None:
    before, after, expected = WEIGHED[name]
    result = weigh(ANY, found(*before), found(*after), MINUTE)
    shares = (result.removed_share, result.delay_median_s, result.delay_worst_s, result.lost, result.merged)
    assert shares == pytest.approx(expected)


def test_a_lower_highest_severity_is_told() -> None:
    before, after = occurrence(0, 600, severities=[(60, 4)]), occurrence(0, 600, severities=[(60, 3)])
    assert weigh(ANY, occurrences(before), occurrences(after), MINUTE).lowered == 1
    assert weigh(ANY, occurrences(after), occurrences(before), MINUTE).lowered == 0


def test_a_rise_in_a_merged_event_does_not_make_it_late() -> None:
    before = [*occurrence(0, 60), *occurrence(9_000, 9_300, severities=[(9_060, 2)])]
    result = weigh(ANY, occurrences(before), occurrences(occurrence(0, 9_300, severities=[(9_060, 2)])), MINUTE)
    assert (result.merged, result.delay_worst_s, result.lost) == (1, 0, 0)


# gaps between occurrences of 60 s each: events, where those within 600 s belong together
EVENTS = [([], 1), ([600], 1), ([601], 2), ([600, 600], 1), ([601, 600, 601], 3)]


@pytest.mark.parametrize(("gaps", "expected"), EVENTS)
def test_events(gaps: list[float], expected: int) -> None:
    spans, time = [(0.0, 60.0)], 60.0
    for gap in gaps:
        spans.append((time + gap, time + gap + 60))
        time += gap + 60
    assert len(events(found(*spans), 600_000)) == expected


# the condition's values: the deadbands, on-delays and off-delays that are tried at readings every 60 s
GRIDS: dict[str, tuple[dict[str, Any], set[float], set[float], set[float]]] = {
    "nothing yet": ({}, {0, 0.1, 0.15, 0.2, 0.3, 0.5}, {0}, {0, 180, 600, 1800}),
    "a deadband": ({"deadband": 2}, {2, 3, 4, 6, 10}, {0}, {0, 180, 600, 1800}),
    "delays": ({"deadband": 2, "on_delay_s": 60, "off_delay_s": 600}, {2, 3, 4, 6, 10}, {60, 180, 300}, {600, 1800}),
    "samples": ({"deadband": 2, "samples": {"needed": 2, "of": 3}}, {2, 3, 4, 6, 10}, {0}, {0, 180, 600, 1800}),
}


@pytest.mark.parametrize("name", GRIDS)
def test_the_grid(name: str) -> None:
    condition, deadbands, on_delays, off_delays = GRIDS[name]
    tried = candidates(rule_of(threshold(**condition)), 60.0)
    assert {one.deadband for one in tried} == deadbands
    assert {one.on_delay_s for one in tried} == on_delays
    assert {one.off_delay_s for one in tried} == off_delays
    assert len(tried) == len(deadbands) * len(on_delays) * len(off_delays) - 1


def test_no_default_rule_that_alarms_at_the_first_sample_is_tried_with_an_on_delay() -> None:
    rules = [rule for pack in default_packs() for rule in pack.rules]
    at_once = [rule for rule in rules if getattr(rule.condition, "on_delay_s", None) == 0]
    assert {"combustible-gas", "hydrogen-sulfide", "road-water-depth"} <= {rule.rule for rule in at_once}
    assert [rule.rule for rule in at_once for one in candidates(rule, 60.0) if one.on_delay_s] == []


def test_a_kind_without_delays_has_nothing_to_try() -> None:
    rule = rule_of(SILENT_RULE)
    assert candidates(rule, 60.0) == []
    advice = advise(rule, ["asked for"], run_over([1.0]), MINUTE)
    assert (advice.best, advice.why_none) == ([], "a stale has neither deadband nor delays")


# an override's values, and what they become when the rule goes from deadband 2 to 4 and to delays of 120 and 600 s
OVERRIDES = [
    ({"limits": {"blue": 50}}, {}),
    ({"deadband": 1}, {"deadband": 2}),
    ({"deadband": 0}, {"deadband": 0}),
    ({"on_delay_s": 0}, {"on_delay_s": 0}),
    ({"on_delay_s": 30}, {"on_delay_s": 120}),
    ({"on_delay_s": 300}, {"on_delay_s": 300}),
    ({"off_delay_s": 0}, {"off_delay_s": 600}),
    ({"off_delay_s": 900}, {"off_delay_s": 900}),
]


@pytest.mark.parametrize(("override", "expected"), OVERRIDES)
def test_overrides_follow(override: dict[str, Any], expected: dict[str, float]) -> None:
    content = threshold(deadband=2, on_delay_s=60) | {"overrides": [{"select": {"sensor": "a"}, **override}]}
    changed = with_values(rule_of(content), Candidate(4.0, 120.0, 600.0))
    condition = changed.condition.model_dump()
    assert [condition[name] for name in ("deadband", "on_delay_s", "off_delay_s")] == [4, 120, 600]
    (found,) = changed.overrides
    assert {name: getattr(found, name) for name in expected} == expected


def test_values_that_cannot_stand_are_refused() -> None:
    with pytest.raises(ValidationError, match="could never clear"):
        with_values(rule_of(threshold()), Candidate(5_000.0, 0.0, 0.0))


def weighed(removed: float, delay: float = 0.0, lost: int = 0, merged: int = 0, lowered: int = 0) -> Weighed:
    return Weighed(
        candidate=Candidate(removed, delay, merged),
        annunciated=round(100 * (1 - removed)),
        removed_share=removed,
        delay_median_s=delay,
        delay_worst_s=delay,
        lost=lost,
        merged=merged,
        lowered=lowered,
    )


# name: (what was weighed, whether the rule alarms at once, the places of what is advised)
BEST: dict[str, tuple[list[Weighed], bool, list[int]]] = {
    "more removed is better": ([weighed(0.2), weighed(0.5)], False, [1]),
    "more removed at more delay": ([weighed(0.2), weighed(0.5, delay=60)], False, [1, 0]),
    "less removed at more delay": ([weighed(0.5), weighed(0.2, delay=60)], False, [0]),
    "what loses events comes last": ([weighed(0.9, lost=1), weighed(0.2)], False, [1, 0]),
    "what removes nothing is no advice": ([weighed(0.0), weighed(-0.5)], False, []),
    "at once: no delay": ([weighed(0.5, delay=1), weighed(0.2)], True, [1]),
    "at once: nothing lost": ([weighed(0.5, lost=1)], True, []),
    "at once: nothing lowered": ([weighed(0.5, lowered=1)], True, []),
    "at once: merged events are told of": ([weighed(0.5, merged=3)], True, [0]),
    "at most five": ([weighed(n / 10, merged=n) for n in range(1, 9)], False, [7, 6, 5, 4, 3]),
}


@pytest.mark.parametrize("name", BEST)
def test_the_best_few(name: str) -> None:
    given_, at_once, expected = BEST[name]
    assert best_of(given_, at_once=at_once) == [given_[place] for place in expected]


def test_of_equal_ones_the_smallest_change_is_advised() -> None:
    small, large = (
        Weighed(
            candidate=Candidate(deadband, 0.0, 60.0), annunciated=1, removed_share=0.5, delay_median_s=0.0,
            delay_worst_s=0.0, lost=0, merged=0, lowered=0,
        )
        for deadband in (2.0, 3.0)
    )  # fmt: skip
    assert best_of([large, small], at_once=False) == [small]


def test_chatter_about_a_limit_is_advised_away_without_delay() -> None:
    rule = rule_of(threshold(limits={"blue": 10}, deadband=0.5))
    advice = advise(rule, ["chatters"], run_over([5, 10, 9.3, 10, 9.3, 10, 9.3, 10, 5, 5]), MINUTE)
    assert (advice.annunciated, advice.events) == (4, 1)
    assert advice.best[0] == Weighed(
        candidate=Candidate(0.75, 0.0, 0.0), annunciated=1, removed_share=0.75, delay_median_s=0.0, delay_worst_s=0.0,
        lost=0, merged=0, lowered=0,
    )  # fmt: skip


def test_a_rule_that_was_never_annunciated_gets_no_advice() -> None:
    advice = advise(rule_of(PLAIN_RULE), ["asked for"], run_over([1.0, 2.0]), MINUTE)
    assert (advice.best, advice.why_none) == ([], "it was never annunciated over these readings")


def test_rules_in_need_and_why() -> None:
    chatter = journal((0, 10), (20, 30), (40, 50), rule="chatter")
    flood = [line for n in range(12) for line in occurrence(n, n + 500, rule="flood", sensor=f"s{n}")]
    quiet = journal((0, 10), (2_000, 2_010), rule="quiet")
    assert rules_in_need([*chatter, *flood, *quiet], {}) == {
        "chatter": ["chatters at a"],
        "flood": ["floods: up to 12 annunciations in 10 minutes, of 12 sensors"],
    }


VALUES = some.lists(some.integers(0, 60).map(float), min_size=1, max_size=60)


@settings(max_examples=60)
@given(
    VALUES,
    some.sampled_from([0.0, 1.0, 3.0]),
    some.sampled_from([1.0, 5.0, 12.0]),
    some.sampled_from([0.0, 60.0, 600.0]),
    some.sampled_from([0.0, 180.0, 1800.0]),
)
def test_wider_deadbands_and_off_delays_delay_lose_and_lower_nothing(
    values: list[float], deadband: float, wider: float, off_delay: float, longer: float
) -> None:
    rule, run = rule_of(threshold(deadband=deadband, off_delay_s=off_delay)), run_over(values)
    candidate = Candidate(deadband + wider, 0.0, off_delay + longer)
    try:
        tried = with_values(rule, candidate)
    except ValidationError:  # the lowest limit is 10: less the deadband it must be reachable
        assert candidate.deadband is not None
        assert candidate.deadband > 10
        return
    result = weigh(candidate, occurrences(run(rule)), occurrences(run(tried)), MINUTE)
    assert (result.lost, result.lowered, result.delay_worst_s) == (0, 0, 0)
    assert result.removed_share >= 0


PACK = {"pack": "mine", "description": TEXT, "rules": [threshold(limits={"blue": 10}, deadband=0.5), SILENT_RULE]}


@pytest.fixture
def advising(tmp_path: Path) -> list[str]:
    """The arguments of `rules advise` over a sensor that chatters about a limit of 10 cm."""
    sensors, readings, rules = (tmp_path / name for name in ("sensors.csv", "readings.csv", "rules.yaml"))
    sensors.write_text(
        "sensor,city,system,property,unit,longitude,latitude,name,interval_s\na,c,drainage,water_depth,cm,,,,60\n"
    )
    values = [5, *[10, 9.3] * 4, 5, 5]
    rows = (f"{format_instant(1_790_000_000_000 + n * 60_000)},a,{value}\n" for n, value in enumerate(values))
    readings.write_text("time,sensor,value\n" + "".join(rows))
    rules.write_text(json.dumps(PACK))
    return ["advise", "--readings", str(readings), "--sensors", str(sensors), "--rules", str(rules)]


def run_command(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    chosen = parser.parse_args(arguments)
    code: int = chosen.run(chosen)
    return code


def test_the_command_advises_rules_that_chatter(advising: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(advising) == 0
    first, now, best, *_ = capsys.readouterr().out.splitlines()
    assert first == "depth: chatters at a; 4 annunciations of 1 events"
    assert now == "  now: deadband 0.5, on-delay 0 s, off-delay 0 s"
    assert best == (
        "  deadband 0.75, on-delay 0 s, off-delay 0 s: 75.0% of annunciations removed, later by 0 s in the median "
        "and 0 s at worst, no event lost"
    )


def test_the_command_gives_json_for_one_rule(advising: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*advising, "--rule", "silent", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["rule"], told["best"]) == ("silent", [])
    with pytest.raises(CommandError, match="in none of the packs mine"):
        run_command([*advising, "--rule", "other"])
