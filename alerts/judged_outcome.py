"""What becomes of judged alarms under changed rules: true ones missed, later or weaker, false ones gone.

An alarm is still there where, after the change, its rule annunciates one at its sensor that stands at some time while
it stood. One that the rules would suppress, so that no operator is shown it, does not count.
"""

from collections.abc import Iterable, Sequence

import msgspec

from alerts.occurrences import Occurrence
from model.handling import JudgedAlarm
from model.severity import severity_of


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A judged alarm that is no longer there.

    `in_force`: it is there under the rules in force, so that the change takes it away; otherwise they miss it already.
    `instead` is the first alarm of another rule that stands at its sensor meanwhile.
    """

    judged: JudgedAlarm
    in_force: bool
    instead: Occurrence | None


class Weaker(msgspec.Struct, frozen=True, kw_only=True):
    """A judged alarm that comes later by `later_s` (s, 0 where it does not), or with a lower highest severity."""

    judged: JudgedAlarm
    after: Occurrence
    later_s: float


class JudgedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How many alarms were judged true and false, and what becomes of them, in the order of time.

    Missed and gone ones that are there under the rules in force come first.
    """

    true: int
    false: int
    missed_true: list[Lost]
    weaker_true: list[Weaker]
    gone_false: list[Lost]


def judged_outcome(
    judged: Iterable[JudgedAlarm], before: Iterable[Occurrence], after: Iterable[Occurrence]
) -> JudgedOutcome:
    """Hold judged alarms against two journals over the same readings, of the rules in force and of changed ones."""
    alarms = sorted(judged, key=lambda one: (one.raised, one.alarm))
    sides = [_annunciated_by_sensor(side) for side in (before, after)]
    lost: dict[str, list[Lost]] = {"true": [], "false": [], "test": []}
    weaker = []
    for one in alarms:
        meanwhile = [[other for other in side.get(one.sensor, ()) if _stood_with(other, one)] for side in sides]
        present, changed = ([other for other in side if other.rule == one.rule] for side in meanwhile)
        if not changed:
            others = (other for other in meanwhile[1] if other.rule != one.rule)
            lost[one.verdict].append(Lost(judged=one, in_force=bool(present), instead=next(others, None)))
        elif one.verdict == "true":
            # The rules may have been changed since it was raised: what this change does is told against those in force.
            raised = present[0].raised if present else one.raised
            later_s = max(0, changed[0].raised - raised) / 1000
            if later_s or _peak(changed) < (_peak(present) if present else _peak([one])):
                weaker.append(Weaker(judged=one, after=changed[0], later_s=later_s))
    return JudgedOutcome(
        true=sum(one.verdict == "true" for one in alarms),
        false=sum(one.verdict == "false" for one in alarms),
        missed_true=sorted(lost["true"], key=lambda one: not one.in_force),
        weaker_true=weaker,
        gone_false=sorted(lost["false"], key=lambda one: not one.in_force),
    )


def _annunciated_by_sensor(found: Iterable[Occurrence]) -> dict[str, list[Occurrence]]:
    by_sensor: dict[str, list[Occurrence]] = {}
    for one in sorted(found, key=lambda one: (one.raised, one.rule)):
        if one.annunciations:
            by_sensor.setdefault(one.sensor, []).append(one)
    return by_sensor


def _stood_with(one: Occurrence, other: JudgedAlarm) -> bool:
    return one.raised == other.raised or (one.raised < other.until and other.raised < one.until)


def _peak(found: Sequence[Occurrence | JudgedAlarm]) -> int:
    return max(severity_of(one.peak_severity) for one in found)
