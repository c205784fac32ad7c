"""Entries of a sensor's readings: against which levels, which are named one by one and which told together; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.binding import TOLERANCE
from alerts.conditions.threshold import Threshold
from alerts.rules import limits_of
from app.timeline import words
from app.timeline.scene import Entry, Scene, in_both, joined
from model.alarm import LABELS_WITH_NONE, JournalLine
from model.bilingual import QUALITIES, SEVERITIES, Language, said
from model.instant import format_instant
from model.reading import HELD_BACK, NEVER_CLEARS, Quality
from model.sensor import Sensor
from model.severity import severity_of
from model.vocabulary import PROPERTIES, conversion
from model.writing import clock, quantity
from store.timeline import Arrivals


class Ladder(NamedTuple):
    """The levels of readings at a sensor: severity (1 to 4) and limit in the property's unit, the lowest level first.

    `above`: a level is reached at or above its limit, else at or below it; it is left inside limit and deadband.
    """

    above: bool
    levels: tuple[tuple[int, float], ...]
    deadband: float = 0.0

    def severity(self, value: float, before: int = 0) -> int:
        """Return the severity that a value has reached where it was `before`, 0 for none."""
        reached = 0
        for severity, limit in self.levels:
            slack = TOLERANCE * abs(limit) + (self.deadband if severity <= before else 0.0)
            if value >= limit - slack if self.above else value <= limit + slack:
                reached = severity
        return reached

    def limit(self, severity: int) -> float:
        """Return the limit of a severity that the ladder has."""
        return dict(self.levels)[severity]


def ladder_of(sensor: Sensor, lines: Sequence[JournalLine], scene: Scene) -> Ladder | None:
    """Return the levels that a sensor's readings were held against when its first alarm of them was raised.

    As the rule had them at its version; where that version is not kept, as far as the journal's lines tell them.
    """
    line = next((one for one in lines if one.kind == "threshold" and one.class_ == "process"), None)
    if line is None:
        return None
    rule = scene.rule(line.rule, line.rule_version)
    if rule is not None and isinstance(rule.condition, Threshold):
        override = next((one for one in reversed(rule.overrides) if one.select.agrees(sensor)), None)
        found = limits_of(rule.condition, override, sensor)
        if found is not None:
            levels = tuple((number, limit) for number, limit in enumerate(found, 1) if isfinite(limit))
            deadband = rule.condition.deadband
            if override is not None and override.deadband is not None:
                deadband = override.deadband
            factor, _ = conversion(PROPERTIES[sensor.property], rule.condition.unit, gas=sensor.gas)
            return Ladder(rule.condition.direction == "above", levels, factor * deadband)
    same = [one for one in lines if (one.rule, one.rule_version) == (line.rule, line.rule_version)]
    told = {
        severity_of(one.severity): (one.limit, one.value)
        for one in same
        if one.limit is not None
        and one.value is not None
        and severity_of(one.severity) > severity_of(one.severity_from)
    }
    if not told:
        return None
    above = all(value >= limit for limit, value in told.values())
    return Ladder(above, tuple((severity, told[severity][0]) for severity in sorted(told)))


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


def reading_entries(course: Course, scene: Scene) -> Iterator[Entry]:
    """Yield a sensor's readings as entries, in no order."""
    late = late_by_ms(course.arrivals)
    for found in observations(course):
        if isinstance(found, One):
            yield _one(course, found, int(late[found.row]), scene)
        elif isinstance(found, Stretch):
            yield _stretch(course, found, int(late[list(found.rows)].max()), scene)
        else:
            yield _silence(course, found, scene)
    if course.cut:
        newest = int(course.arrivals.arrived.max())
        sensor = course.sensor.sensor
        count = len(course.arrivals.time)

        def cut(language: Language) -> str:
            return said(words.READINGS_CUT, language).format(clock(newest, scene.zone), count)

        yield Entry(
            known_at=newest, what="reading", subject=sensor, number=count, sensor=sensor, words=in_both(cut),
            facts={"marks": ["cut"], "readings": count},
        )  # fmt: skip


def _one(course: Course, one: One, late_ms: int, scene: Scene) -> Entry:
    arrivals, sensor = course.arrivals, course.sensor.sensor
    value, quality = float(arrivals.value[one.row]), Quality(int(arrivals.quality[one.row]))
    reached = "reached" in one.marks and one.severity and course.ladder is not None
    limit = course.ladder.limit(one.severity) if reached and course.ladder and one.severity else None

    def mark(name: str, language: Language) -> str:
        template = said(words.MARKS[name], language)
        level = LABELS_WITH_NONE[one.severity or 0]
        if name in ("reached", "fell_to") and level is not None:
            written = "" if limit is None else quantity(limit, course.unit)
            return template.format(said(SEVERITIES[level], language), written)
        if name in ("bad", "doubtful"):
            among = HELD_BACK if name == "bad" else NEVER_CLEARS
            labels = Quality(quality & among).labels
            return template.format(", ".join(said(QUALITIES[label], language) for label in labels))
        return template

    def sentence(language: Language) -> str:
        return joined([quantity(value, course.unit), *(mark(name, language) for name in one.marks)], language)

    return Entry(
        known_at=int(arrivals.arrived[one.row]),
        time=int(arrivals.time[one.row]),
        what="reading",
        subject=sensor,
        number=one.row,
        sensor=sensor,
        severity=LABELS_WITH_NONE[one.severity or 0] if reached else None,
        late_ms=late_ms or None,
        words=in_both(sentence),
        facts={"value": value, "unit": course.unit, "quality": quality.labels, "marks": [*one.marks], "limit": limit},
    )


def _stretch(course: Course, stretch: Stretch, late_ms: int, scene: Scene) -> Entry:
    arrivals, sensor, rows = course.arrivals, course.sensor.sensor, list(stretch.rows)
    values, times = arrivals.value[rows], arrivals.time[rows]
    first, last, known_at = int(times.min()), int(times.max()), int(arrivals.arrived[rows].max())
    is_bad = bool(np.all((arrivals.quality[rows] & int(HELD_BACK)) != 0))

    def sentence(language: Language) -> str:
        return said(words.BAD_STRETCH if is_bad else words.STRETCH, language).format(
            count=len(rows),
            first=clock(first, scene.zone, known_at),
            last=clock(last, scene.zone, known_at),
            lowest=quantity(float(values.min()), course.unit),
            highest=quantity(float(values.max()), course.unit),
        )

    return Entry(
        known_at=known_at,
        what="reading",
        subject=sensor,
        number=rows[-1],
        sensor=sensor,
        late_ms=late_ms or None,
        words=in_both(sentence),
        facts={
            "readings": len(rows), "usable": not is_bad, "first": format_instant(first), "last": format_instant(last),
            "lowest": float(values.min()), "highest": float(values.max()), "unit": course.unit,
        },
    )  # fmt: skip


def _silence(course: Course, silence: Silence, scene: Scene) -> Entry:
    sensor, limit = course.sensor.sensor, course.sensor.silence_ms
    assert limit is not None  # else nothing says that it is silent
    known_at = silence.since + limit

    def sentence(language: Language) -> str:
        told = said(words.SILENCE, language).format(since=clock(silence.since, scene.zone, known_at))
        if silence.until is None:
            return told + said(words.STILL_SILENT, language)
        return told + said(words.HEARD, language).format(clock(silence.until, scene.zone, known_at))

    return Entry(
        known_at=known_at,
        what="reading",
        subject=sensor,
        number=len(course.arrivals.time),
        sensor=sensor,
        words=in_both(sentence),
        facts={
            "marks": ["silence"], "since": format_instant(silence.since),
            "until": None if silence.until is None else format_instant(silence.until),
        },
    )  # fmt: skip
