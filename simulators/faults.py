"""What the faults of a story make of samples, in the order in which it happens: quantity, device, line, clock."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from simulators.events import Fault
from simulators.instruments import (
    DAY_MS,
    Samples,
    battery_dying,
    clock_off,
    drifting,
    in_other_unit,
    joined,
    lost,
    spiky,
    stored_and_forwarded,
    stuck,
    taken,
    unmeasured,
)

SPIKES = 0.05  # share of the samples
DROPOUT_RUN = 4.0
STORE_MS = DAY_MS  # a store has emptied long before


class Touching(NamedTuple):
    """A fault of a group: the sensors that it touches, by their place in the group, and its spell in epoch ms."""

    fault: Fault
    who: list[int]
    spell: tuple[int, int]


def touching(faults: Sequence[Fault], ids: Sequence[str], start_ms: int, begin_ms: int, end_ms: int) -> list[Touching]:
    """Return the faults that matter to sensors of a group between two times (epoch ms)."""
    found = []
    for fault in faults:
        spell = start_ms + round(1000 * fault.start_s), start_ms + round(1000 * fault.end_s)
        lasts = {"battery": end_ms, "outage": spell[1] + STORE_MS}.get(fault.kind, spell[1])
        if spell[0] < end_ms and lasts > begin_ms:
            who = [k for k, name in enumerate(ids) if name in fault.sensors]
            if who:
                found.append(Touching(fault, who, spell))
    return found


def of_quantity(samples: Samples, own: Sequence[Touching], chance: np.random.Generator) -> Samples:
    """Put drifts and spikes on the truth."""
    for fault, who, spell in own:
        if fault.kind == "drift":
            inside, outside = _parted(samples, who)
            samples = joined([outside, drifting(inside, spell, fault.size)])
        elif fault.kind == "spikes":
            inside, outside = _parted(samples, who, spell)
            samples = joined([outside, spiky(inside, chance, SPIKES, fault.size)])
    return samples


def of_device(samples: Samples, own: Sequence[Touching], held: Callable[[int, int], float]) -> Samples:
    """Let devices stick, send sentinels or another unit; `held(epoch ms, sensor)` is what one that sticks repeats."""
    for fault, who, spell in own:
        if fault.kind == "stuck":
            for sensor in who:
                inside, outside = _parted(samples, [sensor])
                samples = joined([outside, stuck(inside, spell, held(spell[0], sensor))])
        elif fault.kind == "sentinel":
            inside, outside = _parted(samples, who)
            samples = joined([outside, unmeasured(inside, spell, fault.size)])
        elif fault.kind == "other_unit":
            inside, outside = _parted(samples, who)
            changed = in_other_unit(inside, spell, fault.size)
            samples = joined([outside, changed._replace(value=np.round(changed.value, 6))])
    return samples


def of_line(samples: Samples, own: Sequence[Touching], chance: np.random.Generator) -> Samples:
    """Lose what is lost, and hold back what waits for the line."""
    for fault, who, spell in own:
        inside, outside = _parted(samples, who)
        if fault.kind == "silent":
            inside = unmeasured(inside, spell)
        elif fault.kind == "dropouts":
            inside, outside = _parted(samples, who, spell)
            inside = lost(inside, chance, fault.size, DROPOUT_RUN)
        elif fault.kind == "battery":
            inside = battery_dying(inside, chance, spell)
        elif fault.kind == "outage":
            inside = stored_and_forwarded(inside, spell)
        samples = joined([outside, inside])
    return samples


def of_clock(samples: Samples, own: Sequence[Touching]) -> Samples:
    """Stamp the samples of clocks that are off."""
    for fault, who, spell in own:
        if fault.kind == "clock":
            inside, outside = _parted(samples, who)
            samples = joined([outside, clock_off(inside, spell, round(1000 * fault.size))])
    return samples


def _parted(samples: Samples, who: Sequence[int], spell: tuple[int, int] | None = None) -> tuple[Samples, Samples]:
    """The samples of some sensors, in a spell where one is given, and all others."""
    chosen = np.isin(samples.sensor, who)
    if spell is not None:
        chosen &= (samples.time >= spell[0]) & (samples.time < spell[1])
    return taken(samples, chosen), taken(samples, ~chosen)
