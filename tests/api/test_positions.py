"""Operators' positions: configured by few, seen within the areas, and the flood that one stands in."""

from __future__ import annotations

from typing import Any

import pytest

from app.api.positions import PositionFloods, Positions
from model.position import read_positions
from model.yaml_file import YamlFileError
from store.journal import Place
from tests.api.service import Service, serve
from tests.integration.test_floods import raised, record

GAS = Place("jiayuguan", "gas", "xiongguan")
DESK = {"city": "jiayuguan", "name": "Gas desk", "name_zh": "燃气席", "systems": ["gas"], "districts": []}


async def _ids(client: Any, query: str = "") -> list[str]:
    answer = await client.get(f"/api/v1/positions{query}")
    assert answer.status_code == 200, answer.text
    return [one.position for one in Positions.model_validate(answer.json()).positions]


def test_each_city_has_a_default_position_and_those_configured(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        reader = await service.client("viewer")
        assert await _ids(reader) == ["jiayuguan.default", "jinchang.default"]
        supervisor = await service.client("supervisor")
        answer = await supervisor.put("/api/v1/positions/gas-desk", json=DESK)
        assert answer.status_code == 200, answer.text
        assert answer.json() == DESK | {"position": "gas-desk", "configured": True, "floods": []}
        assert await _ids(reader, "?city=jiayuguan") == ["gas-desk", "jiayuguan.default"]
        changed = await supervisor.put("/api/v1/positions/gas-desk", json=DESK | {"systems": ["gas", "water"]})
        assert changed.json()["systems"] == ["gas", "water"]
        assert (await supervisor.delete("/api/v1/positions/gas-desk")).status_code == 204
        assert (await supervisor.delete("/api/v1/positions/gas-desk")).status_code == 404
        assert await _ids(reader) == ["jiayuguan.default", "jinchang.default"]

    serve(database_url, scenario)


def test_positions_are_seen_and_configured_within_the_areas(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        here = await service.client("supervisor", "jiayuguan")
        there = await service.client("supervisor", "jinchang")
        await here.put("/api/v1/positions/desk", json=DESK)
        assert await _ids(there) == ["jinchang.default"]
        assert (await there.get("/api/v1/positions?city=jiayuguan")).status_code == 403
        assert (await there.get("/api/v1/positions/desk/flood")).status_code == 404
        assert (await there.delete("/api/v1/positions/desk")).status_code == 404
        assert (await there.put("/api/v1/positions/desk", json=DESK)).status_code == 422
        taken = await there.put("/api/v1/positions/desk", json=DESK | {"city": "jinchang"})
        assert (taken.status_code, taken.json()["remedy"]) == (409, "take another id")
        assert (await (await service.client("operator")).put("/api/v1/positions/x", json=DESK)).status_code == 403

    serve(database_url, scenario)


# the path's id and the body: the field that is named
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("a.default", DESK, "position"),
    ("desk", DESK | {"city": "atlantis"}, "city"),
    ("desk", DESK | {"systems": ["sewers"]}, "systems.0"),
    ("desk", DESK | {"name": "a\u202eb"}, "name"),
    ("desk", DESK | {"colour": "red"}, "colour"),
    ("desk", DESK | {"districts": ["xiongguan", "jinchuan"]}, "districts"),  # the other one is another city's
]


def test_what_cannot_stand_is_refused_by_its_field(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("system_administrator")
        for position, body, field in REFUSED:
            answer = await client.put(f"/api/v1/positions/{position}", json=body)
            assert (answer.status_code, answer.json()["field"]) == (422, field)
            assert answer.json()["remedy"]
        stands = await client.put("/api/v1/positions/desk", json=DESK | {"districts": ["xiongguan", "jingtie"]})
        assert stands.status_code == 200
        await service.pool.execute("delete from sensor where city = 'jiayuguan'")  # none yet: any district may come
        early = await client.put("/api/v1/positions/desk", json=DESK | {"districts": ["new-town"]})
        assert early.json()["districts"] == ["new-town"]

    serve(database_url, scenario)


def test_a_flood_shows_what_came_first_and_what_is_folded_by_rule(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        storm = [raised(f"s{n}", n, 1 + n % 2, GAS, mode="test") for n in range(12)]
        red = raised("red", 20, 4, GAS, mode="test", rule="top")
        async with service.pool.acquire() as connection:
            await record(connection, [*storm, red])
        client = await service.client("viewer", "jiayuguan")
        (position,) = (await client.get("/api/v1/positions")).json()["positions"]
        assert [(one["mode"], one["annunciated"], one["folded"]) for one in position["floods"]] == [("test", 13, 11)]
        answer = await client.get("/api/v1/positions/jiayuguan.default/flood")
        (flood,) = PositionFloods.model_validate(answer.json()).floods
        assert flood.first_out == storm[0].alarm.alarm
        assert [(one.rule, one.alarms, one.severity) for one in flood.groups] == [("level", 11, "yellow")]
        other = await service.client("viewer", "jinchang")
        assert (await other.get("/api/v1/positions/jinchang.default/flood")).json()["floods"] == []

    serve(database_url, scenario)


GOOD = "positions:\n  - {position: gas, city: jyg, systems: [gas]}\n  - {position: rest, city: jyg, name: Rest}\n"
BAD = {
    "positions:\n  - {position: gas, city: jyg}\n  - {position: gas, city: jyg}\n": "stands in it twice",
    "positions:\n  - {position: a.default, city: jyg}\n": "pattern",
    "positions:\n  - {position: gas, city: jyg, systems: [gaz]}\n": "'gaz' is not known",
    "positions: []\n": "too few entries",
    "": "it is empty",
}


def test_a_file_of_positions(tmp_path: Any) -> None:
    file = tmp_path / "positions.yaml"
    file.write_text(GOOD, "utf-8")
    assert [(one.position, one.systems, one.name) for one in read_positions(file)] == [
        ("gas", ("gas",), ""),
        ("rest", (), "Rest"),
    ]
    for text, told in BAD.items():
        file.write_text(text, "utf-8")
        with pytest.raises(YamlFileError, match=told):
            read_positions(file)
