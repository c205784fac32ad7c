"""A test bridge whose support was lowered in stages: one alarm for the lowering, none for vehicles that cross."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.detection.occurrences import Occurrence, data_folder, load, run
from benchmarks.measure import Case, case


@dataclass(frozen=True, slots=True)
class Offsets:
    """Process alarms of the sensors with an offset in the truth, one number for each, and of all others together."""

    at_offsets: list[int]
    at_crossings: int


def cases() -> list[Case]:
    """Return the figures of the set with their goals as limits."""
    folder = data_folder() / "bridge"
    registry, recording = load(folder)
    found = score(lowered_sensors(folder), run(registry, recording))
    return [
        case("bridge_alarms_per_lowering", "alarms", [sum(found.at_offsets) / len(found.at_offsets)], [1.0]),
        case(
            "bridge_lowerings_found",
            "of lowerings",
            [sum(n > 0 for n in found.at_offsets) / len(found.at_offsets)],
            [1.0],
        ),
        case("bridge_alarms_for_crossings", "alarms", [found.at_crossings]),
    ]


def lowered_sensors(folder: Path) -> list[str]:
    """Return the sensors with an offset in the truth, which names no times."""
    with (folder / "truth.csv").open(encoding="utf-8") as file:
        return [row["sensor"] for row in csv.DictReader(file)]


def score(lowered: Sequence[str], alarms: Sequence[Occurrence]) -> Offsets:
    """Count the process alarms of all rules."""
    process = [alarm.sensor for alarm in alarms if alarm.alarm_class == "process"]
    return Offsets([process.count(sensor) for sensor in lowered], sum(sensor not in lowered for sensor in process))
