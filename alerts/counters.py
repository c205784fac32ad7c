"""What the evaluator has done so far, for the metrics endpoint and the screens."""

from dataclasses import dataclass


@dataclass(slots=True)
class EvaluatorCounters:
    """What the evaluator has done since it started."""

    batches: int = 0
    readings: int = 0
    late_readings: int = 0
    transitions: int = 0
    changes_refused: int = 0  # that did not fit an alarm's state; should stay 0
    bindings_unset: int = 0  # rules that do not watch a sensor because it lacks the attribute with the limit
    cursor: int = 0
    ready: bool = False


@dataclass(slots=True)
class RecordingCounters:
    """Running totals since start, of this process."""

    consequences_failed: int = 0  # incidents, folding, messages or deadlines of alarms that are journalled
