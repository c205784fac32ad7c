"""Floods of alarms at an operator's position: entered, left, and what is folded meanwhile. Pure.

The limits are those commonly cited after ISA-18.2 and EEMUA 191: a flood begins with more than 10 annunciations within
10 minutes and ends when fewer than 5 remain of the last 10 minutes.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

PERIOD_MS = 600_000
ENTER_ABOVE = 10
LEAVE_BELOW = 5
ORANGE, RED = 3, 4


class Shown(msgspec.Struct, frozen=True, order=True):
    """An annunciation: `known_at` and the cause's `time` in epoch milliseconds, the severity 0 for no process alarm."""

    known_at: int
    time: int
    alarm: str
    severity: int


class Flood(msgspec.Struct, frozen=True, kw_only=True):
    """A flood as it stands or ended. Times are epoch milliseconds of the log's clock.

    `began` is when the eleventh annunciation came, `ended` the instant from which fewer than five remained.
    `annunciated` counts from `first_out`, the one that came first of those that made it a flood.
    """

    began: int
    ended: int | None = None
    first_out: Shown
    annunciated: int
    red: bool

    def folds(self, shown: Shown) -> bool:
        """Whether an alarm is folded: the first-out and red never, orange behind a red of this flood, others always."""
        if shown.alarm == self.first_out.alarm:
            return False
        return shown.severity < ORANGE or (shown.severity == ORANGE and self.red)


class Watch(msgspec.Struct, frozen=True):
    """What a position's watch remembers: its newest annunciations in order, and the flood it stands in."""

    recent: tuple[Shown, ...] = ()
    flood: Flood | None = None


class Step(NamedTuple):
    """The watch after an annunciation, the flood that was over before it, and what became part of the present one."""

    watch: Watch
    over: Flood | None
    joined: tuple[Shown, ...]


def annunciate(watch: Watch, shown: Shown) -> Step:
    """Take one annunciation in.

    They come in the order in which they became known; within one instant their order changes nothing.
    """
    # At this instant itself the flood cannot end: what comes at it counts.
    watch, over = leave(watch, shown.known_at)
    recent = tuple(sorted((*watch.recent, shown))[-(ENTER_ABOVE + 1) :])
    flood = watch.flood
    if flood is not None:
        first = min(flood.first_out, shown) if _may_be_first(flood, shown) else flood.first_out
        flood = msgspec.structs.replace(
            flood, first_out=first, annunciated=flood.annunciated + 1, red=flood.red or shown.severity == RED
        )
        return Step(Watch(recent, flood), over, (shown,))
    if len(recent) <= ENTER_ABOVE or recent[0].known_at <= recent[-1].known_at - PERIOD_MS:
        return Step(Watch(recent), over, ())
    flood = Flood(
        began=recent[-1].known_at,
        first_out=recent[0],
        annunciated=len(recent),
        red=any(one.severity == RED for one in recent),
    )
    return Step(Watch(recent, flood), over, recent)


def leave(watch: Watch, clock: int) -> tuple[Watch, Flood | None]:
    """Return the watch at `clock` (epoch milliseconds), and the flood that ended before it, if one did.

    It ends at the same instant whenever it is asked for: silence needs no annunciation to be noticed.
    """
    if watch.flood is None:
        return watch, None
    ends = ends_at(watch)
    if ends >= clock:
        return watch, None
    return Watch(watch.recent), msgspec.structs.replace(watch.flood, ended=ends)


def ends_at(watch: Watch) -> int:
    """Return from which instant (epoch milliseconds) fewer than five remain of the last 10 minutes of a flood."""
    return watch.recent[-LEAVE_BELOW].known_at + PERIOD_MS


def share_in_flood(spans: Iterable[tuple[int, int | None]], start: int, end: int) -> float:
    """Return the share (0 to 1) of start <= time < end that spans of floods, which do not overlap, take of it."""
    inside = sum(max(0, min(end, end if until is None else until) - max(start, begin)) for begin, until in spans)
    return inside / (end - start)


def _may_be_first(flood: Flood, shown: Shown) -> bool:
    return flood.began - PERIOD_MS < shown.known_at <= flood.began
