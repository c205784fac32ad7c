"""Gaps in devices' own counts of their readings: what is missing becomes visible, and is filled when it comes late.

A source is a sensor, whichever gateway brings its readings (docs/decisions/0009). A number above the next expected one
opens a gap; one below is late or repeated where its time is not newer, and fills what it was missing from; with a newer
time the device has begun to count anew, and nothing can be said of what may be missing between.
"""
# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# numba infers the types of kernels

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from store.gaps import Filling, Gap, SourceState

GAPS_PER_SOURCE_MAX = 64  # further ones stay in the store, but what comes late no longer fills them
MISSING_MAX = 1_000_000  # a longer jump is a count begun anew
NEVER = np.iinfo(np.int64).min
_GAP, _PAST, _RESET = 0, 1, 2
_STATE = np.dtype([("last", "i8"), ("time", "i8"), ("reset_time", "i8"), ("known", "?"), ("open", "?")])
_EVENT = np.dtype([("kind", "i1"), ("row", "i8"), ("from", "i8"), ("to", "i8")])
_Open = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class GapChanges:
    """What a batch came to: gaps opened, numbers that came late, counts begun anew; and the states after it."""

    opened: list[Gap]
    filled: list[Filling]
    resets: int
    touched: NDArray[np.int64]
    drafts: NDArray[Any]
    open: dict[int, _Open]


class GapTracker:
    """The last number of every source and what is missing below it.

    Judging changes nothing; `commit` does, after the batch was stored. One writer; sources are bounded by the caller,
    who asks for registered ones only.
    """

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._names: list[str] = []
        self._states = np.zeros(0, _STATE)
        self._slot = np.zeros(0, np.int64)
        self._open: dict[int, _Open] = {}

    def places(self, sources: Sequence[str]) -> NDArray[np.int64]:
        """Return a number for each source, shape (n,), new ones for new sources."""
        found = np.fromiter(map(self._places.get, sources, repeat(-1)), np.int64, len(sources))
        for row in np.flatnonzero(found < 0).tolist():
            found[row] = self._place(sources[row])
        return found

    def judge(self, source: NDArray[np.int64], sequence: NDArray[np.int64], time: NDArray[np.int64]) -> GapChanges:
        """Judge rows in order of arrival: `source` from `places`, `time` int64 epoch milliseconds, shape (n,)."""
        self._fit()
        touched = np.empty(min(len(source), len(self._states)), np.int64)
        drafts = np.empty(len(touched), _STATE)
        events = np.empty(len(source), _EVENT)
        count, found = _walk(source, sequence, time, self._states, self._slot, touched, drafts, events)
        changes = GapChanges([], [], 0, touched[:count], drafts[:count], {})
        resets = 0
        for kind, row, first, last in events[:found].tolist():
            place = int(source[row])
            if place not in changes.open:
                changes.open[place] = list(self._open.get(place, ()))
            missing = changes.open[place]
            if kind == _GAP:
                changes.opened.append(Gap(self._names[place], first, last, int(time[row])))
                missing.append((first, last))
                del missing[:-GAPS_PER_SOURCE_MAX]
            elif kind == _RESET:
                resets += 1
            elif _fill(missing, first):
                changes.filled.append(Filling(self._names[place], first))
        return GapChanges(changes.opened, changes.filled, resets, changes.touched, changes.drafts, changes.open)

    def commit(self, changes: GapChanges) -> None:
        """Take over the states after a batch that was stored."""
        _take_over(self._states, changes.touched, changes.drafts)
        for place, missing in changes.open.items():
            self._states[place]["open"] = bool(missing)
            if missing:
                self._open[place] = missing
            else:
                self._open.pop(place, None)

    def states(self, changes: GapChanges | None = None) -> list[SourceState]:
        """Return the states of all sources, or of those that a batch changes, as they are after it."""
        places, states = np.arange(len(self._states)), self._states
        if changes is not None:
            places, states = changes.touched, changes.drafts
        known = states["known"]
        names = [self._names[place] for place in places[known].tolist()]
        numbers = [states[field][known].tolist() for field in ("last", "time", "reset_time")]
        return list(map(SourceState, names, *numbers))

    def restore(self, states: Iterable[SourceState], missing: Iterable[tuple[str, int, int]]) -> None:
        """Take over states as `states` gave them, the newer last, and the numbers still missing by source."""
        for state in states:
            place = self._place(state.source)
            self._fit()
            self._states[place] = (state.last, state.time, state.reset_time, True, False)
        for source, first, last in missing:
            place = self._place(source)
            self._fit()
            self._open.setdefault(place, []).append((first, last))
            self._states[place]["open"] = True

    def _place(self, source: str) -> int:
        place = self._places.setdefault(source, len(self._names))
        if place == len(self._names):
            self._names.append(source)
        return place

    def _fit(self) -> None:
        if len(self._states) < len(self._names):
            grown = np.zeros(max(2 * len(self._states), len(self._names)), _STATE)
            grown[: len(self._states)] = self._states
            self._states, self._slot = grown, np.full(len(grown), -1, np.int64)


def encode_states(states: Sequence[SourceState]) -> bytes:
    """Return states as bytes, for `decode_states`."""
    return msgspec.msgpack.encode(states)


def decode_states(content: bytes) -> list[SourceState]:
    """Return what `encode_states` was given."""
    return msgspec.msgpack.decode(content, type=list[SourceState])


def _fill(missing: _Open, sequence: int) -> bool:
    """Take a number out of the intervals that are missing; return whether it was in one."""
    for place, (first, last) in enumerate(missing):
        if first <= sequence <= last:
            missing[place : place + 1] = [
                part for part in ((first, sequence - 1), (sequence + 1, last)) if part[0] <= part[1]
            ]
            return True
    return False


@numba.njit(cache=True)
def _note(events, found, kind, row, first, last):
    event = events[found]
    event.kind = kind
    event.row = row
    event["from"] = first
    event["to"] = last
    return found + 1


@numba.njit(cache=True)
def _walk(source, sequence, time, states, slot, touched, drafts, events):
    count = found = 0
    for row in range(len(source)):
        place = source[row]
        if slot[place] < 0:
            slot[place] = count
            touched[count] = place
            drafts[count] = states[place]
            count += 1
        state = drafts[slot[place]]
        number, now = sequence[row], time[row]
        if not state.known:
            state.known = True
            state.last, state.time, state.reset_time = number, now, NEVER
        elif now < state.reset_time or (number < state.last and now <= state.time):
            if state.open:
                found = _note(events, found, _PAST, row, number, number)
        elif number < state.last or number - state.last - 1 > MISSING_MAX:
            state.last, state.time, state.reset_time = number, now, now
            found = _note(events, found, _RESET, row, number, number)
        elif number > state.last:
            if number > state.last + 1:
                found = _note(events, found, _GAP, row, state.last + 1, number - 1)
                state.open = True
            state.last, state.time = number, max(state.time, now)
    for place in range(count):
        slot[touched[place]] = -1
    return count, found


@numba.njit(cache=True)
def _take_over(states, places, drafts):
    for row in range(len(places)):
        states[places[row]] = drafts[row]
