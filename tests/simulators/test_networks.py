"""Simulated cities at true size: what their plans say is in them, everything flows, and our importers take it all."""

import csv
import hashlib
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.network import Network, line_length_m
from model.network_file import parse_network_file
from model.sensor import Sensor, check_sensor
from model.sensor_file import parse_sensor_file, read_sensor_file
from simulators.cities import SimulatedCity
from simulators.cities.chance import Chance, cosine, shares
from simulators.cities.drainage import COVER_M
from simulators.cities.files import write_city_files
from simulators.cities.paths import connected_parts, shortest_ways, upstream_first
from simulators.cities.plans import PLANS, PROVINCE_SENSORS, YUNNAN, UnknownCity, plan_of, small
from simulators.cities.sensors import nearest_gateway
from simulators.cities.sensors_of_drainage import low_roads

SMALL = small(PLANS["jinchang"], 0.08)


@pytest.fixture(scope="module")
def jiayuguan() -> SimulatedCity:
    return SimulatedCity(PLANS["jiayuguan"], seed=1)


@pytest.fixture(scope="module")
def jinchang() -> SimulatedCity:
    return SimulatedCity(PLANS["jinchang"], seed=1)


@pytest.fixture(scope="module")
def sensors(jiayuguan: SimulatedCity) -> list[Sensor]:
    return list(jiayuguan.sensors())


@pytest.fixture(scope="module")
def jinchang_sensors(jinchang: SimulatedCity) -> list[Sensor]:
    return list(jinchang.sensors())


@pytest.fixture(scope="module")
def networks(jiayuguan: SimulatedCity) -> dict[str, Network]:
    return {network.medium: network for network in jiayuguan.networks()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("jiayuguan")
    return {path.name: path for path in write_city_files(SimulatedCity(PLANS["jiayuguan"], seed=1), folder)}


def count_of(city: SimulatedCity, thing: str) -> int:
    return sum(len(group) for group in city.groups if group.thing == thing)


# What is named of Jiayuguan


def test_jiayuguan_has_what_its_accounts_name(jiayuguan: SimulatedCity, sensors: list[Sensor]) -> None:
    ageing_m = math.fsum(jiayuguan.gas.pipes.length_m[jiayuguan.gas.ageing])
    gateways = {sensor.attributes.get("gateway") for sensor in sensors} - {None}
    assert jiayuguan.sewers.pipes.node_kinds.count("manhole") == 7_519
    assert jiayuguan.sewers.pipes.total_m == pytest.approx(205_890, rel=0.001)
    assert ageing_m == pytest.approx(61_240, rel=0.01)
    assert count_of(jiayuguan, "gas-alarm") == 1_674
    assert len(gateways) == 1_248
    assert math.fsum(jiayuguan.sewers.sewage_l_s) * 86.4 == pytest.approx(32_000, rel=0.001)
    assert count_of(jiayuguan, "station-level") == 11
    assert any("Jingang Road bridge" in sensor.name for sensor in sensors)
    assert sum(len(group) for group in jiayuguan.groups) == pytest.approx(12_000, rel=0.05)


def test_jinchang_has_its_trunks_goaf_tailings_and_underpasses(jinchang: SimulatedCity) -> None:
    sewers, streets = jinchang.sewers, jinchang.streets
    trunks = {
        line for line, kind in zip(sewers.pipes.link_line, sewers.pipes.link_kinds, strict=True) if kind != "sewer"
    }
    lengthwise = [line for line in trunks if line < streets.columns]
    assert (len(lengthwise), len(trunks)) == (4, 5)
    assert sewers.pipes.node_kinds.count("storage") == 1
    assert len(low_roads(jinchang.plan, streets)[0]) >= 3
    things = {group.thing for group in jinchang.groups}
    assert {"goaf-settlement", "goaf-tilt", "tailings-displacement", "tailings-level", "tailings-seepage"} <= things


def test_the_five_trunks_carry_most_of_the_city(jinchang: SimulatedCity) -> None:
    pipes, manholes = jinchang.sewers.pipes, jinchang.sewers.manholes
    below = pipes.to_node.tolist()
    basin = pipes.node_kinds.index("storage")
    through = np.zeros(len(pipes.node_names), np.bool_)
    through[basin] = True
    for node in reversed(upstream_first(np.append(pipes.to_node, np.full(len(pipes.node_names) - manholes, -1)))):
        if node < manholes and node != basin:
            through[node] = through[below[node]]
    assert through[:manholes].mean() > 0.6


def test_yunnan_has_sixteen_cities_of_different_size_and_a_quarter_of_a_million_sensors() -> None:
    sizes = [sum(len(group) for group in SimulatedCity(plan, seed=1).groups) for plan in YUNNAN]
    assert len(sizes) == 16
    assert sum(sizes) == pytest.approx(PROVINCE_SENSORS, rel=0.02)
    assert max(sizes) > 20 * min(sizes)


def test_an_unknown_city_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownCity, match="use one of: jiayuguan, jinchang, kunming"):
        plan_of("atlantis")


# The networks


@pytest.mark.parametrize(
    ("name", "seed"), [("jiayuguan", 1), ("jiayuguan", 2), ("jinchang", 1), ("kunming", 1), ("nujiang", 3)]
)
def test_every_manhole_drains_downhill_to_an_outfall_through_ever_wider_pipes(name: str, seed: int) -> None:
    sewers = SimulatedCity(PLANS[name], seed).sewers
    pipes, manholes = sewers.pipes, sewers.manholes
    below = np.append(pipes.to_node, np.full(len(pipes.node_names) - manholes, -1))
    order = upstream_first(below)
    assert len(order) == len(below), "a loop never comes into the order"
    assert pipes.to_node.min() >= 0
    assert (pipes.level_m[:manholes] > pipes.level_m[pipes.to_node]).all()
    assert (pipes.ground_m - pipes.level_m)[:manholes].min() >= COVER_M
    assert sewers.depth_m.max() < 16.0
    inner = pipes.to_node < manholes
    assert (pipes.diameter_mm[pipes.to_node[inner]] >= pipes.diameter_mm[:manholes][inner]).all()
    assert pipes.total_m == pytest.approx(PLANS[name].drainage_km * 1e3, rel=0.01)


@pytest.mark.parametrize("medium", ["drainage", "gas", "water", "heating"])
def test_all_of_a_network_hangs_together_with_its_sources(networks: dict[str, Network], medium: str) -> None:
    network = networks[medium]
    sources = {"drainage": "outfall", "gas": "gate-station", "water": "reservoir", "heating": "plant"}[medium]
    ends = [name for name, node in network.nodes.items() if node.kind == sources]
    walk = network.upstream if medium == "drainage" else network.downstream
    reached = set().union(*(walk(end) for end in ends))
    if medium == "heating":  # back through the return pipes, which are not joined within the buildings
        reached |= set().union(*(network.upstream(end) for end in ends))
    assert reached == set(network.nodes)


@settings(max_examples=25, derandomize=True)
@given(st.sampled_from(sorted(PLANS)), st.integers(0, 2**32), st.floats(0.02, 0.3))
def test_cities_of_any_size_and_seed_are_whole(name: str, seed: int, share: float) -> None:
    plan = small(PLANS[name], share)
    city = SimulatedCity(plan, seed)
    pipes, manholes = city.sewers.pipes, city.sewers.manholes
    assert manholes == plan.manholes
    assert pipes.total_m == pytest.approx(plan.drainage_km * 1e3, rel=0.01)
    assert (pipes.level_m[:manholes] > pipes.level_m[pipes.to_node]).all()
    for network in city.networks():
        number = {node: k for k, node in enumerate(network.nodes)}
        start = np.asarray([number[link.from_node] for link in network.links.values()])
        end = np.asarray([number[link.to_node] for link in network.links.values()])
        parts = set(connected_parts(len(number), start, end).tolist())
        assert len(parts) <= {"drainage": plan.outfalls, "gas": 2, "heating": 2}.get(network.medium, 1)
    for sensor in city.sensors():
        check_sensor(sensor)


def test_ageing_gas_pipes_are_the_oldest(jiayuguan: SimulatedCity) -> None:
    gas = jiayuguan.gas
    assert gas.pipes.year[gas.ageing].max() <= gas.pipes.year[~gas.ageing].min()


def test_water_is_drawn_all_over_the_city_and_adds_up(jiayuguan: SimulatedCity) -> None:
    water = jiayuguan.water
    junctions = len(jiayuguan.streets.east)
    assert (water.demand_l_s[:junctions] > 0).all()
    assert math.fsum(water.demand_l_s) * 86.4 == pytest.approx(jiayuguan.plan.water_m3_d, rel=0.001)
    assert sorted(reducer.district for reducer in water.reducers) == [0, 1, 2]


def test_streets_have_names_of_their_own_in_both_languages(jinchang: SimulatedCity) -> None:
    names = jinchang.streets.line_names
    assert ("Wei 12 Road", "纬十二路") in names
    assert ("Beijing Road", "北京路") in names
    assert len(set(names)) == len(names)


# The sensors


def test_sensors_stand_on_assets_of_the_networks(jiayuguan: SimulatedCity, networks: dict[str, Network]) -> None:
    on_networks = {
        "manhole-level",
        "gas-chamber",
        "gas-manhole",
        "gas-inlet",
        "water-pressure",
        "water-inflow",
        "heat-supply",
    }
    found: Counter[bool] = Counter()
    for group in jiayuguan.groups:
        if group.thing in on_networks:
            found.update(any(network.place_of(asset) for network in networks.values()) for asset in group.assets)
    assert found[True] > 8_000
    assert found[False] == 0


def test_a_manhole_names_the_manholes_above_it(sensors: list[Sensor], networks: dict[str, Network]) -> None:
    network = networks["drainage"]
    level = {s.asset: s for s in sensors if s.property == "manhole_level"}
    names = {sensor.sensor: asset for asset, sensor in level.items()}
    some = [sensor for sensor in level.values() if " " in sensor.upstream][:20]
    assert some
    for sensor in some:
        above = {names[upper] for upper in sensor.upstream.split()}
        assert above == {link.from_node for link in network.links.values() if link.to_node == sensor.asset}


def test_heads_beside_old_pipes_stand_in_threes_within_a_hundred_metres(jiayuguan: SimulatedCity) -> None:
    (group,) = (group for group in jiayuguan.groups if group.thing == "gas-manhole")
    away = np.hypot(group.east[:, None] - group.east, group.north[:, None] - group.north)
    assert len(group) >= 250
    assert ((away < 100).sum(axis=1) >= 3).all()


def test_sensors_speak_through_the_nearest_lamp_post() -> None:
    chance = Chance(3, "posts")
    places = [chance.uniform(300, -4_000, 4_000) for _ in range(2)]
    posts = [chance.uniform(40, -1_000, 4_000) for _ in range(2)]
    away = np.hypot(places[0][:, None] - posts[0], places[1][:, None] - posts[1])
    assert (nearest_gateway(*places, *posts) == np.argmin(away, axis=1)).all()


def test_some_gateway_speaks_for_forty_sensors(sensors: list[Sensor]) -> None:
    behind = Counter(sensor.attributes.get("gateway") for sensor in sensors)
    del behind[None]
    assert max(behind.values()) >= 40


# Files: our own importers take them without an error, and nothing is lost on the way


def test_networks_come_back_from_geojson(files: dict[str, Path], networks: dict[str, Network]) -> None:
    found = parse_network_file(files["jiayuguan.geojson"])
    assert found.problems == []
    assert found.notes == []
    for network in networks.values():
        assert found.media[network.medium].nodes == dict(network.nodes)
        # Lines come back with their two ends, between which they were drawn straight.
        part = found.media[network.medium]
        back = Network(network.city, network.medium, part.nodes.values(), part.links.values())
        assert list(back.links) == sorted(network.links)
        assert all(back.length_of(link) == network.length_of(network.links[name]) for name, link in back.links.items())


def test_lengths_agree_with_the_coordinates(networks: dict[str, Network]) -> None:
    network = networks["drainage"]
    drawn = 0.0
    for link in network.links.values():
        ends = [network.nodes[end].position for end in (link.from_node, link.to_node)]
        drawn += line_length_m([end for end in ends if end is not None])
    assert drawn == pytest.approx(205_890, rel=0.003)  # of a sphere of another radius


@pytest.mark.parametrize(
    ("name", "medium", "nodes", "links"),
    [("jiayuguan-drainage.inp", "drainage", 7_523, 7_519), ("jiayuguan-water.inp", "water", None, None)],
)
def test_solvers_files_are_networks_to_our_importer(
    files: dict[str, Path], networks: dict[str, Network], name: str, medium: str, nodes: int | None, links: int | None
) -> None:
    found = parse_network_file(files[name])
    own = networks[medium]
    assert (found.problems, found.notes) == ([], [])
    part = found.media[medium]
    assert set(part.nodes) == set(own.nodes)
    assert set(part.links) == set(own.links)
    assert (nodes or len(own.nodes), links or len(own.links)) == (len(part.nodes), len(part.links))
    assert all(part.nodes[node].position == own.nodes[node].position for node in own.nodes)
    assert all(part.links[link].diameter_mm == own.links[link].diameter_mm for link in own.links)


def test_sensors_come_back_from_csv(files: dict[str, Path], sensors: list[Sensor]) -> None:
    found = parse_sensor_file(files["jiayuguan-sensors.csv"])
    assert found.problems == []
    assert found.sensors == sensors
    assert [city.mode for city in found.cities] == ["test"]


def test_every_city_gives_sensors_that_the_registry_takes(tmp_path: Path) -> None:
    for plan in PLANS.values():
        (path,) = (p for p in write_city_files(SimulatedCity(small(plan, 0.03), 1), tmp_path) if p.suffix == ".csv")
        sensors, _ = read_sensor_file(path)
        assert len(sensors) > 30
        assert all(sensor.name and sensor.name_zh for sensor in sensors)


# Attributes that the default rules need in order to bind


@pytest.mark.parametrize(
    ("thing", "attributes"),
    [
        ("manhole-level", {"diameter_m", "depth_m"}),
        ("gas-alarm", {"place", "low_alarm", "high_alarm", "inspection_due"}),
        ("gas-manhole", {"pipe", "gas_pipe", "pipe_built", "calibration_due", "gateway"}),
        ("gas-inlet", {"set_kpa", "pressure_class"}),
        ("water-pressure", {"floors"}),
        ("heat-supply", {"heating_curve"}),
        ("heat-pressure", {"set_point"}),
        ("heat-make-up", {"circulation"}),
        ("bridge-strain", {"design_value"}),
        ("rain", {"rain_1h_yellow_mm", "rain_1h_red_mm", "rain_3d_yellow_mm"}),
        ("goaf-tilt", {"place"}),
        ("tailings-displacement", {"place", "item", "displacement_blue_mm", "displacement_red_mm"}),
        ("tailings-level", {"place", "item", "phreatic_level_blue_m", "phreatic_level_red_m"}),
        ("tailings-depth", {"place", "measured", "phreatic_depth_red_m"}),
    ],
)
def test_sensors_bear_what_the_rules_ask_for(jinchang_sensors: list[Sensor], thing: str, attributes: set[str]) -> None:
    of_thing = [sensor for sensor in jinchang_sensors if sensor.sensor.startswith(f"jch-{thing}-0")]
    assert of_thing
    assert all(attributes <= sensor.attributes.keys() for sensor in of_thing)


# The same seed gives the same bytes, on any machine


def digest(plan_seed: int, folder: Path) -> str:
    folder.mkdir()
    written = write_city_files(SimulatedCity(SMALL, plan_seed), folder)
    return hashlib.sha256(b"".join(path.read_bytes() for path in written)).hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, again, other = (digest(seed, tmp_path / name) for seed, name in ((1, "a"), (1, "b"), (2, "c")))
    assert first == again
    assert first != other


def test_the_bytes_are_those_of_other_machines(tmp_path: Path) -> None:
    # Noted where the code was written: a change of the generator changes it, another machine must not.
    assert digest(1, tmp_path / "files") == "04cde4338e3fe56e36cc60474b44c3c94ba9f18241952e4015630d11a60326e9"


def test_coordinates_have_six_decimals_and_lie_around_the_real_place(files: dict[str, Path]) -> None:
    with files["jiayuguan-sensors.csv"].open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert all(len(row[axis].partition(".")[2]) <= 6 for row in rows for axis in ("longitude", "latitude"))
    assert np.median([float(row["longitude"]) for row in rows]) == pytest.approx(98.29, abs=0.02)
    assert np.median([float(row["latitude"]) for row in rows]) == pytest.approx(39.77, abs=0.02)


# What they are made with


@pytest.mark.parametrize("degrees", [0.0, 22.01, 39.77, 60.0, 90.0])
def test_cosine_is_that_of_the_library(degrees: float) -> None:
    assert cosine(degrees) == pytest.approx(math.cos(math.radians(degrees)), abs=1e-15)


def test_shares_add_up_by_the_largest_remainder() -> None:
    assert shares(np.asarray([3.0, 3.0, 1.0]), 11).tolist() == [5, 4, 2]
    assert shares(np.asarray([1.0, 1.0, 1.0]), 5).tolist() == [2, 2, 1]
    with pytest.raises(ValueError, match="2 cannot be split into 3 parts"):
        shares(np.ones(3), 2)


def test_shortest_ways_go_with_the_costs_of_each_direction() -> None:
    start, end = np.asarray([0, 1, 0]), np.asarray([1, 2, 2])
    ways = shortest_ways(3, start, end, np.asarray([1.0, 1.0, 5.0]), np.asarray([9.0, 9.0, 1.0]), [2])
    assert ways.towards.tolist() == [1, 2, -1]
    assert ways.cost.tolist() == [2.0, 1.0, 0.0]
    assert ways.order.tolist() == [2, 1, 0]
