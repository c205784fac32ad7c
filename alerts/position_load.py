"""What each operator's position is shown by two journals over the same readings: its load by periods of 10 minutes.

The figures are those of alerts.position_performance of the same names, after ISA-18.2 and EEMUA 191.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from alerts.occurrences import Occurrence
from alerts.performance import FLOOD_ALARMS, PERIOD_MS
from alerts.position_performance import counts_by_period
from model.instant import format_instant
from model.position import Position, positions_of
from model.sensor import Sensor


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The annunciations at a position: how many, and by 10 minutes their mean, the most and since when, RFC 3339.

    `periods_above_10_share` (0 to 1) is that of the 10 minutes with more than ten of them. The mean is None for a span
    shorter than 10 minutes.
    """

    annunciated: int
    per_10_minutes_mean: float | None
    per_10_minutes_peak: int
    peak_at: str | None
    periods_above_10_share: float


class PositionLoad(msgspec.Struct, frozen=True, kw_only=True):
    """A position's load before and after."""

    position: str
    city: str
    name: str
    name_zh: str
    before: Load
    after: Load


def position_loads(
    before: Iterable[Occurrence],
    after: Iterable[Occurrence],
    positions: Sequence[Position],
    sensors: Mapping[str, Sensor],
    start: int,
    end: int,
) -> list[PositionLoad]:
    """Return the load of start <= known < end (epoch milliseconds) of the positions that are shown anything.

    The highest peak after comes first. `positions` are those that are told of, with the default ones of their cities;
    `sensors`, by id, say where an occurrence is. Raises ValueError for an empty span.
    """
    if end <= start:
        raise ValueError(f"a load needs a span; got {end - start} ms")
    sides = [_known_by_position(side, positions, sensors, start, end) for side in (before, after)]
    loads = [
        PositionLoad(
            position=one.position, city=one.city, name=one.name, name_zh=one.name_zh,
            before=_load(sides[0].get(one.position, ()), start, end),
            after=_load(sides[1].get(one.position, ()), start, end),
        )
        for one in positions
        if one.position in sides[0] or one.position in sides[1]
    ]  # fmt: skip
    return sorted(
        loads, key=lambda one: (-one.after.per_10_minutes_peak, -one.before.per_10_minutes_peak, one.position)
    )


def _known_by_position(
    found: Iterable[Occurrence], positions: Sequence[Position], sensors: Mapping[str, Sensor], start: int, end: int
) -> dict[str, list[int]]:
    configured = [one for one in positions if not one.is_default]
    known: dict[str, list[int]] = {}
    for one in found:
        times = [shown.known_at for shown in one.annunciations if start <= shown.known_at < end]
        sensor = sensors.get(one.sensor)
        if times and sensor is not None:
            for position in positions_of(configured, sensor.city, sensor.system, sensor.district):
                known.setdefault(position, []).extend(times)
    return known


def _load(known: Sequence[int], start: int, end: int) -> Load:
    counts = counts_by_period(np.array(known, np.int64), start, end, PERIOD_MS)
    peak = int(counts.max())
    return Load(
        annunciated=len(known),
        per_10_minutes_mean=len(known) * PERIOD_MS / (end - start) if end - start >= PERIOD_MS else None,
        per_10_minutes_peak=peak,
        peak_at=format_instant(start + int(counts.argmax()) * PERIOD_MS) if peak else None,
        periods_above_10_share=float((counts > FLOOD_ALARMS).mean()),
    )
