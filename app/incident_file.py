"""The incidents of a recording as NDJSON, one a line: what a service would have made of its journal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from alerts.incidents.happenings import FallsOf, gauges_of, incidents_of, pressure_falls
from alerts.incidents.topology import Topology
from alerts.incidents.words import cause_words, reason_words
from app.recording import Recording
from model.alarm import LABELS_WITH_NONE, JournalLine
from model.incident import Fall, Incident, IncidentChange, Member
from model.instant import format_instant
from model.network import Network
from model.network_content import Placed
from model.network_file import parse_network_file
from model.reading import HELD_BACK
from model.registry import Registry
from model.sensor_file import SensorFileError


def incident_lines(
    lines: Iterable[JournalLine], registry: Registry, recording: Recording, networks: Mapping[str, Placed]
) -> Iterator[str]:
    """Yield the incidents of a recording's journal, one a line with keys sorted, by opening and id.

    The networks, by medium, count for all cities of the recording.
    """
    topologies = {
        (city, medium): Topology(Network(city, medium, part.nodes.values(), part.links.values()))
        for medium, part in networks.items()
        for city in registry.cities
    }
    incidents, changes = incidents_of(lines, registry, topologies, falls_in(recording, registry))
    by_incident: dict[str, list[IncidentChange]] = {}
    for change in changes:
        by_incident.setdefault(change.incident, []).append(change)
    for incident in sorted(incidents, key=lambda one: (one.opened, one.incident)):
        yield _encoder.encode(_item(incident, by_incident[incident.incident])).decode()


def falls_in(recording: Recording, registry: Registry) -> FallsOf:
    """Return the pressures of a recording, for the places of bursts."""
    readings = recording.readings

    def falls(city: str, district: str, known_at: int) -> tuple[Fall, ...]:
        known = (recording.arrived <= known_at) & ((readings.quality & int(HELD_BACK)) == 0)
        gauges = gauges_of(registry.sensors, city, district)
        return pressure_falls(gauges, readings.sensor[known], readings.time[known], readings.value[known])

    return falls


def read_networks(files: Sequence[Path]) -> dict[str, Placed]:
    """Return the nodes and links of network files by medium. Raises SensorFileError for one that has an error."""
    found: dict[str, Placed] = {}
    for path in files:
        file = parse_network_file(path)
        if file.problems:
            raise SensorFileError(path, file.problems)
        for medium, part in file.media.items():
            placed = found.setdefault(medium, Placed({}, {}))
            placed.nodes.update(part.nodes)
            placed.links.update(part.links)
    return found


def _item(incident: Incident, changes: Sequence[IncidentChange]) -> dict[str, Any]:
    members = incident.members.values()
    return {
        "incident": incident.incident,
        "city": incident.city,
        "mode": incident.mode,
        "systems": sorted({member.system for member in members}),
        "opened_at": format_instant(incident.opened),
        "newest_at": format_instant(incident.newest),
        "closed_at": None if incident.closed is None else format_instant(incident.closed),
        "merged_into": incident.merged_into,
        "standing": incident.standing,
        "severity": LABELS_WITH_NONE[max((member.severity for member in members), default=0)],
        "probable_cause": msgspec.to_builtins(incident.cause) | {"words": cause_words(incident.cause)},
        "members": [_member(member) for member in members],
        "history": [_change(change) for change in changes],
    }


def _member(member: Member) -> dict[str, Any]:
    return {
        "alarm": member.member,
        "rule": member.rule,
        "sensor": member.sensor,
        "time": format_instant(member.time),
        "known_at": format_instant(member.known_at),
        "standing": member.standing,
        "suppressed": member.suppressed,
        "reason": msgspec.to_builtins(member.reason) | {"words": reason_words(member.reason)},
    }


def _change(change: IncidentChange) -> dict[str, Any]:
    told: dict[str, Any] = {"time": format_instant(change.time), "change": change.change}
    if change.members:
        told["members"] = list(change.members)
    if change.other is not None:
        told["other"] = change.other
    if change.cause is not None:
        told["probable_cause"] = msgspec.to_builtins(change.cause)
    return told


_encoder = msgspec.json.Encoder(order="sorted")
