"""Why a rule's condition stood as it did at a sensor and a time, as it was known then and as it is known now."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from alerts.admission import Rows
from alerts.bound import Binding, Bindings, Ladders, Timed, plain
from alerts.conditions.combination import Combination
from alerts.conditions.ladder import LEVELS, NEVER
from alerts.explaining.case import Case, admitted
from alerts.explaining.changes import Change
from alerts.explaining.replay import Replay
from alerts.explaining.smallest import NoneFound, smallest_changes
from alerts.explaining.subject import Counting, Subject, counting_of, subject_of
from alerts.explaining.trials import Trials
from alerts.rules import Basis
from alerts.words import AttributeLimit, Ladder
from model.alarm import ConditionChange
from model.reading import Quality, ReadingBatch
from model.registry import Registry
from model.severity import LABELS
from model.vocabulary import PROPERTIES

READINGS_TOLD_MAX = 200
CHANGES_TOLD_MAX = 20
Use = Literal["judged", "doubtful", "held_back", "late", "not_yet_here"]
"""Of a reading: judged; judged, but it can clear nothing; held back as bad; come after a newer one; come since."""
Turn = Literal[
    "limit_reached", "limit_not_reached", "delay_running", "too_few_samples", "not_left", "off_delay_running",
    "bad", "not_bad", "stuck", "moves", "silent", "heard", "date_passed", "date_to_come",
    "clause_holds", "clause_does_not_hold", "no_signal", "nothing_heard",
]  # fmt: skip
"""What decided."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit in force, with where it comes from; `clears` is what a value has to pass to leave the level.

    `origin`: of the rule itself, of one of its overrides, of an attribute of the sensor, or set for a time. `basis`
    are the sources as the rule's author named them: (mark, source).
    """

    level: str
    limit: float
    clears: float
    origin: Literal["rule", "override", "attribute", "temporary"]
    attribute: str | None
    basis: list[tuple[str, str]]
    active: bool


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A delay that ran: since when (epoch milliseconds), of how many seconds it needs so many had passed."""

    kind: Literal["on_delay", "off_delay", "silence"]
    level: str | None
    since: int
    needed_s: float
    passed_s: float


class Decisive(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison that decided, in the unit of the explanation; None for what does not apply.

    `time` is of the reading or deadline (epoch milliseconds). For a delay `passed_s` of `needed_s`, for persistence
    `reached` of the last `of` samples where `needed` are asked for. `count` of sensors for combinations.
    """

    what: Turn
    time: int | None = None
    level: str | None = None
    value: float | None = None
    limit: float | None = None
    direction: Literal["above", "below"] | None = None
    since: int | None = None
    needed_s: float | None = None
    passed_s: float | None = None
    reached: int | None = None
    needed: int | None = None
    of: int | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A reading that was used, or was not: times in epoch milliseconds, value in `unit`, the property's (UCUM)."""

    sensor: str
    unit: str
    time: int
    arrived: int
    value: float
    quality: list[str]
    use: Use


class View(msgspec.Struct, frozen=True, kw_only=True):
    """How the condition stood: severity 0 to 4 (0 and 1 for instrument and system alarms), and what decided it."""

    severity: int
    raised: int | None
    clock: int
    decisive: Decisive
    counting: Counting | None
    limits: list[Limit]
    deadband: float | None
    timers: list[Timer]
    changes: list[ConditionChange]
    readings: list[Told]
    readings_left_out: int


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Two views of one question: `then`, as it was known at `time`, and `now`, with what came or changed since.

    `smallest` are changes that would each have made another decision of `then`, the plainest first; where there are
    none, `none_found` says why.
    """

    rule: str
    rule_version: str
    kind: str
    alarm_class: str
    sensor: str
    subject: Subject
    time: int
    begins: int | None
    then: View
    now: View
    smallest: list[Change]
    none_found: NoneFound | None


def explain(case: Case) -> Explanation:
    """Return why the rule's condition stood as it did. Raises concern.NotBound where the rule did not watch."""
    trials = Trials(case)
    then = trials.then
    group, place = then.binding
    binding = group.bindings[place]
    view = _view(case, then, _told(case, trials.registry, trials.log, trials.rows), trials.clock)  # before any trial
    now, log = trials.now()
    readings = _told(case, now.engine.registry, log, admitted(now.engine.registry, log), is_now=True)
    smallest, none_found = smallest_changes(trials, view.decisive.what, decided_now=now.severity > 0)
    return Explanation(
        rule=case.rule,
        rule_version=binding.version,
        kind=binding.rule.condition.kind,
        alarm_class=binding.rule.alarm_class,
        sensor=case.sensor,
        subject=subject_of(binding, then.engine.registry, case.sensor),
        time=case.time,
        begins=case.begins,
        then=view,
        now=_view(case, now, readings, log.clock),
        smallest=smallest,
        none_found=none_found,
    )


def _view(case: Case, replay: Replay, told: tuple[list[Told], int], clock: int) -> View:
    group, place = replay.binding
    binding, state = group.bindings[place], group.states[place]
    readings, left_out = told
    own = [one for one in readings if one.sensor == replay.engine.registry.sensors[binding.sensor_key].sensor]
    limits: list[Limit] = []
    timers: list[Timer] = []
    deadband = None
    counting = None
    if isinstance(group, Ladders):
        row = group.limits[group.limit_of[place]]
        limits = _limits(binding, row, state)
        timers = _delays(row, state, own, clock)
        deadband = plain(max(abs(float(row["limit"][k] - one)) for k, one in _clears(row))) if limits else None
        decisive = _of_ladder(binding, row, state, replay, own, timers)
    else:
        decisive = _of_clock(group, place, binding, state, clock)
        if isinstance(binding.rule.condition, Combination) and decisive.level is not None:
            rules = {one.rule: one for one in replay.engine.rules}
            counting = counting_of(replay.engine.combining, place, decisive.level, rules)
        if decisive.what in ("silent", "heard") and decisive.since is not None:
            timers = [
                Timer(kind="silence", level=None, since=decisive.since, needed_s=decisive.needed_s or 0.0,
                      passed_s=decisive.passed_s or 0.0)
            ]  # fmt: skip
    return View(
        severity=replay.severity,
        raised=None if state["raised"] == NEVER else int(state["raised"]),
        clock=clock,
        decisive=decisive,
        counting=counting,
        limits=limits,
        deadband=deadband,
        timers=timers,
        changes=replay.changes[-CHANGES_TOLD_MAX:],
        readings=readings,
        readings_left_out=left_out,
    )


def _told(
    case: Case, registry: Registry, log: ReadingBatch, rows: Rows, *, is_now: bool = False
) -> tuple[list[Told], int]:
    """Return the newest readings with what was made of them, oldest first, and how many more there are."""
    begin = max(0, len(log) - READINGS_TOLD_MAX)
    arrivals: dict[tuple[int, int], int] = {}
    for batch in case.batches if is_now else ():
        for row in np.flatnonzero(np.isin(batch.time, log.time[begin:])).tolist():
            arrivals[int(batch.sensor[row]), int(batch.time[row])] = int(batch.arrived[row])
    found = []
    for row in range(begin, len(log)):
        use: Use = (
            "judged"
            if rows.clean[row]
            else "doubtful"
            if rows.good[row]
            else "held_back"
            if rows.fresh[row]
            else "late"
        )
        key, at = int(log.sensor[row]), int(log.time[row])
        came = arrivals.get((key, at), int(log.arrived[row]))
        found.append(
            Told(
                sensor=registry.sensors[key].sensor,
                unit=PROPERTIES[registry.sensors[key].property].unit,
                time=at,
                arrived=came,
                value=float(log.value[row]),
                quality=Quality(int(log.quality[row])).labels,
                use="not_yet_here" if is_now and came > case.time else use,
            )
        )
    return found, begin


def _clears(row: Any) -> list[tuple[int, float]]:
    """The levels that have a limit, with the value that leaves each; without the tolerance of a billionth."""
    sign = float(row["sign"])
    levels = [level for level in range(LEVELS) if np.isfinite(row["limit"][level])]
    return [(level, float(f"{sign * float(row['clear'][level]):.8g}")) for level in levels]


def _limits(binding: Binding, row: Any, state: Any) -> list[Limit]:
    rule, override = binding.rule, binding.override
    condition = rule.condition
    if not isinstance(condition, Ladder):
        return []  # what is judged is whether a reading is bad or stuck
    own: dict[Any, Any] = dict(condition.limits)
    given = own
    basis: list[Basis] = list(rule.basis)
    temporary: set[Any] = set()
    if override is not None and override.limits is not None:
        given, basis = dict(override.limits), [*override.basis, *rule.basis]
        temporary = {
            level for one in override.basis if one.source.startswith("temporary limit ") for level in one.limits
        }
    found = []
    for level, clears in _clears(row):
        label = LABELS[level]
        limit = given.get(label)
        origin: Literal["rule", "override", "attribute", "temporary"]
        origin = "temporary" if label in temporary else "rule" if limit == own.get(label) else "override"
        if isinstance(limit, AttributeLimit):
            origin = "attribute"
        sources: list[tuple[str, str]] = [(one.mark, one.source) for one in basis if label in (one.limits or given)]
        found.append(
            Limit(
                level=str(label),
                limit=plain(float(row["limit"][level])),
                clears=plain(clears),
                origin=origin,
                attribute=limit.attribute if isinstance(limit, AttributeLimit) else None,
                basis=sources,
                active=bool(state["active"][level]),
            )
        )
    return found


def _delays(row: Any, state: Any, own: Sequence[Told], clock: int) -> list[Timer]:
    """The delays that run, as far as the newest good reading, or the clock that its value is held to, has let them."""
    newest = max((one.time for one in own if one.use in ("judged", "doubtful", "not_yet_here")), default=clock)
    found = []
    for level in range(LEVELS):
        on_since, off_since = int(state["on_since"][level]), int(state["off_since"][level])
        if not state["active"][level] and on_since != NEVER:
            passed = max(newest, min(clock, on_since + int(row["on_delay"]))) - on_since
            found.append(_timer("on_delay", level, on_since, int(row["on_delay"]), passed))
        if state["active"][level] and off_since != NEVER:
            found.append(_timer("off_delay", level, off_since, int(row["off_delay"]), newest - off_since))
    return found


def _timer(kind: Literal["on_delay", "off_delay"], level: int, since: int, needed_ms: int, passed_ms: int) -> Timer:
    return Timer(
        kind=kind, level=LABELS[level], since=since, needed_s=needed_ms / 1000, passed_s=max(0, passed_ms) / 1000
    )


def _of_ladder(
    binding: Binding, row: Any, state: Any, replay: Replay, own: Sequence[Told], timers: Sequence[Timer]
) -> Decisive:
    kind = binding.rule.condition.kind
    levels = [level for level, _ in _clears(row)]
    severity = int(state["severity"])
    used = [one for one in own if one.use in ("judged", "doubtful", "not_yet_here")]
    is_flag = kind in ("range", "stuck")
    if is_flag:
        flag: Any = {"range": ("bad", "not_bad"), "stuck": ("stuck", "moves")}[kind]
        newest_time, value = (own[-1].time if own else None), None
    elif kind == "threshold":
        newest_time, value = (used[-1].time, used[-1].value) if used else (None, None)
    else:
        newest_time, value = replay.signal or (None, None)
    level = severity - 1 if severity else levels[0]
    facts: dict[str, Any] = {
        "time": newest_time,
        "level": LABELS[level],
        "value": None if value is None else plain(value),
        "limit": None if is_flag else plain(float(row["limit"][level])),
        "direction": None if is_flag else "above" if row["sign"] > 0 else "below",
    }
    running = next((one for one in timers if one.level == LABELS[level]), None)
    delay: dict[str, Any] = {} if running is None else {
        "since": running.since, "needed_s": running.needed_s, "passed_s": running.passed_s
    }  # fmt: skip
    if severity:
        rise = next((one for one in reversed(replay.changes) if one.severity > one.severity_from), None)
        if running is not None:
            return Decisive(what="off_delay_running", **facts, **delay)
        if rise is not None and rise.time == newest_time:
            return Decisive(what=flag[0] if is_flag else "limit_reached", **facts)
        return Decisive(what=flag[0] if is_flag else "not_left", **facts)
    if running is not None:
        return Decisive(what="delay_running", **facts, **delay)
    if not own:
        return Decisive(what="nothing_heard", **facts)
    if value is None and not is_flag:
        return Decisive(what="no_signal", **facts)
    bits = int(state["reached"][level])
    if row["needed"] > 1 and bits & 1:
        return Decisive(what="too_few_samples", **facts, reached=bits.bit_count(), needed=int(row["needed"]),
                        of=int(row["of_mask"]).bit_count())  # fmt: skip
    return Decisive(what=flag[1] if is_flag else "limit_not_reached", **facts)


def _of_clock(group: Bindings, place: int, binding: Binding, state: Any, clock: int) -> Decisive:
    """What decided of silence, dates and combinations."""
    condition = binding.rule.condition
    raised = None if state["raised"] == NEVER else int(state["raised"])
    if isinstance(condition, Combination):
        severity = int(state["severity"])
        level = LABELS[severity - 1] if severity else next(label for label in LABELS if label in condition.levels)
        return Decisive(what="clause_holds" if severity else "clause_does_not_hold", time=raised, level=level)
    assert isinstance(group, Timed)
    if condition.kind == "due":
        date = int(group.deadline[place])
        return Decisive(what="date_to_come" if raised is None else "date_passed", time=date)
    heard = int(state["last_arrival"])
    if heard == NEVER:
        return Decisive(what="nothing_heard")
    return Decisive(
        what="heard" if raised is None else "silent", time=raised, since=heard,
        needed_s=float(group.deadline[place]) / 1000, passed_s=max(0, clock - heard) / 1000,
    )  # fmt: skip
