"""Computes the figures of an operator's position over a span from the accounts of its alarms and its floods. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.accounts import Account, Answered
from alerts.flood import share_in_flood
from alerts.performance import (
    FLOOD_ALARMS,
    MOST_FREQUENT,
    PERIOD_MS,
    PRIORITIES,
    chattering,
    most_at_once,
    standing,
)
from alerts.position_figures import (
    AT_LEAST,
    TARGETS,
    Breach,
    Figure,
    FloodSpan,
    Handled,
    Judged,
    Period,
    PositionFigures,
    Stood,
    Suppressed,
    TopAlarm,
    Unit,
)
from model.alarm import SUPPRESSED_STATES, Priority
from model.instant import DAY_MS, HOUR_MS, format_instant

HOUR_ALARMS = 30  # more than these in an hour
SERIES_MAX = 1_500
LISTED_MAX = 20
PERIODS = {"10_minutes": PERIOD_MS, "hour": HOUR_MS, "day": DAY_MS}


class FloodTimes(NamedTuple):
    """A flood as it is kept; times are epoch milliseconds."""

    began: int
    ended: int | None
    first_out: str
    annunciated: int
    folded: int


def position_figures(
    accounts: Sequence[Account],
    floods: Sequence[FloodTimes],
    start: int,
    end: int,
    interval_s: Mapping[str, float],
) -> PositionFigures:
    """Return the figures of start <= time < end (epoch milliseconds) from the accounts of one position and mode.

    Annunciations count when they were known, steps when they were taken. Accounts of alarms that stood already are
    given too. `interval_s` has sensors' reporting intervals, for chattering. A mean over periods needs one at least:
    half an hour tells nothing of a day. Raises ValueError for an empty span.
    """
    if end <= start:
        raise ValueError(f"figures need a span; got {end - start} ms")
    shown = [
        (one, annunciation)
        for one in accounts
        for annunciation in one.annunciations
        if start <= annunciation.known_at < end
    ]
    known = np.array([annunciation.known_at for _, annunciation in shown], np.int64)
    total = len(shown)
    counts = {name: counts_by_period(known, start, end, ms) for name, ms in PERIODS.items()}
    means = {name: total * ms / (end - start) if end - start >= ms else None for name, ms in PERIODS.items()}
    alarms = Counter((one.rule, one.sensor) for one, _ in shown)
    top_ten = _top(alarms, total)[:MOST_FREQUENT]
    raised = [one for one in accounts if start <= one.known < end and one.annunciations]
    chatters = chattering(raised, interval_s)
    fleeting = Counter((one.rule, one.sensor) for one in raised if one.fleeting)
    annunciated = [one for one in accounts if one.annunciations]
    stood = [one for one in annunciated if standing([one], start, end)]
    priorities = Counter(annunciation.priority for _, annunciation in shown)
    shares: dict[Priority, float] = {p: priorities[p] / total if total else 0.0 for p in PRIORITIES}
    breaches = sorted((at, one.alarm, why) for one in accounts for at, why in one.unauthorised if start <= at < end)
    handled = {
        "acknowledge": _handled((step for one in accounts for step in one.acknowledged), start, end),
        "arrive": _handled((one.arrived for one in accounts), start, end),
        "resolve": _handled((one.resolved for one in accounts), start, end),
    }
    per_hour, per_ten = counts["hour"], counts["10_minutes"]
    values: dict[str, float | None] = {
        "per_10_minutes_mean": means["10_minutes"],
        "per_10_minutes_peak": int(per_ten.max(initial=0)),
        "per_hour_mean": means["hour"],
        "per_day_mean": means["day"],
        "periods_above_10_share": float((per_ten > FLOOD_ALARMS).mean()),
        "hours_above_30_share": float((per_hour > HOUR_ALARMS).mean()),
        "flood_share": share_in_flood(((one.began, one.ended) for one in floods), start, end),
        "ten_alarms_share": sum(one.share for one in top_ten),
        "chattering": len(chatters),
        "fleeting": sum(fleeting.values()),
        "standing_peak": most_at_once(standing(annunciated, start, end)),
        "priority_low_share": shares["low"] if total else None,
        "priority_medium_share": shares["medium"] if total else None,
        "priority_high_share": shares["high"] if total else None,
        "priority_highest_share": shares["highest"] if total else None,
        "unauthorised": len(breaches),
    }
    for step, found in handled.items():
        values[f"{step}_median_s"], values[f"{step}_p90_s"] = found.median_s, found.p90_s
    return PositionFigures(
        hours=(end - start) / HOUR_MS,
        annunciated=total,
        figures=[_figure(name, unit, target, values[name]) for name, (unit, target) in TARGETS.items()],
        periods={name: _period(counts[name], start, ms, means[name]) for name, ms in PERIODS.items()},
        floods=[
            FloodSpan(format_instant(one.began), _written(one.ended), one.first_out, one.annunciated, one.folded)
            for one in floods
        ],
        top_ten=top_ten,
        chattering=chatters[:LISTED_MAX],
        fleeting=_top(fleeting, len(raised))[:LISTED_MAX],
        standing=[
            Stood(one.alarm, one.rule, one.sensor, format_instant(one.raised), _written(one.returned))
            for one in sorted(stood, key=lambda one: (one.raised, one.alarm))[:LISTED_MAX]
        ],
        priority_share=shares,
        acknowledge=handled["acknowledge"],
        arrive=handled["arrive"],
        resolve=handled["resolve"],
        suppressed=_suppressed(accounts),
        unauthorised=[Breach(alarm, format_instant(at), why) for at, alarm, why in breaches[:LISTED_MAX]],
        judged=judgements(accounts),
    )


def judgements(accounts: Iterable[Account]) -> list[Judged]:
    """Return what people found of each rule's alarms, those with the most false ones first."""
    verdicts: dict[str, Counter[str]] = {}
    for one in accounts:
        if one.verdict is not None:
            verdicts.setdefault(one.rule, Counter())[one.verdict] += 1
    found = []
    for rule, count in verdicts.items():
        decided = count["true"] + count["false"]
        share = count["false"] / decided if decided else None
        found.append(Judged(rule, count.total(), count["true"], count["false"], count["test"], share))
    return sorted(found, key=lambda one: (-one.false, one.rule))


def _figure(name: str, unit: Unit, target: float | None, value: float | None) -> Figure:
    least = name in AT_LEAST
    met = None
    if value is not None and target is not None:
        met = value >= target if least else value <= target
    return Figure(name, value, unit, target, least, met)


def counts_by_period(known: NDArray[np.int64], start: int, end: int, ms: int) -> NDArray[np.int64]:
    """Return the annunciations in each period of `ms` from `start` on, shape (periods,); the last may be cut short.

    `known` has the times at which they were known, start <= time < end, epoch milliseconds, shape (n,).
    """
    counts: NDArray[np.int64] = np.bincount((known - start) // ms, minlength=-(-(end - start) // ms))
    return counts


def _period(counts: NDArray[np.int64], start: int, ms: int, mean: float | None) -> Period:
    peak = int(counts.max(initial=0))
    at = format_instant(start + int(counts.argmax()) * ms) if peak else None
    return Period(ms // 1000, mean, peak, at, counts.tolist() if len(counts) <= SERIES_MAX else None)


def _top(counts: Counter[tuple[str, str]], total: int) -> list[TopAlarm]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [TopAlarm(rule, sensor, count, count / total) for (rule, sensor), count in ordered]


def _handled(steps: Iterable[Answered | None], start: int, end: int) -> Handled:
    took = [step.after_s for step in steps if step is not None and start <= step.at < end]
    if not took:
        return Handled(0, None, None)
    median, p90 = np.percentile(took, (50, 90))
    return Handled(len(took), float(median), float(p90))


def _suppressed(accounts: Iterable[Account]) -> dict[str, Suppressed]:
    since: dict[str, list[int]] = {state.value: [] for state in SUPPRESSED_STATES}
    for one in accounts:
        if one.state in SUPPRESSED_STATES and one.suppressed_since is not None:
            since[one.state.value].append(one.suppressed_since)
    return {state: Suppressed(len(times), _written(min(times, default=None))) for state, times in since.items()}


def _written(time: int | None) -> str | None:
    return None if time is None else format_instant(time)
