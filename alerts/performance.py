"""The figures of an alarm system's performance, of a journal, in the manner of ISA-18.2 / IEC 62682.

The standard's text was not read: the figures and their targets are those commonly cited after it, and meeting them is
no claim of conformity. They are meant for an operator's position over thirty days or more.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from alerts.occurrences import Occurrence, occurrences
from model.alarm import JournalLine, Priority
from model.instant import HOUR_MS

PERIOD_MS = 600_000
FLOOD_ALARMS = 10  # more than these in a period of 10 minutes
MOST_FREQUENT = 10
CHATTER_RAISES = 3
CHATTER_MS = 60_000
CHATTER_INTERVALS = 10
STANDING_MS = 24 * HOUR_MS
PRIORITIES: tuple[Priority, ...] = ("low", "medium", "high", "highest")


class Raised(Protocol):
    """An occurrence, as far as these figures look at it. Times are epoch milliseconds, infinite while it stands."""

    @property
    def rule(self) -> str:
        """Whose occurrence it is."""

    @property
    def sensor(self) -> str:
        """Where it occurred."""

    @property
    def raised(self) -> int:
        """When it began."""

    @property
    def until(self) -> float:
        """When it returned."""


class Frequent(msgspec.Struct, frozen=True):
    """A rule, how often it was annunciated, and its share of all annunciations (0 to 1)."""

    rule: str
    annunciated: int
    share: float


class Chattering(msgspec.Struct, frozen=True):
    """A rule at a sensor that chatters, and how many of its raises belong to that."""

    rule: str
    sensor: str
    raises: int


class Flood(NamedTuple):
    """A rule, its most annunciations within 10 minutes, and the number of sensors they came from."""

    rule: str
    annunciated: int
    sensors: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a span. Rates are for each operator, shares lie between 0 and 1."""

    hours: float
    operators: int
    annunciated: int
    annunciated_per_hour: float
    per_10_minutes_mean: float
    per_10_minutes_peak: float
    flood_share: float  # of the 10-minute periods, those above FLOOD_ALARMS
    most_frequent: list[Frequent]  # rules, at most ten
    ten_alarms_share: float  # of the ten most frequent alarms, each a rule at a sensor
    chattering: list[Chattering]
    standing: int  # occurrences that stood longer than 24 h
    standing_peak: int  # how many of them at one time
    priority_share: dict[Priority, float]


class Target(NamedTuple):
    """A target for one of the figures: at most this."""

    figure: str
    at_most: float
    words: str


# As commonly cited after ISA-18.2 and IEC 62682 (and EEMUA 191 before them) in the public literature on alarm systems.
TARGETS = (
    Target("annunciated_per_hour", 6, "about 6 an hour are likely acceptable, 12 the most that can be managed"),
    Target("per_10_minutes_mean", 1, "about 1 in 10 minutes is likely acceptable, 2 the most that can be managed"),
    Target("per_10_minutes_peak", 10, "at most 10 in any 10 minutes"),
    Target("flood_share", 0.01, "less than 1 % of the 10-minute periods with more than 10"),
    Target("ten_alarms_share", 0.05, "the ten most frequent alarms make 1 to 5 % at most"),
    Target("chattering", 0, "none"),
    Target("standing_peak", 4, "fewer than 5 on any day"),
)
PRIORITY_TARGETS: Mapping[Priority, float] = {"low": 0.80, "medium": 0.15, "high": 0.05, "highest": 0.01}


def performance(
    lines: Iterable[JournalLine],
    start: int,
    end: int,
    *,
    operators: int = 1,
    interval_s: Mapping[str, float] | None = None,
) -> Figures:
    """Return the figures of start <= time < end (epoch milliseconds).

    Annunciations count when they were known. Lines before `start` may be given, so that alarms that stand already are
    known. `operators` share the load evenly. `interval_s` has sensors' reporting intervals, for chattering. Raises
    ValueError for an empty span or no operator.
    """
    if end <= start or operators < 1:
        raise ValueError(f"figures need a span and an operator; got {end - start} ms and {operators}")
    found = occurrences(lines)
    shown = [
        (one, annunciation)
        for one in found
        for annunciation in one.annunciations
        if start <= annunciation.known_at < end
    ]
    total = len(shown)
    periods = Counter((annunciation.known_at - start) // PERIOD_MS for _, annunciation in shown)
    floods = sum(count > FLOOD_ALARMS * operators for count in periods.values())
    rules = Counter(one.rule for one, _ in shown)
    alarms = Counter((one.rule, one.sensor) for one, _ in shown)
    priorities = Counter(annunciation.priority for _, annunciation in shown)
    hours = (end - start) / HOUR_MS
    stood = standing(found, start, end)
    return Figures(
        hours=hours,
        operators=operators,
        annunciated=total,
        annunciated_per_hour=total / hours / operators,
        per_10_minutes_mean=total / hours / 6 / operators,
        per_10_minutes_peak=max(periods.values(), default=0) / operators,
        flood_share=floods / math.ceil((end - start) / PERIOD_MS),
        most_frequent=[
            Frequent(rule, count, count / total)
            for rule, count in sorted(rules.items(), key=lambda item: (-item[1], item[0]))[:MOST_FREQUENT]
        ],
        ten_alarms_share=sum(count for _, count in alarms.most_common(MOST_FREQUENT)) / total if total else 0.0,
        chattering=chattering((one for one in found if start <= one.raised < end), interval_s or {}),
        standing=len(stood),
        standing_peak=most_at_once(stood),
        priority_share={priority: priorities[priority] / total if total else 0.0 for priority in PRIORITIES},
    )


def missed_targets(figures: Figures) -> list[Target]:
    """Return the targets that the figures do not meet."""
    missed = []
    for target in TARGETS:
        value = getattr(figures, target.figure)
        if (len(value) if isinstance(value, list) else value) > target.at_most:
            missed.append(target)
    return missed


def chatter_ms(interval_s: float | None) -> int:
    """Return the time (milliseconds) within which three raises of one alarm are chattering.

    A minute, as commonly cited for process plants that scan every second; for a sensor that reports more seldom its
    ten intervals (our proposal), because three raises and two returns take five readings at the least.
    """
    return CHATTER_MS if interval_s is None else max(CHATTER_MS, round(CHATTER_INTERVALS * interval_s * 1000))


def chattering(found: Iterable[Raised], interval_s: Mapping[str, float]) -> list[Chattering]:
    """Return which rules chatter at which sensors: three raises or more within `chatter_ms`, most raises first."""
    raised: dict[tuple[str, str], list[int]] = {}
    for one in found:
        raised.setdefault((one.rule, one.sensor), []).append(one.raised)
    result = []
    for (rule, sensor), times in raised.items():
        times.sort()
        window, in_chatter = chatter_ms(interval_s.get(sensor)), set[int]()
        for first in range(len(times) - CHATTER_RAISES + 1):
            if times[first + CHATTER_RAISES - 1] - times[first] <= window:
                in_chatter.update(range(first, first + CHATTER_RAISES))
        if in_chatter:
            result.append(Chattering(rule, sensor, len(in_chatter)))
    return sorted(result, key=lambda one: (-one.raises, one.rule, one.sensor))


def flooding_rules(found: Iterable[Occurrence]) -> list[Flood]:
    """Return the rules that alone are annunciated more than ten times within some 10 minutes, by rule."""
    known: dict[str, list[tuple[int, str]]] = {}
    for one in found:
        known.setdefault(one.rule, []).extend((shown.known_at, one.sensor) for shown in one.annunciations)
    result = []
    for rule, shown in sorted(known.items()):
        shown.sort()
        worst: list[tuple[int, str]] = []
        first = 0
        for last, (time, _) in enumerate(shown):
            while shown[first][0] <= time - PERIOD_MS:
                first += 1
            if last + 1 - first > len(worst):
                worst = shown[first : last + 1]
        if len(worst) > FLOOD_ALARMS:
            result.append(Flood(rule, len(worst), len({sensor for _, sensor in worst})))
    return result


def standing(found: Iterable[Raised], start: int, end: int) -> list[tuple[int, int]]:
    """Return from when to when (epoch milliseconds) occurrences had stood longer than 24 h, within the span."""
    spans = [(max(start, one.raised + STANDING_MS), int(min(end, one.until))) for one in found]
    return [(begin, until) for begin, until in spans if begin < until]


def most_at_once(spans: Sequence[tuple[int, int]]) -> int:
    """Return how many of the spans (begin, end) hold at one time at the most."""
    # At one instant what ends goes before what begins.
    steps = sorted([(begin, 1) for begin, _ in spans] + [(until, -1) for _, until in spans])
    present = most = 0
    for _, step in steps:
        present += step
        most = max(most, present)
    return most
