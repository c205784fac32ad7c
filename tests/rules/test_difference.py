"""Two journals compared: which alarms are added, removed, moved in time or otherwise changed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from alerts.difference import difference, match
from alerts.occurrences import occurrences
from model.alarm import JournalLine
from tests.rules.journals import found, journal, ms, occurrence

HOUR = 3_600.0
Spans = list[tuple[float, float | None]]

# name: (spans before, spans after, (added, removed, moves in s, other returns, unchanged))
CASES: dict[str, tuple[Spans, Spans, tuple[list[float], list[float], list[float], int, int]]] = {
    "the same": ([(10, 20), (30, None)], [(10, 20), (30, None)], ([], [], [], 0, 2)),
    "added": ([], [(10, 20)], ([10], [], [], 0, 0)),
    "removed": ([(10, 20)], [], ([], [10], [], 0, 0)),
    "raised later": ([(10, 20)], [(15, 20)], ([], [], [5], 0, 0)),
    "raised earlier": ([(10, 20)], [(7.5, 20)], ([], [], [-2.5], 0, 0)),
    "raised later and returned later": ([(10, 20)], [(15, 30)], ([], [], [5], 1, 0)),
    "returned later": ([(10, 20)], [(10, 30)], ([], [], [], 1, 0)),
    "one returns no more": ([(10, 20)], [(10, None)], ([], [], [], 1, 0)),
    "at another time altogether": ([(10, 20)], [(20, 30)], ([20], [10], [], 0, 0)),
    "three become one": ([(10, 20), (30, 40), (50, 60)], [(10, 60)], ([], [30, 50], [], 1, 0)),
    "one becomes three": ([(10, 60)], [(10, 20), (30, 40), (50, 60)], ([30, 50], [], [], 1, 0)),
    "one that stood becomes two": ([(10, None)], [(15, 20), (30, None)], ([30], [], [5], 1, 0)),
    "the same raise goes before an overlap": ([(10, 40), (50, 60)], [(5, 45), (50, 70)], ([], [], [-5], 2, 0)),
}


@pytest.mark.parametrize("name", CASES)
def test_difference(name: str) -> None:
    before, after, (added, removed, moves, returns, unchanged) = CASES[name]
    result = difference(journal(*before), journal(*after), 0, ms(HOUR))
    assert [one.raised / 1000 for one in result.added] == added
    assert [one.raised / 1000 for one in result.removed] == removed
    assert [pair.moved_s for pair in result.moved] == moves
    assert (len(result.changed_return), result.unchanged) == (returns, unchanged)


@pytest.mark.parametrize("other", [{"sensor": "b"}, {"rule": "other"}])
def test_other_sensors_and_rules_are_never_a_pair(other: dict[str, Any]) -> None:
    result = difference(journal((10, 20)), journal((10, 20), **other), 0, ms(HOUR))
    assert (len(result.added), len(result.removed), result.unchanged) == (1, 1, 0)


def test_the_highest_severity_changes() -> None:
    before, after = occurrence(10, 60, severities=[(20, 3)]), occurrence(10, 60, severities=[(20, 4)])
    (pair,) = difference(before, after, 0, ms(HOUR)).changed_peak
    assert (pair.before.peak_severity, pair.after.peak_severity) == ("orange", "red")
    assert difference(before, before, 0, ms(HOUR)).changed_peak == []


# raised before and after (s), the span: whether it is told
AT_THE_EDGE = [
    (90, 95, (100, 200), False),
    (95, 100, (100, 200), True),
    (100, 95, (100, 200), True),
    (195, 205, (100, 200), True),
    (200, 205, (100, 200), False),
]


@pytest.mark.parametrize(("before", "after", "span", "told"), AT_THE_EDGE)
def test_what_began_outside_the_span_in_both_is_not_told(
    before: float, after: float, span: tuple[float, float], told: bool
) -> None:
    result = difference(journal((before, None)), journal((after, None)), ms(span[0]), ms(span[1]))
    assert bool(result.moved) == told


def test_the_figures_stand_beside() -> None:
    result = difference(journal((10, 20), (30, 40), (50, 60)), journal((10, 60)), 0, ms(HOUR))
    assert (result.figures_before.annunciated, result.figures_after.annunciated) == (3, 1)
    assert (len(result.figures_before.chattering), len(result.figures_after.chattering)) == (1, 0)


@some.composite
def journals(draw: some.DrawFn) -> list[JournalLine]:
    """Occurrences at two sensors, none of which overlaps another of its sensor."""
    lines: list[JournalLine] = []
    for sensor in "ab":
        time = 0
        for gap, lasting in draw(some.lists(some.tuples(some.integers(1, 9), some.integers(1, 9)), max_size=8)):
            lines += occurrence(time + gap, time + gap + lasting, sensor=sensor, severity=draw(some.integers(1, 4)))
            time += gap + lasting
    return lines


@given(journals(), journals())
def test_every_occurrence_is_told_of_once(before: list[JournalLine], after: list[JournalLine]) -> None:
    olds, news = occurrences(before), occurrences(after)
    pairs, removed, added = match(olds, news)
    assert sorted(one.alarm for one in [*removed, *(pair.before for pair in pairs)]) == sorted(o.alarm for o in olds)
    assert sorted(one.alarm for one in [*added, *(pair.after for pair in pairs)]) == sorted(n.alarm for n in news)
    for pair in pairs:
        assert (pair.before.rule, pair.before.sensor) == (pair.after.rule, pair.after.sensor)
        assert pair.before.raised < pair.after.until
        assert pair.after.raised < pair.before.until


@given(journals())
def test_a_journal_does_not_differ_from_itself(lines: list[JournalLine]) -> None:
    result = difference(lines, lines, 0, ms(HOUR))
    assert result.unchanged == len(occurrences(lines))
    assert [result.added, result.removed, result.moved, result.changed_peak, result.changed_return] == [[]] * 5


def test_pairs_come_in_the_order_of_time() -> None:
    olds = [*found((50, 60), sensor="a"), *found((10, 20), sensor="b")]
    pairs, _, _ = match(olds, olds)
    assert [pair.after.sensor for pair in pairs] == ["b", "a"]
