"""Groups alarms and reports into incidents: a pure fold over what happens to them, in the order in which it was known.

An alarm joins the incidents that it relates to (alerts/incidents/relations.py), and makes one of several: the oldest
stays. One that relates to none opens an incident. An incident ends when all of it has returned; what comes within
QUIET_S of its last alarm and relates to it opens it again.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal, NamedTuple

import msgspec

from alerts.incidents.index import MemberIndex, TopologyOf
from alerts.incidents.probable_cause import MEMBERS_CONSIDERED_MAX, TOLD_BY_VALUE, is_telling, probable_cause
from alerts.incidents.relations import QUIET_S
from model.incident import Cause, ChangeKind, Incident, IncidentChange, Member, Reason, chronological, incident_id


class Happening(NamedTuple):
    """What happens to an alarm or report: raised, changed (risen, or annunciated after a suppression), or returned.

    `member` is how it stands after it; `known_at` in epoch milliseconds; `sequence` of the journal line.
    """

    what: Literal["raised", "changed", "returned"]
    member: Member
    known_at: int
    time: int
    sequence: int = 1


def in_order(happenings: Iterable[Happening]) -> list[Happening]:
    """Return what happened in the order in which it is folded, whatever the order of sensors in a batch."""
    return sorted(
        happenings, key=lambda h: (h.known_at, h.time, h.member.rule, h.member.sensor, h.member.member, h.sequence)
    )


class Grouping:
    """The incidents of one city and mode that may still take members, as a fold's state.

    `changes` are what has happened to incidents since they were last taken by `drain`; `touched` and `moved` the ids
    of incidents and members that are not as they were.
    """

    def __init__(self, city: str, mode: str, topology_of: TopologyOf, incidents: Iterable[Incident] = ()) -> None:
        self.city = city
        self.mode = mode
        self.incidents: dict[str, Incident] = {}
        self.changes: list[IncidentChange] = []
        self.touched: set[str] = set()
        self.moved: set[str] = set()
        self._topology_of = topology_of
        self._index = MemberIndex(topology_of)
        self._standing: dict[str, int] = {}
        for incident in sorted(incidents, key=lambda one: (one.opened, one.incident)):
            self.adopt(incident)

    def adopt(self, incident: Incident) -> None:
        """Take an incident up as it stands."""
        self.incidents[incident.incident] = incident
        self._standing[incident.incident] = incident.standing
        for member in incident.members.values():
            self._index.add(member, incident.incident)

    def knows(self, member: str) -> bool:
        """Whether an alarm or report is in one of these incidents."""
        return member in self._index.incident_of

    def incident_of(self, member: str) -> Incident | None:
        """Return the incident of a member."""
        name = self._index.incident_of.get(member)
        return None if name is None else self.incidents[name]

    def fold(self, happenings: Sequence[Happening]) -> None:
        """Take what happened, in order."""
        for happening in happenings:
            if happening.what == "returned":
                self._returned(happening)
            elif self.knows(happening.member.member):
                self._changed(happening)
            elif happening.what == "raised":
                self._raised(happening)

    def drain(self) -> tuple[list[IncidentChange], set[str], set[str]]:
        """Return the changes and the ids of incidents and members that are not as they were, and begin anew."""
        drained = self.changes, self.touched, self.moved
        self.changes, self.touched, self.moved = [], set(), set()
        return drained

    def _raised(self, happening: Happening) -> None:
        member = happening.member
        related = {name: why for name, why in self._index.related(member).items() if self._takes(name, member)}
        if not related:
            if not member.suppressed:  # what the rules suppress joins what it belongs to, and opens nothing
                self._open(member, happening.known_at)
            return
        chosen: list[str] = []
        for name in related:  # the strongest first
            if not any(name in self.incidents[other].apart for other in chosen):
                chosen.append(name)
        into, *others = sorted(chosen, key=lambda name: (self.incidents[name].opened, name))
        for name in others:
            self.merge(name, into, happening.known_at)
        incident = self.incidents[into]
        joined = msgspec.structs.replace(member, reason=related[chosen[0]])
        self._put(incident, joined)
        incident.newest = max(incident.newest, member.time)
        self._tell(incident, happening.known_at, "joined", members=(member.member,))
        if incident.closed is not None and member.standing:
            self._reopen(incident, happening.known_at)
        if others or self._is_considered(incident, member):
            self._revise(incident, happening.known_at)

    def _changed(self, happening: Happening) -> None:
        incident = self.incident_of(happening.member.member)
        assert incident is not None
        before = incident.members[happening.member.member]
        after = msgspec.structs.replace(
            before,
            severity=max(before.severity, happening.member.severity),
            value=happening.member.value,
            limit=happening.member.limit,
            suppressed=happening.member.suppressed,
            falls=happening.member.falls or before.falls,
        )
        if after != before:
            self._replace(incident, after)
            if after.observed in TOLD_BY_VALUE and self._is_considered(incident, after):
                self._revise(incident, happening.known_at)

    def _returned(self, happening: Happening) -> None:
        incident = self.incident_of(happening.member.member)
        if incident is None or not incident.members[happening.member.member].standing:
            return
        self._replace(incident, msgspec.structs.replace(incident.members[happening.member.member], standing=False))
        self._standing[incident.incident] -= 1
        if not self._standing[incident.incident] and incident.closed is None:
            incident.closed = happening.known_at
            self._tell(incident, happening.known_at, "closed")

    def merge(self, name: str, into: str, time: int, actor: str | None = None, note: str | None = None) -> None:
        """Move all members of an incident into another, which takes over from what it was split."""
        one, other = self.incidents[name], self.incidents[into]
        joined = sorted((*other.members.values(), *one.members.values()), key=chronological)
        other.members = {member.member: member for member in joined}
        for member in one.members.values():
            self._index.incident_of[member.member] = into
            self.moved.add(member.member)
        moved = tuple(one.members)
        self._standing[into] += self._standing.pop(name)
        self._standing[name] = 0
        other.opened, other.newest = min(one.opened, other.opened), max(one.newest, other.newest)
        for apart in one.apart:
            if apart in self.incidents:
                self.incidents[apart].apart = (self.incidents[apart].apart - {name}) | {into}
                self.touched.add(apart)
        other.apart = (other.apart | one.apart) - {name, into}
        one.members, one.merged_into, one.closed = {}, into, time
        self._tell(one, time, "merged", other=into, actor=actor, note=note)
        self._tell(other, time, "merged", members=moved, other=name, actor=actor, note=note)
        if other.closed is not None and self._standing[into]:
            self._reopen(other, time)

    def split(self, name: str, members: Sequence[str], time: int, actor: str, note: str | None = None) -> str:
        """Move members into an incident of their own, which is not merged with the old one by itself; return its id."""
        old = self.incidents[name]
        first = next(member for member in old.members if member in members)
        new = Incident(
            incident=f"{incident_id(first)}.s{old.version + 1}", city=self.city, mode=self.mode,
            opened=min(old.members[member].time for member in members),
            newest=max(old.members[member].time for member in members),
        )  # fmt: skip
        self.incidents[new.incident], self._standing[new.incident] = new, 0
        new.apart = {name} | old.apart
        for other in new.apart:
            if other in self.incidents:
                self.incidents[other].apart.add(new.incident)
                self.touched.add(other)
        for member in [one for one in old.members if one in members]:
            moved = msgspec.structs.replace(old.members.pop(member), reason=Reason("operator"))
            self._standing[name] -= moved.standing
            self._put(new, moved, known=True)
        old.newest = max(one.time for one in old.members.values())
        self._tell(new, time, "opened", members=tuple(new.members), other=name, actor=actor, note=note)
        self._tell(old, time, "split", members=tuple(new.members), other=new.incident, actor=actor, note=note)
        for incident in (old, new):
            self._revise(incident, time)
            if not self._standing[incident.incident] and incident.closed is None:
                incident.closed = time
                self._tell(incident, time, "closed")
        return new.incident

    def revise(self, name: str, time: int) -> None:
        """Look for the probable cause of an incident anew."""
        self._revise(self.incidents[name], time)

    def close(self, name: str, time: int, actor: str, note: str | None = None) -> None:
        """Close an incident in which nothing but reports stands, which do not return by themselves."""
        incident = self.incidents[name]
        for member in list(incident.members.values()):
            if member.standing:
                self._replace(incident, msgspec.structs.replace(member, standing=False))
        self._standing[name] = 0
        incident.closed = time
        self._tell(incident, time, "closed", actor=actor, note=note)

    def _open(self, member: Member, time: int) -> None:
        incident = Incident(
            incident=incident_id(member.member), city=self.city, mode=self.mode, opened=member.time, newest=member.time
        )
        self.incidents[incident.incident], self._standing[incident.incident] = incident, 0
        self._put(incident, member)
        incident.cause = probable_cause(incident, self._topology_of)
        self._tell(incident, time, "opened", members=(member.member,), cause=incident.cause)
        if not member.standing:
            incident.closed = time
            self._tell(incident, time, "closed")

    def _reopen(self, incident: Incident, time: int) -> None:
        incident.closed = None
        self._tell(incident, time, "reopened")

    def _revise(self, incident: Incident, time: int) -> None:
        cause = probable_cause(incident, self._topology_of)
        if cause != incident.cause:
            incident.cause = cause
            self._tell(incident, time, "cause_revised", cause=cause)

    def _takes(self, name: str, member: Member) -> bool:
        incident = self.incidents[name]
        fits = incident.merged_into is None and incident.mode == self.mode
        return fits and abs(member.time - incident.newest) <= QUIET_S * 1000.0

    def _is_considered(self, incident: Incident, member: Member) -> bool:
        return is_telling(member) or member.member in islice(incident.members, MEMBERS_CONSIDERED_MAX)

    def _put(self, incident: Incident, member: Member, *, known: bool = False) -> None:
        incident.members[member.member] = member
        self._standing[incident.incident] += member.standing
        if known:
            self._index.replace(member)
            self._index.incident_of[member.member] = incident.incident
        else:
            self._index.add(member, incident.incident)
        self.moved.add(member.member)

    def _replace(self, incident: Incident, member: Member) -> None:
        incident.members[member.member] = member
        self._index.replace(member)
        self.moved.add(member.member)
        self.touched.add(incident.incident)

    def _tell(
        self, incident: Incident, time: int, change: ChangeKind, *, members: tuple[str, ...] = (),
        other: str | None = None, cause: Cause | None = None, actor: str | None = None, note: str | None = None,
    ) -> None:  # fmt: skip
        incident.version += 1
        self.touched.add(incident.incident)
        self.changes.append(
            IncidentChange(
                incident=incident.incident, version=incident.version, time=time, change=change, members=members,
                other=other, cause=cause, actor=actor, note=note,
            )
        )  # fmt: skip
