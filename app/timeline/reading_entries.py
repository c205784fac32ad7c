"""What a timeline tells of a sensor's readings, as entries with words; pure."""

from collections.abc import Iterator

import numpy as np

from app.timeline import words
from app.timeline.readings import Course, One, Silence, Stretch, late_by_ms, observations
from app.timeline.scene import Entry, Scene
from app.timeline.writing import in_both, joined
from model.alarm import LABELS_WITH_NONE
from model.bilingual import QUALITIES, SEVERITIES, Language, said
from model.instant import format_instant
from model.reading import HELD_BACK, NEVER_CLEARS, Quality
from model.writing import clock, quantity


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
