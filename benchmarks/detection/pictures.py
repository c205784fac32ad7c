"""One picture a scenario, for the documents: readings of the sensors that tell most, what is true, and the alarms.

`make pictures` draws them all into docs/pictures; the same simulators and packs draw the same files.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import matplotlib as mpl
import numpy as np
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.detection.occurrences import Occurrence
from benchmarks.detection.simulated import SEED, alarms_of, platform_for
from model.sensor import Sensor
from model.severity import LABELS
from simulators.instruments import Samples, joined, taken
from simulators.scenarios import SCENARIOS, Scenario
from simulators.stream import default_start, simulate
from simulators.truth import TruthRow, truth

PANELS_MAX = 4
POINTS_MAX = 350  # pairs of the lowest and highest value of a stretch
COLOURS = {"blue": "#2f6fde", "yellow": "#d9a400", "orange": "#e8700a", "red": "#c81e1e"}
INSTRUMENT = "#7a5195"
WIDTH_IN, PANEL_IN = 8.0, 1.7
ALARMS_MAX, LABELS_MAX = 40, 8  # of a sensor; labels stand one under the other


def main() -> int:
    """Draw the pictures into the folder that is named; return the exit code."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    mpl.rcParams.update(
        {"svg.hashsalt": "lifeline", "svg.fonttype": "none", "font.size": 8, "font.family": "sans-serif"}
    )
    for scenario in SCENARIOS.values():
        draw(scenario, folder / f"{scenario.name}.svg")
        print(scenario.name, flush=True)
    return 0


def draw(scenario: Scenario, path: Path) -> None:
    """Draw one scenario as SVG, on the first platform that can show it, with the things that show it."""
    platform = platform_for(scenario)
    rows = truth(platform, scenario, SEED, scenario.duration_s, only=scenario.shown)
    alarms = alarms_of(platform, scenario, SEED, scenario.duration_s, scenario.shown)
    stream = joined(list(simulate(platform, scenario, SEED, scenario.duration_s, only=scenario.shown)))
    zone = ZoneInfo(platform.cities[0].time_zone)
    chosen = _chosen(platform.sensors, stream, rows, scenario)
    figure = Figure(figsize=(WIDTH_IN, PANEL_IN * len(chosen) + 0.6), layout="constrained")
    panels = figure.subplots(len(chosen), 1, sharex=True, squeeze=False)[:, 0]
    for panel, index in zip(panels, chosen, strict=True):
        sensor = platform.sensors[index]
        _panel(panel, sensor, taken(stream, stream.sensor == index), rows, alarms)
    start = default_start(scenario, platform) / 1000.0
    panels[-1].set_xlim(_day(1000 * start), _day(1000 * (start + scenario.duration_s)))
    locator = dates.AutoDateLocator(tz=zone, maxticks=9)  # type: ignore[no-untyped-call]
    panels[-1].xaxis.set_major_locator(locator)
    panels[-1].xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]
    figure.suptitle(f"{scenario.name}: {scenario.summary[:100]}", fontsize=9)
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def _chosen(sensors: Sequence[Sensor], stream: Samples, rows: Sequence[TruthRow], scenario: Scenario) -> list[int]:
    """The sensors to show: of each that happens the one with the gravest row, then one of each thing shown."""
    places = {sensor.sensor: k for k, sensor in enumerate(sensors)}
    heard = set(np.unique(stream.sensor).tolist())
    found: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: (-_rank(row), row.start)):
        if places[row.sensor] in heard:
            found.setdefault(f"{row.what} {sensors[places[row.sensor]].property}", places[row.sensor])
    for thing in scenario.shown:
        first = next((k for k in sorted(heard) if f"-{thing}-" in sensors[k].sensor), None)
        if first is not None and all(sensors[k].property != sensors[first].property for k in found.values()):
            found[thing] = first
    return list(dict.fromkeys(found.values()))[:PANELS_MAX]


def _rank(row: TruthRow) -> int:
    return LABELS.index(row.severities[0]) + 1 if row.severities else 0


def _panel(
    panel: Axes, sensor: Sensor, samples: Samples, rows: Sequence[TruthRow], alarms: Sequence[Occurrence]
) -> None:
    order = np.argsort(samples.time, kind="stable")
    time, value = _thinned(samples.time[order], samples.value[order])
    panel.plot([_day(t) for t in time], value, color="#444444", linewidth=0.7)
    for row in rows:
        if row.sensor == sensor.sensor:
            colour = COLOURS[row.severities[-1]] if row.severities else INSTRUMENT
            panel.axvspan(_day(row.start), _day(row.end), color=colour, alpha=0.12, linewidth=0)
    own = [alarm for alarm in alarms if alarm.sensor == sensor.sensor]
    for line, alarm in enumerate(own[:ALARMS_MAX]):
        for at, severity in alarm.rises:
            colour = INSTRUMENT if alarm.alarm_class != "process" else COLOURS[str(LABELS[severity - 1])]
            panel.axvline(_day(at), color=colour, linewidth=1.2)
        if line >= LABELS_MAX:
            continue
        panel.annotate(
            alarm.rule, (_day(alarm.raised), 1.0), xycoords=("data", "axes fraction"),
            xytext=(3, -8 - 7 * line), textcoords="offset points", fontsize=6,
        )  # fmt: skip
    panel.set_ylabel(f"{sensor.property.replace('_', ' ')}\n{sensor.unit}", fontsize=7)
    panel.set_title(sensor.sensor, loc="right", fontsize=7)
    panel.spines[["top", "right"]].set_visible(False)


def _thinned(time: np.ndarray, value: np.ndarray) -> tuple[list[int], list[float]]:
    """The points of a curve, or the lowest and the highest of each stretch where there are too many."""
    if len(time) <= 2 * POINTS_MAX:
        return time.tolist(), value.tolist()
    times, values = [], []
    for part in np.array_split(np.arange(len(time)), POINTS_MAX):
        for k in sorted({int(part[value[part].argmin()]), int(part[value[part].argmax()])}):
            times.append(int(time[k]))
            values.append(float(value[k]))
    return times, values


def _day(epoch_ms: float) -> float:
    """Epoch milliseconds as the plots count time, in days."""
    return epoch_ms / 86_400_000.0  # matplotlib's own count, from 1970 on


if __name__ == "__main__":
    sys.exit(main())
