"""Explanations at random points held against the engine: the same decision, over data sets and simulated scenarios.

A point is a rule, a sensor that it watches and a time of the log. Half of the points lie around changes of conditions,
where decisions are close; the others anywhere. Each change that an explanation tells is made to the readings and
evaluated by a new engine, which has to decide otherwise; with 0.97 of its amount it should not.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.engine import Engine
from alerts.explaining.case import Case, Period, as_one, of_rows
from alerts.explaining.changes import Change, apply
from alerts.explaining.concern import concern_of, narrowed
from alerts.explaining.explanation import explain
from alerts.explaining.replay import replay_then, severity_at
from alerts.findings import subject_of
from alerts.rule_file import default_packs
from alerts.rules import Pack
from benchmarks.detection.occurrences import data_folder, load
from benchmarks.detection.simulated import SEED, WHOLE_CITY_S_MAX, batches, platform_for
from benchmarks.measure import Bench, machine
from benchmarks.measure import Case as Figure
from benchmarks.measure import case as figure
from model.reading import ReadingBatch, empty_batch
from model.registry import Registry
from simulators.scenarios import SCENARIOS
from simulators.stream import simulate

SETS = ("floodnet", "skab", "waterflow", "gnss", "bridge", "dma")
SHARE = 0.02
READINGS_PER_BATCH = 200  # few, so that points lie at many times
LATE_SHARE, LATE_S = 0.2, (60.0, 10_800.0)
"""Of readings that are made to come late, and by how much: evenly between."""
LESS = 0.97


class Point(NamedTuple):
    """A question, and the severity that the engine's condition had there."""

    rule: str
    sensor: str
    time: int
    severity: int


@dataclass(frozen=True, slots=True)
class Source:
    """A stream with the rules that watch it."""

    name: str
    packs: Sequence[Pack]
    registry: Registry
    batches: Sequence[ReadingBatch]


def recorded(name: str) -> Source:
    """Return a data set under the default packs."""
    registry, recording = load(data_folder() / name)
    return Source(name, default_packs(), registry, list(recording.batches(READINGS_PER_BATCH)))


def made_late(source: Source, seed: int) -> Source:
    """Return a stream some readings of which come later, in the order of their arrival."""
    random = np.random.default_rng(seed)
    whole = as_one(source.batches)
    count = len(whole)
    delay = np.where(random.random(count) < LATE_SHARE, random.uniform(*LATE_S, count) * 1000.0, 0.0).astype(np.int64)
    arrived = whole.arrived + delay
    late = of_rows(replace(whole, arrived=arrived), np.argsort(arrived, kind="stable"))
    found: list[ReadingBatch] = []
    begin = 0
    while begin < count:
        newest = int(late.arrived[min(begin + READINGS_PER_BATCH, count) - 1])
        end = int(np.searchsorted(late.arrived, newest, side="right"))
        found.append(replace(of_rows(late, np.arange(begin, end)), sequence=len(found) + 1, clock=newest))
        begin = end
    return replace(source, name=f"{source.name} made late", batches=found)


def simulated(name: str, share: float = SHARE) -> Source:
    """Return a scenario in a small city under the default packs; of a long one only the sensors that show it."""
    scenario = SCENARIOS[name]
    platform = platform_for(scenario, share)
    registry = Registry(1, dict(enumerate(platform.sensors)), {city.city: city for city in platform.cities})
    only = None if scenario.duration_s <= WHOLE_CITY_S_MAX else scenario.shown
    chunks = simulate(platform, scenario, SEED, scenario.duration_s, only=only)
    return Source(name, default_packs(), registry, list(batches(registry, chunks)))


def points_of(source: Source, count: int, seed: int) -> Iterator[Point]:
    """Yield random questions with the engine's own answers."""
    random = np.random.default_rng(seed)
    engine = Engine(source.packs, source.registry)
    clocks: list[int] = []
    course: dict[tuple[str, str], list[int]] = {}  # by rule and sensor: in which batches it changed
    for place, batch in enumerate(source.batches):
        clocks.append(batch.clock)
        evaluated = engine.evaluate(batch)
        for change in (*evaluated.changes, *evaluated.unannounced):
            course.setdefault((change.rule, change.sensor), []).append(place)
    # Half of the questions are of what ever changed, the others of whatever is watched.
    changed = sorted(course)
    groups = [group for group in engine.groups.values() if len(group.bindings)]
    asked: list[tuple[int, str, str]] = []
    for number in range(count):
        if changed and number % 2:
            rule, sensor = changed[int(random.integers(len(changed)))]
            near = course[rule, sensor][int(random.integers(len(course[rule, sensor])))]
            asked.append((int(np.clip(near + random.integers(-2, 3), 0, len(clocks) - 1)), rule, sensor))
        else:
            group = groups[int(random.integers(len(groups)))]
            binding = int(random.integers(len(group.bindings)))
            rule, sensor = group.bindings[binding].rule.rule, subject_of(group, binding, source.registry)
            asked.append((int(random.integers(len(clocks))), rule, sensor))
    # Asked of the engine itself, whose state knows what no journal tells of.
    engine, evaluated_through = Engine(source.packs, source.registry), -1
    for place, rule, sensor in sorted(asked):
        while evaluated_through < place:
            evaluated_through += 1
            engine.evaluate(source.batches[evaluated_through])
        yield Point(rule, sensor, clocks[place], severity_at(engine, rule, sensor))


def case_of(source: Source) -> Callable[[str, str, int], Case]:
    """Return what makes a case of a question about a stream."""
    whole = as_one(source.batches)
    number = np.repeat(np.arange(len(source.batches)), [len(batch) for batch in source.batches])
    rows_of = {key: rows for key, rows in zip(*_grouped(whole.sensor), strict=True)}
    clocks = np.array([batch.clock for batch in source.batches], np.int64)
    nothing = np.empty(0, np.int64)
    begun = int(whole.arrived[0])  # where the silence of all begins

    def made(rule: str, sensor: str, time: int) -> Case:
        concern = concern_of(source.packs, source.registry, rule, sensor)
        packs, registry = narrowed(source.packs, source.registry, concern)
        rows = np.sort(np.concatenate([nothing, *(rows_of.get(key, nothing) for key in concern.sensors)]))
        found = [empty_batch(0, begun)]
        of = number[rows]
        newest = int(np.searchsorted(clocks, time, side="right")) - 1
        for place in np.unique(np.append(of, newest)).tolist():
            part = rows[of == place] if len(rows) < 2_000 else rows[slice(*np.searchsorted(of, [place, place + 1]))]
            batch = source.batches[place]
            found.append(replace(of_rows(whole, part), sequence=batch.sequence, clock=batch.clock))
        return Case(rule, sensor, time, (Period(0, tuple(packs), registry),), tuple(found))

    return made


def _grouped(keys: NDArray[np.int32]) -> tuple[list[int], list[NDArray[np.int64]]]:
    order = np.argsort(keys, kind="stable")
    different, first = np.unique(keys[order], return_index=True)
    return different.tolist(), np.split(order, first[1:])


@dataclass(slots=True)
class Score:
    """What was found at the points of one kind of rule, fired or not; `wrong` are those at which anything failed."""

    points: int = 0
    equal: int = 0
    nothing_to_change: int = 0  # no readings, or no signal of them yet
    found: int = 0
    changes: int = 0
    flips: int = 0
    amounts: int = 0
    less_does_not: int = 0
    late: int = 0  # then and now differ
    late_told: int = 0
    seconds: list[float] = field(default_factory=list)
    wrong: list[Point] = field(default_factory=list)


def score_points(source: Source, count: int, seed: int, scores: dict[str, Score]) -> None:
    """Explain random points of a stream and add what comes of it to the scores, by kind of rule, fired or not."""
    made = case_of(source)
    for point in points_of(source, count, seed):
        case = made(point.rule, point.sensor, point.time)
        begun = time.perf_counter()
        told = explain(case)
        took = time.perf_counter() - begun
        score = scores.setdefault(f"{told.kind}_{'fired' if point.severity else 'not'}", Score())
        score.points += 1
        score.seconds.append(took)
        is_right = told.then.severity == point.severity
        score.equal += is_right
        score.nothing_to_change += told.none_found in ("no_signal", "nothing_heard")
        score.found += bool(told.smallest)
        if (told.then.severity > 0) != (told.now.severity > 0):
            score.late += 1
            score.late_told += any(change.kind == "in_time" for change in told.smallest)
        for change in told.smallest:
            flips = _fires(case, change) != (point.severity > 0)
            is_right &= flips
            score.changes += 1
            score.flips += flips
            if len(change.edits) == 1 and change.edits[0].by is not None:
                score.amounts += 1
                score.less_does_not += _fires(case, _less(change)) == (point.severity > 0)
        if not is_right:
            score.wrong.append(point)


def _fires(case: Case, change: Change) -> bool:
    return replay_then(apply(case, change)).severity > 0


def _less(change: Change) -> Change:
    edit = change.edits[0]
    assert edit.by is not None
    return msgspec.structs.replace(change, edits=[msgspec.structs.replace(edit, by=LESS * edit.by)])


def bench_explanations(points: int, progress: Callable[[str], None]) -> Bench:
    """Return the figures of some thousand points, evenly over all data sets and scenarios."""
    makers: list[tuple[str, Callable[[], Source]]] = [(name, partial(recorded, name)) for name in SETS]
    makers.append(("floodnet made late", lambda: made_late(recorded("floodnet"), SEED)))
    makers.append(("cloudburst made late", lambda: made_late(simulated("cloudburst"), SEED)))
    makers += [(name, partial(simulated, name)) for name in SCENARIOS]
    scores: dict[str, Score] = {}
    for number, (name, make) in enumerate(makers):
        count = points // len(makers) + (number < points % len(makers))
        if count:
            score_points(make(), count, SEED + number, scores)
        wrong = [point for score in scores.values() for point in score.wrong]
        asked = sum(score.points for score in scores.values())
        progress(f"{name}: {asked} points so far, wrong at {len(wrong)}" + "".join(f"\n  {one}" for one in wrong))
    return Bench("explanations", machine(), list(_figures(scores)))


def _figures(scores: dict[str, Score]) -> Iterator[Figure]:
    def share(name: str, unit: str, part: str, whole: Callable[[Score], int], of: Sequence[Score]) -> Iterator[Figure]:
        total = sum(map(whole, of))
        if total:
            yield figure(name, unit, [sum(getattr(score, part) for score in of) / total], [1.0])

    every = list(scores.values())
    yield figure("explanations_points", "points", [sum(score.points for score in every)])
    yield from share("explanations_decision_equal", "of points", "equal", lambda one: one.points, every)
    yield from share("explanations_change_flips", "of changes told", "flips", lambda one: one.changes, every)
    yield from share("explanations_less_does_not", "of amounts told", "less_does_not", lambda one: one.amounts, every)
    yield from share("explanations_late_told", "of decisions otherwise now", "late_told", lambda one: one.late, every)
    yield figure("explanations_decided_otherwise_now", "points", [sum(score.late for score in every)])
    took = np.array([seconds for score in every for seconds in score.seconds])
    yield figure("explanations_time_median", "s", [float(np.median(took))])
    yield figure("explanations_time_99_percent", "s", [float(np.quantile(took, 0.99))])
    yield figure("explanations_time_longest", "s", [float(took.max())])
    for name, score in sorted(scores.items()):
        yield figure(f"explanations_{name}_points", "points", [score.points])
        told = f"explanations_{name}_change_found"
        yield from share(told, "where it can be", "found", lambda one: one.points - one.nothing_to_change, [score])
        yield figure(f"explanations_{name}_time_longest", "s", [max(score.seconds)])
