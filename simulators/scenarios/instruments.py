"""Scenarios of instruments and lines: what fails there is no event in the city, and must be told from one."""

from collections.abc import Callable, Iterator

import numpy as np

from model.sensor import Sensor
from model.vocabulary import PROPERTIES
from simulators.cities import SimulatedCity
from simulators.events import Fault, FaultKind
from simulators.scenarios.story import DAY_S, HOUR_S, MINUTE_S, Claim, Scenario, Story

GATEWAY_SENSORS = 40
CLOCK_S = 8 * HOUR_S  # the city's civil time, sent as if it were UTC
_BEGIN_S = 10 * MINUTE_S
_OFTEN_S = 60.0


def gateway_dies(city: SimulatedCity, seed: int) -> Story:
    """A lamp post's gateway is dead for two hours, and with it all that speak through it."""
    by_gateway = _by_gateway(city)
    if not by_gateway:
        return Story()
    nearest = sorted(by_gateway, key=lambda name: (abs(len(by_gateway[name]) - GATEWAY_SENSORS), name))
    gateway = nearest[seed % min(3, len(nearest))]
    end = _BEGIN_S + 2 * HOUR_S
    sensors = by_gateway[gateway]
    fault = Fault("silent", frozenset(sensor.sensor for sensor in sensors), _BEGIN_S, end)
    return Story([fault], list(_silences(sensors, _BEGIN_S, end, f"its gateway {gateway} is dead")))


def network_outage(city: SimulatedCity, seed: int) -> Story:
    """The radio network of a district is down for two hours; what was measured comes after, and nothing is lost."""
    by_district: dict[str, list[Sensor]] = {}
    for sensors in _by_gateway(city).values():
        for sensor in sensors:
            by_district.setdefault(sensor.district, []).append(sensor)
    if not by_district:
        return Story()
    district = sorted(by_district)[seed % len(by_district)]
    end = _BEGIN_S + 2 * HOUR_S
    fault = Fault("outage", frozenset(sensor.sensor for sensor in by_district[district]), _BEGIN_S, end)
    return Story([fault], list(_silences(by_district[district], _BEGIN_S, end, f"the network of {district} is down")))


def clock_wrong(city: SimulatedCity, seed: int) -> Story:
    """Three devices send the city's civil time as if it were UTC: that is refused, so that they count as silent."""
    sensors = [_one(city, thing, seed) for thing in ("gas-chamber", "water-pressure", "road-depth")]
    end = _BEGIN_S + 2 * HOUR_S
    fault = Fault("clock", frozenset(s.sensor for s in sensors if s), _BEGIN_S, end, CLOCK_S)
    return Story([fault], list(_silences([s for s in sensors if s], _BEGIN_S, end, "its clock is eight hours ahead")))


def unit_change(city: SimulatedCity, seed: int) -> Story:
    """A regulator's two pressures come in MPa after maintenance, where kPa is registered."""
    sensors = [_one(city, thing, seed) for thing in ("gas-inlet", "gas-outlet")]
    end = _BEGIN_S + 2 * HOUR_S
    claims = [
        Claim(s.sensor, _BEGIN_S, end, "unit-changed", None, 5 * s.interval_s, "MPa comes where kPa is registered")
        for s in sensors if s
    ]  # fmt: skip
    return Story([Fault("other_unit", frozenset(c.sensor for c in claims), _BEGIN_S, end, 0.001)], claims)


def spikes(city: SimulatedCity, seed: int) -> Story:
    """One sensor of each kind jumps far off now and then, as with a loose plug."""
    return _of_each_kind(
        city, seed, "spikes", HOUR_S, lambda sensor: 40.0 * _noise(city, sensor), "it jumps now and then"
    )


def drift(city: SimulatedCity, seed: int) -> Story:
    """One sensor of each kind moves off by a tenth of its noise an hour, which no reading tells by itself."""
    return _of_each_kind(city, seed, "drift", DAY_S, lambda sensor: 2.4 * _noise(city, sensor), "it drifts")


def stuck(city: SimulatedCity, seed: int) -> Story:
    """One sensor of each kind repeats a value for a day and a half."""
    told = _of_each_kind(city, seed, "stuck", 36 * HOUR_S, lambda _: 0.0, "it repeats one value")
    by_id = {sensor.sensor: PROPERTIES[sensor.property] for sensor in _first_of_each(city, seed)}

    def due(claim: Claim) -> Claim:
        # Where a value may rest for long nobody can tell; where it must not, it is told once that time is over.
        observed = by_id[claim.sensor]
        credible = observed.rest or np.isinf(observed.constant_s_max)
        return claim if credible else claim._replace(within_s=observed.constant_s_max + HOUR_S)

    return Story(told.events, [due(claim) for claim in told.claims])


def dropouts(city: SimulatedCity, seed: int) -> Story:
    """One sensor of each kind loses nine readings of ten, in runs, as at the edge of the network."""
    told = _of_each_kind(city, seed, "dropouts", 4 * HOUR_S, lambda _: 0.9, "most of its readings are lost")
    often = {
        sensor.sensor
        for sensor in _first_of_each(city, seed)
        if sensor.interval_s <= _OFTEN_S and sensor.silence_s_max is None
    }
    claims = [claim._replace(within_s=HOUR_S) if claim.sensor in often else claim for claim in told.claims]
    return Story(told.events, claims)


def _of_each_kind(
    city: SimulatedCity, seed: int, kind: FaultKind, lasts_s: float, size: Callable[[Sensor], float], note: str
) -> Story:
    """A fault of one sensor of each kind, with a claim for it that asks for no alarm."""
    end = _BEGIN_S + lasts_s
    sensors = _first_of_each(city, seed)
    events: list[object] = [Fault(kind, frozenset({s.sensor}), _BEGIN_S, end, size(s)) for s in sensors]
    return Story(events, [Claim(s.sensor, _BEGIN_S, end, kind, None, None, note) for s in sensors])


def _first_of_each(city: SimulatedCity, seed: int) -> list[Sensor]:
    """One sensor of each group that speaks regularly, chosen by the seed."""
    chosen, first = [], 0
    sensors = list(city.sensors())
    for group in city.groups:
        if group.fields.get("reporting") != "by_exception":
            chosen.append(sensors[first + seed % len(group)])
        first += len(group)
    return chosen


def _one(city: SimulatedCity, thing: str, seed: int) -> Sensor | None:
    """One sensor of a group, the seed's; None where the city has none."""
    return next((sensor for sensor in _first_of_each(city, seed) if f"-{thing}-" in sensor.sensor), None)


def _noise(city: SimulatedCity, sensor: Sensor) -> float:
    """A sensor's noise in its own unit, its resolution at least."""
    group = next(group for group in city.groups if f"-{group.thing}-" in sensor.sensor)
    return max(group.noise, float(group.resolution))


def _by_gateway(city: SimulatedCity) -> dict[str, list[Sensor]]:
    found: dict[str, list[Sensor]] = {}
    for sensor in city.sensors():
        if "gateway" in sensor.attributes:
            found.setdefault(sensor.attributes["gateway"], []).append(sensor)
    return found


def _silences(sensors: list[Sensor], begin_s: float, end_s: float, why: str) -> Iterator[Claim]:
    """Claims for those whose silence is longer than they may be silent; due with the limit, and one interval more."""
    for sensor in sensors:
        limit_ms = sensor.silence_ms
        if limit_ms is not None and limit_ms / 1000.0 + 2 * sensor.interval_s < end_s - begin_s:
            within = limit_ms / 1000.0 + sensor.interval_s
            yield Claim(sensor.sensor, begin_s, end_s, "silent", None, within, why)


_WINTER = "2026-11-22T08:00"
_STILL = ("gas-outlet", "water-pressure", "heat-supply", "slope", "bridge-strain")
SCENARIOS = [
    Scenario("gateway-dies", "a lamp post's gateway dies and forty sensors with it", _WINTER, 4 * HOUR_S, gateway_dies,
             ("lamp", "manhole-level")),
    Scenario("network-outage", "a district's network is down; all of it comes two hours later", _WINTER, 4 * HOUR_S,
             network_outage, ("lamp", "manhole-level")),
    Scenario("clock-wrong", "three clocks are wrong by eight hours", _WINTER, 4 * HOUR_S, clock_wrong,
             ("gas-chamber", "water-pressure", "road-depth")),
    Scenario("unit-change", "a regulator sends MPa for kPa after maintenance", _WINTER, 4 * HOUR_S, unit_change,
             ("gas-inlet", "gas-outlet")),
    Scenario("spikes", "one sensor of each kind jumps now and then", _WINTER, 3 * HOUR_S, spikes, _STILL),
    Scenario("drift", "one sensor of each kind drifts", _WINTER, DAY_S, drift, _STILL),
    Scenario("stuck", "one sensor of each kind repeats a value", _WINTER, 2 * DAY_S, stuck, _STILL),
    Scenario("dropouts", "one sensor of each kind loses most of its readings", _WINTER, 6 * HOUR_S, dropouts, _STILL),
]  # fmt: skip
