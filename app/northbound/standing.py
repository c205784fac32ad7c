"""What a partner's lines of one alarm add up to: a function of which lines there are, whatever order they came in."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.northbound.incoming import PartnerLine
from model.severity import severity_of

UNACKNOWLEDGED = "unacknowledged"


class Standing(NamedTuple):
    """An alarm as its known lines tell it.

    `newest` is the line with the highest sequence; `missing` are lines before it that are not here; `escalated` is the
    sequence of the newest line that needs a person's eyes; `raised` the time of the first line.
    """

    newest: PartnerLine
    missing: int
    escalated: int
    raised: str


def standing(lines: Iterable[PartnerLine]) -> Standing:
    """Return what an alarm's lines, at least one and each sequence once, add up to."""
    ordered = sorted(lines, key=lambda line: line.sequence)
    newest = ordered[-1]
    return Standing(newest, newest.sequence - len(ordered), _escalated(ordered), ordered[0].time)


def _escalated(ordered: Sequence[PartnerLine]) -> int:
    escalated, before = 0, None
    for line in ordered:
        if _escalates(line) or _escalated_unseen(before, line):
            escalated = line.sequence
        before = line
    return escalated


def _escalates(line: PartnerLine) -> bool:
    """Whether the line raised the severity, took an acknowledgement back, or ended a suppression."""
    annunciated = line.to == UNACKNOWLEDGED and line.from_ != UNACKNOWLEDGED
    return annunciated or severity_of(line.severity) > severity_of(line.severity_from)


def _escalated_unseen(before: PartnerLine | None, line: PartnerLine) -> bool:
    """Whether a line that is not here escalated between the two: known by what the later one began with."""
    if before is None:
        return line.sequence > 1
    if line.sequence == before.sequence + 1:
        return False
    taken_back = line.from_ == UNACKNOWLEDGED and before.to != UNACKNOWLEDGED
    return taken_back or severity_of(line.severity_from) > severity_of(before.severity)
