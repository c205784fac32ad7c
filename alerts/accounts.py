"""What became of each alarm, from its journal lines: annunciated, acknowledged, arrived at, resolved, judged. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from msgspec import UNSET

from alerts.occurrences import Annunciation, is_annunciation
from model.alarm import SUPPRESSED_STATES, AlarmClass, JournalLine, State
from model.instant import parse_instant
from model.suppression import SuppressionSpan

Unauthorised = Literal["no_record", "one_person"]
FLEETING_MS = 60_000
_WAITING = (State.UNACKNOWLEDGED, State.RETURNED_UNACKNOWLEDGED, State.LATCHED_UNACKNOWLEDGED)
_SECOND_PERSON = ("orange", "red")


class Placed(NamedTuple):
    """A journal line and where its alarm belongs."""

    line: JournalLine
    city: str
    system: str
    district: str


class Answered(NamedTuple):
    """A step that people took: at `at` (epoch milliseconds), `after_s` seconds after it was called for."""

    at: int
    after_s: float


@dataclass(slots=True)
class Account:
    """One occurrence. Times are epoch milliseconds; `known` is when it became known, `returned` its return's own time.

    `acknowledged` counts from the annunciation that first called for it, `arrived` (the first time) and `resolved`
    (the last) from the first one.
    `fleeting`: annunciated, and returned within a minute before anybody acknowledged it.
    """

    alarm: str
    rule: str
    sensor: str
    alarm_class: AlarmClass
    mode: str
    city: str
    system: str
    district: str
    raised: int
    known: int
    returned: int | None = None
    peak: str | None = None
    annunciations: list[Annunciation] = field(default_factory=list)
    acknowledged: list[Answered] = field(default_factory=list)
    arrived: Answered | None = None
    resolved: Answered | None = None
    verdict: str | None = None
    state: State = State.NORMAL
    fleeting: bool = False
    suppressed_since: int | None = None
    unauthorised: list[tuple[int, Unauthorised]] = field(default_factory=list)
    waiting_since: int | None = None

    @property
    def until(self) -> float:
        """The time at which it returned; infinite while it stands."""
        return math.inf if self.returned is None else self.returned


class Ledger:
    """Takes journal lines in and holds the accounts of the occurrences that they tell of."""

    def __init__(self, records: Iterable[SuppressionSpan] = ()) -> None:
        self._records: dict[str, list[SuppressionSpan]] = {}
        for record in records:
            self._records.setdefault(record.sensor, []).append(record)
        self._accounts: dict[str, Account] = {}

    def take(self, placed: Placed) -> None:
        """Take a line in; those of one occurrence come in its own order."""
        line = placed.line
        account = self._accounts.get(line.alarm)
        if account is None:
            account = self._accounts[line.alarm] = Account(
                alarm=line.alarm,
                rule=line.rule,
                sensor=line.sensor,
                alarm_class=line.class_,
                mode=line.mode,
                city=placed.city,
                system=placed.system,
                district=placed.district,
                raised=_instant(line.time),
                known=_instant(line.known_at),
            )
        _take(account, line, self._records.get(line.sensor, ()))

    @property
    def accounts(self) -> list[Account]:
        """The accounts so far, in the order of their first lines."""
        return list(self._accounts.values())


def unauthorised(line: JournalLine, records: Iterable[SuppressionSpan]) -> Unauthorised | None:
    """Return why a line suppresses an alarm without authority, None where it does not, or has it.

    What the rules suppress has theirs. All else needs a record in force, and a shelf over orange or red a second
    person's approval.
    """
    if line.to not in SUPPRESSED_STATES or line.from_ is line.to:
        return None
    if line.details is not UNSET and "suppressed_by" in line.details:
        return None
    known_at = _instant(line.known_at)
    covering = [
        one
        for one in records
        if one.kind == line.to
        and one.sensor == line.sensor
        and one.rule in (None, line.rule)
        and one.begins <= known_at
        and (one.ended is None or known_at < one.ended)
    ]
    if not covering:
        return "no_record"
    grave = line.to is State.SHELVED and line.severity in _SECOND_PERSON
    return "one_person" if grave and not any(one.approved_by for one in covering) else None


def _instant(text: str) -> int:
    """Return the epoch milliseconds of a time as journal lines have it; a year's journal has millions of them."""
    hour, minute, second, millisecond = int(text[11:13]), int(text[14:16]), int(text[17:19]), int(text[20:23])
    return _midnight(text[:10]) + ((hour * 60 + minute) * 60 + second) * 1000 + millisecond


@lru_cache(maxsize=1_000)
def _midnight(day: str) -> int:
    return parse_instant(f"{day}T00:00:00.000Z")


def _take(account: Account, line: JournalLine, records: Iterable[SuppressionSpan]) -> None:
    known = _instant(line.known_at)
    account.peak, account.state = line.peak_severity, line.to
    if is_annunciation(line):
        account.annunciations.append(Annunciation(_instant(line.time), known, line.priority))
    if line.to in SUPPRESSED_STATES:
        if account.suppressed_since is None:
            account.suppressed_since = known
        if (why := unauthorised(line, records)) is not None:
            account.unauthorised.append((known, why))
    else:
        account.suppressed_since = None
    if line.condition == "normal" and account.returned is None:
        account.returned = _instant(line.time)
        within = account.returned - account.raised <= FLEETING_MS
        account.fleeting = within and bool(account.annunciations) and not account.acknowledged
    _answer(account, line, known)


def _answer(account: Account, line: JournalLine, known: int) -> None:
    """Take in what people did: an acknowledgement each time that one was called for.

    What an exercise swept away before the next one, nobody acknowledged.
    """
    if line.to in _WAITING:
        if account.waiting_since is None:
            account.waiting_since = known
    elif account.waiting_since is not None:
        if line.to not in SUPPRESSED_STATES and line.cause != "exercise":
            account.acknowledged.append(Answered(known, max(0.0, (known - account.waiting_since) / 1000)))
        account.waiting_since = None
    if line.action == "arrive" and account.arrived is None:
        account.arrived = _step(account, line)
    elif line.action == "resolve":  # the last one: where a verification fails, it was none
        account.resolved = _step(account, line)
    elif line.action == "judge" and line.details is not UNSET:
        account.verdict = str(line.details.get("judgement", ""))


def _step(account: Account, line: JournalLine) -> Answered:
    called = account.annunciations[0].known_at if account.annunciations else account.known
    told = {} if line.details is UNSET else line.details
    at = _instant(str(told.get("acted_at", line.time)))  # a crew out of coverage tells it later
    return Answered(at, max(0.0, (at - called) / 1000))
