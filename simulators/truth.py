"""The truth of a simulated stream: where and when its signals stood beyond a limit, and how severe that was.

The rows are read off the very samples of the stream, so that a right alarm can be held against them to the sample.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.severity import LABELS
from simulators.events import Burst, Creep, Event, Leak, Silence, Storm
from simulators.instruments import Instrument
from simulators.physics import FloatArray
from simulators.physics.drainage import Manhole
from simulators.platforms import Platform
from simulators.scenarios import Scenario
from simulators.stream import DEFAULT_START_MS, simulate

# The limits of the default rule packs, blue to red, in the property's own unit.
LADDERS = {
    "combustible_gas": (10.0, 20.0, 35.0, 50.0),
    "water_depth": (15.0, 27.0, 40.0, 60.0),
    "displacement_rate": (2.0, 5.0, 10.0, 30.0),
}
PRESSURE_FALLS_MPA = (0.03, 0.05, 0.08, 0.12)
PRESSURE_FALL_WINDOW_MS = 300_000
PRESSURE_MPA_MIN = 0.14
SAME_EVENT_MS = 120_000  # a fall and renewed rise within this is one event

_KINDS = {
    "combustible_gas": ("gas", "peak {:.4g} %LEL"),
    "water_depth": ("flood", "peak {:.4g} cm"),
    "manhole_level": ("surcharge", "peak {:.4g} m"),
    "displacement_rate": ("creep", "peak {:.4g} mm/d"),
}


class TruthRow(NamedTuple):
    """One thing that happened at one sensor, from its first sample beyond the limit to its last (epoch ms).

    `kind` is what happened, with the severity of its peak after a colon where there is a ladder.
    """

    sensor: str
    start: int
    end: int
    kind: str
    note: str


class Signal(NamedTuple):
    """One sensor's samples: `time` int64 epoch ms and `value` float64 in the property's own unit, shape (n,)."""

    time: NDArray[np.int64]
    value: FloatArray


def truth(
    platform: Platform, scenario: Scenario, seed: int, duration_s: float, start_ms: int = DEFAULT_START_MS
) -> list[TruthRow]:
    """Return what a right alarm system would find in `simulate` with the same arguments, by start and sensor."""
    events = scenario.events(platform, seed, 0.0, duration_s * scenario.haste)
    touched = {i.sensor.sensor: i for i in platform.instruments if _may_show(i, events)}
    chunks = list(simulate(platform, scenario, seed, duration_s, start_ms, only=touched))
    times, sensors, values = (np.concatenate(arrays) for arrays in zip(*chunks, strict=True))
    rows: list[TruthRow] = []
    for index, instrument in enumerate(platform.instruments):
        if instrument.sensor.sensor in touched:
            mine = sensors == index
            factor, offset = instrument.sensor.conversion
            signal = Signal(times[mine], factor * values[mine] + offset)
            rows += _rows(instrument, signal)
            rows += _silences(instrument, signal)
    return sorted(rows, key=lambda row: (row.start, row.sensor, row.kind))


def ladder_of(instrument: Instrument) -> tuple[float, ...] | None:
    """Return the four limits of a sensor, blue to red, in the property's own unit, or None.

    A manhole's hang on its build: 0.8 of the pipe's bore, the bore, 0.5 m below the ground, the ground.
    """
    site = instrument.site
    if isinstance(site, Manhole):
        return 0.8 * site.diameter_m, site.diameter_m, site.ground_m - 0.5, site.ground_m
    return LADDERS.get(instrument.sensor.property)


def pressure_falls(signal: Signal) -> FloatArray:
    """Return how far each sample lies below the highest of the five minutes before it."""
    first = np.searchsorted(signal.time, signal.time - PRESSURE_FALL_WINDOW_MS)
    highest = [signal.value[begin : i + 1].max() for i, begin in enumerate(first)]
    return np.asarray(highest, np.float64) - signal.value


def _may_show(instrument: Instrument, events: Sequence[Event]) -> bool:
    sensor = instrument.sensor
    for event in events:
        match event:
            case Leak() | Creep():
                hit = event.asset == sensor.asset
            case Storm():
                hit = sensor.property in ("water_depth", "manhole_level")
            case Burst():
                hit = sensor.property == "water_pressure"
            case Silence():
                hit = event.sensor == sensor.sensor
        if hit:
            return True
    return False


def _rows(instrument: Instrument, signal: Signal) -> list[TruthRow]:
    sensor = instrument.sensor
    if sensor.property == "water_pressure":
        falls = signal._replace(value=pressure_falls(signal))
        return [
            *_graded(sensor.sensor, "burst", falls, PRESSURE_FALLS_MPA, "fall {:.3f} MPa in 5 min"),
            *_low_pressures(sensor.sensor, signal),
        ]
    ladder = ladder_of(instrument)
    if ladder is None:
        return []
    kind, note = _KINDS[sensor.property]
    return _graded(sensor.sensor, kind, signal, ladder, note)


def _graded(sensor: str, kind: str, signal: Signal, ladder: Sequence[float], note: str) -> list[TruthRow]:
    """One row for each passage at or above the ladder's lowest limit, with the severity of its peak."""
    rows = []
    for run in _passages(signal.time, signal.value >= ladder[0]):
        peak = float(signal.value[run].max())
        severity = LABELS[int(np.searchsorted(ladder, peak, side="right")) - 1]
        times = int(signal.time[run[0]]), int(signal.time[run[-1]])
        rows.append(TruthRow(sensor, *times, f"{kind}:{severity}", note.format(peak)))
    return rows


def _low_pressures(sensor: str, signal: Signal) -> list[TruthRow]:
    """One row for each passage below the pressure that a network's end needs."""
    return [
        TruthRow(
            sensor,
            int(signal.time[run[0]]),
            int(signal.time[run[-1]]),
            "low-pressure",
            f"lowest {signal.value[run].min():.3f} MPa",
        )
        for run in _passages(signal.time, signal.value < PRESSURE_MPA_MIN)
    ]


def _passages(time: NDArray[np.int64], beyond: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """The samples beyond a limit, as indices, one array for each passage."""
    found = np.flatnonzero(beyond)
    gaps = np.flatnonzero(np.diff(time[found]) > SAME_EVENT_MS)
    return [run for run in np.split(found, gaps + 1) if len(run)]


def _silences(instrument: Instrument, signal: Signal) -> list[TruthRow]:
    """One row for each silence longer than the sensor's limit: from the last reading before to the first after."""
    limit = instrument.sensor.silence_ms
    if limit is None:
        return []
    longer = np.flatnonzero(np.diff(signal.time) > limit)
    return [
        TruthRow(
            instrument.sensor.sensor,
            int(signal.time[i]),
            int(signal.time[i + 1]),
            "silent",
            f"no reading for {(signal.time[i + 1] - signal.time[i]) / 1000:.0f} s",
        )
        for i in longer
    ]
