"""What people do to incidents: each act one transaction under the journal's lock, safe to send twice and late."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from alerts.incidents.grouping import Grouping
from alerts.incidents.keeping import regroup
from app.access import Principal
from app.actions import find_repeated
from model.instant import to_datetime
from store.alarms import EarlierAction, record_action
from store.incident_search import ChangeRow, IncidentRow, find_incident, incident_changes
from store.journal import lock_journal
from store.pool import Connection

BY_THEMSELVES = ("joined", "cause_revised")
"""Changes that come by themselves all the time in a storm, and rule nothing out."""
CHANGES_MAX = 1_000


class IncidentUnknown(Exception):
    """There is no such incident within the actor's areas; `args` has its id."""


class IncidentRefused(Exception):
    """The incident as it stands does not allow the act; `last` is what changed it after what the actor saw."""

    def __init__(self, detail: str, remedy: str, last: ChangeRow | None = None) -> None:
        super().__init__(detail)
        self.remedy = remedy
        self.last = last


class NotMembers(Exception):
    """Some of what is to be split off is not in the incident, or all of it; the text says which."""


class Act(NamedTuple):
    """A request to change an incident as it was at `seen_version`."""

    incident: str
    action: str
    seen_version: int
    idempotency_key: str
    note: str | None


async def split_incident(connection: Connection, asked: Act, members: Sequence[str], actor: Principal, now: int) -> str:
    """Move alarms into an incident of their own at `now` (epoch milliseconds); return the answer as JSON.

    Raises IncidentUnknown, IncidentRefused, NotMembers and KeyReused; then nothing has changed.
    """

    def act(grouping: Grouping) -> dict[str, Any]:
        its_own = grouping.incidents[asked.incident].members
        foreign = [member for member in members if member not in its_own]
        if foreign:
            raise NotMembers(f"{foreign[0]!r} is not in this incident")
        if len(set(members)) == len(its_own):
            raise NotMembers("that would be the whole incident")
        new = grouping.split(asked.incident, members, now, actor.label, asked.note)
        return {"split_off": new}

    return await _perform(connection, asked, actor, now, act)


async def merge_incidents(connection: Connection, asked: Act, other: str, actor: Principal, now: int) -> str:
    """Make one of two incidents of a city and mode, the older one; return the answer as JSON. Raises as split does."""

    def act(grouping: Grouping) -> dict[str, Any]:
        pair = (asked.incident, other)
        into, name = sorted(pair, key=lambda one: (grouping.incidents[one].opened, one))
        grouping.merge(name, into, now, actor.label, asked.note)
        grouping.revise(into, now)
        return {"merged_into": into}

    return await _perform(connection, asked, actor, now, act, other)


async def close_incident(connection: Connection, asked: Act, actor: Principal, now: int) -> str:
    """Close an incident in which only reports stand; return the answer as JSON. Raises as split does."""

    def act(grouping: Grouping) -> dict[str, Any]:
        incident = grouping.incidents[asked.incident]
        alarms = [m.member for m in incident.members.values() if m.standing and m.kind == "alarm"]
        if alarms:
            raise IncidentRefused(
                f"alarm {alarms[0]!r} stands in it", "it ends by itself when its alarms have returned; split them off"
            )
        if incident.closed is not None:
            raise IncidentRefused("it is closed already", "nothing needs to be done")
        grouping.close(asked.incident, now, actor.label, asked.note)
        return {}

    return await _perform(connection, asked, actor, now, act)


async def _perform(
    connection: Connection, asked: Act, actor: Principal, now: int, act: Callable[[Grouping], dict[str, Any]],
    other: str | None = None,
) -> str:  # fmt: skip
    async with connection.transaction():
        await lock_journal(connection)
        found = await find_incident(connection, asked.incident, actor.areas)
        if found is None:
            raise IncidentUnknown(asked.incident)
        earlier = await find_repeated(connection, asked.idempotency_key, asked.incident, asked.action, actor)
        if earlier is not None:
            return earlier.line
        await _check_seen(connection, found, asked, actor)
        names = [asked.incident] if other is None else [asked.incident, other]
        if other is not None:
            await _check_other(connection, found, other, actor)
        done = await regroup(connection, found.city, found.mode, names, act)
        after = await find_incident(connection, asked.incident, actor.areas)
        assert after is not None
        answer = {"incident": asked.incident, "version": after.version, **done}
        text = msgspec.json.encode(answer).decode()
        action = EarlierAction(asked.incident, asked.action, actor.label, text)
        await record_action(connection, asked.idempotency_key, action, to_datetime(now))
        return text


async def _check_seen(connection: Connection, found: IncidentRow, asked: Act, actor: Principal) -> None:
    if asked.seen_version > found.version:
        raise IncidentRefused(
            f"seen_version is {asked.seen_version}, but the incident's version is {found.version}",
            "read the incident again and send the version that you saw",
        )
    later = await incident_changes(
        connection, found.incident, actor.areas, CHANGES_MAX, after_version=asked.seen_version, but=BY_THEMSELVES
    )
    if later:
        last = later[-1]
        raise IncidentRefused(
            f"it was {last.what} by {last.actor or 'the rules of grouping'} after what you saw",
            "look at the incident as it stands now, then act with its present version if it is still wanted",
            last,
        )
    if found.merged_into is not None:
        raise IncidentRefused(f"it was merged into {found.merged_into}", "act on that one")


async def _check_other(connection: Connection, found: IncidentRow, other: str, actor: Principal) -> None:
    row = await find_incident(connection, other, actor.areas)
    if row is None:
        raise IncidentUnknown(other)
    if row.merged_into is not None:
        raise IncidentRefused(f"{other} was merged into {row.merged_into}", "merge with that one")
    if other == found.incident:
        raise IncidentRefused("an incident is not merged with itself", "name the other incident")
    if (row.city, row.mode) != (found.city, found.mode):
        raise IncidentRefused(
            f"{other} is of city {row.city}, mode {row.mode}", "only different incidents of one city and mode are one"
        )
