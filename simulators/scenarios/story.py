"""A story: what happens in a city, and what a right alarm system says of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from simulators.cities import SimulatedCity

MINUTE_S, HOUR_S, DAY_S = 60.0, 3_600.0, 86_400.0


class Claim(NamedTuple):
    """At that sensor an alarm is due within `within_s` of `start_s` (s since the stream's start).

    `severity` is that of its peak, "blue" to "red"; None for an instrument's alarm. `within_s` is None where an alarm
    is right but none is asked.
    """

    sensor: str
    start_s: float
    end_s: float
    kind: str
    severity: str | None
    within_s: float | None
    note: str


@dataclass(frozen=True)
class Story:
    """Events of the kinds of simulators/events.py and of the courses, and the claims that no ladder of limits makes."""

    events: list[object] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)


@dataclass(frozen=True)
class Scenario:
    """A named story.

    `tell(city, seed)` tells it for one city; `start` is the civil time at which it begins where none is asked for,
    `duration_s` how long it takes to its end, `shown` the things that show it.
    """

    name: str
    summary: str
    start: str
    duration_s: float
    tell: Callable[[SimulatedCity, int], Story]
    shown: tuple[str, ...]


def joined(stories: list[Story]) -> Story:
    """Return several stories as one."""
    return Story([e for s in stories for e in s.events], [c for s in stories for c in s.claims])
