"""What came of a trial of rules, as JSON: for the API, the command line, and to be kept with the version it led to."""

from typing import Any

from msgspec import to_builtins

from alerts.difference import Pair
from alerts.judged_outcome import JudgedOutcome, Lost
from alerts.occurrences import Occurrence
from app.rule_trial import Trial
from model.handling import JudgedAlarm
from model.instant import format_instant


def trial_document(trial: Trial, told_max: int | None = None) -> dict[str, Any]:
    """Return what came of a trial as JSON has it, with times in RFC 3339.

    `told_max` bounds each list; the counts have the whole numbers.
    """
    found = trial.difference
    told = slice(told_max)
    lists = ("added", "removed", "moved", "changed_peak", "changed_return")
    return {
        "from": format_instant(trial.start),
        "to": format_instant(trial.end),
        "readings": trial.readings,
        "readings_missing": trial.missing,
        "counts": {name: len(getattr(found, name)) for name in lists} | {"unchanged": found.unchanged},
        "added": [_occurrence(one) for one in found.added[told]],
        "removed": [_occurrence(one) for one in found.removed[told]],
        "moved": [_pair(pair) | {"moved_s": pair.moved_s} for pair in found.moved[told]],
        "changed_peak": [_pair(pair) for pair in found.changed_peak[told]],
        "changed_return": [_pair(pair) for pair in found.changed_return[told]],
        "positions": to_builtins(trial.positions[told]),
        "judged": _judged(trial.judged, told),
        "figures": {"before": to_builtins(found.figures_before), "after": to_builtins(found.figures_after)},
    }


def _judged(found: JudgedOutcome, told: slice) -> dict[str, Any]:
    return {
        "true": found.true,
        "false": found.false,
        "counts": {
            "missed_true": len(found.missed_true),
            "missed_true_already": sum(not one.in_force for one in found.missed_true),
            "weaker_true": len(found.weaker_true),
            "gone_false": len(found.gone_false),
        },
        "missed_true": [_lost(one) for one in found.missed_true[told]],
        "weaker_true": [
            _occurrence(one.judged) | {"after": _occurrence(one.after), "later_s": one.later_s}
            for one in found.weaker_true[told]
        ],
        "gone_false": [_lost(one) for one in found.gone_false[told]],
    }


def _lost(one: Lost) -> dict[str, Any]:
    instead = None if one.instead is None else _occurrence(one.instead)
    return _occurrence(one.judged) | {"in_force": one.in_force, "instead": instead}


def _occurrence(one: Occurrence | JudgedAlarm) -> dict[str, Any]:
    return {
        "alarm": one.alarm,
        "rule": one.rule,
        "sensor": one.sensor,
        "raised": format_instant(one.raised),
        "ended": None if one.ended is None else format_instant(one.ended),
        "peak_severity": one.peak_severity,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {"before": _occurrence(pair.before), "after": _occurrence(pair.after)}
