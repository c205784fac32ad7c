"""The smallest change that would have flipped a decision, found by trying: the plainest kinds first, of each the least.

A change by an amount is looked for from small to large in both directions, and where one flips the decision, between it
and the last that did not (bisection); it is told with three digits, rounded up. Of several readings as few as flip.
What is told flips the decision of the engine itself. A signal may go back and forth, so there may be a smaller one.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from typing import Literal

from alerts.explaining.at_combination import at_combination, ways_of
from alerts.explaining.at_sensor import at_sensor
from alerts.explaining.changes import Change, ChangeKind, Edit
from alerts.explaining.least import fewest, least_seconds
from alerts.explaining.trials import Trials

CHANGES_MAX = 3
LATE_MAX = 4_096
LONGEST_S = 100 * 366 * 86_400
NoneFound = Literal["nothing_heard", "no_signal", "too_few_sensors", "not_found", "ended", "elsewhere"]
"""Why no change is told: there are no readings; the kind makes no signal of them yet; a combination asks for more
sensors than were heard; none of those tried flips, or none until the trials had cost what they may; or the sensors that
it would take are not the caller's."""
SILENT_KINDS = ("stale", "gateway_silent")


def smallest_changes(trials: Trials, decisive: str, *, decided_now: bool) -> tuple[list[Change], NoneFound | None]:
    """Return at most CHANGES_MAX changes of different kinds that each flip the decision, the plainest first.

    `decisive` is what decided (explanation.Turn). `decided_now` is whether the condition stands as it is known now:
    only where that is another decision, readings that came late are looked at. Where no change is found, says why.
    """
    kind = trials.rule.condition.kind
    if decisive == "no_signal":
        return [], "no_signal"
    is_silent = decisive == "nothing_heard" or not len(trials.log)
    if is_silent and kind not in (*SILENT_KINDS, "due"):
        return [], "nothing_heard"
    ways = ways_of(trials) if kind == "combination" else []
    if kind == "combination" and not ways:
        return [], "too_few_sensors"
    first: Iterable[Change | None]
    if kind in SILENT_KINDS:
        first = _silence(trials)
    elif kind == "due":
        first = [_date(trials)]
    elif kind == "combination":
        first = at_combination(trials, ways)
    else:
        turns = zip_longest(*(at_sensor(trials, sensor) for sensor in trials.sensors))
        first = (change for turn in turns for change in turn)
    found: dict[ChangeKind, Change] = {}
    for change in _with_late(trials, first) if decided_now != trials.fired else first:
        if change is not None:
            found.setdefault(change.kind, change)
        if len(found) == CHANGES_MAX or trials.is_over:
            break
    return list(found.values()), None if found else "ended" if trials.is_over else "not_found"


def _with_late(trials: Trials, changes: Iterable[Change | None]) -> Iterator[Change | None]:
    """Yield the changes with, as the third of them or the last, that readings which came late had come in time."""
    changes = iter(changes)
    yield from islice(changes, 2)
    yield _in_time(trials)
    yield from changes


def _in_time(trials: Trials) -> Change | None:
    """Return as few readings as flip that had come at their own time, of those that did not."""
    late = trials.late()[:LATE_MAX]

    def made(some: Iterable[tuple[str, int]]) -> Change:
        times: dict[str, list[int]] = {}
        for sensor, time in some:
            times.setdefault(sensor, []).append(time)
        return Change(kind="in_time", edits=[Edit(sensor=name, times=sorted(its)) for name, its in times.items()])

    if not late or not trials.flips(made(late)):
        return None
    return made(fewest(late, lambda some: trials.flips(made(some))))


def _silence(trials: Trials) -> Iterator[Change | None]:
    """Yield what flips a decision about silence: sensors heard at the time asked about, or nothing heard for longer."""
    asked = trials.case.sensor
    if not trials.fired:

        def silent(seconds: int) -> Change:
            return Change(kind="silent", edits=[Edit(sensor=asked, seconds=float(seconds))])

        seconds = least_seconds(lambda one: trials.flips(silent(one)), LONGEST_S)
        yield None if seconds is None else silent(seconds)
        return

    def heard(sensors: Sequence[str]) -> Change:
        edits = []
        for sensor in sensors:
            newest = trials.readings(sensor).time[-1:].tolist()
            edits.append(Edit(sensor=sensor, times=[max([trials.clock, *(one + 1 for one in newest)])]))
        return Change(kind="heard", edits=edits)

    sensors = _members(trials) if trials.rule.condition.kind == "gateway_silent" else [asked]
    if trials.flips(heard(sensors)):
        yield heard(fewest(sensors, lambda some: trials.flips(heard(some))))


def _members(trials: Trials) -> list[str]:
    """The sensors of the gateway that is asked about."""
    gateways, registry = trials.engine.gateways, trials.registry
    place = gateways.names.index(trials.case.sensor)
    of = gateways.gateway_of[gateways.sensor[place]]
    first, behind = gateways.member_first[of], gateways.member_first[of + 1]
    return [registry.sensors[key].sensor for key in gateways.members["sensor"][first:behind].tolist()]


def _date(trials: Trials) -> Change | None:
    """Return the time asked about earlier or later, by as few seconds as flip."""
    sign = -1 if trials.fired else 1

    def made(seconds: int) -> Change:
        return Change(kind="date", edits=[Edit(sensor=trials.case.sensor, seconds=float(sign * seconds))])

    seconds = least_seconds(lambda one: trials.flips(made(one)), LONGEST_S)
    return None if seconds is None else made(seconds)
