"""Incidents against the simulators' truth: one for each event, its cause, and how near a burst is named.

A burst opens at a junction, so that the pipes that meet there are equally right. Scenario `burst-main` breaks a main at
a gauge; `anywhere` breaks one at any junction of a district, gauge or not.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from alerts.backtest import backtest
from alerts.engine import Engine
from alerts.incidents.happenings import FallsOf, gauges_of, incidents_of, pressure_falls
from alerts.incidents.topology import Topology
from alerts.rule_file import default_packs
from benchmarks.detection.simulated import batches
from benchmarks.measure import Case, case
from model.incident import Cause, Fall, Incident
from model.reading import ReadingBatch
from model.registry import Registry
from simulators.cities import SimulatedCity
from simulators.courses.water import MainBurst
from simulators.platforms import Platform, load_platform
from simulators.scenarios import SCENARIOS, Scenario, Story
from simulators.scenarios.water import BURST_COEFFICIENT, BURST_LASTS_S, BURST_S
from simulators.stream import simulate, told

BURST_THINGS = ("water-pressure", "water-inflow", "water-pump-flow")
BURST_LOOK_S = 9_000.0  # an hour after the break
SEEDS = range(20)


class Named(NamedTuple):
    """What was made of one burst: incidents with alarms of it, and the pipe named.

    `links` and `path_m` from the junction that broke to the nearer end of the pipe, 0 where the pipe meets it; None
    where no pipe was named. `others`: whether a further candidate meets the junction.
    """

    incidents: int
    links: int | None
    path_m: float | None
    others: bool


def cases() -> list[Case]:
    """Return how near the pipe named lies: shares of the bursts that the rules found, and metres."""
    figures = []
    for place, scenario in (("at_a_gauge", SCENARIOS["burst-main"]), ("anywhere", anywhere())):
        for city, share in (("jiayuguan", 1.0), ("jinchang", 1.0), ("jiayuguan", 0.2)):
            platform = load_platform(city, share=share)
            found = [named for seed in SEEDS if (named := burst(platform, scenario, seed)) is not None]
            name = f"burst_{place}_{city}" + ("" if share == 1.0 else "_small")
            near = [one for one in found if one.links is not None and one.path_m is not None]
            figures += [
                case(f"{name}_found", f"of {len(SEEDS)} bursts", [len(found) / len(SEEDS)]),
                case(f"{name}_one_incident", "of those found", [_share([one.incidents == 1 for one in found])]),
                case(f"{name}_pipe_meets_the_break", "of those found", [_share([one.links == 0 for one in near])]),
                case(
                    f"{name}_it_or_another_candidate_meets_the_break",
                    "of those found",
                    [_share([one.links == 0 or one.others for one in near])],
                ),
                case(f"{name}_within_2_pipes", "of those found", [_share([(one.links or 0) <= 2 for one in near])]),
                case(f"{name}_distance_p50", "m", [float(np.median([one.path_m for one in near]))]),
                case(f"{name}_distance_p90", "m", [float(np.quantile([one.path_m or 0.0 for one in near], 0.9))]),
            ]
    for name, share, duration_s, only, right in EVENTS:
        platform, scenario = load_platform("jiayuguan", share=share), SCENARIOS[name]
        one, named_right = [], []
        for seed in range(EVENT_SEEDS):
            incidents = incidents_in(platform, scenario, seed, duration_s, only)
            live = [incident for incident in incidents if incident.merged_into is None]
            largest = max(live, key=lambda incident: len(incident.members))
            (event,) = told(platform, scenario, seed)[0].events
            one.append(sum(len(incident.members) > 1 for incident in live) == 1)
            named_right.append(right(platform, event, largest.cause))
        figures.append(case(f"{name}_one_incident".replace("-", "_"), f"of {EVENT_SEEDS}", [_share(one)]))
        figures.append(case(f"{name}_cause_right".replace("-", "_"), f"of {EVENT_SEEDS}", [_share(named_right)]))
    return figures


def _gas_pipe(platform: Platform, event: Any, cause: Cause) -> bool:
    pipes = platform.places[0].gas.pipes
    return (cause.kind, cause.subject) == ("gas_leak", pipes.link_names[event.pipe])


def _blocked_manhole(platform: Platform, event: Any, cause: Cause) -> bool:
    pipes = platform.places[0].sewers.pipes
    return (cause.kind, cause.others) == ("surcharge", (pipes.node_names[event.manhole],))


def _dead_gateway(platform: Platform, event: Any, cause: Cause) -> bool:
    gateways = {sensor.attributes["gateway"] for sensor in platform.sensors if sensor.sensor in event.sensors}
    return (cause.kind, {cause.subject}) == ("gateway", gateways)


EVENT_SEEDS = 5
EVENTS: list[tuple[str, float, float, Sequence[str] | None, Callable[[Platform, Any, Cause], bool]]] = [
    ("gas-leak", 0.2, 7_200.0, ("gas-manhole", "gas-chamber", "gas-inlet", "gas-outlet"), _gas_pipe),
    ("blocked-sewer", 0.2, 86_400.0, ("manhole-level", "rain"), _blocked_manhole),
    ("gateway-dies", 0.1, 7_200.0, None, _dead_gateway),
    ("cloudburst", 0.1, 10_800.0, None, lambda _platform, _event, cause: cause.kind == "rain"),
]
"""Scenarios with the share of the city, the time, what is simulated of it (None: all), and when the cause is right."""


def anywhere() -> Scenario:
    """Return a scenario like burst-main that breaks a main at any junction of a district."""

    def tell(city: SimulatedCity, seed: int) -> Story:
        node = int(np.random.default_rng(seed).integers(len(city.streets.east)))
        return Story([MainBurst(node, BURST_S, BURST_S + BURST_LASTS_S, BURST_COEFFICIENT)])

    return replace(SCENARIOS["burst-main"], name="burst-anywhere", tell=tell)


def burst(platform: Platform, scenario: Scenario, seed: int) -> Named | None:
    """Simulate a burst and return what was made of it; None where no rule found it."""
    place, event = next(
        (place, story.events[0])
        for place, story in zip(platform.places, told(platform, scenario, seed), strict=True)
        if story.events
    )
    assert isinstance(event, MainBurst)
    junction = place.water.pipes.node_names[event.node]
    incidents = incidents_in(platform, scenario, seed, BURST_LOOK_S, BURST_THINGS)
    mine = [one for one in incidents if any(m.rule == "burst" for m in one.members.values())]
    if not mine:
        return None
    water = [one for one in incidents if one.merged_into is None and one.city == place.plan.city]
    cause = mine[0].cause
    network = next(network for network in place.networks() if network.medium == "water")
    ways = Topology(network).around(junction, 1e9, 10**6)

    def way(pipe: str) -> tuple[int, float] | None:
        link = network.links.get(pipe)
        ends = [] if link is None else [ways[e] for e in (link.from_node, link.to_node) if e in ways]
        return min((end.links, end.path_m) for end in ends) if ends else None

    named = way(cause.subject)
    others = any((found := way(pipe)) is not None and found[0] == 0 for pipe in cause.others)
    links, path_m = (None, None) if named is None else named
    return Named(len(water), links, path_m, others)


def incidents_in(
    platform: Platform, scenario: Scenario, seed: int, duration_s: float, only: Sequence[str] | None = None
) -> list[Incident]:
    """Return the incidents that the default packs' journal of a simulated stream holds; with the platform's networks.

    `only` names the things that are simulated and registered.
    """
    kept = [k for k, sensor in enumerate(platform.sensors) if only is None or _thing_of(sensor.sensor) in only]
    sensors = {k: platform.sensors[k] for k in kept}
    registry = Registry(1, sensors, {city.city: city for city in platform.cities})
    gathered: list[ReadingBatch] = []

    def kept_batches() -> Iterator[ReadingBatch]:
        for batch in batches(registry, simulate(platform, scenario, seed, duration_s, only=only)):
            gathered.append(batch)
            yield batch

    lines = list(backtest(Engine(default_packs(), registry), kept_batches()))
    networks = [network for place in platform.places for network in place.networks()]
    topologies = {(network.city, network.medium): Topology(network) for network in networks}
    return incidents_of(lines, registry, topologies, _falls_in(gathered, registry))[0]


def _falls_in(gathered: Sequence[ReadingBatch], registry: Registry) -> FallsOf:
    sensor, time, value, arrived = (
        np.concatenate([getattr(batch, name) for batch in gathered]) for name in ("sensor", "time", "value", "arrived")
    )

    def falls(city: str, district: str, known_at: int) -> tuple[Fall, ...]:
        known = arrived <= known_at
        return pressure_falls(gauges_of(registry.sensors, city, district), sensor[known], time[known], value[known])

    return falls


def _thing_of(sensor: str) -> str:
    """The thing in an id like `jyg-water-pressure-0001`."""
    return sensor.partition("-")[2].rpartition("-")[0]


def _share(holds: Sequence[bool]) -> float:
    return sum(holds) / len(holds) if holds else 0.0
