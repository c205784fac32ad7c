"""The figures of an operator's position, each beside its target, after ISA-18.2 / IEC 62682: their forms.

The standard's text was not read: targets are those commonly cited after it, and meeting them is no claim of conformity.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from alerts.accounts import Unauthorised
from alerts.performance import Chattering
from model.alarm import Priority

Unit = Literal["count", "share", "seconds"]


class Figure(msgspec.Struct, frozen=True):
    """A figure and its target: at most (or, where `at_least`, at least) so much; None where none is commonly cited."""

    figure: str
    value: float | None
    unit: Unit
    target: float | None = None
    at_least: bool = False
    met: bool | None = None


class Period(msgspec.Struct, frozen=True):
    """Annunciations in periods of so many seconds from the span's begin; the series where it is not too long.

    There is no mean over a span that is shorter than one period.
    """

    seconds: int
    mean: float | None
    peak: int
    peak_at: str | None
    series: list[int] | None


class TopAlarm(msgspec.Struct, frozen=True):
    """A rule at a sensor, how often it did so, and its share (0 to 1) of all."""

    rule: str
    sensor: str
    count: int
    share: float


class Stood(msgspec.Struct, frozen=True):
    """An alarm that stood longer than a day; `returned_at` is None while it does."""

    alarm: str
    rule: str
    sensor: str
    raised_at: str
    returned_at: str | None


class Handled(msgspec.Struct, frozen=True):
    """How many alarms a step was taken for, and how long it took: seconds, None where there was none."""

    count: int
    median_s: float | None
    p90_s: float | None


class Suppressed(msgspec.Struct, frozen=True):
    """How many alarms are in a suppressed state at the end of the span, and since when the oldest is."""

    count: int
    oldest_since: str | None


class Breach(msgspec.Struct, frozen=True):
    """An alarm that was suppressed without a record in force, or without the second person that it takes."""

    alarm: str
    at: str
    why: Unauthorised


class Judged(msgspec.Struct, frozen=True):
    """What people found of a rule's alarms; the share (0 to 1) is of false ones in those found true or false."""

    rule: str
    judged: int
    true: int
    false: int
    test: int
    false_share: float | None


class FloodSpan(msgspec.Struct, frozen=True):
    """A flood: from when to when, what came first, how many were annunciated, and how many alarms folded."""

    began_at: str
    ended_at: str | None
    first_out: str
    annunciated: int
    folded: int


class PositionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of a position over a span; shares lie between 0 and 1."""

    hours: float
    annunciated: int
    figures: list[Figure]
    periods: dict[str, Period]
    floods: list[FloodSpan]
    top_ten: list[TopAlarm]
    chattering: list[Chattering]
    fleeting: list[TopAlarm]
    standing: list[Stood]
    priority_share: dict[Priority, float]
    acknowledge: Handled
    arrive: Handled
    resolve: Handled
    suppressed: dict[str, Suppressed]
    unauthorised: list[Breach]
    judged: list[Judged]


# As commonly cited after ISA-18.2 and IEC 62682 (and EEMUA 191 before them) in the public literature on alarm systems;
# about 150 a day, 6 an hour, 1 in 10 minutes are "very likely acceptable". A target above 0 of a low priority's share
# is a least one; for the times of people none is cited.
TARGETS: Mapping[str, tuple[Unit, float | None]] = {
    "per_10_minutes_mean": ("count", 1.0),
    "per_10_minutes_peak": ("count", 10.0),
    "per_hour_mean": ("count", 6.0),
    "per_day_mean": ("count", 150.0),
    "periods_above_10_share": ("share", 0.01),
    "hours_above_30_share": ("share", 0.01),
    "flood_share": ("share", 0.01),
    "ten_alarms_share": ("share", 0.05),
    "chattering": ("count", 0.0),
    "fleeting": ("count", 0.0),
    "standing_peak": ("count", 4.0),
    "priority_low_share": ("share", 0.80),
    "priority_medium_share": ("share", 0.15),
    "priority_high_share": ("share", 0.05),
    "priority_highest_share": ("share", 0.01),
    "unauthorised": ("count", 0.0),
    "acknowledge_median_s": ("seconds", None),
    "acknowledge_p90_s": ("seconds", None),
    "arrive_median_s": ("seconds", None),
    "arrive_p90_s": ("seconds", None),
    "resolve_median_s": ("seconds", None),
    "resolve_p90_s": ("seconds", None),
}
AT_LEAST = frozenset({"priority_low_share"})
