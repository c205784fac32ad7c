"""The occurrences that a journal tells of: when each was raised and returned, and what the operator was shown."""

import math
from collections.abc import Iterable

import msgspec

from model.alarm import LABELS_WITH_NONE, SUPPRESSED_STATES, JournalLine, Priority, State
from model.instant import parse_instant


class Annunciation(msgspec.Struct, frozen=True):
    """An alarm shown to the operator as new: `time` of its cause and its arrival `known_at`, epoch milliseconds."""

    time: int
    known_at: int
    priority: Priority


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence. Times are epoch milliseconds; `ended` is None while it stands at the journal's end.

    `raised` is the time of its first line where the journal begins later than the occurrence.
    """

    alarm: str
    rule: str
    sensor: str
    raised: int
    ended: int | None
    peak_severity: str | None
    annunciations: tuple[Annunciation, ...]

    @property
    def until(self) -> float:
        """The time at which it returned; infinite while it stands."""
        return math.inf if self.ended is None else self.ended


def occurrences(lines: Iterable[JournalLine]) -> list[Occurrence]:
    """Return the occurrences of a journal, whose lines may come in any order, by (rule, sensor, raised)."""
    by_alarm: dict[str, list[JournalLine]] = {}
    for line in lines:
        by_alarm.setdefault(line.alarm, []).append(line)
    found = [_occurrence(sorted(its, key=lambda line: line.sequence)) for its in by_alarm.values()]
    return sorted(found, key=lambda one: (one.rule, one.sensor, one.raised))


def is_annunciation(line: JournalLine) -> bool:
    """Whether a line shows an alarm as new: raised, risen to a higher severity, or no longer suppressed.

    A rise counts as well while the alarm is still unacknowledged, so that the count tells of the rules and not of
    how fast they are acknowledged: in ISA-18.2 each level is an alarm of its own.
    """
    rises = LABELS_WITH_NONE.index(line.severity) > LABELS_WITH_NONE.index(line.severity_from)
    return line.to is State.UNACKNOWLEDGED and (line.from_ in _UNSEEN or rises)


_UNSEEN = (State.NORMAL, *SUPPRESSED_STATES)


def _occurrence(lines: list[JournalLine]) -> Occurrence:
    first, last = lines[0], lines[-1]
    returned = next((line for line in lines if line.condition == "normal"), None)
    return Occurrence(
        alarm=first.alarm,
        rule=first.rule,
        sensor=first.sensor,
        raised=parse_instant(first.time),
        ended=None if returned is None else parse_instant(returned.time),
        peak_severity=last.peak_severity,
        annunciations=tuple(
            Annunciation(parse_instant(line.time), parse_instant(line.known_at), line.priority)
            for line in lines
            if is_annunciation(line)
        ),
    )
