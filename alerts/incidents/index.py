"""The members of a city's incidents, found by all that may relate them to a new one."""

from collections.abc import Callable, Iterator
from math import cos, floor, radians

from alerts.incidents.relations import (
    GATEWAY_S,
    REPORT_M,
    STRENGTH,
    Reach,
    is_burst,
    is_placed,
    is_rain,
    is_silence,
    partners,
    reach_of,
    within_s,
)
from alerts.incidents.topology import Topology, Way
from model.incident import Member, Reason, Relation, chronological
from model.network import EARTH_RADIUS_M, distance_m

TopologyOf = Callable[[str], Topology | None]
"""Gives the network of a medium, None where none is imported."""

CELL_M = 550.0  # a little more than the farthest that neighbours are looked for in cells
MEDIA = ("drainage", "water", "gas", "heating")
_PRESSED = ("water_pressure", "water_flow")


class MemberIndex:
    """Members, and the incident of each. They are never taken out; a merge or split moves them."""

    def __init__(self, topology_of: TopologyOf) -> None:
        self.incident_of: dict[str, str] = {}
        self._topology_of = topology_of
        self._members: dict[str, Member] = {}
        self._order: dict[str, tuple[int, int, str, str, str]] = {}
        self._by: dict[tuple[str, ...], list[str]] = {}
        self._cells: dict[tuple[str, int, int], list[str]] = {}
        self._nodes: dict[tuple[str, str], list[str]] = {}
        self._width = 0.0  # metres of a degree of longitude at the first place

    def add(self, member: Member, incident: str) -> None:
        """Add a member of an incident."""
        name = member.member
        self.incident_of[name] = incident
        self._members[name] = member
        self._order[name] = chronological(member)
        for key in _keys(member):
            self._by.setdefault(key, []).append(name)
        cell = self._cell(member) if is_placed(member) else None
        if cell is not None:
            self._cells.setdefault((member.system, *cell), []).append(name)
        place = self._place(member) if is_placed(member) else None
        if place is not None:
            medium, topology = place
            for node in topology.ends(member.asset):
                self._nodes.setdefault((medium, node), []).append(name)

    def replace(self, member: Member) -> None:
        """Put a member in the place of itself as it was; where and what it is has not changed."""
        self._members[member.member] = member

    def related(self, member: Member) -> dict[str, Reason]:
        """Return the incidents that a new member relates to, with the strongest reason; the strongest first."""
        best: dict[str, tuple[tuple[int, float, tuple[int, int, str, str, str]], Reason]] = {}
        for other, relation, distance, path_m, links in self._relations(member):
            incident = self.incident_of[other]
            rank = STRENGTH.index(relation), path_m or distance or 0.0, self._order[other]
            if incident not in best or rank < best[incident][0]:
                best[incident] = rank, Reason(relation, other, _rounded(distance), _rounded(path_m), links)
        return {incident: reason for incident, (_, reason) in sorted(best.items(), key=lambda item: item[1][0])}

    def _relations(self, new: Member) -> Iterator[tuple[str, Relation, float | None, float | None, int | None]]:
        if is_silence(new) and new.gateway:
            for other in self._among(("gateway", new.gateway), new, GATEWAY_S):
                yield other.member, "same_gateway", None, None, None
        own = reach_of(new.system, new.system)
        if own is not None:
            for other in self._among(("sensor", new.alarm_class, new.sensor), new, own.within_s):
                yield other.member, "same_sensor", None, None, None
        if new.alarm_class != "process":
            return
        for system in partners(new.system):
            reach = reach_of(new.system, system)
            assert reach is not None
            yield from self._at_one_thing(new, system, reach)
            if not is_placed(new):
                continue
            if reach.path_m:
                yield from self._through_network(new, system, reach)
            yield from self._nearby(new, system, reach)

    def _at_one_thing(
        self, new: Member, system: str, reach: Reach
    ) -> Iterator[tuple[str, Relation, float | None, float | None, int | None]]:
        if is_placed(new):
            for other in self._among(("asset", system, new.asset), new, reach.within_s):
                yield other.member, "same_asset", None, None, None
            for other in self._among(("pipe", system, new.pipe), new, reach.within_s):
                yield other.member, "same_pipe", _distance(new, other), None, None
        if new.observed in _PRESSED and system == new.system:
            kind = "pressed" if is_burst(new) else "burst"
            for other in self._among((kind, new.district), new, reach.within_s):
                yield other.member, "same_district", None, None, None

    def _through_network(
        self, new: Member, system: str, reach: Reach
    ) -> Iterator[tuple[str, Relation, float | None, float | None, int | None]]:
        place = self._place(new)
        if place is None:
            return
        medium, topology = place
        searches: list[tuple[Relation, Callable[..., dict[str, Way]]]]
        if reach.directed:
            # A new alarm upstream of a member is looked for from the new one, downstream.
            searches = [("upstream", topology.downstream), ("downstream", topology.upstream)]
        else:
            searches = [("connected", topology.around)]
        for relation, search in searches:
            for node, (path_m, links) in search(new.asset, reach.path_m, reach.links_max).items():
                for name in self._nodes.get((medium, node), ()):
                    other = self._members[name]
                    if other.system != system or not within_s(new, other, reach.within_s):
                        continue
                    found: Relation = "same_pipe" if topology.on_one_link(new.asset, other.asset) else relation
                    yield name, found, _distance(new, other), path_m, links

    def _nearby(
        self, new: Member, system: str, reach: Reach
    ) -> Iterator[tuple[str, Relation, float | None, float | None, int | None]]:
        cell = self._cell(new)
        if cell is None:
            return
        if reach.rain_m:
            key = ("system", system) if is_rain(new) else ("rain", system)
            for other in self._among(key, new, reach.within_s):
                distance = _distance(new, other)
                if distance is not None and distance <= reach.rain_m:
                    yield other.member, "rain", distance, None, None
        if not reach.near_m:
            return
        names: Iterator[str] | list[str]
        if reach.near_m > CELL_M:
            names = self._by.get(("system", system), [])
        else:
            rows, columns = ((side - 1, side, side + 1) for side in cell)
            names = (n for row in rows for column in columns for n in self._cells.get((system, row, column), ()))
        for name in names:
            other = self._members[name]
            if other.alarm_class != "process" or not within_s(new, other, reach.within_s):
                continue
            distance = _distance(new, other)
            reports = "report" in (new.kind, other.kind)
            if distance is not None and distance <= (max(reach.near_m, REPORT_M) if reports else reach.near_m):
                yield name, "near", distance, None, None

    def _among(self, key: tuple[str, ...], new: Member, seconds: float) -> Iterator[Member]:
        if not key[-1]:
            return
        for name in self._by.get(key, ()):
            other = self._members[name]
            if within_s(new, other, seconds):
                yield other

    def _place(self, member: Member) -> tuple[str, Topology] | None:
        """The network on which the member's asset lies: its own system's, else another's, as gas heads in manholes."""
        if not member.asset or member.alarm_class != "process":
            return None
        media = [member.system, *MEDIA] if member.system in MEDIA else list(MEDIA)
        for medium in media:
            topology = self._topology_of(medium)
            if topology is not None and topology.ends(member.asset):
                return medium, topology
        return None

    def _cell(self, member: Member) -> tuple[int, int] | None:
        if member.position is None:
            return None
        longitude, latitude = member.position
        metres = radians(1) * EARTH_RADIUS_M
        if not self._width:
            self._width = metres * max(cos(radians(latitude)), 0.01)
        return floor(latitude * metres / CELL_M), floor(longitude * self._width / CELL_M)


def _keys(member: Member) -> Iterator[tuple[str, ...]]:
    """What a member is found by; a key that ends in nothing finds none."""
    if is_silence(member):
        yield "gateway", member.gateway
    yield "sensor", member.alarm_class, member.sensor
    if member.alarm_class != "process":
        return
    if is_placed(member):
        yield "asset", member.system, member.asset
        yield "pipe", member.system, member.pipe
        yield "system", member.system
    if is_rain(member):
        yield "rain", member.system
    if member.observed in _PRESSED:
        yield "pressed", member.district
        if is_burst(member):
            yield "burst", member.district


def _distance(one: Member, other: Member) -> float | None:
    if one.position is None or other.position is None:
        return None
    return distance_m(one.position, other.position)


def _rounded(metres: float | None) -> float | None:
    return None if metres is None else round(metres, 1)
