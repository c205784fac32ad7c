"""Incidents: alarms and reports that belong together, why each was joined, and the probable cause as it was known."""

from typing import Literal

import msgspec

Relation = Literal[
    "first",  # opened the incident
    "same_sensor",
    "same_gateway",
    "same_asset",
    "same_pipe",
    "upstream",
    "downstream",
    "connected",
    "same_district",
    "near",
    "rain",
    "operator",  # a person put it there
]
CauseKind = Literal[
    "gateway", "rain", "burst", "gas_leak", "surcharge", "heat_main", "report", "first_out"
]  # fmt: skip
ChangeKind = Literal["opened", "joined", "merged", "split", "cause_revised", "closed", "reopened"]
MemberKind = Literal["alarm", "report"]


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a member belongs to an incident: how it stands to the member `to`.

    `distance_m` is the straight distance, `path_m` the way through the network over `links` pipes; None where unknown.
    """

    relation: Relation
    to: str = ""
    distance_m: float | None = None
    path_m: float | None = None
    links: int | None = None


class Fall(msgspec.Struct, frozen=True):
    """By how much (MPa) the pressure at a gauge has fallen below its median of the hour before."""

    sensor: str
    asset: str
    fall_mpa: float


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alarm or a report from people in an incident; `member` is its id.

    `time` is of its cause, `known_at` of its arrival (epoch milliseconds); `severity` the highest so far, 0 for
    instrument and system alarms and reports. `value` is the newest one. `standing`: its condition has not returned.
    `falls`: the pressures of its district, where its rule looks at all of them.
    """

    member: str
    kind: MemberKind = "alarm"
    rule: str
    condition_kind: str = ""
    sensor: str = ""
    alarm_class: str = "process"
    system: str
    observed: str = ""  # the property
    severity: int = 0
    time: int
    known_at: int
    value: float | None = None
    limit: float | None = None
    longitude: float | None = None
    latitude: float | None = None
    asset: str = ""
    pipe: str = ""
    gateway: str = ""
    district: str = ""
    standing: bool = True
    suppressed: bool = False
    falls: tuple[Fall, ...] = ()
    reason: Reason = Reason("first")

    @property
    def position(self) -> tuple[float, float] | None:
        """Longitude and latitude, None where they are not known."""
        return None if self.longitude is None or self.latitude is None else (self.longitude, self.latitude)


class Cause(msgspec.Struct, frozen=True, omit_defaults=True):
    """The probable cause: its kind, what it lies at (a pipe, gateway, chamber, sensor), and the members that tell it.

    `medium` names the network of `subject`; `others` are further candidates, such as the other pipes that meet at the
    gauge with the greatest fall.
    """

    kind: CauseKind
    subject: str = ""
    medium: str = ""
    others: tuple[str, ...] = ()
    told_by: tuple[str, ...] = ()
    value: float | None = None


class IncidentChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened to an incident at `time` (epoch milliseconds, of arrival or action); `actor` where a person did it.

    `version` is the incident's with it; `other` the incident that it was merged into or split from or that was merged
    into it.
    """

    incident: str
    version: int
    time: int
    change: ChangeKind
    members: tuple[str, ...] = ()
    other: str | None = None
    cause: Cause | None = None
    actor: str | None = None
    note: str | None = None


class Incident(msgspec.Struct, kw_only=True):
    """An incident as it stands. `opened`, `newest` are times of the first and last member's cause, `closed` of arrival.

    `members` by id in the order in which they joined. `apart` are incidents from which a person split it: it is not
    merged with them again by itself. `version` rises with every change.
    """

    incident: str
    city: str
    mode: str
    opened: int
    newest: int
    members: dict[str, Member] = {}
    cause: Cause = Cause("first_out")
    apart: set[str] = set()
    closed: int | None = None
    merged_into: str | None = None
    version: int = 0

    @property
    def standing(self) -> int:
        """How many members stand."""
        return sum(member.standing for member in self.members.values())


def chronological(member: Member) -> tuple[int, int, str, str, str]:
    """The order of an incident's members: as they became known, then by what they are."""
    return member.known_at, member.time, member.rule, member.sensor, member.member


def incident_id(first_member: str) -> str:
    """Return the id of the incident that a member opened; matches `[A-Za-z0-9_.-]{1,192}`."""
    return f"i.{first_member}"
