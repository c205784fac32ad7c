"""What came of a trial of rules, for people: what is added, removed and moved by rule, and the figures."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from alerts.difference import Difference
from alerts.occurrences import Occurrence
from alerts.performance import PRIORITIES, PRIORITY_TARGETS, TARGETS, Figures
from app.rule_trial import Trial, trial_document
from model.instant import format_instant

EXAMPLES_MAX = 10


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
    yield from _by_rule(found)
    yield from _examples("added", found.added)
    yield from _examples("removed", found.removed)
    yield ""
    yield from _figures(found.figures_before, found.figures_after)


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
        yield f"  {word} {format_instant(one.raised)} {one.rule} {one.sensor} {one.peak_severity or ''}".rstrip()
    if len(found) > EXAMPLES_MAX:
        yield f"  … and {len(found) - EXAMPLES_MAX} more {word}"


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
