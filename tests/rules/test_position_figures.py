"""The figures of an operator's position: what counts in which period, and each figure beside its target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from alerts.accounts import Account, Ledger, Placed
from alerts.lifecycle import acknowledge, apply_change, note, suppress_or_release
from alerts.performance import Chattering
from alerts.position_figures import TARGETS, Judged, PositionFigures, TopAlarm
from alerts.position_performance import FloodTimes, judgements, position_figures
from app.report_words import FIGURES
from model.alarm import JournalLine, State
from tests.rules.journals import change, ms, occurrence

HOUR, DAY = 3_600, 86_400


def accounts(lines: Iterable[JournalLine]) -> list[Account]:
    ledger = Ledger()
    for line in lines:
        ledger.take(Placed(line, "c", "gas", "north"))
    return ledger.accounts


def figures(
    lines: Iterable[JournalLine], start: int = 0, end: int = DAY, floods: Iterable[FloodTimes] = (), **interval_s: float
) -> PositionFigures:
    return position_figures(accounts(lines), list(floods), ms(start), ms(end), interval_s)


def values(found: PositionFigures) -> dict[str, float | None]:
    return {one.figure: one.value for one in found.figures}


def at(*seconds: float, sensor: str = "s", **more: Any) -> list[JournalLine]:
    """Alarms of as many sensors, raised at these seconds, that stand for two minutes."""
    return [
        line
        for place, second in enumerate(seconds)
        for line in occurrence(second, second + 120, sensor=f"{sensor}{place}", **more)
    ]


def test_means_and_peaks_of_ten_minutes_hours_and_days() -> None:
    found = figures(at(*range(0, 5 * 60, 60), *range(HOUR, HOUR + 60, 5)), end=2 * DAY)
    ten = found.periods["10_minutes"]
    assert (found.annunciated, ten.peak, ten.peak_at) == (17, 12, "1970-01-01T01:00:00.000Z")
    assert ten.series is not None
    assert (ten.series[0], ten.series[6], sum(ten.series), len(ten.series)) == (5, 12, 17, 288)
    assert found.periods["day"].series == [17, 0]
    assert values(found)["per_day_mean"] == 8.5
    assert values(found)["per_hour_mean"] == pytest.approx(17 / 48)
    assert values(found)["periods_above_10_share"] == pytest.approx(1 / 288)
    assert values(found)["hours_above_30_share"] == 0.0


# hours of a span with six alarms in its first ten minutes: the means of ten minutes, an hour, a day
MEANS = {
    0.1: (None, None, None),
    0.5: (2.0, None, None),
    2: (0.5, 3.0, None),
    24: (6 / 144, 0.25, 6.0),
}


@pytest.mark.parametrize(("hours", "means"), MEANS.items())
def test_a_mean_needs_a_period_of_its_length(hours: float, means: tuple[float | None, ...]) -> None:
    found = figures(at(*range(0, 300, 50)), end=round(hours * HOUR))
    named = [one for one in found.figures if one.figure in ("per_10_minutes_mean", "per_hour_mean", "per_day_mean")]
    assert [one.value for one in named] == pytest.approx(means)
    assert [found.periods[name].mean for name in ("10_minutes", "hour", "day")] == pytest.approx(means)
    assert [one.met is None for one in named] == [mean is None for mean in means]


def test_a_series_that_would_be_too_long_is_left_out() -> None:
    periods = figures([], end=30 * DAY).periods
    assert [periods[name].series is None for name in ("10_minutes", "hour", "day")] == [True, False, False]


def test_what_became_known_outside_the_span_does_not_count() -> None:
    lines = [*at(-1, 0, DAY - 1, DAY), *at(0, sensor="late", known_after_s=DAY)]
    assert figures(lines).annunciated == 2


def test_the_share_of_time_in_flood_and_the_floods_themselves() -> None:
    floods = [FloodTimes(ms(0), ms(DAY // 4), "first", 40, 30), FloodTimes(ms(3 * DAY // 4), None, "other", 12, 0)]
    found = figures([], floods=floods)
    assert values(found)["flood_share"] == 0.5
    assert [(one.first_out, one.ended_at) for one in found.floods] == [
        ("first", "1970-01-01T06:00:00.000Z"),
        ("other", None),
    ]


def test_the_ten_most_frequent_alarms_and_their_share() -> None:
    lines = [*occurrence(0, 60), *occurrence(1_000, 1_060), *at(*range(0, 1_200, 100))]
    found = figures(lines)
    assert found.top_ten[0] == TopAlarm("depth", "a", 2, 2 / 14)
    assert len(found.top_ten) == 10
    assert values(found)["ten_alarms_share"] == pytest.approx(11 / 14)


def test_chattering_goes_by_the_sensors_interval() -> None:
    lines = [line for second in (0, 30, 59, 1_000, 1_200, 1_400) for line in occurrence(second, second + 5)]
    assert figures(lines).chattering == [Chattering("depth", "a", 3)]
    assert figures(lines, a=60.0).chattering == [Chattering("depth", "a", 6)]


def test_standing_longer_than_a_day_of_what_was_annunciated_before_the_span_too() -> None:
    lines = [*occurrence(0, None), *occurrence(0, DAY, sensor="b"), *occurrence(DAY, None, sensor="c")]
    found = figures(lines, start=DAY, end=2 * DAY)
    assert [(one.sensor, one.returned_at) for one in found.standing] == [("a", None)]
    assert values(found)["standing_peak"] == 1


def test_shares_of_priorities_beside_their_targets() -> None:
    lines = [*at(*range(16)), *at(0, 1, 2, sensor="m", priority="medium"), *at(5, sensor="h", priority="high")]
    found = {one.figure: one for one in figures(lines).figures}
    told = {name: (found[f"priority_{name}_share"].value, found[f"priority_{name}_share"].met)
            for name in ("low", "medium", "high", "highest")}  # fmt: skip
    assert told == {"low": (0.8, True), "medium": (0.15, True), "high": (0.05, True), "highest": (0.0, True)}
    assert found["priority_low_share"].at_least


def test_times_to_acknowledge_arrive_and_resolve() -> None:
    lines = []
    for place, seconds in enumerate(range(10, 110, 10)):
        alarm, line = apply_change(None, change(0, 0, 1, sensor=f"s{place}"))
        alarm, acknowledged = acknowledge(alarm, actor="li", time=ms(seconds))
        alarm, arrived = note(alarm, actor="li", action="arrive", time=ms(2 * seconds), reason="arrived")
        _, resolved = note(alarm, actor="li", action="resolve", time=ms(DAY + seconds), reason="resolved")
        lines += [line, acknowledged, arrived, resolved]
    found = figures(lines)
    assert (found.acknowledge.count, found.acknowledge.median_s, found.acknowledge.p90_s) == (10, 55.0, 91.0)
    assert (found.arrive.count, found.arrive.median_s) == (10, 110.0)
    assert (found.resolve.count, values(found)["resolve_median_s"]) == (0, None)
    assert figures(lines, DAY, 2 * DAY).resolve.count == 10


def test_suppressed_alarms_at_the_end_and_those_without_authority() -> None:
    alarm, line = apply_change(None, change(0, 0, 4))
    done = suppress_or_release(alarm, State.SHELVED, time=ms(60), reason="r", cause="operator", actor="li")
    assert done
    found = figures([line, done[1]])
    assert (found.suppressed["shelved"].count, found.suppressed["shelved"].oldest_since) == (
        1,
        "1970-01-01T00:01:00.000Z",
    )
    assert found.suppressed["out_of_service"].count == 0
    assert [(one.alarm, one.why) for one in found.unauthorised] == [(alarm.alarm, "no_record")]
    assert values(found)["unauthorised"] == 1


def test_false_ones_among_those_judged_by_rule() -> None:
    lines = []
    for place, (rule, verdict) in enumerate([("a", "true"), ("a", "false"), ("a", "test"), ("b", "test"), ("c", None)]):
        alarm, line = apply_change(None, change(0, 0, 1, rule=rule, sensor=f"s{place}"))
        lines.append(line)
        if verdict is not None:
            judged = note(
                alarm, actor="li", action="judge", time=ms(5), reason="judged", details={"judgement": verdict}
            )
            lines.append(judged[1])
    assert judgements(accounts(lines)) == [Judged("a", 3, 1, 1, 1, 0.5), Judged("b", 1, 0, 0, 1, None)]


# figure: (lines of a day that just meet its target, that miss it)
EDGES = {
    "per_10_minutes_peak": (at(*range(10)), at(*range(11))),
    "per_day_mean": (at(*range(0, 1_500, 10)), at(*range(0, 1_510, 10))),
    "chattering": (at(0, 1, 2), [line for n in range(3) for line in occurrence(n * 9, n * 9 + 5)]),
    "fleeting": (occurrence(0, 61), occurrence(0, 60)),
}


@pytest.mark.parametrize("figure", EDGES)
def test_a_target_is_met_up_to_its_edge(figure: str) -> None:
    met = [next(one.met for one in figures(lines).figures if one.figure == figure) for lines in EDGES[figure]]
    assert met == [True, False]


def test_nothing_at_all_misses_nothing_and_has_no_figure_of_what_did_not_happen() -> None:
    found = figures([])
    assert not [one.figure for one in found.figures if one.met is False]
    assert {one.figure for one in found.figures if one.value is None} == {
        *(f"priority_{name}_share" for name in ("low", "medium", "high", "highest")),
        *(f"{step}_{what}_s" for step in ("acknowledge", "arrive", "resolve") for what in ("median", "p90")),
    }


def test_every_figure_has_its_words() -> None:
    assert set(FIGURES) == set(TARGETS)


def test_figures_need_a_span() -> None:
    with pytest.raises(ValueError, match="need a span"):
        position_figures([], [], 5, 5, {})
