"""The checks on decoded readings against the registry, over a whole batch at once: identity, unit, range, clock.

Each reading is judged by itself here. What can only be told from the readings before it is judged by ingest.course.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ingest.reasons import Fault, Reason, printable
from ingest.sentinels import sentinels_of
from ingest.settings import IngestLimits
from model.instant import EARLIEST_MS, LATEST_MS, format_instant
from model.reading import Quality
from model.registry import Registry
from model.vocabulary import PROPERTIES, UnknownUnit, conversion, units_of
from store.batches import IncomingReadings

END_TOLERANCE = 1e-9  # relative: a converted value at the range's end may miss it by a rounding


@dataclass(frozen=True, slots=True)
class RawReadings:
    """Readings as decoded, not yet checked: columns of one length n, in order of arrival.

    `sensor`: ids, or int32 registry keys (-1 unknown); `time`: int64 epoch milliseconds; `value`: float64 in the unit
    sent; `unit`: UCUM codes, None where the registered one holds (and for all, None in place of the list); `quality`:
    uint16 bits of model.reading.Quality that the device itself reported, None for all good.
    """

    sensor: Sequence[str] | NDArray[np.int32]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    unit: Sequence[str | None] | None = None
    quality: NDArray[np.uint16] | None = None

    def __len__(self) -> int:
        return len(self.time)


class Unusable(NamedTuple):
    """A row that could not be used: the word, and the sentence that says what, where and how to mend it."""

    row: int
    reason: Reason
    detail: str


class Checked(NamedTuple):
    """Usable readings, the rows of the raw columns they came from (int64, rising), and the rows that were not."""

    readings: IncomingReadings
    rows: NDArray[np.int64]
    unusable: list[Unusable]


_Faults: TypeAlias = dict[int, Fault]


def keys_of(registry: Registry, sensors: Sequence[str]) -> NDArray[np.int32]:
    """Return the registry keys of sensor ids, shape (n,); -1 for an id that is not registered."""
    return np.fromiter(map(registry.keys.get, sensors, repeat(-1)), np.int32, len(sensors))


def check(
    registry: Registry,
    raw: RawReadings,
    arrived: NDArray[np.int64] | int,
    limits: IngestLimits,
    keys: NDArray[np.int32] | None = None,
    doubt_ms: int = 0,
) -> Checked:
    """Return what can be stored of `raw`, in the properties' units and with its quality, and what cannot.

    `arrived` is the arrival clock in epoch milliseconds, one for all or one a row; `keys`, int32 (n,), are those of the
    sensors' ids where they have been looked up already; `doubt_ms` is by how much the arrival clock may be behind the
    truth. Values are as measured, never clamped; the range is judged on what the device says, before its calibration or
    zero is taken into account. A row with several faults is refused for the first of: identity, unit, value, time.
    Pure; raises nothing for any content of the columns.
    """
    if keys is None:
        keys = raw.sensor if isinstance(raw.sensor, np.ndarray) else keys_of(registry, raw.sensor)
    faults = _unknown_sensors(registry, raw, keys)
    registered = _rows_without(faults, len(raw))
    value = np.zeros(len(raw))
    with np.errstate(over="ignore", invalid="ignore"):
        value[registered] = (
            raw.value[registered] * registry.factor[keys[registered]] + registry.offset[keys[registered]]
        )
        if raw.unit is not None:
            _convert_units(registry, raw, keys, value, faults)
    measured = registry.corrected(keys, raw.time, value)
    _refuse_values(raw, measured, faults)
    _refuse_times(raw, np.asarray(arrived), limits, doubt_ms, faults)
    rows = _rows_without(faults, len(raw))
    readings = _readings(registry, raw, keys, value, np.asarray(arrived), limits, rows)
    if measured is not value:
        # Full scale stays what the device showed: a correction must not lower it.
        full = (readings.quality & np.uint16(Quality.SATURATED)) != 0
        readings = replace(readings, value=np.where(full, readings.value, measured[rows]))
    return Checked(readings, rows, [Unusable(row, *faults[row]) for row in sorted(faults)])


def _readings(
    registry: Registry,
    raw: RawReadings,
    keys: NDArray[np.int32],
    value: NDArray[np.float64],
    arrived: NDArray[np.int64],
    limits: IngestLimits,
    rows: NDArray[np.int64],
) -> IncomingReadings:
    if len(rows) != len(raw):
        keys, value = keys[rows], value[rows]
        arrived = arrived[rows] if arrived.ndim else arrived
    time, sent = (raw.time, raw.value) if len(rows) == len(raw) else (raw.time[rows], raw.value[rows])
    quality = range_quality(registry, keys, value, sent)
    if raw.quality is not None:
        quality |= raw.quality[rows]
    quality |= (arrived - time > limits.delayed_s_min * 1000) * np.uint16(Quality.DELAYED)
    return IncomingReadings(keys.astype(np.int32, copy=False), time.astype(np.int64, copy=False), value, quality)


def range_quality(
    registry: Registry, keys: NDArray[np.int32], value: NDArray[np.float64], sent: NDArray[np.float64]
) -> NDArray[np.uint16]:
    """Return the quality bits that range, danger and sentinels give, shape (n,).

    `value` is in the properties' units, `sent` as the device sent it. Beyond the range in the dangerous direction is
    SATURATED (at the very end, too, for sensors that saturate there), in any other OUT_OF_RANGE; a value that devices
    send for "no measurement" is SENTINEL and nothing else: outside the range, and inside where the property or the
    sensor itself says so.
    """
    low, high = registry.low[keys], registry.high[keys]
    above = value > high + END_TOLERANCE * np.abs(high)
    below = value < low - END_TOLERANCE * np.abs(low)
    outside = above | below
    quality = outside * np.uint16(Quality.OUT_OF_RANGE)
    danger, saturates = registry.danger[keys], registry.saturates[keys]
    if saturates.any():
        above |= saturates & (value >= high - END_TOLERANCE * np.abs(high))
        below |= saturates & (value <= low + END_TOLERANCE * np.abs(low))
    quality[(above & (danger > 0)) | (below & (danger < 0))] = Quality.SATURATED
    quality[sentinels_of(registry).among(keys, sent, outside)] = Quality.SENTINEL
    return quality.astype(np.uint16, copy=False)


def _unknown_sensors(registry: Registry, raw: RawReadings, keys: NDArray[np.int32]) -> _Faults:
    size = len(registry.known)
    inside = (keys >= 0) & (keys < size)
    if size:
        inside &= registry.known[np.where(inside, keys, 0)]
    faults: _Faults = {}
    for row in np.flatnonzero(~inside).tolist():
        name = f"key {keys[row]}" if isinstance(raw.sensor, np.ndarray) else repr(printable(raw.sensor[row], 64))
        faults[row] = Fault(
            Reason.UNKNOWN_SENSOR,
            f"sensor {name} is not registered; register it with lifeline sensors import, or mend the id",
        )
    return faults


def _convert_units(
    registry: Registry, raw: RawReadings, keys: NDArray[np.int32], value: NDArray[np.float64], faults: _Faults
) -> None:
    """Convert in place the rows that name a unit of their own; refuse the units that do not fit."""
    assert raw.unit is not None
    pairs = list(zip(keys.tolist(), raw.unit, strict=True))
    # Most devices name the unit they are registered with, all the time: only the pairs that differ are looked at.
    odd = {pair for pair in set(pairs) if pair[1] is not None and pair[1] != _registered_unit(registry, pair[0])}
    if not odd:
        return
    for row, (key, unit) in enumerate(pairs):
        if unit is None or (key, unit) not in odd or row in faults:
            continue
        sensor = registry.sensors[key]
        found = _conversion(sensor.property, unit, sensor.gas, sensor.pressure_reference == "absolute")
        if isinstance(found, Fault):
            faults[row] = found
        else:
            value[row] = raw.value[row] * found[0] + found[1]


def _registered_unit(registry: Registry, key: int) -> str | None:
    sensor = registry.sensors.get(key)
    return None if sensor is None else sensor.unit


@lru_cache(maxsize=4_096)
def _conversion(observed: str, unit: str, gas: str, absolute: bool) -> tuple[float, float] | Fault:
    try:
        return conversion(PROPERTIES[observed], unit, gas=gas, absolute=absolute)
    except UnknownUnit as error:
        known = any(unit in units_of(other) for other in PROPERTIES.values())
        return Fault(Reason.UNIT_MISMATCH if known else Reason.UNIT_UNKNOWN, printable(str(error), 400))


def _refuse_values(raw: RawReadings, value: NDArray[np.float64], faults: _Faults) -> None:
    for row in np.flatnonzero(~(np.isfinite(value) & np.isfinite(raw.value))).tolist():
        sent = float(raw.value[row])
        after = " after conversion to the property's unit" if np.isfinite(sent) else ""
        faults.setdefault(
            row,
            Fault(
                Reason.VALUE_NOT_FINITE,
                f"value {sent:g} is not a finite number{after}; send nothing where nothing was measured",
            ),
        )


def _refuse_times(
    raw: RawReadings, arrived: NDArray[np.int64], limits: IngestLimits, doubt_ms: int, faults: _Faults
) -> None:
    newest = arrived + round(limits.clock_ahead_s_max * 1000) + doubt_ms
    unfit = (raw.time < EARLIEST_MS) | (raw.time > newest) | (raw.time >= LATEST_MS)
    for row in np.flatnonzero(unfit).tolist():
        arrival = int(arrived[row]) if arrived.ndim else int(arrived)
        faults.setdefault(row, _time_fault(int(raw.time[row]), arrival, limits))


def _time_fault(time: int, arrived: int, limits: IngestLimits) -> Fault:
    if time < EARLIEST_MS:
        if EARLIEST_MS <= time * 1000 < LATEST_MS and time > 86_400_000:
            remedy = f"read as seconds it is {format_instant(time * 1000)}: send epoch milliseconds"
        else:
            remedy = "set the device's clock, or send nothing until it is set"
        return Fault(Reason.TIME_BEFORE_2000, f"time {time} ms is before the year 2000; {remedy}")
    if time >= LATEST_MS:
        for divisor, unit in ((1_000, "microseconds"), (1_000_000, "nanoseconds")):
            if EARLIEST_MS <= time // divisor < LATEST_MS:
                remedy = f"read as {unit} it is {format_instant(time // divisor)}: send epoch milliseconds"
                break
        else:
            remedy = "set the device's clock"
        return Fault(Reason.TIME_AFTER_2100, f"time {time} ms is after the year 2100; {remedy}")
    ahead_s = (time - arrived) / 1000
    return Fault(
        Reason.TIME_AHEAD,
        f"time {format_instant(time)} is {ahead_s:.0f} s after its arrival; at most {limits.clock_ahead_s_max:g} s are "
        "allowed: set the device's clock (and its time zone)",
    )


def _rows_without(faults: _Faults, rows: int) -> NDArray[np.int64]:
    usable = np.ones(rows, np.bool_)
    usable[list(faults)] = False
    return np.flatnonzero(usable)
