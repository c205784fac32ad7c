"""Gateways and networks that fail in simulated cities: one alarm for one cause, and none where nothing fails."""

from collections import Counter
from functools import cache

import pytest

from alerts.backtest import backtest
from alerts.engine import Engine
from alerts.occurrences import is_annunciation
from alerts.rule_file import default_packs
from benchmarks.detection.simulated import batches
from model.alarm import JournalLine
from model.instant import parse_instant
from model.registry import Registry
from simulators.events import Fault
from simulators.platforms import load_platform
from simulators.scenarios import load_scenario
from simulators.stream import simulate

SHARE = 0.02
SEEDS = range(1, 5)


@cache
def journal(name: str, seed: int) -> tuple[Registry, list[JournalLine], frozenset[str]]:
    """The sensors of a small city, the journal of a scenario there, and the sensors that fail in it."""
    scenario, platform = load_scenario(name), load_platform("jiayuguan", share=SHARE)
    registry = Registry(1, dict(enumerate(platform.sensors)), {city.city: city for city in platform.cities})
    chunks = simulate(platform, scenario, seed, scenario.duration_s)
    lines = list(backtest(Engine(default_packs(), registry), batches(registry, chunks)))
    faults = [event for event in scenario.tell(platform.places[0], seed).events if isinstance(event, Fault)]
    return registry, lines, frozenset().union(*(fault.sensors for fault in faults))


def of(lines: list[JournalLine], rule: str) -> list[JournalLine]:
    return [line for line in lines if line.rule == rule]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gateway_that_dies_is_one_alarm(seed: int) -> None:
    registry, lines, dead = journal("gateway-dies", seed)
    (raised,) = [line for line in lines if is_annunciation(line)]
    gateway = registry.sensors[registry.keys[min(dead)]].attributes["gateway"]
    assert (raised.rule, raised.sensor, raised.class_, raised.priority) == (
        "gateway-silent", gateway, "system", "medium"
    )  # fmt: skip
    assert of(lines, "gateway-silent")[-1].reason == "heard_again"


@pytest.mark.parametrize("seed", SEEDS)
def test_its_sensors_silences_are_quiet_from_their_begin_and_end_when_they_are_heard(seed: int) -> None:
    registry, lines, dead = journal("gateway-dies", seed)
    silences = of(lines, "sensor-silent")
    # Loggers that send by the hour may be silent for longer than the gateway was.
    due = {name for name in dead if (registry.sensors[registry.keys[name]].silence_ms or 10**12) <= 3_600_000}
    assert {line.sensor for line in silences} == due
    assert len(due) >= 15
    assert Counter((line.from_, line.to, line.reason) for line in silences) == {
        ("normal", "suppressed_by_design", "silent"): len(due),
        ("suppressed_by_design", "normal", "heard_again"): len(due),
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_known_before_any_of_its_sensors_own_silence(seed: int) -> None:
    _, lines, _ = journal("gateway-dies", seed)
    (gateway, *_), silences = of(lines, "gateway-silent"), of(lines, "sensor-silent")
    assert parse_instant(gateway.known_at) <= min(parse_instant(line.known_at) for line in silences)


@pytest.mark.parametrize("name", ["quiet-day", "dropouts", "spikes", "clock-wrong"])
def test_no_gateway_is_silent_where_none_fails(name: str) -> None:
    _, lines, _ = journal(name, 1)
    assert of(lines, "gateway-silent") == []


def test_in_a_network_s_outage_whole_gateways_are_told_and_not_their_sensors() -> None:
    registry, lines, cut_off = journal("network-outage", 1)
    by_gateway: dict[str, set[str]] = {}
    for sensor in registry.sensors.values():
        if "gateway" in sensor.attributes:
            by_gateway.setdefault(sensor.attributes["gateway"], set()).add(sensor.sensor)
    whole = {name for name, sensors in by_gateway.items() if sensors <= cut_off and len(sensors) > 1}
    assert whole
    known = {line.sensor: parse_instant(line.known_at) for line in reversed(of(lines, "gateway-silent"))}
    assert known.keys() >= whole
    for name in whole:
        early = [
            line for line in of(lines, "sensor-silent") if line.sensor in by_gateway[name] and is_annunciation(line)
        ]
        # One that speaks much more often than all others may be told before two of them are late.
        assert len(early) <= 1
        assert all(parse_instant(line.known_at) < known[name] for line in early)
