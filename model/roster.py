"""Rosters: who is on duty for which part of a city, when and as what; YAML in, every error with its line."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from model.clock_span import DAYS, ClockTime, Day, span_on
from model.escalation import Deadlines, Duty, names_in
from model.position import PlainText, SystemName
from model.yaml_file import Fault, InForce, YamlFileError, located, parse_model, read_text, repeated

FIRST_CALLED: tuple[Duty, ...] = ("crew", "dispatcher")
"""Who is told of an alarm at once; supervisors and heads are told when a deadline was missed."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}\z")]
Who = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^\S.*\z")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Team(_Part):
    """People who go together, by the labels of their keys."""

    team: Identifier
    name: PlainText = ""
    name_zh: PlainText = ""
    members: list[Who] = Field(min_length=1, max_length=200)


class DatedShift(_Part):
    """One turn of duty of a team or a person (key label), over midnight where `to` is not after `from`.

    The same time twice is a whole day.
    """

    who: Who
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")


class Shift(DatedShift):
    """A turn of duty that comes back every week, on the days on which it begins."""

    days: list[Day] = Field(default_factory=lambda: list(DAYS), min_length=1)


class RosterException(_Part):
    """The turns that begin on a date in place of the weekly ones; nobody where there are none."""

    date: date
    shifts: list[DatedShift] = Field(default_factory=list, max_length=50)


class Roster(_Part):
    """Who is on duty, and as what, for alarms of these districts, grids and systems; left out means all."""

    roster: Identifier
    duty: Duty = "crew"
    districts: list[PlainText] | None = Field(None, min_length=1)
    grids: list[PlainText] | None = Field(None, min_length=1)
    systems: list[SystemName] | None = Field(None, min_length=1)
    shifts: list[Shift] = Field(default_factory=list, max_length=200)
    exceptions: list[RosterException] = Field(default_factory=list, max_length=1_000)


class RosterFile(_Part, InForce):
    """A city's teams, rosters and deadlines. It holds no telephone numbers: how people are reached stands with the
    channels."""

    city: Identifier
    teams: list[Team] = Field(default_factory=list, max_length=500)
    rosters: list[Roster] = Field(min_length=1, max_length=500)
    escalation: list[Deadlines] | None = Field(None, max_length=100)

    def members_of(self, name: str) -> list[str]:
        """Return the members of a team; none for one that is not in the file."""
        return next((team.members for team in self.teams if team.team == name), [])


class OnDuty(NamedTuple):
    """A team or person on duty until a time in the city's zone; `fits` tells how narrowly the roster is theirs."""

    roster: str
    duty: Duty
    who: str
    members: tuple[str, ...]
    until: datetime
    fits: tuple[str, ...]


def on_duty_at(
    file: RosterFile, district: str, system: str, local: datetime, *, grid: str | None = None
) -> list[OnDuty]:
    """Return who is on duty at `local`, which has the city's zone: narrowest roster first, then in the file's order.

    A roster of the alarm's grid comes before one of its district, this before one of its system. `grid` None: not
    known, and rosters of any grid are among them.
    """
    found: list[OnDuty] = []
    for roster in file.rosters:
        fits: list[str] = []
        for word, value, among in (
            ("grid", grid, roster.grids), ("district", district, roster.districts), ("system", system, roster.systems)
        ):  # fmt: skip
            if among is None or (word == "grid" and value is None):
                continue
            if value not in among:
                break
            fits.append(f"{word} {value}")
        else:
            found += [
                OnDuty(roster.roster, roster.duty, who, tuple(file.members_of(who)), until, tuple(fits))
                for who, until in _turns_at(roster, local)
            ]
    return sorted(found, key=lambda one: [not any(fit.startswith(word) for fit in one.fits) for word in _NARROWNESS])


_NARROWNESS = ("grid ", "district ", "system ")


def people(found: Sequence[OnDuty], duties: Sequence[str]) -> list[str]:
    """Return those of these duties by name, each once, a team before its members."""
    return list(dict.fromkeys(name for one in found if one.duty in duties for name in (one.who, *one.members)))


def read_rosters(path: Path) -> RosterFile:
    """Return the rosters of a YAML file. Raises YamlFileError."""
    return parse_rosters(str(path), read_text(path))


def parse_rosters(file: str, text: str) -> RosterFile:
    """Return the rosters of a YAML text. Raises YamlFileError with the problems, each with line and remedy."""
    found = parse_model(file, text, RosterFile, "the file is empty; it needs city and rosters")
    faults = list(_faults(found))
    if faults:
        raise YamlFileError(located(file, text, faults))
    return found


@lru_cache(maxsize=64)
def stored_rosters(content: str) -> RosterFile:
    """Return the file that was kept as `content`."""
    return RosterFile.model_validate_json(content)


def _turns_at(roster: Roster, local: datetime) -> Iterator[tuple[str, datetime]]:
    for days_ago in (0, 1):
        day = local.date() - timedelta(days=days_ago)
        exception = next((one for one in roster.exceptions if one.date == day), None)
        shifts: Sequence[DatedShift] = (
            [shift for shift in roster.shifts if DAYS[day.weekday()] in shift.days]
            if exception is None
            else exception.shifts
        )
        for shift in shifts:
            begins, ends = span_on(day, shift.start, shift.end, local.tzinfo)
            if begins <= local < ends:
                yield shift.who, ends


def _faults(file: RosterFile) -> Iterator[Fault]:
    teams, rosters = [team.team for team in file.teams], [roster.roster for roster in file.rosters]
    yield from repeated("teams", "team", teams)
    yield from repeated("rosters", "roster", rosters)
    people = {member for team in file.teams for member in team.members}
    for place, team in enumerate(file.teams):
        if team.team in people:
            yield (("teams", place, "team"), f"{team.team!r} is a member too; give the team another name")
    for place, roster in enumerate(file.rosters):
        dates = [exception.date for exception in roster.exceptions]
        for number, day in enumerate(dates):
            if day in dates[:number]:
                yield (
                    ("rosters", place, "exceptions", number, "date"),
                    f"{day} stands twice; put its shifts under one entry",
                )
        people |= {shift.who for shift in roster.shifts}
        people |= {shift.who for exception in roster.exceptions for shift in exception.shifts}
    for where, name in names_in(file.escalation or ()):
        if name not in people and name not in teams:
            yield (
                ("escalation", *where),
                f"{name!r} is neither a duty (assignee, dispatcher, crew, supervisor, district_head) nor a team or "
                "person of this file; correct the name",
            )
