"""What journal lines mean for incidents: what was raised, has risen or returned; and the pressures behind a burst."""

from collections.abc import Callable, Iterable, Mapping

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from alerts.gateways import ATTRIBUTE, gateways_of
from alerts.incidents.grouping import Grouping, Happening, in_order
from alerts.incidents.index import TopologyOf
from alerts.incidents.relations import is_burst
from alerts.incidents.topology import Topology
from alerts.occurrences import is_annunciation
from model.alarm import LATCHED_STATES, JournalLine, State
from model.incident import Fall, Incident, IncidentChange, Member
from model.instant import parse_instant
from model.registry import Registry
from model.sensor import Sensor
from model.severity import severity_of

USUAL_MS, RECENT_MS = 3_600_000, 900_000
"""The usual pressure is the median of an hour that ends a quarter of an hour before the newest reading."""
USUAL_READINGS_MIN = 3
_ENDED = (State.NORMAL, State.RETURNED_UNACKNOWLEDGED)

FallsOf = Callable[[str, str, int], tuple[Fall, ...]]
"""Gives the falls of pressure in a district of a city as they were known at a time (epoch milliseconds)."""


def no_falls(_city: str, _district: str, _known_at: int) -> tuple[Fall, ...]:
    """Know of no pressures."""
    return ()


def happening_of(line: JournalLine, city: str, system: str, district: str, sensor: Sensor | None) -> Happening | None:
    """Return what a line means for incidents; None for one that changes none.

    `sensor` is None where it is not registered, as the gateway at which an alarm of the system stands. What a person
    shelved, works on or took out of service joins no incident before it is annunciated: the gas of a bump test is no
    leak.
    """
    standing = line.condition != "normal" or line.to in LATCHED_STATES
    by_rule = line.details is not UNSET and "suppressed_by" in line.details  # else by a person's work on site
    by_design = line.sequence == 1 and line.to is State.SUPPRESSED_BY_DESIGN and by_rule
    known_at, time = parse_instant(line.known_at), parse_instant(line.time)
    if not standing:
        if line.from_ in _ENDED and line.sequence > 1:
            return None
        what = "returned"
    elif is_annunciation(line) or by_design:
        what = "raised"
    elif severity_of(line.severity) > severity_of(line.severity_from):
        what = "changed"
    else:
        return None
    attributes: Mapping[str, str] = {} if sensor is None else sensor.attributes
    member = Member(
        member=line.alarm,
        rule=line.rule,
        condition_kind=line.kind,
        sensor=line.sensor,
        alarm_class=line.class_,
        system=system,
        observed="" if sensor is None else sensor.property,
        severity=severity_of(line.severity),
        time=time,
        known_at=known_at,
        value=line.value,
        limit=line.limit,
        longitude=None if sensor is None else sensor.longitude,
        latitude=None if sensor is None else sensor.latitude,
        asset="" if sensor is None else sensor.asset,
        pipe=attributes.get("gas_pipe", ""),
        # A gateway whose name several cities use is told apart by the city's.
        gateway=line.sensor.removeprefix(f"{city}.") if line.class_ == "system" else attributes.get(ATTRIBUTE, ""),
        district=district,
        standing=standing,
        suppressed=line.to is State.SUPPRESSED_BY_DESIGN,
    )
    return Happening(what, member, known_at, time, line.sequence)  # type: ignore[arg-type]  # one of the three words


def with_falls(happening: Happening, city: str, falls_of: FallsOf) -> Happening:
    """Return what happened with the pressures of the district, where the alarm's rule looks at all of them."""
    if happening.what == "returned" or not is_burst(happening.member):
        return happening
    falls = falls_of(city, happening.member.district, happening.known_at)
    return happening._replace(member=msgspec.structs.replace(happening.member, falls=falls))


def pressure_falls(
    gauges: Mapping[int, tuple[str, str]], sensor: NDArray[np.integer], time: NDArray[np.int64],
    value: NDArray[np.float64],
) -> tuple[Fall, ...]:  # fmt: skip
    """Return the falls (MPa) of gauges, (id, asset) by key, from readings (n,): keys, epoch milliseconds, MPa.

    The fall is the usual pressure less the newest. A gauge with too few readings to tell what is usual is left out.
    """
    found = []
    for key, (name, asset) in sorted(gauges.items(), key=lambda item: item[1]):
        mine = sensor == key
        if not mine.any():
            continue
        times, values = time[mine], value[mine]
        newest = times.max()
        usual = (times <= newest - RECENT_MS) & (times > newest - RECENT_MS - USUAL_MS)
        if usual.sum() >= USUAL_READINGS_MIN:
            fall = float(np.median(values[usual]) - values[np.argmax(times)])
            found.append(Fall(name, asset, round(fall, 6)))
    return tuple(found)


def incidents_of(
    lines: Iterable[JournalLine],
    registry: Registry,
    topologies: Mapping[tuple[str, str], Topology],
    falls_of: FallsOf = no_falls,
) -> tuple[list[Incident], list[IncidentChange]]:
    """Return the incidents of a journal, whose lines may come in any order, and all that happened to them.

    `topologies` by city and medium. Lines of what is neither a registered sensor nor a gateway are left out.
    """
    sensors = {sensor.sensor: sensor for sensor in registry.sensors.values()}
    # An alarm of a gateway stands at the place of its first sensor.
    gateways = {gateway.name: registry.sensors[gateway.keys[0]] for gateway in gateways_of(registry)[0]}
    by_group: dict[tuple[str, str], list[Happening]] = {}
    for line in lines:
        sensor = sensors.get(line.sensor)
        place = sensor or gateways.get(line.sensor)
        if place is None:
            continue
        happening = happening_of(line, place.city, place.system, place.district, sensor)
        if happening is not None:
            its_own = by_group.setdefault((place.city, line.mode), [])
            its_own.append(with_falls(happening, place.city, falls_of))
    incidents: list[Incident] = []
    changes: list[IncidentChange] = []
    for (city, mode), happenings in sorted(by_group.items()):
        grouping = Grouping(city, mode, _networks_of(topologies, city))
        grouping.fold(in_order(happenings))
        incidents += grouping.incidents.values()
        changes += grouping.drain()[0]
    return incidents, changes


def _networks_of(topologies: Mapping[tuple[str, str], Topology], city: str) -> TopologyOf:
    return lambda medium: topologies.get((city, medium))


def gauges_of(sensors: Mapping[int, Sensor], city: str, district: str) -> dict[int, tuple[str, str]]:
    """Return (id, asset) by key of the pressure gauges of a district; those on trunk mains, before it, are left out."""
    return {
        key: (sensor.sensor, sensor.asset)
        for key, sensor in sensors.items()
        if is_gauge(sensor) and sensor.city == city and sensor.district == district
    }


def is_gauge(sensor: Sensor) -> bool:
    """Whether a sensor tells the pressure within a district."""
    return sensor.property == "water_pressure" and sensor.attributes.get("place") != "trunk_main"
