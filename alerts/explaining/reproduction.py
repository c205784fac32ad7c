"""The journal lines of alarms made once more: from a case as the log had it, and from what people did meanwhile.

What people did cannot be computed; it is taken from their lines as recorded, and each must be what the life cycle makes
of it at its place. All other lines must come out of the engine, the rules' suppressions and the life cycle, byte for
byte.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from alerts.checkpoint import carry_over
from alerts.engine import Engine, Evaluated
from alerts.explaining.case import Case
from alerts.explaining.replay import engine_of
from alerts.lifecycle import Refused, acknowledge, note, reset, suppress_or_release
from alerts.retroactive import LOOK_BACK_MS, Passage, retroactive_changes
from alerts.steps import after_step, is_told
from alerts.suppression import Judged, Step, Suppressing
from model.alarm import SUPPRESSED_STATES, Alarm, JournalLine, State, encode_line
from model.instant import parse_instant
from model.reading import ReadingBatch
from model.suppression import BEGUN, ENDED, Suppression

BY_THE_CLOCK = {*BEGUN.values(), *ENDED.values()}
"""Reasons of lines with cause `deadline` that end or begin what people asked for."""


class Differs(Exception):
    """What was made once more is not what is recorded; `line` is the place of the recorded one, None where none is."""

    def __init__(self, line: int | None, why: str) -> None:
        super().__init__(why)
        self.line = line


class Reproduced(NamedTuple):
    """How many lines came out of the engine, and how many of people's acts were taken as recorded.

    `standing` are all occurrences whose condition is active at the end, recorded or not.
    """

    made: int
    acts: int
    standing: list[Alarm]


class _Recorded(NamedTuple):
    place: int
    text: str
    line: JournalLine


class _Passed(NamedTuple):
    """A batch as it was evaluated; or, without one, the changes that another binding brought: `engine` is bound so."""

    engine: Engine
    batch: ReadingBatch | None
    evaluated: Evaluated


def reproduce(
    case: Case, through: int, suppressions: Iterable[Suppression], texts: Sequence[str], passage_readings_max: int
) -> Reproduced:
    """Make the lines of the alarms that `texts` tell of once more, from the first line of each on.

    `case.batches` are as the log had them, cut as there; those up to sequence `through` are evaluated. `suppressions`
    are people's, each with the end that it had. `texts` are the lines in the order of the journal. Raises Differs.
    """
    told = _Told(texts, suppressions)
    is_late = any(name.endswith(".r") for name in told.recorded)
    suppressing: Suppressing | None = None
    for engine, batch, evaluated in _course(case, through):
        if batch is None:
            told.take([Judged(change, None) for change in evaluated.changes])
        if batch is None or suppressing is None:
            suppressing = Suppressing(engine.rules, engine.registry)
        if batch is None:
            told.take(suppressing.recall(told.standing(), engine.standing_unannounced(), engine.clock))
            continue
        told.take(suppressing.step(evaluated.changes, evaluated.unannounced))
        if is_late and evaluated.late.any():
            told.take(_retroactive(engine, case, batch, evaluated.late, passage_readings_max))
    return told.ended()


def instants_due(case: Case, through: int, since: int) -> set[int]:
    """Return from which clocks of the log on (epoch milliseconds) a batch of whatever sensor told what had fallen due.

    Of these the first at or after each decides when it was known. What the case's own batches tell before `since` was
    known before, by whichever batch: it needs no other.
    """
    found = set()
    for _, _, evaluated in _course(case, through):
        for change in (*evaluated.changes, *evaluated.unannounced):
            if change.known_at >= since and change.cause in ("deadline", "silence"):
                is_held = change.cause == "deadline" and change.kind != "due"
                found.add(change.time + (case.settle_ms if is_held else 1))
    return found


def _course(case: Case, through: int) -> Iterator[_Passed]:
    following = list(case.periods[1:])
    engine = engine_of(case.periods[0], case.settle_ms)
    batches = [batch for batch in case.batches if batch.sequence <= through]
    for batch in [*batches, None]:
        behind = through + 1 if batch is None else batch.sequence
        while following and following[0].after < behind:
            bound = engine_of(following.pop(0), case.settle_ms)
            changes = carry_over(engine, bound)
            engine = bound
            yield _Passed(engine, None, Evaluated(changes, np.empty(0, np.bool_), []))
        if batch is not None:
            yield _Passed(engine, batch, engine.evaluate(batch))


class _Told:
    """The occurrences as they stand, and the recorded lines that are still to come out."""

    def __init__(self, texts: Sequence[str], suppressions: Iterable[Suppression]) -> None:
        self.recorded: dict[str, deque[_Recorded]] = {}
        for place, text in enumerate(texts):
            line = msgspec.json.decode(text, type=JournalLine)
            self.recorded.setdefault(line.alarm, deque()).append(_Recorded(place, text, line))
        self._alarms: dict[str, Alarm] = {}
        self._held: dict[str, list[Suppression]] = {}
        for one in suppressions:
            self._held.setdefault(one.sensor, []).append(one)
        self._made = self._acts = 0

    def standing(self) -> list[Alarm]:
        """As store.journal.load_conditions_active has them."""
        return [
            alarm for alarm in self._alarms.values()
            if alarm.state is not State.NORMAL and (alarm.condition != "normal" or alarm.suppressed_by is not None)
        ]  # fmt: skip

    def take(self, steps: Iterable[Step]) -> None:
        """Let steps of the engine happen, and before each what people did before it."""
        known = set(self._alarms)
        for step in steps:
            self._take(step, is_known=step.alarm in known)

    def _take(self, step: Step, *, is_known: bool) -> None:
        sensor = step.change.sensor if isinstance(step, Judged) else step.sensor
        coming = self.recorded.get(step.alarm)
        while not is_told(step, self._alarms.get(step.alarm), is_known=is_known):
            try:
                done = after_step(self._alarms.get(step.alarm), step, self._held.get(sensor, ()))
            except Refused:
                done = None
            if done is None:
                return
            alarm, line = done
            if coming is None:  # of no concern, but that its condition may keep others quiet
                self._alarms[step.alarm] = alarm
                return
            if coming and encode_line(line) == coming[0].text:
                coming.popleft()
                self._alarms[step.alarm] = alarm
                self._made += 1
                return
            if not coming or not _is_act(coming[0].line):
                raise _difference(coming[0] if coming else None, line)
            self._act(coming.popleft())

    def ended(self) -> Reproduced:
        """Let happen what people did after the engine's last line, and return what came out."""
        for coming in self.recorded.values():
            while coming:
                self._act(coming.popleft())
        standing = [alarm for alarm in self._alarms.values() if alarm.condition != "normal"]
        return Reproduced(self._made, self._acts, standing)

    def _act(self, recorded: _Recorded) -> None:
        alarm, line = self._alarms.get(recorded.line.alarm), recorded.line
        if alarm is None or not _is_act(line):
            raise Differs(recorded.place, f"the engine finds no such change: {line.reason} at {line.time}")
        try:
            done = _acted(alarm, line)
        except Refused as refused:
            raise Differs(recorded.place, str(refused)) from None
        if done is None or encode_line(done[1]) != recorded.text:
            raise _difference(recorded, None if done is None else done[1])
        self._alarms[line.alarm] = done[0]
        self._acts += 1


def _is_act(line: JournalLine) -> bool:
    """Whether a line tells of what people did or asked for, or of what they did not do in time."""
    if line.actor is not UNSET:
        return True
    waited = line.details is not UNSET and "awaited" in line.details
    return line.cause == "deadline" and (waited or line.reason in BY_THE_CLOCK)


def _acted(alarm: Alarm, line: JournalLine) -> tuple[Alarm, JournalLine] | None:
    """Return the occurrence after an act, and the line of it, from what only the recorded line can tell."""
    time = parse_instant(line.time)
    actor = None if line.actor is UNSET else line.actor
    action = None if line.action is UNSET else line.action
    comment = None if line.comment is UNSET else line.comment
    until = None if line.until is UNSET else parse_instant(line.until)
    cause = "operator" if line.cause is UNSET else line.cause
    if line.reason in ("acknowledged", "reset"):
        change = acknowledge if line.reason == "acknowledged" else reset
        return change(alarm, actor=actor or "", time=time, comment=comment, cause=cause)
    done: tuple[Alarm, JournalLine] | None
    if line.from_ is line.to:
        done = note(
            alarm, actor=actor, action=action or "", time=time, reason=line.reason, comment=comment, cause=cause,
            until=until,
        )  # fmt: skip
    else:
        suppressed = line.to if line.to in SUPPRESSED_STATES else None
        done = suppress_or_release(
            alarm, suppressed, time=time, reason=line.reason, cause=cause, suppressed_by=alarm.suppressed_by,
            actor=actor, action=action, comment=comment, until=until,
        )  # fmt: skip
    if done is None:
        return None
    after, made = done
    return after, msgspec.structs.replace(made, action=line.action, details=line.details)


def _difference(recorded: _Recorded | None, made: JournalLine | None) -> Differs:
    if recorded is None:
        assert made is not None
        return Differs(None, f"the engine finds a change that is not recorded: {encode_line(made)}")
    if made is None:
        return Differs(recorded.place, f"this changes nothing: {recorded.line.reason} at {recorded.line.time}")
    ours, theirs = (msgspec.to_builtins(line) for line in (made, recorded.line))
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            found, said = (msgspec.json.encode(of.get(name)).decode() for of in (ours, theirs))
            return Differs(recorded.place, f"{name!r} is {said} here, and comes out as {found}")
    return Differs(recorded.place, f"it is written otherwise: {encode_line(made)}")


def _retroactive(
    engine: Engine, case: Case, batch: ReadingBatch, late: NDArray[np.bool_], readings_max: int
) -> list[Step]:
    """Return what late readings of a batch would have raised: alerts.evaluator, with the case in place of the store."""
    through = [one for one in case.batches if one.sequence <= batch.sequence]
    sensor, time, value, quality = (
        np.concatenate([getattr(one, name) for one in through]) for name in ("sensor", "time", "value", "quality")
    )
    came = np.repeat([one.sequence for one in through], [len(one) for one in through])
    found: list[Step] = []
    for key in np.unique(batch.sensor[late]).tolist():
        begin = int(batch.time[late & (batch.sensor == key)].min()) - LOOK_BACK_MS
        rows = np.flatnonzero((sensor == key) & (time >= begin))
        rows = rows[np.argsort(time[rows], kind="stable")][:readings_max]
        passage = Passage(time[rows], value[rows], quality[rows], came[rows] == batch.sequence)
        found += [Judged(change, None) for change in retroactive_changes(engine, key, passage, batch.clock)]
    return found
