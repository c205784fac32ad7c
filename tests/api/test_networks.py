"""Pipe networks over the API: by the page, by place, as JSON and GeoJSON, for those who may and within their areas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from app.api.networks import NETWORK_READERS, NetworkList, NetworkPage
from app.roles import ROLES
from model.network import Link, Network, Node
from model.network_content import Placed
from model.network_file import parse_network_file
from store.networks import load_network, write_network
from tests.api.service import MARKUP, Service, serve

GEOJSON = {"Accept": "application/geo+json"}
# A street of gas pipes, west to east along 39.77 N; the last one takes a bow to the north, the reservoir is nowhere.
NODES = [
    *(Node(node=f"J-{n}", position=(round(98.20 + n / 100, 2), 39.77), elevation_m=1600.0 + n) for n in range(5)),
    Node(node="R", kind="reservoir"),
]
LINKS = [
    *(Link(link=f"P-{n}", from_node=f"J-{n}", to_node=f"J-{n + 1}", diameter_mm=200.0) for n in range(3)),
    Link(link="P-3", from_node="J-3", to_node="J-4", material=MARKUP, year_built=1999, length_m=2_000.0,
         line=((98.23, 39.77), (98.235, 39.79), (98.24, 39.77))),
    Link(link="J-4", from_node="J-4", to_node="R", kind="valve"),  # an id of a node, too
]  # fmt: skip
LOCAL = [Node(node="A", position=(5_000.0, 39.77), crs="EPSG:4547"), Node(node="B", crs="EPSG:4547")]
LOCAL_LINK = Link(link="L", from_node="A", to_node="B", crs="EPSG:4547")


def _placed(nodes: list[Node], links: list[Link]) -> Placed:
    return Placed({node.node: node for node in nodes}, {link.link: link for link in links})


async def _import(service: Service) -> None:
    async with service.pool.acquire() as connection:
        await write_network(
            connection, "jiayuguan", {"gas": _placed(NODES, LINKS), "drainage": _placed(LOCAL, [LOCAL_LINK])}
        )
        await write_network(connection, "jinchang", {"water": _placed(NODES[:2], LINKS[:1])})


async def _pages(client: httpx.AsyncClient, path: str, **options: Any) -> list[dict[str, Any]]:
    found = []
    following = ""
    while True:
        answer = await client.get(path + following, **options)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        if found[-1]["next"] is None:
            return found
        following = f"{'&' if '?' in path else '?'}after={found[-1]['next']}"


def test_the_networks_there_are(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _import(service)
        client = await service.client("operator")
        everything = NetworkList.model_validate((await client.get("/api/v1/networks")).json())
        assert [(row.network, row.nodes, row.links, row.crs) for row in everything.networks] == [
            ("jiayuguan.drainage", 2, 1, ["EPSG:4547"]),
            ("jiayuguan.gas", 6, 5, ["WGS-84"]),
            ("jinchang.water", 2, 1, ["WGS-84"]),
        ]
        pages = await _pages(client, "/api/v1/networks?limit=1")
        assert [row["network"] for page in pages for row in page["networks"]] == [
            row.network for row in everything.networks
        ]
        one = (await client.get("/api/v1/networks?city=jinchang")).json()["networks"]
        assert [row["network"] for row in one] == ["jinchang.water"]

    serve(database_url, scenario)


@pytest.mark.parametrize("limit", [1, 3, 5, 6, 7, 11, 100])
def test_pages_of_a_network_are_the_whole_of_it_once(database_url: str, limit: int) -> None:
    async def scenario(service: Service) -> None:
        await _import(service)
        client = await service.client("engineer", "jiayuguan")
        pages = [
            NetworkPage.model_validate(page)
            for page in await _pages(client, f"/api/v1/networks/jiayuguan.gas?limit={limit}")
        ]
        assert [node.node for page in pages for node in page.nodes] == sorted(node.node for node in NODES)
        assert [link.link for page in pages for link in page.links] == sorted(link.link for link in LINKS)
        assert all(len(page.nodes) + len(page.links) == limit for page in pages[:-1])

    serve(database_url, scenario)


def test_fields_are_those_of_the_model(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _import(service)
        client = await service.client("supervisor")
        page = (await client.get("/api/v1/networks/jiayuguan.gas")).json()
        nodes, links = ({item[key]: item for item in page[f"{key}s"]} for key in ("node", "link"))
        assert nodes["J-1"] == {
            "node": "J-1", "kind": "junction", "position": [98.21, 39.77], "elevation_m": 1601.0, "crs": "WGS-84",
        }  # fmt: skip
        assert nodes["R"]["position"] is None
        assert links["P-0"] == {
            "link": "P-0", "from_node": "J-0", "to_node": "J-1", "kind": "pipe", "length_m": None,
            "diameter_mm": 200.0, "material": "", "year_built": None, "line": [[98.2, 39.77], [98.21, 39.77]],
            "crs": "WGS-84",
        }  # fmt: skip
        assert links["P-3"]["line"] == [[98.23, 39.77], [98.235, 39.79], [98.24, 39.77]]
        assert links["J-4"]["line"] == [[98.24, 39.77]]  # the other end is not known

    serve(database_url, scenario)


def test_geojson_is_what_an_import_takes(database_url: str, tmp_path: Path) -> None:
    async def scenario(service: Service) -> None:
        await _import(service)
        client = await service.client("operator")
        pages = await _pages(client, "/api/v1/networks/jiayuguan.gas?limit=4", headers=GEOJSON)
        collection = {"type": "FeatureCollection", "features": [f for page in pages for f in page["features"]]}
        ids = [feature["id"] for feature in collection["features"]]
        assert len(set(ids)) == len(ids) == 11
        path = tmp_path / "network.geojson"
        path.write_text(json.dumps(collection))
        file = parse_network_file(path)
        assert file.problems == []
        async with service.pool.acquire() as connection:
            stored = await load_network(connection, "jiayuguan", "gas")
        assert file.media["gas"].nodes == stored.nodes
        drawn = {link.link: _drawn(link, stored) for link in LINKS}
        assert file.media["gas"].links == drawn

    serve(database_url, scenario)


def _drawn(link: Link, network: Network) -> Link:
    """The link with the line that a map shows: a straight one between its ends, where both are known."""
    ends = [network.nodes[node].position for node in (link.from_node, link.to_node)]
    straight = () if None in ends else tuple(ends)
    return msgspec.structs.replace(link, line=link.line or straight)


PLACES = [
    # what touches the box by its own bounding box
    ("bbox=98.195,39.76,98.205,39.78", ["J-0"], ["P-0"]),
    ("bbox=98.212,39.76,98.218,39.78", [], ["P-1"]),  # a pipe that only passes
    ("bbox=98.23,39.785,98.24,39.80", [], ["P-3"]),  # its bow
    ("bbox=98.20,39.80,98.24,39.90", [], []),
    ("bbox=179,-90,98.205,90", ["J-0"], ["P-0"]),  # across the antimeridian
    ("near=98.21,39.77&radius_m=300", ["J-1"], ["P-0", "P-1"]),
    ("near=98.215,39.771&radius_m=200", [], ["P-1"]),
    ("near=98.21,39.77&radius_m=300&bbox=98.0,39.0,98.205,40.0", [], ["P-0"]),
    ("near=98.24,39.77&radius_m=100", ["J-4"], ["J-4", "P-3"]),
]


@pytest.mark.parametrize(("query", "nodes", "links"), PLACES)
def test_by_place(database_url: str, query: str, nodes: list[str], links: list[str]) -> None:
    async def scenario(service: Service) -> None:
        await _import(service)
        client = await service.client("operator", "jiayuguan")
        pages = await _pages(client, f"/api/v1/networks/jiayuguan.gas?limit=2&{query}")
        assert [node["node"] for page in pages for node in page["nodes"]] == nodes
        assert [link["link"] for page in pages for link in page["links"]] == links
        # What lies in another system of coordinates is not found by longitude and latitude.
        other = (await client.get("/api/v1/networks/jiayuguan.drainage?bbox=-180,-90,180,90")).json()
        assert (other["nodes"], other["links"]) == ([], [])

    serve(database_url, scenario)


def test_roles_and_areas(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _import(service)
        for role in ROLES:
            client = await service.client(role, "jiayuguan")
            sees = role in NETWORK_READERS
            listed = await client.get("/api/v1/networks")
            assert listed.status_code == (200 if sees else 403), role
            for headers in ({}, GEOJSON):
                for network, status in (("jiayuguan.gas", 200), ("jinchang.water", 404), ("nowhere.gas", 404)):
                    answer = await client.get(f"/api/v1/networks/{network}", headers=headers)
                    assert answer.status_code == (status if sees else 403), (role, network)
                    if answer.status_code != 200:
                        assert answer.headers["content-type"] == "application/problem+json"
                        assert answer.json()["remedy"]
            if sees:
                assert "jinchang" not in listed.text
                asked = await client.get("/api/v1/networks?city=jinchang")
                assert (asked.status_code, asked.json()["field"]) == (403, "city")
        assert {"viewer", "field", "security_administrator"} == set(ROLES) - NETWORK_READERS

    serve(database_url, scenario)


def test_words_that_cannot_stand(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _import(service)
        client = await service.client("operator")
        for path, field in (
            ("/jiayuguan", "network"),
            ("/jiayuguan.electricity", "network"),
            ("/jiayuguan.gas.gas", "network"),
            ("/%00.gas", "network"),
            ("/jiayuguan.gas?near=1", "near"),
            ("/jiayuguan.gas?radius_m=5", "radius_m"),
            ("/jiayuguan.gas?near=98,39&radius_m=1e7", "radius_m"),
            ("/jiayuguan.gas?bbox=1,2,3", "bbox"),
            ("/jiayuguan.gas?limit=0", "limit"),
            ("/jiayuguan.gas?limit=99999", "limit"),
            ("/jiayuguan.gas?after=zzz", "after"),
            ("/jiayuguan.gas?after=WyJwaXBlIiwiUC0wIl0", "after"),  # ["pipe","P-0"]
            ("/jiayuguan.gas?medium=gas", "medium"),
            ("?after=zzz", "after"),
            ("?medium=gas", "medium"),
        ):
            answer = await client.get(f"/api/v1/networks{path}")
            assert answer.status_code == 422, (path, answer.text)
            assert (answer.json()["field"], bool(answer.json()["remedy"])) == (field, True), path

    serve(database_url, scenario)
