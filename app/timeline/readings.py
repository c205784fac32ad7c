"""Which readings of a sensor a timeline names one by one, and which it tells of together; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.timeline.ladder import Ladder
from model.reading import HELD_BACK, NEVER_CLEARS, Quality
from model.sensor import Sensor
from model.vocabulary import PROPERTIES
from store.timeline import Arrivals


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of a member sensor: its readings as they came, and what they are held against.

    `unit` is the property's as people read it. `raised` is when its first alarm was raised, `through` up to when it was
    looked at (of arrival); epoch milliseconds. `cut`: there are more readings than were read.
    """

    sensor: Sensor
    unit: str
    arrivals: Arrivals
    ladder: Ladder | None
    raised: int
    through: int
    cut: bool = False


class One(NamedTuple):
    """A reading that is named: its row and why; `severity` is that of its level where it reaches or leaves one."""

    row: int
    marks: tuple[str, ...] = ()
    severity: int | None = None


class Stretch(NamedTuple):
    """Readings (rows) between two that are named and between silences, alike in being late and in being usable."""

    rows: tuple[int, ...]


class Silence(NamedTuple):
    """Nothing came after `since` (arrival of the last reading) until `until`, None where nothing has come yet."""

    since: int
    until: int | None


def late_by_ms(arrivals: Arrivals) -> NDArray[np.int64]:
    """Return by how many milliseconds each reading came late, 0 for those that did not; shape (n,).

    Late is what came after a newer reading of the sensor had come, and what the checks on arrival marked as delayed.
    """
    if not len(arrivals.time):
        return np.empty(0, np.int64)
    # What arrived at one time is sorted before it is evaluated: late is what is older than a reading before that.
    first = np.searchsorted(arrivals.arrived, arrivals.arrived)
    newest = np.maximum.accumulate(arrivals.time)
    before = np.where(first > 0, newest[first - 1], np.iinfo(np.int64).min)
    late = (arrivals.time < before) | ((arrivals.quality & int(Quality.DELAYED)) != 0)
    return np.where(late, np.maximum(arrivals.arrived - arrivals.time, 1), 0)


def observations(course: Course) -> Iterator[One | Stretch | Silence]:
    """Yield what the timeline tells of a sensor's readings.

    Named are: the first, the last before the alarm, those that reach or leave a level, the furthest one, those at which
    readings stop being usable, become doubtful or are usable again, and the first of those that came late. Those that
    came late are looked at apart from the others, because nobody knew them in between.
    """
    late = late_by_ms(course.arrivals) > 0
    marks: dict[int, list[str]] = {}
    severities: dict[int, int] = {}
    streams = [np.flatnonzero(~late).tolist(), np.flatnonzero(late).tolist()]
    for rows in streams:
        _mark_changes(course, rows, marks, severities)
    _mark_places(course, streams[0], marks)
    if streams[1]:
        marks.setdefault(streams[1][0], [])
    for rows in streams:
        yield from _named_and_rest(course, rows, marks, severities)
    yield from _silences(course)


def _mark_changes(course: Course, rows: Sequence[int], marks: dict[int, list[str]], severities: dict[int, int]) -> None:
    """Note where a stream of readings changes its level or its quality."""
    severity = 0
    was_bad = was_doubtful = False
    qualities, values = course.arrivals.quality.tolist(), course.arrivals.value.tolist()
    held_back, never_clears = int(HELD_BACK), int(NEVER_CLEARS)
    for row in rows:
        quality = qualities[row]
        found: list[str] = []
        is_bad = bool(quality & held_back)
        is_doubtful = not is_bad and bool(quality & never_clears)
        if is_bad and not was_bad:
            found.append("bad")
        elif is_doubtful and not was_doubtful:
            found.append("doubtful")
        elif not (is_bad or is_doubtful) and (was_bad or was_doubtful):
            found.append("good_again")
        was_bad, was_doubtful = is_bad, is_doubtful
        if course.ladder is not None and not is_bad:
            reached = course.ladder.severity(values[row], severity)
            if reached != severity:
                found.append("reached" if reached > severity else "fell_to" if reached else "left")
                severities[row] = reached
            severity = reached
        if found:
            marks[row] = found


def _mark_places(course: Course, rows: Sequence[int], marks: dict[int, list[str]]) -> None:
    """Note the first reading, the last before the alarm, and of all usable ones the furthest."""
    arrivals, times = course.arrivals, course.arrivals.time.tolist()
    if rows:
        marks.setdefault(rows[0], []).insert(0, "first")
    before = [row for row in rows if times[row] < course.raised]
    if before:
        marks.setdefault(max(before, key=times.__getitem__), []).append("before_raise")
    usable = np.flatnonzero((arrivals.quality & int(HELD_BACK)) == 0)
    if len(usable) > 1:
        values = arrivals.value[usable]
        direction = _direction(course, values)
        if values.min() < values.max():
            furthest = usable[int(np.argmax(direction * values))]
            marks.setdefault(int(furthest), []).append("highest" if direction > 0 else "lowest")


def _direction(course: Course, values: NDArray[np.float64]) -> int:
    """Return 1 where high values are the ones that matter, -1 where low ones do."""
    if course.ladder is not None:
        return 1 if course.ladder.above else -1
    danger = PROPERTIES[course.sensor.property].danger
    if danger != "none":
        return 1 if danger == "high" else -1
    return 1 if values.max() - values[0] >= values[0] - values.min() else -1


def _named_and_rest(
    course: Course, rows: Sequence[int], marks: dict[int, list[str]], severities: dict[int, int]
) -> Iterator[One | Stretch]:
    rest: list[int] = []
    bad = ((course.arrivals.quality & int(HELD_BACK)) != 0).tolist()
    arrived, hold = course.arrivals.arrived.tolist(), course.sensor.hold_ms
    for row in rows:
        if rest and (row in marks or bad[row] != bad[rest[-1]] or arrived[row] - arrived[rest[-1]] > hold):
            yield _together(rest)
            rest = []
        if row in marks:
            yield One(row, tuple(marks[row]), severities.get(row))
        else:
            rest.append(row)
    if rest:
        yield _together(rest)


def _together(rows: Sequence[int]) -> One | Stretch:
    return One(rows[0]) if len(rows) == 1 else Stretch(tuple(rows))


def _silences(course: Course) -> Iterator[Silence]:
    limit = course.sensor.silence_ms
    if limit is None or not len(course.arrivals.arrived):
        return
    arrivals = np.unique(course.arrivals.arrived).tolist()
    for since, until in pairwise(arrivals):
        if until - since > limit:
            yield Silence(since, until)
    if not course.cut and course.through - arrivals[-1] > limit:
        yield Silence(arrivals[-1], None)
