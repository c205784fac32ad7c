"""An exercise says so wherever it appears, and never stands among what is real (invariant I8, decision 0015)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

from app.api.status import Status
from model.network import Node
from model.network_content import Placed
from model.provisioning import ImportRefused
from model.reading import Rejection
from model.sensor import City, Sensor
from store.batches import IncomingReadings, write_batch
from store.networks import write_network
from store.pool import open_pool
from store.sensors import (
    OperationalCity,
    import_cities,
    import_sensors,
    load_cities,
    load_registry,
    plan_cities,
    plan_sensors,
)
from tests.api import service as api
from tests.api.service import NOON, Service, change, events, journal, running

CITIES = [
    City(city="real", name="Real", mode="operational"),
    City(city="real-exercise", name="Real, exercise", mode="exercise"),
    City(city="pilot", name="Pilot", mode="test"),
]
SENSORS = [
    Sensor(sensor=name, city=city, system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
           longitude=98.29, latitude=39.77)
    for name, city in (("R-1", "real"), ("E-1", "real-exercise"), ("T-1", "pilot"))
]  # fmt: skip
ALARM = "level.E-1.20261122T120000000Z"


@pytest.fixture
def serving(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a scenario with one red alarm in each of the cities."""
    for key, sensor in enumerate(SENSORS, 101):
        monkeypatch.setitem(api.KNOWN, sensor.sensor, (key, sensor))
    for city in CITIES:
        monkeypatch.setitem(api.MODES, city.city, city.mode)

    def serve(scenario: Callable[[Service, httpx.AsyncClient], Awaitable[None]]) -> None:
        async def run() -> None:
            async with running(database_url) as service:
                await import_sensors(service.pool, SENSORS, CITIES)
                await journal(service.pool, [change(sensor.sensor, 0, 4) for sensor in SENSORS])
                await scenario(service, await service.client("supervisor"))

        asyncio.run(run())

    return serve


async def _fill(service: Service) -> None:
    """A reading, a rejection and a pipe network of the exercise."""
    key = (await load_registry(service.pool)).keys["E-1"]
    readings = IncomingReadings(
        np.array([key], np.int32), np.array([NOON]), np.array([60.0]), np.array([0], np.uint16)
    )  # fmt: skip
    rejected = Rejection("lifeline/real-exercise/gas/E-1", b"{", 1, "not_json", "mend it", "E-1")
    await write_batch(service.pool, NOON, readings, rejections=[rejected])
    async with service.pool.acquire() as connection:
        await write_network(connection, "real-exercise", {"gas": Placed({"J": Node(node="J")}, {})})


GEOJSON = {"Accept": "application/geo+json"}
# what is asked for, and where in the answer things are that each must bear the mode; "" is the answer itself
MARKED: list[tuple[str, dict[str, str], str]] = [
    ("/alarms?city=real-exercise", {}, "alarms"),
    ("/alarms?mode=exercise", {}, "alarms"),
    (f"/alarms/{ALARM}", {}, ""),
    (f"/alarms/{ALARM}/journal", {}, ""),
    (f"/alarms/{ALARM}/journal", {"Accept": "application/x-ndjson"}, ""),
    ("/sensors?city=real-exercise", {}, "sensors"),
    ("/sensors?mode=exercise", GEOJSON, "features"),
    ("/sensors/E-1", {}, ""),
    ("/sensors/E-1/latest", {}, ""),
    ("/sensors/E-1/readings?from=2026-11-22T11:00:00Z&to=2026-11-22T13:00:00Z", {}, ""),
    ("/sensors/E-1/readings?from=2026-11-22T11:00:00Z&to=2026-11-22T13:00:00Z&bucket=1h", {}, ""),
    ("/sensors/E-1/events", {}, ""),
    ("/networks?city=real-exercise", {}, "networks"),
    ("/networks/real-exercise.gas", {}, ""),
    ("/networks/real-exercise.gas", GEOJSON, ""),
    ("/rejections", {}, "rejections"),
    ("/rejections/1", {}, ""),
    ("/status?city=real-exercise", {}, "cities"),
]


def test_each_answer_about_an_exercise_says_that_it_is_one(serving: Callable[..., None]) -> None:
    async def scenario(service: Service, client: httpx.AsyncClient) -> None:
        await _fill(service)
        for path, headers, where in MARKED:
            answer = await client.get(f"/api/v1{path}", headers=headers)
            assert answer.status_code == 200, (path, answer.text)
            body = answer.json()
            things: Any = body[where] if where else body
            things = things if isinstance(things, list) else [things]
            assert things, path
            for thing in things:
                assert thing.get("properties", thing)["mode"] == "exercise", path
        (event,) = await events(client, count=1, last_event=0, query="?mode=exercise")
        assert (event.data["sensor"], event.data["mode"]) == ("E-1", "exercise")
        acted = await client.post(
            f"/api/v1/alarms/{ALARM}/acknowledge", json={"seen_sequence": 1}, headers={"Idempotency-Key": "k" * 16}
        )
        assert (acted.status_code, acted.json()["mode"]) == (200, "exercise")

    serving(scenario)


# a query of both lists and of the stream, and the sensors in the answers
LISTED = [
    ("", ["R-1", "T-1"]),
    ("?mode=operational", ["R-1"]),
    ("?mode=exercise", ["E-1"]),
    ("?mode=test", ["T-1"]),
    ("?mode=operational,exercise", ["R-1", "E-1"]),
    ("?mode=operational&mode=test", ["R-1", "T-1"]),
    ("?city=real-exercise", ["E-1"]),
    ("?city=real-exercise&mode=operational", []),
    ("?city=real", ["R-1"]),
]


def test_lists_and_stream_leave_exercises_out_unless_asked_for(serving: Callable[..., None]) -> None:
    async def scenario(_: Service, client: httpx.AsyncClient) -> None:
        for query, expected in LISTED:
            page = (await client.get(f"/api/v1/alarms{query}")).json()
            assert {alarm["sensor"] for alarm in page["alarms"]} == set(expected), query
            assert {alarm["mode"] for alarm in page["alarms"]} <= set(page["modes"]), query
            sensors = (await client.get(f"/api/v1/sensors{query}")).json()["sensors"]
            assert {sensor["sensor"] for sensor in sensors} == set(expected), query
            sent = await events(client, count=len(expected), last_event=0, query=query) if expected else []
            assert [event.data["sensor"] for event in sent] == expected, query
        assert (await client.get("/api/v1/alarms")).json()["modes"] == ["operational", "test"]
        assert len((await client.get("/api/v1/alarms?sensor=E-1")).json()["alarms"]) == 1
        near = (await client.get("/api/v1/sensors?near=98.29,39.77")).json()["sensors"]
        assert [sensor["sensor"] for sensor in near] == ["R-1", "T-1"]
        for path in ("/alarms?mode=real", "/alarms?mode=", "/alarms/stream?mode=drill", "/sensors?mode=live"):
            answer = await client.get(f"/api/v1{path}")
            assert (answer.status_code, answer.json()["field"]) == (422, "mode.0"), path

    serving(scenario)


def test_totals_keep_the_modes_apart_also_after_a_city_has_changed_its_mode(serving: Callable[..., None]) -> None:
    async def figures(client: httpx.AsyncClient) -> Status:
        return Status.model_validate((await client.get("/api/v1/status")).json())

    async def scenario(service: Service, client: httpx.AsyncClient) -> None:
        totals = (await figures(client)).totals
        for of_mode in (totals.operational, totals.exercise, totals.test):
            assert (of_mode.cities, of_mode.sensors, of_mode.alarms.red.unacknowledged) == (1, 1, 1)
        async with service.pool.acquire() as connection:
            await import_cities(connection, [City(city="pilot", mode="operational")])
        status = await figures(client)
        assert (status.totals.operational.cities, status.totals.operational.sensors) == (2, 2)
        assert status.totals.operational.alarms.red.unacknowledged == 1
        assert status.totals.test.alarms.red.unacknowledged == 1
        pilot = next(city for city in status.cities if city.city == "pilot")
        assert (pilot.alarms.red.unacknowledged, pilot.alarms_of_other_modes) == (0, 1)

    serving(scenario)


TURNS = [
    ("operational", "exercise", False, "--turn-exercises"),
    ("exercise", "operational", False, "--turn-exercises"),
    ("operational", "exercise", True, None),
    ("exercise", "operational", True, None),
    ("operational", "test", False, None),
    ("test", "operational", False, None),
    ("test", "exercise", False, None),
    ("exercise", "", False, None),
]


@pytest.mark.parametrize(("before", "after", "may", "problem"), TURNS)
def test_operation_becomes_an_exercise_and_an_exercise_operation_only_by_an_explicit_word(
    database_url: str, before: str, after: str, may: bool, problem: str | None
) -> None:
    async def run() -> None:
        pool = await open_pool(database_url, connections_max=1)
        async with pool.acquire() as connection:
            await import_cities(connection, [City(city="c", name="C", mode=before)])
            row = {"city": "c", "name": "D"} | ({"mode": after} if after else {})
            plan, writing = await plan_cities(connection, [row], may_turn_exercises=may)
            assert [str(problem) in text for _, text in plan.problems] == ([True] if problem else [])
            assert [city.mode for city in writing] == ([] if problem else [after or before])
        await pool.close()

    asyncio.run(run())


@pytest.mark.parametrize(("registered", "stated"), [("operational", "exercise"), ("exercise", "operational")])
def test_an_import_of_sensors_never_changes_a_citys_mode(database_url: str, registered: str, stated: str) -> None:
    sensor = SENSORS[0]

    async def run() -> None:
        pool = await open_pool(database_url, connections_max=1)
        async with pool.acquire() as connection:
            await import_cities(connection, [City(city="real", mode=registered)])
        await import_sensors(pool, [sensor], [City(city="real", mode=stated)])
        async with pool.acquire() as connection:
            assert (await load_cities(connection))["real"].mode == registered
            plan, cities, _ = await plan_sensors(
                connection, [sensor], [City(city="real", mode=stated)], stated={("real", "mode"): 2}
            )
            assert cities == []
            assert [line for line, text in plan.problems if registered in text and stated in text] == [2]
        if registered == "operational":  # a replay, a simulation or an exercise is refused there
            with pytest.raises(OperationalCity):
                await import_sensors(pool, [sensor], [City(city="real", mode=stated)], refuse_operational=True)
        # Ids are single: the sensors of an exercise cannot be those of the city it is about.
        moved = msgspec.structs.replace(sensor, city="real-exercise")
        with pytest.raises(ImportRefused, match="belongs to city 'real'"):
            await import_sensors(pool, [moved], [City(city="real-exercise", mode="exercise")])
        await pool.close()

    asyncio.run(run())
