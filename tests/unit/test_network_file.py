"""Network files: GeoJSON, EPANET and SWMM, each error with its line; read, written, and followed along the flow."""

import json
from pathlib import Path
from typing import Any

import pytest

from model.network import Link, Network, Node, distance_m
from model.network_content import NetworkFile
from model.network_file import parse_network_file, write_network_file
from model.sensor_file import SensorFileError

EPANET = """[TITLE]
A small net ; with a comment

[JUNCTIONS]
;ID  Elev
 J1  1600  5
 J2  1598.5
[RESERVOIRS]
 R1  1650
[TANKS]
 T1  1620 2 0 4 10 0
[PIPES]
 P1  R1 J1 120.5 300 100 0 Open
 P2  J1 J2 80    200 100
[PUMPS]
 PU1 J2 T1 POWER 5
[VALVES]
 V1  T1 J1 150 PRV 30 0
[OPTIONS]
 Units LPS
[COORDINATES]
 J1 98.29 39.77
 J2 98.30 39.77
 R1 98.28 39.78
 T1 98.31 39.77
[VERTICES]
 P1 98.285 39.775
[END]
nothing after the end is read
"""

SWMM = """[OPTIONS]
FLOW_UNITS           CMS
[JUNCTIONS]
W1 1590.2 3.1 0 0 0
W2 1589.9 3.0
[STORAGE]
S1 1588 4 0 TABULAR x
[OUTFALLS]
O1 1587 FREE NO
[CONDUITS]
C1 W1 W2 40 0.013 0 0
C2 W2 S1 35 0.013 0 0
[ORIFICES]
OR1 S1 O1 SIDE 0 0.65 NO
[XSECTIONS]
C1 CIRCULAR 0.6 0 0 0 1
C2 RECT_CLOSED 1.2 0.8 0 0 1
[COORDINATES]
W1 98.29 39.77
W2 98.30 39.77
S1 98.31 39.77
O1 98.32 39.77
[POLYGONS]
SC1 98.2 39.7
"""


def line(start: str, end: str, **more: Any) -> dict[str, Any]:
    geometry = {"type": "LineString", "coordinates": [[98.29, 39.77], [98.30, 39.77]]}
    return {"type": "Feature", "geometry": geometry, "properties": {"from": start, "to": end, "medium": "gas", **more}}


def point(node: str, **more: Any) -> dict[str, Any]:
    place = {"type": "Point", "coordinates": [98.29, 39.77]}
    return {"type": "Feature", "geometry": place, "properties": {"node": node, "medium": "gas", **more}}


def collection(*features: Any) -> str:
    return '{"type": "FeatureCollection", "features": [\n' + ",\n".join(map(json.dumps, features)) + "\n]}"


def parse(folder: Path, text: str, **more: Any) -> NetworkFile:
    path = folder / "network"
    path.write_text(text, "utf-8")
    return parse_network_file(path, **more)


def test_an_epanet_file_is_read(tmp_path: Path) -> None:
    found = parse(tmp_path, EPANET)
    assert (found.problems, found.notes, list(found.media)) == ([], [], ["water"])
    nodes, links = found.media["water"]
    assert nodes["J1"] == Node(node="J1", position=(98.29, 39.77), elevation_m=1600.0)
    assert {name: node.kind for name, node in nodes.items()} == {
        "J1": "junction", "J2": "junction", "R1": "reservoir", "T1": "tank",
    }  # fmt: skip
    bent = ((98.28, 39.78), (98.285, 39.775), (98.29, 39.77))
    assert links["P1"] == Link(link="P1", from_node="R1", to_node="J1", length_m=120.5, diameter_mm=300.0, line=bent)
    assert (links["PU1"].kind, links["PU1"].length_m, links["V1"].kind, links["V1"].diameter_mm) == (
        "pump", None, "valve", 150.0,
    )  # fmt: skip


def test_us_units_are_converted_and_taken_where_none_are_named(tmp_path: Path) -> None:
    found = parse(tmp_path, EPANET.replace("[OPTIONS]\n Units LPS\n", ""))
    pipe = found.media["water"].links["P2"]
    assert (pipe.length_m, pipe.diameter_mm) == (pytest.approx(80 * 0.3048), pytest.approx(200 * 25.4))
    assert found.notes == ["no UNITS in [OPTIONS]: GPM is taken, so feet, as EPANET does"]


def test_a_swmm_file_is_read(tmp_path: Path) -> None:
    found = parse(tmp_path, SWMM)
    assert (found.problems, list(found.media)) == ([], ["drainage"])
    nodes, links = found.media["drainage"]
    assert {name: node.kind for name, node in nodes.items()} == {
        "W1": "junction", "W2": "junction", "S1": "storage", "O1": "outfall",
    }  # fmt: skip
    assert (links["C1"].diameter_mm, links["C1"].length_m, links["C1"].kind) == (600.0, 40.0, "conduit")
    assert (links["C2"].diameter_mm, links["OR1"].kind) == (None, "orifice")
    assert nodes["W1"].elevation_m == 1590.2


# name: (text, line of the first error, words)
BAD_INP = {
    "an unknown node": (EPANET.replace("P2  J1 J2", "P2  J1 J9"), 14, ["P2", "J9", "JUNCTIONS"]),
    "a node twice": (EPANET.replace(" J2  1598.5", " J1  1598.5"), 7, ["J1", "line 6"]),
    "a node twice across sections": (EPANET.replace(" R1  1650", " J1  1650"), 9, ["J1", "line 6"]),
    "a link twice": (EPANET.replace(" PU1 J2", " P1 J2"), 16, ["P1", "line 13"]),
    "an elevation that is no number": (EPANET.replace("1598.5", "high"), 7, ["elevation", "high"]),
    "an infinite elevation": (EPANET.replace("1598.5", "1e999"), 7, ["elevation", "finite"]),
    "a length that is no number": (EPANET.replace("120.5", "nan"), 13, ["length", "finite"]),
    "a negative diameter": (EPANET.replace("80    200", "80    -200"), 14, ["diameter", "negative"]),
    "a link without its nodes": (EPANET.replace("P2  J1 J2 80    200 100", "P2  J1"), 14, ["P2", "two nodes"]),
    "a link to itself": (EPANET.replace("P2  J1 J2", "P2  J1 J1"), 14, ["P2"]),
    "coordinates of nobody": (EPANET.replace(" T1 98.31", " T9 98.31"), 25, ["T9"]),
    "coordinates off the globe": (EPANET.replace("98.29 39.77", "482190 4402310"), 22, ["longitude", "--crs"]),
    "a vertex of no link": (EPANET.replace(" P1 98.285", " P9 98.285"), 27, ["P9"]),
    "no links": (EPANET.replace("[PIPES]", "[PIPE]"), 0, ["[PIPES]", "EPANET"]),
    "no nodes": ("[PIPES]\n[COORDINATES]\n", 0, ["[JUNCTIONS]"]),
    "no coordinates": (EPANET.replace("[COORDINATES]", "[PLACES]"), 0, ["[COORDINATES]"]),
    "no conduits": (SWMM.replace("[CONDUITS]", "[CONDUIT]"), 0, ["[CONDUITS]", "SWMM"]),
    "a cross-section of no link": (SWMM.replace("C2 RECT_CLOSED", "C9 RECT_CLOSED"), 17, ["C9"]),
    "a line before all sections": (";x\nJ1 5\n" + EPANET, 2, ["[TITLE]"]),
    "an id with a right-to-left mark": (EPANET.replace(" J2  1598.5", " J2\u202e  1598.5"), 7, ["U+202E"]),
    "an id too long": (EPANET.replace(" J2  1598.5", " " + "J" * 65 + "  1598.5"), 7, ["65", "64"]),
    "nothing in it": ("[JUNCTIONS]\n[PIPES]\n[COORDINATES]\n", 0, ["no link"]),
}


@pytest.mark.parametrize("name", BAD_INP)
def test_a_bad_input_file_is_told_with_its_line(name: str, tmp_path: Path) -> None:
    text, expected, words = BAD_INP[name]
    found = parse(tmp_path, text)
    assert found.problems[0][0] == expected
    assert all(word in found.problems[0][1] for word in words), found.problems


def test_all_errors_of_an_input_file_are_told_at_once(tmp_path: Path) -> None:
    text = EPANET.replace("1598.5", "x").replace("120.5", "inf").replace("T1 J1 150", "T1 J7 150")
    assert [at for at, _ in parse(tmp_path, text).problems] == [7, 13, 18]


def test_other_coordinates_are_kept_with_the_name_of_their_system(tmp_path: Path) -> None:
    found = parse(tmp_path, EPANET.replace("98.29 39.77", "482190 4402310"), crs="EPSG:4547", medium="heating")
    assert found.problems == []
    node = found.media["heating"].nodes["J1"]
    assert (node.position, node.crs) == ((482190.0, 4402310.0), "EPSG:4547")


def test_geojson_lines_are_read_and_make_their_nodes(tmp_path: Path) -> None:
    more = {"id": "g-1", "diameter_mm": 200, "material": "PE", "year_built": 1998, "length_m": 850.5}
    found = parse(
        tmp_path, collection(line("a", "b", **more), line("b", "c"), line("b", "c"), point("b", kind="valve"))
    )
    assert found.problems == []
    nodes, links = found.media["gas"]
    assert (sorted(nodes), nodes["b"].kind, sorted(links)) == (["a", "b", "c"], "valve", ["b-c", "b-c-2", "g-1"])
    assert found.implied == {("gas", "a"), ("gas", "c")}
    assert links["g-1"] == Link(
        link="g-1", from_node="a", to_node="b", diameter_mm=200.0, material="PE", year_built=1998, length_m=850.5,
        line=((98.29, 39.77), (98.30, 39.77)),
    )  # fmt: skip
    assert found.notes == ["ends of lines that do not lie where their node was drawn first: 1"]


BAD_LINES = {
    "no medium": (line("a", "b", medium=None), ["medium", "drainage"]),
    "an unknown medium": (line("a", "b", medium="oil"), ["medium", "oil", "drainage"]),
    "no node it comes from": (line("", "b"), ["from", "empty"]),
    "no node it goes to": ({**line("a", "b"), "properties": {"from": "a", "medium": "gas"}}, ["to", "empty"]),
    "from a node to itself": (line("a", "a"), ["to", "'a'"]),
    "an id twice": (line("a", "b", id="x"), ["id", "'x'", "line 2"]),
    "a diameter that is no number": (line("a", "b", diameter_mm="wide"), ["diameter_mm", "wide"]),
    "a length that is not finite": (line("a", "b", length_m=float("inf")), ["length_m", "finite"]),
    "a negative length": (line("a", "b", length_m=-1), ["length_m", "negative"]),
    "a year that is none": (line("a", "b", year_built=98), ["year_built", "98"]),
    "a polygon": ({**line("a", "b"), "geometry": {"type": "Polygon", "coordinates": []}}, ["Polygon", "LineString"]),
    "a line of one position": (
        {**line("a", "b"), "geometry": {"type": "LineString", "coordinates": [[98.29, 39.77]]}},
        ["LineString", "coordinates"],
    ),
    "a position that is not finite": (
        {**line("a", "b"), "geometry": {"type": "LineString", "coordinates": [[98.29, float("nan")], [98.3, 39.7]]}},
        ["geometry", "finite"],
    ),
    "a control character in the material": (line("a", "b", material="P\x00E"), ["material", "U+0000"]),
    "a node twice": (point("n"), ["node", "'n'"]),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_told_with_its_line(name: str, tmp_path: Path) -> None:
    bad, words = BAD_LINES[name]
    found = parse(tmp_path, collection(line("p", "q", id="x"), point("n"), bad))
    assert [at for at, _ in found.problems] == [4]
    assert all(word in found.problems[0][1] for word in ["feature 3", *words]), found.problems


@pytest.mark.parametrize("content", ["", "id,from,to\n", "{", '{"features": [1]}', "[" * 100_000])
def test_what_is_no_network_file_is_refused(content: str, tmp_path: Path) -> None:
    try:
        problems = parse(tmp_path, content).problems
    except SensorFileError as error:
        problems = error.problems
    assert problems


def test_networks_are_written_and_read_again(tmp_path: Path) -> None:
    first = [parse(tmp_path, EPANET), parse(tmp_path, SWMM)]
    networks = [
        Network("jyg", medium, part.nodes.values(), part.links.values())
        for found in first
        for medium, part in found.media.items()
    ]
    out = tmp_path / "out.geojson"
    assert write_network_file(out, networks) == 15
    again = parse_network_file(out)
    assert again.problems == []
    for found in first:
        for medium, part in found.media.items():
            assert again.media[medium].nodes == part.nodes
            straight = {name: drawn(part.nodes, link) for name, link in part.links.items()}
            assert again.media[medium].links == straight


def drawn(nodes: dict[str, Node], link: Link) -> Link:
    """The link as it is written: with its ends where it has no line of its own."""
    ends = tuple(place for place in (nodes[link.from_node].position, nodes[link.to_node].position) if place)
    return Link(**{**{name: getattr(link, name) for name in link.__struct_fields__}, "line": link.line or ends})


def test_upstream_and_downstream_follow_the_flow_by_the_shortest_way() -> None:
    def link(name: str, start: str, end: str, length_m: float) -> Link:
        return Link(link=name, from_node=start, to_node=end, length_m=length_m)

    #  a ─► b ─► c ─► d,  b ─► e ─► c (longer),  d ─► b (a loop)
    network = Network(
        "jyg",
        "drainage",
        [Node(node=name) for name in "abcdez"],
        [link("ab", "a", "b", 10), link("bc", "b", "c", 30), link("cd", "c", "d", 5), link("be", "b", "e", 10),
         link("ec", "e", "c", 40), link("db", "d", "b", 1)],
    )  # fmt: skip
    assert network.downstream("a") == {"a": 0, "b": 10, "e": 20, "c": 40, "d": 45}
    assert list(network.downstream("a")) == ["a", "b", "e", "c", "d"]
    assert network.downstream("a", within_m=20) == {"a": 0, "b": 10, "e": 20}
    assert network.upstream("c") == {"c": 0, "b": 30, "d": 31, "a": 40, "e": 40}
    assert network.downstream("cd") == network.downstream("d")
    assert network.upstream("cd") == network.upstream("c")
    assert (network.downstream("z"), network.downstream("nowhere")) == ({"z": 0}, {})
    assert network.links_between(["a", "b", "c"]) == ["ab", "bc"]
    assert [network.place_of(asset) for asset in ("a", "ab", "x")] == ["node", "link", None]


def test_a_length_that_is_not_given_is_taken_from_the_map() -> None:
    west, east = Node(node="w", position=(98.0, 39.77)), Node(node="e", position=(98.01, 39.77))
    plain = Link(link="l", from_node="w", to_node="e")
    network = Network("jyg", "gas", [west, east], [plain])
    assert network.length_of(plain) == pytest.approx(854.7, abs=1)
    assert distance_m((0.0, 0.0), (0.0, 90.0)) == pytest.approx(10_007_557, abs=1)
    projected = Link(link="l", from_node="w", to_node="e", line=((0.0, 0.0), (30.0, 40.0)), crs="EPSG:4547")
    assert network.length_of(projected) == 50.0
