"""Keeps incidents in the transaction of the transitions: what they mean for incidents is folded in and written.

What was folded is held in memory from one commit to the next. The database names its state by a random version that
every writer changes within its transaction: where the two differ, because another process wrote or a transaction was
rolled back, the state is read anew.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from alerts.incidents.grouping import Grouping, Happening, in_order
from alerts.incidents.happenings import (
    RECENT_MS,
    USUAL_MS,
    happening_of,
    pressure_falls,
    with_falls,
)
from alerts.incidents.index import MEDIA, TopologyOf
from alerts.incidents.relations import QUIET_S, is_burst
from alerts.incidents.topology import Topology
from model.incident import Fall
from model.sensor import Sensor
from store.incidents import (
    load_incidents,
    load_incidents_of,
    load_sensors,
    read_gauges,
    read_versions,
    write_incidents,
)
from store.journal import Transition
from store.networks import load_network, networks_of
from store.pool import Connection

T = TypeVar("T")
Group = tuple[str, str]
"""City and mode."""

KEPT_MAX = 4  # databases of one process
KEPT_MS_MAX = 3_600_000  # then read anew, without what takes no more members
NETWORKS_MAX = 64
_BACK_MS = round(QUIET_S * 1000)


@dataclass(slots=True)
class _Kept:
    """A grouping, when it was read (time of arrival), how far back, and over which version of the networks."""

    grouping: Grouping
    read_at: int
    back_to: int
    networks: str


@dataclass(slots=True)
class _Networks:
    """The networks of one version of all networks: by city those media that it has."""

    cities: OrderedDict[str, dict[str, Topology]] = field(default_factory=OrderedDict)


_kept: OrderedDict[str, dict[Group, _Kept]] = OrderedDict()
_networks: OrderedDict[str, _Networks] = OrderedDict()


async def keep(connection: Connection, transitions: Sequence[Transition]) -> None:
    """Fold transitions into the incidents, within their transaction. The caller holds the journal's lock."""
    found = [(t, h) for t in transitions if (h := _happening(t, None))]
    if not found:
        return
    sensors = await load_sensors(connection, {t.line.sensor for t, h in found if h.what != "returned"})
    by_group: dict[Group, list[Happening]] = {}
    for transition, plain in found:
        happening, place = plain, transition.place
        sensor = sensors.get(transition.line.sensor)
        if sensor is not None and sensor.city == place.city:
            happening = _happening(transition, sensor) or plain
            happening = with_falls(happening, place.city, await _falls(connection, happening, place.city))
        by_group.setdefault((place.city, transition.line.mode), []).append(happening)
    await _fold(connection, by_group)


async def take(connection: Connection, city: str, mode: str, happenings: Sequence[Happening]) -> None:
    """Fold what happened otherwise, as reports from people, in the caller's transaction under the journal's lock."""
    await _fold(connection, {(city, mode): list(happenings)})


async def regroup(
    connection: Connection, city: str, mode: str, incidents: Iterable[str], act: Callable[[Grouping], T]
) -> T:
    """Let a person change incidents of a city and mode, and write what came of it.

    The caller holds the journal's lock.
    """
    versions = await read_versions(connection)
    topology_of = await _topology_of(connection, versions.networks, city)
    loaded = await load_incidents_of(connection, city, incidents=incidents)
    apart = {name for incident in loaded for name in incident.apart} - {incident.incident for incident in loaded}
    loaded += await load_incidents_of(connection, city, incidents=apart)
    grouping = Grouping(city, mode, topology_of, loaded)
    done = act(grouping)
    await _write(connection, [grouping])
    return done


async def _fold(connection: Connection, by_group: dict[Group, list[Happening]]) -> None:
    versions = await read_versions(connection)
    groups = _kept.pop(versions.incidents, {})
    for (city, mode), happenings in by_group.items():
        known_at = max(happening.known_at for happening in happenings)
        back_to = min(happening.time for happening in happenings) - _BACK_MS
        kept = groups.get((city, mode))
        if kept is None or not _serves(kept, known_at, back_to, versions.networks):
            topology_of = await _topology_of(connection, versions.networks, city)
            recent = await load_incidents(connection, city, mode, back_to)
            grouping = Grouping(city, mode, topology_of, recent)
            kept = groups[city, mode] = _Kept(grouping, known_at, back_to, versions.networks)
        grouping = kept.grouping
        unknown = {h.member.member for h in happenings if h.what != "raised" and not grouping.knows(h.member.member)}
        if unknown:
            for incident in await load_incidents_of(connection, city, members=unknown):
                if incident.incident not in grouping.incidents:
                    grouping.adopt(incident)
                if incident.mode != mode:  # the city has changed its mode meanwhile
                    groups.pop((city, incident.mode), None)
        grouping.fold(in_order(happenings))
    version = await _write(connection, [groups[group].grouping for group in by_group])
    _kept[version or versions.incidents] = groups
    while len(_kept) > KEPT_MAX:
        _kept.popitem(last=False)


def _serves(kept: _Kept, known_at: int, back_to: int, networks: str) -> bool:
    fresh = 0 <= known_at - kept.read_at <= KEPT_MS_MAX
    return fresh and kept.back_to <= back_to and kept.networks == networks


async def _write(connection: Connection, groupings: Sequence[Grouping]) -> str | None:
    incidents, members, changes = [], [], []
    for grouping in groupings:
        told, touched, moved = grouping.drain()
        changes += told
        incidents += [grouping.incidents[name] for name in sorted(touched)]
        for name in sorted(moved):
            incident = grouping.incident_of(name)
            assert incident is not None
            members.append((incident.incident, incident.members[name]))
    if not incidents:
        return None
    return await write_incidents(connection, incidents, members, changes)


def _happening(transition: Transition, sensor: Sensor | None) -> Happening | None:
    place = transition.place
    return happening_of(transition.line, place.city, place.system, place.district, sensor)


async def _falls(
    connection: Connection, happening: Happening, city: str
) -> Callable[[str, str, int], tuple[Fall, ...]]:
    falls: tuple[Fall, ...] = ()
    if happening.what != "returned" and is_burst(happening.member):
        span_ms = USUAL_MS + 2 * RECENT_MS
        read = await read_gauges(connection, city, happening.member.district, happening.known_at, span_ms)
        falls = pressure_falls(read.assets, read.sensor, read.time, read.value)
    return lambda _city, _district, _known_at: falls


async def _topology_of(connection: Connection, version: str, city: str) -> TopologyOf:
    """Return the city's networks, read once for each version of them, those last used NETWORKS_MAX cities."""
    networks = _networks.setdefault(version, _Networks())
    _networks.move_to_end(version)
    while len(_networks) > KEPT_MAX:
        _networks.popitem(last=False)
    if city not in networks.cities:
        media = {medium for _, medium in await networks_of(connection, city)}
        networks.cities[city] = {
            medium: Topology(await load_network(connection, city, medium)) for medium in MEDIA if medium in media
        }
    networks.cities.move_to_end(city)
    while len(networks.cities) > NETWORKS_MAX:
        networks.cities.popitem(last=False)
    return networks.cities[city].get
