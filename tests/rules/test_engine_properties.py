"""Properties of the engine: batching, interleaving and checkpoints never show in the journal; a plain model agrees."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.backtest import backtest
from alerts.checkpoint import restore_state, save_state
from alerts.engine import Engine
from model.alarm import encode_line, journal_order
from model.reading import Quality
from tests.rules.streams import BAD_READINGS_RULE, SILENT_RULE, QualifiedReading, batch, engine, threshold, told

QUALITIES = (0, 0, 0, 0, int(Quality.REPORTED_BAD), int(Quality.SATURATED), int(Quality.REPORTED_UNCERTAIN))
VALUES = st.sampled_from([0.0, 5.0, 8.0, 9.0, 10.0, 12.0, 19.0, 20.0, 25.0, 30.0, 40.0, 55.0])
CONDITIONS = st.fixed_dictionaries(
    {"deadband": st.sampled_from([0, 2, 5]), "off_delay_s": st.sampled_from([0, 30, 90, 400])},
    optional={"full_scale": st.just("red")},
).flatmap(
    lambda base: st.sampled_from(
        [{**base, "on_delay_s": d} for d in (0, 45, 90, 300)] + [{**base, "samples": {"needed": 2, "of": 3}}]
    )
)


@st.composite
def streams(draw: st.DrawFn) -> list[QualifiedReading]:
    """Readings of three sensors in order of arrival; gaps, repeats and late ones occur."""
    rows = []
    for name in "abc":
        time = 0
        for _ in range(draw(st.integers(0, 14))):
            time += draw(st.sampled_from([15, 30, 60, 60, 60, 90, 200, 1_000, 0, -45]))
            rows.append((name, float(max(time, 0)), draw(VALUES), draw(st.sampled_from(QUALITIES))))
    return draw(st.permutations(rows)) if draw(st.booleans()) else sorted(rows, key=lambda row: row[1])


def arrivals(rows: Sequence[QualifiedReading]) -> list[float]:
    """When the readings arrive: at their own times, none before another that came first."""
    return list(accumulate((row[1] for row in rows), max))


def journal(built: Engine, rows: Sequence[QualifiedReading], cuts: Sequence[int], after: int | None) -> list[str]:
    arrived = arrivals(rows)
    # What arrived at one instant is never parted, in the log as in a recording.
    edges = [0, *sorted({cut for cut in cuts if arrived[cut] > arrived[cut - 1]}), len(rows)]
    batches = [
        batch(built, rows[start:end], sequence=start + 1, arrived=arrived[start:end])
        for start, end in pairwise(edges)
        if end > start
    ]
    return [encode_line(line) for line in sorted(backtest(built, batches, after), key=journal_order)]


def rules(condition: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return threshold(**condition), SILENT_RULE, BAD_READINGS_RULE


# Two occurrences of one time: what came late raises one at an instant at which another stands raised.
RAISED_TWICE = [("b", 75.0, 10.0, 0), ("b", 445.0, 0.0, 8), ("b", 90.0, 0.0, 2), ("b", 290.0, 0.0, 8),
                ("b", 490.0, 0.0, 0)]  # fmt: skip


@settings(max_examples=300)
@example(RAISED_TWICE, {"deadband": 0, "off_delay_s": 0, "on_delay_s": 300}, [4], None)
@given(streams(), CONDITIONS, st.lists(st.integers(1, 41), max_size=8), st.sampled_from([None, 0, 20_000, 60_000]))
def test_any_split_into_batches_gives_the_same_journal(
    rows: list[QualifiedReading], condition: dict[str, Any], cuts: list[int], after: int | None
) -> None:
    cuts = [cut for cut in cuts if cut < len(rows)]
    whole = journal(engine(*rules(condition)), rows, [], after)
    assert journal(engine(*rules(condition)), rows, cuts, after) == whole
    assert journal(engine(*rules(condition)), rows, range(1, len(rows)), after) == whole


@settings(max_examples=200)
@given(streams(), CONDITIONS, st.randoms(use_true_random=False))
def test_any_order_of_different_sensors_gives_the_same_process_alarms(
    rows: list[QualifiedReading], condition: dict[str, Any], random: Any
) -> None:
    queues = {name: [row for row in rows if row[0] == name] for name in "abc"}
    shuffled = []
    while any(queues.values()):
        shuffled.append(queues[random.choice([name for name, queue in queues.items() if queue])].pop(0))

    def outcome(order: Sequence[QualifiedReading]) -> list[tuple[Any, ...]]:
        built = engine(threshold(**condition))
        changes = built.evaluate(batch(built, order)).changes if order else []
        return sorted((c.sensor, c.time, c.severity_from, c.severity, c.value, c.limit, c.alarm) for c in changes)

    assert outcome(shuffled) == outcome(rows)


@settings(max_examples=150)
@given(streams(), CONDITIONS, st.integers(0, 42))
def test_a_restart_from_a_checkpoint_changes_nothing(
    rows: list[QualifiedReading], condition: dict[str, Any], cut: int
) -> None:
    cut = min(cut, len(rows))
    without = engine(*rules(condition))
    before = engine(*rules(condition))
    after = engine(*rules(condition))
    came = arrivals(rows)

    def changes(built: Engine, part: slice) -> list[tuple[float, int, int]]:
        return told(built.evaluate(batch(built, rows[part], arrived=came[part])).changes if rows[part] else [])

    expected = changes(without, slice(cut)) + changes(without, slice(cut, None))
    found = changes(before, slice(cut))
    restore_state(after, save_state(before))
    found += changes(after, slice(cut, None))
    assert found == expected


class PlainThreshold:
    """The definition in alerts/conditions/threshold.py, written once more for one sensor, without arrays."""

    limits = (10.0, 20.0, 30.0, 40.0)
    hold = 180.0

    def __init__(self, condition: dict[str, Any]) -> None:
        self.deadband = condition["deadband"]
        self.on_delay = condition.get("on_delay_s", 0)
        self.off_delay = condition["off_delay_s"]
        self.samples = condition.get("samples", {"needed": 1, "of": 1})
        self.full_scale = bool(condition.get("full_scale"))
        self.active = [False] * 4
        self.on_since: list[float | None] = [None] * 4
        self.off_since: list[float | None] = [None] * 4
        self.reached: list[list[bool]] = [[] for _ in range(4)]
        self.severity = 0
        self.newest: tuple[float, bool] | None = None
        self.told: list[tuple[float, int, int]] = []

    def take(self, time: float, value: float, quality: int) -> None:
        if self.newest is not None and time <= self.newest[0]:
            return
        if self.newest is not None and self.newest[1]:
            self._deadlines(time, self.newest[0] + self.hold)
        saturated = bool(quality & int(Quality.SATURATED))
        good = saturated or not quality & int(Quality.REPORTED_BAD)
        if good:
            self._reading(time, value, quality == 0, saturated)
            self._tell(time)
        self.newest = (time, quality == 0 or saturated)

    def _deadlines(self, before: float, held_until: float) -> None:
        due = sorted(
            since + self.on_delay
            for since, active in zip(self.on_since, self.active, strict=True)
            if since is not None and not active
        )
        for deadline in due:
            if deadline < before and deadline <= held_until:
                for level in range(4):
                    if self.on_since[level] is not None and self.on_since[level] + self.on_delay <= deadline:
                        self.active[level] = True
                self._tell(deadline)

    def _reading(self, time: float, value: float, clean: bool, saturated: bool) -> None:
        for level, limit in enumerate(self.limits):
            beyond = value >= limit or (saturated and self.full_scale)
            if not beyond and not clean:
                continue  # doubt begins and completes no clearing
            self.reached[level] = [*self.reached[level], beyond][-self.samples["of"] :]
            if beyond:
                self.off_since[level] = None
                enough = sum(self.reached[level]) >= self.samples["needed"] or saturated
                if not self.active[level] and enough:
                    if self.on_since[level] is None:
                        self.on_since[level] = time
                    self.active[level] = saturated or time - self.on_since[level] >= self.on_delay
            elif not self.active[level]:
                self.on_since[level] = None
            elif value >= limit - self.deadband:
                self.off_since[level] = None
            else:
                self.off_since[level] = time if self.off_since[level] is None else self.off_since[level]
                if time - self.off_since[level] >= self.off_delay:
                    self.active[level] = False
                    self.on_since[level] = self.off_since[level] = None

    def _tell(self, time: float) -> None:
        severity = max((level + 1 for level in range(4) if self.active[level]), default=0)
        if severity != self.severity:
            self.told.append((time, self.severity, severity))
            self.severity = severity


@settings(max_examples=500)
@given(streams(), CONDITIONS)
def test_the_engine_agrees_with_the_plain_definition(rows: list[QualifiedReading], condition: dict[str, Any]) -> None:
    built = engine(threshold(**condition))
    changes = built.evaluate(batch(built, rows)).changes if rows else []
    for name in "abc":
        plain = PlainThreshold(condition)
        for sensor, time, value, quality in rows:
            if sensor == name:
                plain.take(time, value, quality)
        assert told(change for change in changes if change.sensor == name) == plain.told
