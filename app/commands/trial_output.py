"""What came of a trial of rules, for people: judged alarms, what is otherwise by rule, the load, and the figures."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from alerts.difference import Difference
from alerts.judged_outcome import JudgedOutcome
from alerts.occurrences import Occurrence
from alerts.performance import PRIORITIES, PRIORITY_TARGETS, TARGETS, Figures
from alerts.position_load import Load, PositionLoad
from app.rule_trial import Trial
from app.trial_document import trial_document
from model.handling import JudgedAlarm
from model.instant import format_instant

EXAMPLES_MAX = 10
POSITIONS_MAX = 20


def trial_json(trial: Trial) -> str:
    """Return a trial as one JSON object."""
    return msgspec.json.encode(trial_document(trial)).decode()


def trial_text(trial: Trial) -> Iterator[str]:
    """Yield a trial in lines for people."""
    found = trial.difference
    span = f"{format_instant(trial.start)} to {format_instant(trial.end)}"
    yield f"{span}: {trial.readings} readings evaluated"
    if trial.missing:
        yield f"{trial.missing} readings of that time have been deleted: alarms they raised are in neither journal"
    yield ""
    yield from _judged(trial.judged)
    yield from _by_rule(found)
    yield from _examples("added", found.added)
    yield from _examples("removed", found.removed)
    yield ""
    yield from _loads(trial.positions)
    yield from _figures(found.figures_before, found.figures_after)


def _judged(found: JudgedOutcome) -> Iterator[str]:
    if not found.true and not found.false:
        yield "no alarm of that time is known to have been judged true or false"
        yield ""
        return
    yield f"of {found.true} alarms judged true {len(found.missed_true)} would be missed,"
    yield f"  of these {sum(not one.in_force for one in found.missed_true)} by the rules in force as well"
    for lost in found.missed_true[:EXAMPLES_MAX]:
        instead = (
            "" if lost.instead is None else f"; there is {lost.instead.rule} {format_instant(lost.instead.raised)}"
        )
        yield f"  MISSED {_told(lost.judged)}{'' if lost.in_force else ' (already)'}{instead}"
    yield from _further(found.missed_true, "missed")
    yield f"{len(found.weaker_true)} judged true would come later or with a lower severity"
    for weaker in found.weaker_true[:EXAMPLES_MAX]:
        severity = weaker.after.peak_severity or ""
        yield f"  weaker {_told(weaker.judged)}: {weaker.later_s:g} s later {severity}".rstrip()
    yield from _further(found.weaker_true, "weaker")
    yield f"of {found.false} alarms judged false {len(found.gone_false)} would be gone"
    yield ""


def _told(one: Occurrence | JudgedAlarm) -> str:
    return f"{format_instant(one.raised)} {one.rule} {one.sensor} {one.peak_severity or ''}".rstrip()


def _further(found: Sequence[object], word: str) -> Iterator[str]:
    if len(found) > EXAMPLES_MAX:
        yield f"  … and {len(found) - EXAMPLES_MAX} more {word}"


def _loads(loads: Sequence[PositionLoad]) -> Iterator[str]:
    yield "annunciated by position, before → after: in all, mean and most in 10 minutes, share of these above 10"
    for one in loads[:POSITIONS_MAX]:
        cells = (
            f"{one.before.annunciated} → {one.after.annunciated}",
            f"{_mean(one.before)} → {_mean(one.after)}",
            f"{one.before.per_10_minutes_peak} → {one.after.per_10_minutes_peak}",
            f"{one.before.periods_above_10_share:.1%} → {one.after.periods_above_10_share:.1%}",
        )
        yield f"  {one.position:<26}" + "".join(f"  {cell:>16}" for cell in cells)
    if len(loads) > POSITIONS_MAX:
        yield f"  … and {len(loads) - POSITIONS_MAX} more positions"
    if not loads:
        yield "  none is shown anything"
    yield ""


def _mean(load: Load) -> str:
    return "–" if load.per_10_minutes_mean is None else f"{load.per_10_minutes_mean:.3g}"


def _by_rule(found: Difference) -> Iterator[str]:
    counts = {
        "added": Counter(one.rule for one in found.added),
        "removed": Counter(one.rule for one in found.removed),
        "moved": Counter(pair.after.rule for pair in found.moved),
        "other peak": Counter(pair.after.rule for pair in found.changed_peak),
        "other return": Counter(pair.after.rule for pair in found.changed_return),
    }
    rules = sorted(set().union(*counts.values()))
    if not rules:
        yield f"no difference: {found.unchanged} alarms in both, none added, removed, moved or changed"
        return
    width = max(len(rule) for rule in rules)
    yield " " * width + "".join(f"  {name:>12}" for name in counts)
    for rule in rules:
        row = "".join(f"  {count[rule]:>12}" for count in counts.values())
        moved = [pair.moved_s for pair in found.moved if pair.after.rule == rule]
        yield f"{rule:<{width}}{row}{_moved(moved)}"
    yield f"{found.unchanged} alarms unchanged"


def _moved(seconds: Sequence[float]) -> str:
    if not seconds:
        return ""
    farthest = max(seconds, key=abs)
    return f"  raised {_shift(statistics.median(seconds))} in the median, {_shift(farthest)} at most"


def _shift(seconds: float) -> str:
    return f"{abs(seconds):g} s {'earlier' if seconds < 0 else 'later'}"


def _examples(word: str, found: Sequence[Occurrence]) -> Iterator[str]:
    for one in found[:EXAMPLES_MAX]:
        yield f"  {word} {_told(one)}"
    yield from _further(found, word)


def _figures(before: Figures, after: Figures) -> Iterator[str]:
    yield "for one operator; targets as commonly cited after ISA-18.2, no claim of conformity"
    yield f"{'':<26}{'before':>10}{'after':>10}  target"
    yield f"{'annunciated':<26}{before.annunciated:>10}{after.annunciated:>10}"
    for target in TARGETS:
        name = target.figure.replace("_", " ")
        yield f"{name:<26}{_value(before, target.figure):>10}{_value(after, target.figure):>10}  {target.words}"
    for priority in PRIORITIES:
        name, sides = f"priority {priority}", (before.priority_share[priority], after.priority_share[priority])
        yield f"{name:<26}{sides[0]:>10.1%}{sides[1]:>10.1%}  about {PRIORITY_TARGETS[priority]:.0%}"


def _value(figures: Figures, name: str) -> str:
    value = getattr(figures, name)
    if isinstance(value, list):
        return str(len(value))
    return f"{value:.1%}" if name.endswith("_share") else f"{value:.3g}"
