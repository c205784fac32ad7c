"""The readings of a sensor as a small picture: plain SVG without scripts, styled by the classes of report.css."""

from collections.abc import Iterator, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.timeline import words
from app.timeline.readings import Course, late_by_ms
from app.timeline.scene import Scene
from model.alarm import LABELS_WITH_NONE, JournalLine
from model.bilingual import Language, said
from model.instant import parse_instant
from model.reading import HELD_BACK
from model.severity import severity_of
from model.writing import clock, quantity

WIDTH, HEIGHT = 480, 200
LEFT, RIGHT, TOP, BOTTOM = 58, 40, 32, 26
COLUMNS = 320  # of readings: of more, the lowest and the highest of each column are drawn
MARKED_MAX = 200  # late and bad readings that are marked one by one
TURNS_MAX = 60
SIGN_WIDTH = 14


class _Scale(NamedTuple):
    start: int
    end: int
    low: float
    high: float

    def x(self, time: float) -> str:
        return f"{LEFT + (WIDTH - LEFT - RIGHT) * (time - self.start) / (self.end - self.start):.1f}"

    def y(self, value: float) -> str:
        return f"{TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low):.1f}"


def chart(course: Course, lines: Sequence[JournalLine], scene: Scene, language: Language) -> str:
    """Return the picture of a sensor's usable readings in the order of their own time, with the limits that were in
    force, and marks where its alarms were raised, risen, acknowledged and returned; empty without a usable reading."""
    arrivals = course.arrivals
    usable = (arrivals.quality & int(HELD_BACK)) == 0
    if not usable.any():
        return ""
    order = np.argsort(arrivals.time, kind="stable")
    drawn = order[usable[order]]
    time, value = arrivals.time[drawn], arrivals.value[drawn]
    limits = [] if course.ladder is None else [limit for _, limit in course.ladder.levels]
    turns = [(parse_instant(line.time), sign) for line in lines if (sign := _sign(line))][:TURNS_MAX]
    scale = _scale(time, value, limits, [0, *(moment for moment, _ in turns)])
    label = said(words.CHART, language).format(
        sensor=scene.name(course.sensor.sensor, language),
        count=len(arrivals.time),
        first=clock(scale.start, scene.zone),
        last=clock(scale.end, scene.zone, scale.start),
        lowest=quantity(float(value.min()), course.unit),
        highest=quantity(float(value.max()), course.unit),
    )
    parts = [
        *_axes(course, scale, scene),
        *_limits(course, scale),
        *_passages(time, value, course.sensor.hold_ms, scale),
        *_marked(course, drawn, usable, scale),
        *_turns(turns, scale),
    ]
    return (
        f'<svg class="course" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{''.join(parts)}</svg>"
    )


def _scale(
    time: NDArray[np.int64], value: NDArray[np.float64], limits: Sequence[float], turns: Sequence[int]
) -> _Scale:
    """Return a scale that holds the readings, what happened after them, and those limits that are not far off."""
    low, high = float(value.min()), float(value.max())
    reach = max(high - low, abs(high) * 0.05, 1e-9)
    near = [limit for limit in limits if low - 2 * reach <= limit <= high + 2 * reach]
    low, high = min([low, *near]), max([high, *near])
    slack = (high - low or reach) * 0.08
    start, end = int(time[0]), max(int(time[-1]), *turns)
    return _Scale(start, max(end, start + 1), low - slack, high + slack)


def _axes(course: Course, scale: _Scale, scene: Scene) -> Iterator[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    yield f'<rect x="{LEFT}" y="{TOP}" width="{right - LEFT}" height="{bottom - TOP}"/>'
    yield f'<text x="4" y="14">{escape(course.unit)}</text>'
    for value, text in _ticks(scale):
        yield f'<text class="end" x="{LEFT - 5}" y="{float(scale.y(value)) + 4:.1f}">{text}</text>'
    first, last = clock(scale.start, scene.zone), clock(scale.end, scene.zone, scale.start)
    yield f'<text x="{LEFT}" y="{HEIGHT - 8}">{escape(first)}</text>'
    yield f'<text class="end" x="{right}" y="{HEIGHT - 8}">{escape(last)}</text>'


def _ticks(scale: _Scale) -> Iterator[tuple[float, str]]:
    """Yield round values within the scale, three to seven of them, with their texts."""
    power = floor(log10((scale.high - scale.low) / 3))
    step = next(step for step in (5 * 10**power, 2 * 10**power, 10**power) if 3 * step <= scale.high - scale.low)
    for number in range(ceil(scale.low / step), floor(scale.high / step) + 1):
        yield number * step, f"{number * step:.{max(0, -power)}f}"


def _limits(course: Course, scale: _Scale) -> Iterator[str]:
    if course.ladder is None:
        return
    for severity, limit in course.ladder.levels:
        label = LABELS_WITH_NONE[severity]
        if label is not None and scale.low <= limit <= scale.high:
            y = scale.y(limit)
            yield f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
            yield f'<text x="{WIDTH - RIGHT + 4}" y="{float(y) + 4:.1f}">{words.SHAPES[label]}</text>'


def _passages(time: NDArray[np.int64], value: NDArray[np.float64], hold_ms: int, scale: _Scale) -> Iterator[str]:
    """Yield a line for each passage between gaps; a reading holds until its silence limit and no longer."""
    gaps = np.flatnonzero(np.diff(time) > hold_ms) + 1
    for times, values in zip(np.split(time, gaps), np.split(value, gaps), strict=True):
        if len(times) == 1:
            yield f'<circle class="alone" cx="{scale.x(int(times[0]))}" cy="{scale.y(float(values[0]))}" r="2"/>'
            continue
        if len(times) > 2 * COLUMNS:
            times, values = _thinned(times, values)
        points = " ".join(f"{scale.x(x)},{scale.y(y)}" for x, y in zip(times.tolist(), values.tolist(), strict=True))
        yield f'<polyline points="{points}"/>'


def _thinned(time: NDArray[np.int64], value: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the lowest and the highest reading of each column of the picture, in order."""
    column = ((time - time[0]) * COLUMNS // (time[-1] - time[0] + 1)).astype(np.int64)
    starts = np.flatnonzero(np.r_[True, np.diff(column) > 0])
    kept: set[int] = {0, len(time) - 1}
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(time)], strict=True):
        part = value[start:end]
        kept |= {start + int(part.argmin()), start + int(part.argmax())}
    rows = sorted(kept)
    return time[rows], value[rows]


def _marked(course: Course, drawn: NDArray[np.intp], usable: NDArray[np.bool_], scale: _Scale) -> Iterator[str]:
    """Yield a ring around each late reading, and a cross on the lower edge for each that is not usable."""
    arrivals = course.arrivals
    late = late_by_ms(arrivals) > 0
    for row in drawn[late[drawn]][:MARKED_MAX].tolist():
        yield f'<circle cx="{scale.x(int(arrivals.time[row]))}" cy="{scale.y(float(arrivals.value[row]))}" r="3"/>'
    for row in np.flatnonzero(~usable)[:MARKED_MAX].tolist():
        if scale.start <= arrivals.time[row] <= scale.end:
            yield f'<text class="middle" x="{scale.x(int(arrivals.time[row]))}" y="{HEIGHT - BOTTOM - 2}">×</text>'


def _turns(turns: Sequence[tuple[int, str]], scale: _Scale) -> Iterator[str]:
    """Yield a sign above the picture for each turn of an alarm, and a line down from it.

    Signs that would touch stand above one another.
    """
    before, row = -np.inf, 0
    for time, sign in turns:
        if time < scale.start:
            continue
        x = scale.x(time)
        row = 1 - row if float(x) - before < SIGN_WIDTH else 0
        before = float(x)
        yield f'<line class="turn" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        yield f'<text class="middle" x="{x}" y="{TOP - 5 - 14 * row}">{sign}</text>'


def _sign(line: JournalLine) -> str:
    if line.action == "acknowledge":
        return "✓"
    if line.sequence == 1 or severity_of(line.severity) > severity_of(line.severity_from):
        return "▲"
    return "▽" if line.severity is None and line.severity_from is not None else ""
