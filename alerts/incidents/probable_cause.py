"""The probable cause of an incident, from its members and the networks: a pipe, the rain, a gateway, or the first-out.

What the kinds of causes look at, the first that holds is taken:

- gateway: alarms of silence behind one gateway.
- rain: an alarm of rain with alarms of the drainage or the ground; with the most downstream surcharged manhole.
- burst: falling pressures. Water flows towards the break and loses head on the way, so that the pressure falls most at
  the gauge nearest to it (energy equation along a pipe, as leak localisation by pressure sensitivity uses it: Pudar and
  Liggett 1992, J. Hydraul. Eng. 118(7)). Named is the pipe that leads from there towards the second greatest fall.
- gas_leak: the place with the highest reading first.
- surcharge: manholes that stand full without an alarm of rain: the pipe below the most downstream one.
- heat_main: the pipe into the last node that lies upstream of all affected substations.
- first_out: the first alarm.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from alerts.incidents.relations import is_burst, is_rain, is_silence
from alerts.incidents.topology import Topology
from model.incident import Cause, Fall, Incident, Member

MEMBERS_CONSIDERED_MAX = 60  # the first of an incident; those that tell more than the others are always considered
METRES_PER_MEGAPASCAL = 101.97  # of water
NEXT_MANHOLES, NEXT_MANHOLES_M = 10, 1_000.0
PIPES_TOLD_MAX = 6
GAUGES_M = 6_000.0  # through the network from one gauge to the next
STATIONS_MAX = 12  # of those affected, the first, whose common main is looked for
_MAINS_M, _MAINS = 20_000.0, 400
_GAS = ("combustible_gas",)
TOLD_BY_VALUE = frozenset({"combustible_gas", "water_pressure", "rainfall"})
"""Properties whose newest value says where the cause lies."""
_SURCHARGED = ("manhole_level", "storage_level")

TopologyOf = Callable[[str], Topology | None]


class _Scene(NamedTuple):
    """What is looked at: the members considered, all of them by id, and the networks."""

    members: Sequence[Member]
    whole: Mapping[str, Member]
    topology_of: TopologyOf


def is_telling(member: Member) -> bool:
    """Whether a member tells more of the cause than others, so that it is considered however late it joined."""
    return is_rain(member) or is_burst(member) or member.alarm_class == "system"


def probable_cause(incident: Incident, topology_of: TopologyOf) -> Cause:
    """Return the probable cause as the members tell it."""
    members = list(islice(incident.members.values(), MEMBERS_CONSIDERED_MAX))
    if len(incident.members) > MEMBERS_CONSIDERED_MAX:
        members += [m for m in islice(incident.members.values(), MEMBERS_CONSIDERED_MAX, None) if is_telling(m)]
    scene = _Scene(members, incident.members, topology_of)
    for look in (_gateway, _rain, _burst, _gas_leak, _surcharge, _heat_main, _report):
        cause = look(scene)
        if cause is not None:
            return cause
    first = members[0]
    return Cause("first_out", first.sensor or first.member, told_by=(first.member,), value=first.value)


def _gateway(scene: _Scene) -> Cause | None:
    behind = [member for member in scene.members if is_silence(member) and member.gateway]
    if len(behind) < len(scene.members):
        return None
    told = [member for member in behind if member.alarm_class == "system"] or behind
    if len(behind) < 2 and told[0].alarm_class != "system":
        return None
    return Cause("gateway", told[0].gateway, told_by=(told[0].member,))


def _rain(scene: _Scene) -> Cause | None:
    rain = [member for member in scene.members if is_rain(member)]
    if not rain:
        return None
    heaviest = max(rain, key=lambda member: (member.severity, member.value or 0.0, -member.known_at))
    stretch = _surcharge(scene)
    others = () if stretch is None else (stretch.subject,)
    medium = "" if stretch is None else stretch.medium
    return Cause("rain", heaviest.sensor, medium, others, (heaviest.member,), heaviest.value)


def _burst(scene: _Scene) -> Cause | None:
    pressures = [member for member in scene.members if member.observed == "water_pressure"]
    bursts = [member for member in pressures if is_burst(member)]
    at_gauges = [member for member in pressures if not is_burst(member)]
    if not bursts and len({member.sensor for member in at_gauges}) < 2:
        return None
    topology = scene.topology_of("water")
    falls = next((member.falls for member in reversed(bursts) if member.falls), ())
    told = (bursts or at_gauges)[0].member
    places = _by_fall(falls) or _by_head(at_gauges, topology)
    if not places:
        return Cause("burst", bursts[0].district if bursts else at_gauges[0].district, told_by=(told,))
    greatest, value = places[0]
    named, others = _pipe_at(topology, [asset for asset, _ in places])
    return Cause("burst", named or greatest, "water" if named else "", others, (told,), value)


def _by_fall(falls: Sequence[Fall]) -> list[tuple[str, float]]:
    """Assets by the fall of pressure, the greatest first."""
    ordered = sorted(falls, key=lambda fall: (-fall.fall_mpa, fall.sensor))
    return [(fall.asset, fall.fall_mpa) for fall in ordered if fall.asset]


def _by_head(gauges: Sequence[Member], topology: Topology | None) -> list[tuple[str, float]]:
    """Assets by the head of water, the lowest first; without the ground's height by the pressure itself."""
    found: dict[str, tuple[float, float]] = {}
    for member in gauges:
        if member.value is None or not member.asset:
            continue
        node = None if topology is None else topology.network.nodes.get(member.asset)
        height = 0.0 if node is None or node.elevation_m is None else node.elevation_m
        found[member.asset] = height + member.value * METRES_PER_MEGAPASCAL, member.value
    return [(asset, found[asset][1]) for asset in sorted(found, key=lambda asset: (found[asset][0], asset))]


def _pipe_at(topology: Topology | None, assets: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The pipe at the first place that leads towards the second, and the other pipes that meet there."""
    if topology is None or not topology.ends(assets[0]):
        return None, ()
    if topology.link(assets[0]) is not None:
        return assets[0], ()
    pipes = topology.links_at(assets[0])
    named = None
    for other in assets[1:2]:
        for end in topology.ends(other)[:1]:
            named = topology.first_link(assets[0], end, GAUGES_M)
    named = named or next(iter(pipes), None)
    return named, tuple(pipe for pipe in pipes if pipe != named)[:PIPES_TOLD_MAX]


def _gas_leak(scene: _Scene) -> Cause | None:
    heads = [member for member in scene.members if member.observed in _GAS]
    # A combination's value counts sensors.
    measured = [member for member in heads if member.condition_kind != "combination" and member.value is not None]
    if not measured:
        return None
    highest = max(measured, key=lambda member: (member.severity, member.value or 0.0, -member.known_at))
    if highest.pipe:
        medium = "gas"
        places = (highest.asset,) if highest.asset else ()
        return Cause("gas_leak", highest.pipe, medium, places, (highest.member,), highest.value)
    return Cause("gas_leak", highest.asset or highest.sensor, "", (), (highest.member,), highest.value)


def _surcharge(scene: _Scene) -> Cause | None:
    full = [member for member in scene.members if member.observed in _SURCHARGED and member.asset]
    topology = scene.topology_of("drainage")
    if len({member.asset for member in full}) < 2 or topology is None:
        return None
    at = {member.asset: member for member in reversed(full)}
    drained: dict[str, int] = dict.fromkeys(at, 0)
    lowest: set[str] = set()
    for asset in sorted(at):
        below = topology.downstream(asset, NEXT_MANHOLES_M, NEXT_MANHOLES)
        full_below = [node for node in below if node in at and node != asset]
        if not full_below:
            lowest.add(asset)
        for node in full_below:
            drained[node] += 1
    if not lowest:
        return None
    first = min(lowest, key=lambda name: (-drained[name], at[name].known_at, name))
    if not drained[first]:
        return None
    everywhere = {m.asset: m for m in scene.whole.values() if m.observed in _SURCHARGED and m.asset}
    asset = _lowest_from(first, everywhere, topology)
    member = everywhere[asset]
    return Cause(
        "surcharge",
        min(topology.links_from(asset), default=asset),
        "drainage",
        (asset,),
        (member.member,),
        member.value,
    )


def _lowest_from(asset: str, full: Mapping[str, Member], topology: Topology) -> str:
    """Follow full manholes down the sewer as far as there are any."""
    passed = {asset}
    while True:
        below = topology.downstream(asset, NEXT_MANHOLES_M, NEXT_MANHOLES)
        further = [(way.path_m, node) for node, way in below.items() if node in full and node not in passed]
        if not further:
            return asset
        passed.update(node for _, node in further)
        asset = max(further)[1]


def _heat_main(scene: _Scene) -> Cause | None:
    behind = [member for member in scene.members if member.system == "heating" and member.alarm_class == "process"]
    assets = list(dict.fromkeys(member.asset for member in behind if member.asset))[:STATIONS_MAX]
    topology = scene.topology_of("heating")
    if len(assets) < 2 or topology is None:
        return None
    common: dict[str, float] | None = None
    for asset in assets:
        above = topology.upstream(asset, _MAINS_M, _MAINS)
        ways = {node: way.path_m for node, way in above.items()}
        common = ways if common is None else {n: way + ways[n] for n, way in common.items() if n in ways}
    if not common:
        return None
    last = min(common, key=lambda node: (common[node], node))
    into = topology.links_into(last)
    return Cause("heat_main", into[0] if into else last, "heating", tuple(into[1:]), (behind[0].member,))


def _report(scene: _Scene) -> Cause | None:
    if any(member.kind != "report" for member in scene.members):
        return None
    return Cause("report", scene.members[0].rule, told_by=(scene.members[0].member,))
