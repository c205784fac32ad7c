"""The default packs' alarms of simulated events against the truth: one incident each, and its cause the right one.

Figures over more seeds and at true size are those of benchmarks/detection/incidents.py.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from benchmarks.detection.incidents import anywhere, burst, incidents_in
from model.incident import Incident
from simulators.courses.gas import GasLeak
from simulators.courses.sewer_flows import Blockage
from simulators.events import Fault
from simulators.platforms import Platform, load_platform
from simulators.scenarios import SCENARIOS
from simulators.stream import told

HOUR_S = 3_600.0
needs_epanet = pytest.mark.skipif(find_spec("epanet") is None, reason="owa-epanet is not installed")


def _live(platform: Platform, scenario: str, seed: int, duration_s: float, *only: str) -> list[Incident]:
    incidents = incidents_in(platform, SCENARIOS[scenario], seed, duration_s, only or None)
    return [one for one in incidents if one.merged_into is None]


@needs_epanet
@pytest.mark.parametrize("seed", range(4))
def test_a_burst_at_a_gauge_is_one_incident_and_the_pipe_named_meets_the_break(seed: int) -> None:
    named = burst(load_platform("jinchang"), SCENARIOS["burst-main"], seed)
    assert named is not None
    assert (named.incidents, named.links, named.path_m) == (1, 0, 0.0)


@needs_epanet
def test_a_burst_anywhere_is_one_incident_and_the_pipe_named_is_near() -> None:
    platform = load_platform("jinchang")
    found = [named for seed in range(8) if (named := burst(platform, anywhere(), seed)) is not None]
    assert len(found) == 8
    assert {named.incidents for named in found} == {1}
    # Measured over 20 seeds: the pipe named meets the break in 65 %, it or another of the candidates in 95 %; 90 %
    # lie within 571 m of it. Gauges lie some 600 m apart.
    assert sum(named.links == 0 or named.others for named in found) >= 7
    assert sum((named.links or 0) <= 2 for named in found) >= 7
    assert sorted(named.path_m or 0.0 for named in found)[6] <= 900.0


def test_a_cloudburst_is_one_incident_and_the_rain_its_cause() -> None:
    platform = load_platform("jinchang", share=0.1)
    (incident,) = _live(platform, "cloudburst", 1, 3 * HOUR_S)
    assert len(incident.members) > 200
    assert incident.cause.kind == "rain"
    assert incident.cause.subject.startswith("jch-rain-")
    assert incident.cause.others[0] in platform.places[0].sewers.pipes.link_names


@pytest.mark.parametrize("seed", range(2))
def test_a_gateway_that_dies_is_one_incident_and_the_gateway_its_cause(seed: int) -> None:
    platform = load_platform("jiayuguan", share=0.1)
    (fault,) = told(platform, SCENARIOS["gateway-dies"], seed)[0].events
    assert isinstance(fault, Fault)
    gateways = {s.attributes["gateway"] for s in platform.sensors if s.sensor in fault.sensors}
    (incident,) = _live(platform, "gateway-dies", seed, 2 * HOUR_S)
    assert (incident.cause.kind, {incident.cause.subject}) == ("gateway", gateways)
    assert {m.sensor for m in incident.members.values()} - gateways <= fault.sensors


@pytest.mark.parametrize("seed", range(2))
def test_a_gas_leak_is_one_incident_and_the_pipe_is_named(seed: int) -> None:
    platform = load_platform("jiayuguan", share=0.2)
    leak = told(platform, SCENARIOS["gas-leak"], seed)[0].events[0]
    assert isinstance(leak, GasLeak)
    incidents = _live(platform, "gas-leak", seed, 2 * HOUR_S, "gas-manhole", "gas-chamber", "gas-inlet", "gas-outlet")
    (incident,) = incidents
    assert incident.cause.kind == "gas_leak"
    assert incident.cause.subject == platform.places[0].gas.pipes.link_names[leak.pipe]


@pytest.mark.parametrize("seed", range(2))
def test_a_blocked_sewer_is_one_incident_and_the_pipe_below_the_blocked_manhole_is_named(seed: int) -> None:
    platform = load_platform("jiayuguan", share=0.2)
    blockage = told(platform, SCENARIOS["blocked-sewer"], seed)[0].events[0]
    assert isinstance(blockage, Blockage)
    sewers = platform.places[0].sewers.pipes
    (incident,) = _live(platform, "blocked-sewer", seed, 24 * HOUR_S, "manhole-level", "rain")
    assert (incident.cause.kind, incident.cause.others) == ("surcharge", (sewers.node_names[blockage.manhole],))
