"""The figures of an alarm system's performance: what counts, in which period, and against which target."""

import pytest

from alerts.lifecycle import acknowledge, apply_change
from alerts.occurrences import is_annunciation, occurrences
from alerts.performance import PRIORITIES, Chattering, Frequent, chattering, flooding_rules, missed_targets, performance
from model.alarm import JournalLine
from model.severity import LABELS
from tests.rules.journals import change, found, journal, ms, occurrence

HOUR = 3_600.0
DAY = 24 * HOUR

# name: (severities after a raise at blue, annunciations in all)
COURSES = {
    "a raise alone": ([], 1),
    "a raise and a return": ([(10, 0)], 1),
    "a rise is annunciated again": ([(10, 2), (20, 4)], 3),
    "a fall is not": ([(10, 3), (20, 1)], 2),
    "nor is the rest of the way down": ([(10, 4), (20, 3), (30, 2), (40, 0)], 2),
    "up, down and up again": ([(10, 2), (20, 1), (30, 2)], 3),
}


@pytest.mark.parametrize("name", COURSES)
def test_annunciations(name: str) -> None:
    severities, expected = COURSES[name]
    assert sum(map(is_annunciation, occurrence(0, severities=severities))) == expected


def test_acknowledging_annunciates_nothing() -> None:
    alarm, _ = apply_change(None, change(0, 0, 1))
    _, line = acknowledge(alarm, actor="o", time=ms(5))
    assert not is_annunciation(line)


def test_an_occurrence_is_what_its_lines_add_up_to() -> None:
    lines = occurrence(5, 60, severities=[(10, 3), (20, 1)])
    (one,) = occurrences(reversed(lines))
    assert (one.raised, one.ended, one.peak_severity) == (ms(5), ms(60), LABELS[2])
    assert [(shown.time, shown.priority) for shown in one.annunciations] == [(ms(5), "low"), (ms(10), "low")]


def test_an_occurrence_cut_off_at_the_beginning_begins_with_its_first_line() -> None:
    (one,) = occurrences(occurrence(5, 60, severities=[(10, 3)])[1:])
    assert (one.raised, len(one.annunciations)) == (ms(10), 1)


def test_rates_are_for_each_operator() -> None:
    lines = [line for n in range(24) for line in occurrence(n * 300, n * 300 + 60)]
    one, two = (performance(lines, 0, ms(2 * HOUR), operators=n) for n in (1, 2))
    for figures, share in ((one, 1), (two, 0.5)):
        assert figures.annunciated == 24
        assert figures.annunciated_per_hour == 12 * share
        assert figures.per_10_minutes_mean == 2 * share
        assert figures.per_10_minutes_peak == 2 * share


# annunciations in the first, second and last 10 minutes of an hour, operators: the share of periods in flood
FLOODS = [
    ((10, 0, 0), 1, 0.0),
    ((11, 0, 0), 1, 1 / 6),
    ((11, 11, 11), 1, 3 / 6),
    ((11, 0, 20), 2, 0.0),
    ((21, 0, 20), 2, 1 / 6),
]


@pytest.mark.parametrize(("counts", "operators", "share"), FLOODS)
def test_more_than_ten_in_ten_minutes_are_a_flood(counts: tuple[int, ...], operators: int, share: float) -> None:
    starts = (0, 600, 3_000)
    lines = [
        line
        for start, count in zip(starts, counts, strict=True)
        for n in range(count)
        for line in occurrence(start + n * 10, sensor=f"s{n}")
    ]
    figures = performance(lines, 0, ms(HOUR), operators=operators)
    assert figures.flood_share == pytest.approx(share)
    assert figures.per_10_minutes_peak == max(counts) / operators


def test_annunciations_count_when_they_were_known_and_only_in_the_span() -> None:
    lines = [*occurrence(100, sensor="a"), *occurrence(100, sensor="b", known_after_s=HOUR), *occurrence(HOUR)]
    assert performance(lines, 0, ms(HOUR)).annunciated == 1
    assert performance(lines, ms(HOUR), ms(2 * HOUR)).annunciated == 2


def test_the_most_frequent_rules_and_alarms() -> None:
    lines = [
        line
        for rule, count in (("rare", 1), ("often", 6), ("some", 3))
        for n in range(count)
        for line in occurrence(n * 100, n * 100 + 50, rule=rule)
    ]
    figures = performance(lines, 0, ms(HOUR))
    assert figures.most_frequent == [Frequent("often", 6, 0.6), Frequent("some", 3, 0.3), Frequent("rare", 1, 0.1)]
    # Thirteen alarms of one rule, of which the ten most frequent count.
    many = [line for n in range(13) for line in occurrence(n, n + 1, sensor=f"s{n}")]
    figures = performance(many, 0, ms(HOUR))
    assert (len(figures.most_frequent), figures.ten_alarms_share) == (1, pytest.approx(10 / 13))


# raises (s), the sensor's interval, raises that belong to chattering
CHATTER = [
    ([0, 30], None, 0),
    ([0, 30, 60], None, 3),
    ([0, 30, 61], None, 0),
    ([0, 30, 60, 90, 500], None, 4),
    ([0, 20, 40, 1000, 1020, 1040], None, 6),
    ([0, 30, 61], 1.0, 0),
    ([0, 120, 300], 30.0, 3),
    ([0, 120, 301], 30.0, 0),
    ([0, 120, 600], 60.0, 3),
]


@pytest.mark.parametrize(("raises", "interval_s", "expected"), CHATTER)
def test_three_raises_in_a_minute_or_in_ten_intervals_are_chattering(
    raises: list[float], interval_s: float | None, expected: int
) -> None:
    intervals = {} if interval_s is None else {"a": interval_s}
    result = chattering(found(*((time, time + 5) for time in raises)), intervals)
    assert result == ([Chattering("depth", "a", expected)] if expected else [])


def test_raises_of_different_sensors_or_rules_and_rises_are_no_chattering() -> None:
    lines = [*occurrence(0, 5), *occurrence(10, 15, sensor="b"), *occurrence(20, 25, rule="other")]
    assert chattering(occurrences(lines), {}) == []
    assert chattering(occurrences(occurrence(0, severities=[(1, 2), (2, 3), (3, 4)])), {}) == []


# spans of occurrences, the span of the figures in hours: occurrences that stood longer than 24 h, and most at one time
STANDING = [
    ([(0, DAY)], (0, 72), (0, 0)),
    ([(0, DAY + 1)], (0, 72), (1, 1)),
    ([(0, None)], (0, 24), (0, 0)),
    ([(0, None)], (0, 25), (1, 1)),
    ([(0, 2 * DAY), (2 * DAY, 4 * DAY)], (0, 96), (2, 1)),
    ([(0, 2 * DAY), (HOUR, 4 * DAY)], (0, 96), (2, 2)),
    ([(0, 1.5 * DAY)], (40, 96), (0, 0)),
]


@pytest.mark.parametrize(("spans", "hours", "expected"), STANDING)
def test_standing_longer_than_a_day(
    spans: list[tuple[float, float | None]], hours: tuple[float, float], expected: tuple[int, int]
) -> None:
    lines = [line for n, (a, b) in enumerate(spans) for line in occurrence(a, b, sensor=f"s{n}")]
    figures = performance(lines, ms(hours[0] * HOUR), ms(hours[1] * HOUR))
    assert (figures.standing, figures.standing_peak) == expected


def test_priorities_are_those_of_the_annunciations() -> None:
    lines = [
        line
        for priority, count in zip(PRIORITIES, (5, 3, 1, 1), strict=True)
        for n in range(count)
        for line in occurrence(n, sensor=f"{priority}{n}", priority=priority)
    ]
    shares = performance(lines, 0, ms(HOUR)).priority_share
    assert shares == {"low": 0.5, "medium": 0.3, "high": 0.1, "highest": 0.1}


def test_nothing_at_all_has_figures_and_misses_no_target() -> None:
    figures = performance([], 0, ms(HOUR))
    assert (figures.annunciated, figures.ten_alarms_share, figures.flood_share) == (0, 0.0, 0.0)
    assert missed_targets(figures) == []


# lines of an hour: the figures that miss their targets, besides the share of ten alarms, which one alarm alone misses
MISSED: dict[str, tuple[list[JournalLine], set[str]]] = {
    "six an hour": (journal(*((n * 600, n * 600 + 60) for n in range(6))), set()),
    "seven an hour": (
        journal(*((n * 500, n * 500 + 60) for n in range(7))),
        {"annunciated_per_hour", "per_10_minutes_mean"},
    ),
    "chattering": (journal((0, 5), (10, 15), (20, 25)), {"chattering"}),
    "eleven at once": (
        [line for n in range(11) for line in occurrence(n, sensor=f"s{n}")],
        {"annunciated_per_hour", "per_10_minutes_mean", "per_10_minutes_peak", "flood_share"},
    ),
}


@pytest.mark.parametrize("name", MISSED)
def test_targets_that_are_missed(name: str) -> None:
    lines, expected = MISSED[name]
    assert {target.figure for target in missed_targets(performance(lines, 0, ms(HOUR)))} - {
        "ten_alarms_share"
    } == expected


@pytest.mark.parametrize(("start", "end", "operators"), [(5, 5, 1), (5, 4, 1), (0, 5, 0)])
def test_figures_need_a_span_and_an_operator(start: int, end: int, operators: int) -> None:
    with pytest.raises(ValueError, match="need a span and an operator"):
        performance([], start, end, operators=operators)


# (annunciations of sensor a, of b) at these seconds: (most within 10 minutes, sensors), None where it is no flood
ALONE = [
    ((range(10), ()), None),
    ((range(11), ()), (11, 1)),
    ((range(6), range(5)), (11, 2)),
    ((range(0, 660, 60), ()), None),  # eleven, but the first and the last lie 10 minutes apart
    ((range(0, 550, 50), range(5_000, 5_002)), (11, 1)),
]


@pytest.mark.parametrize(("seconds", "expected"), ALONE)
def test_rules_that_flood_alone(seconds: tuple[range, range], expected: tuple[int, int] | None) -> None:
    lines = [
        line for sensor, its in zip("ab", seconds, strict=True) for n in its for line in occurrence(n, n, sensor=sensor)
    ]
    assert flooding_rules(occurrences(lines)) == ([("depth", *expected)] if expected else [])
