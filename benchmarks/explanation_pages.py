"""The page of explanations: what the service says of each kind of rule, over the streams of the packs' own tests.

`python -m benchmarks.explanation_pages docs/explanations.md` writes it. A test holds the page against what this makes.
"""

import sys
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alerts.explaining.case import Case, Period, of_rows
from alerts.explaining.concern import concern_of, narrowed
from alerts.explaining.explanation import Explanation, explain
from alerts.explaining.words import words_of
from alerts.rule_file import load_packs
from alerts.rule_tests import START_MS, SUFFIX, RuleTest, load_tests, stream_of
from alerts.rules import Pack
from model.reading import empty_batch

TITLE = """# Explanations: three of each kind of rule

What the service says when it is asked why an alarm was raised, or why none was (`GET /explanation`, the alarm's page),
over the small streams by which the default packs are tested. Written by `python -m benchmarks.explanation_pages
docs/explanations.md`, so that it stays true.

*Held* means that the rule's condition was met, so that an alarm stood, or would have if nothing had kept it quiet.
Limit, deadband and delay are those of `docs/alarm-management.md`; a *usual* spread or noise is what the rule has
learned of the sensor itself. What would have decided otherwise is found by trying, with the engine itself."""


class Question(NamedTuple):
    """A rule, a sensor and a time (seconds from a test's beginning) of a test of a pack, by how its name begins.

    `late`: the sensor's readings from and to some seconds came so many seconds late.
    """

    kind: str
    pack: str
    test: str
    rule: str
    sensor: str
    time_s: int
    late: tuple[int, int, int] | None = None


QUESTIONS = (
    Question("threshold", "gas", "each place", "combustible-gas", "chamber", 60),
    Question("threshold", "water", "pressure too low", "water-pressure-low", "end", 120),
    Question("threshold", "gas", "full scale", "combustible-gas", "m1", 400),
    Question("threshold", "gas", "combustible", "combustible-gas", "m1", 130, (60, 90, 1_740)),
    Question("deviation", "gas-network", "pressure off", "gas-pressure-off", "p1", 480),
    Question("deviation", "gas-network", "pressure off", "gas-pressure-off", "p1", 300),
    Question("deviation", "heating", "pressure off", "heating-pressure-off", "main", 500),
    Question("rate", "combined", "pressure falls", "district-pressure-falls", "p1", 1_620),
    Question("rate", "combined", "pressure falls", "district-pressure-falls", "p1", 1_140),
    Question("rate", "combined", "pressure falls", "district-pressure-falls", "p1", 2_400),
    Question("forecast", "drainage", "a flood", "road-water-rise", "dip", 780),
    Question("forecast", "drainage", "a flood", "road-water-rise", "dip", 600),
    Question("forecast", "drainage", "a flood", "road-water-rise", "dip", 3_000),
    Question("step", "bridge", "a support", "bridge-strain-step", "s1", 1_095),
    Question("step", "bridge", "a vehicle", "bridge-strain-step", "s1", 812),
    Question("step", "bridge", "the day", "bridge-strain-step", "s1", 24_600),
    Question("shift", "process", "a valve", "water-flow-shift", "main", 404),
    Question("shift", "process", "a valve", "water-flow-shift", "main", 300),
    Question("shift", "process", "a valve", "water-flow-shift", "main", 600),
    Question("drift", "process", "the supply", "supply-temperature-drift", "supply", 875_400),
    Question("drift", "process", "the supply", "supply-temperature-drift", "supply", 600_000),
    Question("drift", "process", "the supply", "supply-temperature-drift", "supply", 1_040_000),
    Question("noisy", "instruments", "signals", "water-pressure-noisy", "p1", 723_300),
    Question("noisy", "instruments", "signals", "water-pressure-noisy", "p1", 700_000),
    Question("noisy", "instruments", "signals", "water-pressure-noisy", "p1", 720_300),
    Question("median_distance", "gas-network", "pressure that falls", "gas-pressure-unusual", "p1", 120_900),
    Question("median_distance", "gas-network", "pressure that falls", "gas-pressure-unusual", "p1", 120_000),
    Question("median_distance", "gas-network", "pressure that falls", "gas-pressure-unusual", "p1", 121_500),
    Question("seasonal", "water", "a flow far above", "water-flow-unusual", "zone", 2_433_600),
    Question("seasonal", "water", "a flow far above", "water-flow-unusual", "zone", 1_000_000),
    Question("seasonal", "water", "a flow far above", "water-flow-unusual", "zone", 2_430_000),
    Question("night_flow", "water", "the least hour", "night-flow", "zone", 3_909_600),
    Question("night_flow", "water", "the least hour", "night-flow", "zone", 3_600_000),
    Question("night_flow", "water", "a logger", "leak-noise", "logger", 4_600_000),
    Question("displacement", "displacement", "a slope that creeps at", "displacement-velocity", "p1", 1_468_800),
    Question("displacement", "displacement", "a point", "displacement-velocity", "p1", 1_000_000),
    Question("displacement", "displacement", "a slope that creeps to", "displacement-failure-forecast", "p1", 900_000),
    Question("rain", "weather", "60 mm", "rain-3-h", "gauge", 10_800),
    Question("rain", "weather", "60 mm", "rain-3-h", "gauge", 7_200),
    Question("rain", "weather", "60 mm", "rain-3-h", "gauge", 11_000, (10_800, 10_800, 1_500)),
    Question("expression", "heating", "a cold room", "room-temperature-low", "room", 18_000),
    Question("expression", "heating", "supply and return", "supply-off-curve", "supply", 14_400),
    Question("expression", "heating", "supply and return", "supply-off-curve", "supply", 34_000),
    Question("combination", "combined", "gas in two", "gas-in-neighbouring-manholes", "m2", 120),
    Question("combination", "combined", "gas in two", "gas-in-neighbouring-manholes", "m1", 30),
    Question("combination", "combined", "a manhole", "manhole-high-in-dry-weather", "w1", 12_120),
    Question("range", "instruments", "bad every", "bad-readings", "p1", 1_200),
    Question("range", "instruments", "bad every", "bad-readings", "p1", 600),
    Question("range", "instruments", "bad every", "bad-readings", "p1", 20_000),
    Question("stuck", "instruments", "a value", "sensor-stuck", "p1", 1_200),
    Question("stuck", "instruments", "a value", "sensor-stuck", "p1", 600),
    Question("stuck", "instruments", "a value", "sensor-stuck", "p1", 2_100),
    Question("stale", "instruments", "one that", "sensor-silent", "g1", 400),
    Question("stale", "instruments", "one that", "sensor-silent", "g1", 200),
    Question("stale", "instruments", "a sensor", "sensor-silent", "g1", 900),
    Question("gateway_silent", "instruments", "a gateway", "gateway-silent", "gw-1", 2_000),
    Question("gateway_silent", "instruments", "one sensor", "gateway-silent", "gw-1", 1_300),
    Question("gateway_silent", "instruments", "a gateway", "gateway-silent", "gw-1", 3_700),
    Question("due", "instruments", "a calibration", "calibration-due", "g1", 700),
    Question("due", "instruments", "a calibration", "calibration-due", "g1", 300),
    Question("due", "instruments", "an inspection", "inspection-due", "g1", 700),
)


def explained(question: Question) -> Explanation:
    """Return the explanation that answers a question."""
    test, packs = _test(question.pack, question.test)
    registry, batches = stream_of(test)
    concern = concern_of(packs, registry, question.rule, question.sensor)
    narrow, sensors = narrowed(packs, registry, concern)
    time = START_MS + question.time_s * 1000
    whole, arrived = batches[0], batches[0].arrived.copy()
    if question.late is not None:
        first, last, by = (1000 * seconds for seconds in question.late)
        own = whole.sensor == registry.keys[question.sensor]
        arrived[own & (whole.time >= START_MS + first) & (whole.time <= START_MS + last)] += by
    order = np.argsort(arrived, kind="stable")
    rows = order[np.isin(whole.sensor[order], concern.sensors)]
    came = arrived[rows] <= time
    known, since = (replace(of_rows(whole, part), arrived=arrived[part]) for part in (rows[came], rows[~came]))
    end = max(time, batches[-1].clock, int(arrived.max()))
    log = [
        empty_batch(0, int(whole.arrived[0])),
        replace(known, sequence=1, clock=time),
        replace(since, sequence=2, clock=end),
    ]
    return explain(Case(question.rule, question.sensor, time, (Period(0, tuple(narrow), sensors),), tuple(log)))


def page() -> str:
    """Return the page."""
    parts = [TITLE]
    for kind in dict.fromkeys(question.kind for question in QUESTIONS):
        parts.append(f"## {kind}")
        for question in QUESTIONS:
            if question.kind == kind:
                explanation = explained(question)
                lines = zip(words_of(explanation, "en"), words_of(explanation, "zh"), strict=True)
                rows = [f"| {english} | {chinese} |" for english, chinese in lines]
                name = explanation.subject.rule
                parts.append("\n".join([f"| {name['en']} | {name['zh']} |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


@cache
def _test(pack: str, name: str) -> tuple[RuleTest, list[Pack]]:
    folder = Path(str(resources.files("alerts") / "packs"))
    tests, paths = load_tests(folder / f"{pack}{SUFFIX}")
    return next(test for test in tests.tests if test.test.startswith(name)), load_packs(paths)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
