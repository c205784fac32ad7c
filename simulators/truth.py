"""The truth of a simulated stream: what happens at which sensor, how severe it is, and by when an alarm is due.

Levels are read off the noiseless course against the ladder of limits; all else a scenario claims itself.
"""

import csv
import math
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.instant import format_instant, parse_instant
from model.severity import LABELS
from simulators.courses import LADDERS, course
from simulators.courses.ladders import Ladder
from simulators.events import Fault
from simulators.physics import FloatArray
from simulators.platforms import Platform
from simulators.scenarios import Claim, Scenario, Story
from simulators.stream import EXCEPTION_MS, HOUR_S, WINDOW_H, Part, default_start, parts_of, told, worlds_of
from simulators.whole_file import open_whole

SAME_EVENT_S = 1_800.0  # what falls below the limits and rises again within this is one event
LOOK_S = 60.0  # between looks at the course, where the sensor itself does not look more often
_SEEN_INTERVALS = 2.2  # of the sensor: two readings lie within, with what they may come late
EXCEPTION_S = EXCEPTION_MS / 1000.0
NOISES = 3.0  # standard deviations by which a peak may miss a limit and either severity be right
DUE, NOT_DUE = "; alarm within ", "; no alarm due"


class TruthRow(NamedTuple):
    """What happens at one sensor from start to end (epoch ms); an alarm is due within `within_s` of the start.

    `severities` are those its peak may rightly have, more than one where it lies at a limit, none for an instrument's.
    `within_s` is None where an alarm is right but none is asked: it may be too short to be seen, or a fault hides it.
    """

    sensor: str
    start: int
    end: int
    what: str
    severities: tuple[str, ...]
    within_s: float | None
    note: str


def truth(
    platform: Platform,
    scenario: Scenario,
    seed: int,
    duration_s: float,
    start_ms: int | None = None,
    *,
    only: Collection[str] | None = None,
) -> list[TruthRow]:
    """Return what a right alarm system finds in `simulate` with the same arguments, by start and sensor.

    What is due only after the end is left out.
    """
    start_ms = default_start(scenario, platform) if start_ms is None else start_ms
    stories = told(platform, scenario, seed)
    claims = [claim for story in stories for claim in story.claims]
    parts = [part for part in parts_of(platform, only) if part.group.thing in LADDERS]
    found: list[list[_Beyond]] = [[] for _ in parts]
    for hour in range(int(np.ceil(duration_s / HOUR_S))):
        if hour % WINDOW_H == 0:
            worlds = worlds_of(platform, stories, seed, start_ms, hour * HOUR_S)
            own = [worlds[part.place.plan.city] for part in parts]
            values = [course(world, part.group) for world, part in zip(own, parts, strict=True)]
            ladders = [LADDERS[part.group.thing](world, part.group) for world, part in zip(own, parts, strict=True)]
        for part, value, ladder, beyond in zip(parts, values, ladders, found, strict=True):
            times, who = _looks(part, hour, duration_s)
            reached = value(times, who)
            lowest = _signed(ladder, ladder.limits).min(axis=1, initial=np.inf, where=~np.isnan(ladder.limits))
            over = _signed(ladder, reached) >= lowest[who]
            beyond.append(_Beyond(times[over], who[over], reached[over]))
    hidden = _hidden(stories)
    for part, ladder, beyond in zip(parts, ladders if parts else [], found, strict=True):
        claims += [_unless_hidden(claim, hidden) for claim in _passages(part, ladder, beyond)]
    known = {sensor.sensor for sensor in platform.sensors}
    rows = [_row(claim, start_ms) for claim in claims if claim.sensor in known and _is_due(claim, duration_s)]
    return sorted(rows, key=lambda row: (row.start, row.sensor, row.what))


def hastened(row: TruthRow, start_ms: int, speed: float) -> TruthRow:
    """Return a row with its times drawn together as those of the stream are: `speed` seconds become one."""
    start, end = (start_ms + round((time - start_ms) / speed) for time in (row.start, row.end))
    return row._replace(start=start, end=end, within_s=None if row.within_s is None else row.within_s / speed)


def write_truth(path: Path, rows: Sequence[TruthRow]) -> None:
    """Write truth rows as CSV `sensor,start,end,kind,note`; the kind has the right severities after a colon."""
    with open_whole(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("sensor", "start", "end", "kind", "note"))
        for row in rows:
            kind = f"{row.what}:{'/'.join(row.severities)}" if row.severities else row.what
            due = NOT_DUE if row.within_s is None else f"{DUE}{row.within_s:g} s"
            writer.writerow((row.sensor, format_instant(row.start), format_instant(row.end), kind, row.note + due))


def read_truth(path: Path) -> Iterator[TruthRow]:
    """Yield the rows of a truth file. Raises ValueError for a line that was not written so."""
    with open(path, encoding="utf-8", newline="") as stream:
        for cells in csv.DictReader(stream):
            what, _, severities = cells["kind"].partition(":")
            is_due = not cells["note"].endswith(NOT_DUE)
            note, _, due = cells["note"].rpartition(DUE if is_due else NOT_DUE)
            yield TruthRow(
                cells["sensor"], parse_instant(cells["start"]), parse_instant(cells["end"]), what,
                tuple(severities.split("/")) if severities else (),
                float(due.removesuffix(" s")) if is_due else None, note,
            )  # fmt: skip


class _Beyond(NamedTuple):
    """Looks at values beyond the lowest limit: times (s), sensors of the group, values."""

    times: FloatArray
    who: NDArray[np.int64]
    values: FloatArray


def _looks(part: Part, hour: int, duration_s: float) -> tuple[FloatArray, NDArray[np.int64]]:
    """The times (s) of an hour at which each sensor of a group is looked at, and the sensors."""
    step = _step_s(part)
    first, last = np.ceil(hour * HOUR_S / step), np.ceil(min((hour + 1) * HOUR_S, duration_s) / step)
    times = np.arange(first, last) * step
    count = len(part.group)
    return np.tile(times, count), np.repeat(np.arange(count), len(times))


def _step_s(part: Part) -> float:
    return EXCEPTION_S if _by_exception(part) else min(LOOK_S, part.group.interval_s)


def _by_exception(part: Part) -> bool:
    return part.group.fields.get("reporting") == "by_exception"


def _signed(ladder: Ladder, values: FloatArray) -> FloatArray:
    return -values if ladder.below else values


def _passages(part: Part, ladder: Ladder, beyond: Sequence[_Beyond]) -> list[Claim]:
    """One claim for each passage beyond the lowest limit that lasts long enough to be due."""
    times, who, values = (np.concatenate(columns) for columns in zip(*beyond, strict=True)) if beyond else ((),) * 3
    ids = part.group.ids(part.place.plan)
    seen_s = _SEEN_INTERVALS * (EXCEPTION_S if _by_exception(part) else part.group.interval_s)
    margin = NOISES * part.group.noise + 0.5 * float(part.group.resolution)
    claims = []
    for k in np.unique(who).tolist():
        mine = who == k
        breaks = np.flatnonzero(np.diff(times[mine]) > SAME_EVENT_S) + 1
        for at, run in zip(np.split(times[mine], breaks), np.split(values[mine], breaks), strict=True):
            limits = _signed(ladder, ladder.limits[k])
            sure, severities = _severities(limits, at, _signed(ladder, run), margin, seen_s)
            within_s = ladder.within_s if sure and at[-1] - at[0] >= ladder.within_s else None
            if severities:
                peak = f"{'lowest' if ladder.below else 'peak'} {_signed(ladder, _signed(ladder, run).max()):.4g}"
                claims.append(
                    Claim(
                        ids[k], float(at[0]), float(at[-1]), ladder.kind, "/".join(severities), within_s,
                        f"{peak} {part.group.unit}",
                    )
                )  # fmt: skip
    return claims


def _severities(
    limits: FloatArray, times: FloatArray, values: FloatArray, margin: float, seen_s: float
) -> tuple[bool, tuple[str, ...]]:
    """Whether a passage is surely seen, and the severities that are right for it.

    A limit is surely seen passed where the value stays clear of it as long as `seen_s`, and may be where the peak
    reaches it within the margin.
    """
    ranks = np.flatnonzero(~np.isnan(limits)).tolist()
    sure = [rank for rank in ranks if _longest_s(times, values >= limits[rank] + margin) >= seen_s]
    possible = [rank for rank in ranks if values.max() >= limits[rank] - margin]
    right = [rank for rank in possible if not sure or rank >= sure[-1]]
    return bool(sure), tuple(str(LABELS[rank]) for rank in right)


def _longest_s(times: FloatArray, holds: NDArray[np.bool_]) -> float:
    """The longest time through which looks after each other hold."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]]).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2] - 1
    return float((times[ends] - times[begins]).max(initial=0.0)) if len(begins) else 0.0


def _hidden(stories: Sequence[Story]) -> dict[str, list[tuple[float, float]]]:
    """By sensor the spells (s) of its faults, in which a level may not be seen."""
    found: dict[str, list[tuple[float, float]]] = {}
    for fault in (event for story in stories for event in story.events if isinstance(event, Fault)):
        for sensor in fault.sensors:
            found.setdefault(sensor, []).append((fault.start_s, math.inf if fault.kind == "battery" else fault.end_s))
    return found


def _unless_hidden(claim: Claim, hidden: dict[str, list[tuple[float, float]]]) -> Claim:
    covered = any(begin <= claim.end_s and claim.start_s <= end for begin, end in hidden.get(claim.sensor, ()))
    return claim._replace(within_s=None) if covered else claim


def _is_due(claim: Claim, duration_s: float) -> bool:
    return claim.start_s + (claim.within_s or 0.0) < duration_s


def _row(claim: Claim, start_ms: int) -> TruthRow:
    return TruthRow(
        claim.sensor, start_ms + round(1000 * claim.start_s), start_ms + round(1000 * claim.end_s), claim.kind,
        tuple(claim.severity.split("/")) if claim.severity else (), claim.within_s, claim.note,
    )  # fmt: skip
