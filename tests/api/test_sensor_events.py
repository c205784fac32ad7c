"""What was done to a sensor, over the API: newest first, by the page, as it stands, within the caller's areas."""

from __future__ import annotations

from typing import Any

from app.api.sensor_events import EventPage
from model.sensor import Sensor
from model.sensor_event import KINDS, SensorEvent
from store.sensor_events import record_event
from store.sensors import load_registry
from tests.api.service import NOON, SENSORS, Service, serve

HOUR = 3_600_000


async def _record(service: Service, sensor: str, *events: SensorEvent, withdrawn: bool = False) -> None:
    key = (await load_registry(service.pool)).keys[sensor]
    async with service.pool.acquire() as connection:
        for event in events:
            await record_event(connection, key, event, withdrawn=withdrawn)


def test_events_in_force_newest_first(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        calibrated = SensorEvent(kind="calibrated", time=NOON - HOUR, by="li.wei", factor=1.02, due="2027-11-22")
        corrected = SensorEvent(kind="calibrated", time=NOON - HOUR, by="li.wei", factor=1.05, due="2027-11-22")
        rezeroed = SensorEvent(kind="rezeroed", time=NOON, by="wang", offset=-0.5, note="<b>zero</b>")
        taken_back = SensorEvent(kind="replaced", time=NOON + HOUR, by="wang")
        await _record(service, "GAS-1", calibrated, corrected, rezeroed, taken_back)
        await _record(service, "GAS-1", taken_back, withdrawn=True)
        await _record(service, "GAS-2", SensorEvent(kind="inspected", time=NOON))

        client = await service.client("viewer", "jiayuguan")
        answer = (await client.get("/api/v1/sensors/GAS-1/events")).json()
        page = EventPage.model_validate(answer)
        assert (page.sensor, page.unit, page.next) == ("GAS-1", "%{LEL}", None)
        assert [_without_recording(event) for event in answer["events"]] == [
            {"kind": "rezeroed", "time": "2026-11-22T12:00:00.000Z", "by": "wang", "note": "<b>zero</b>",
             "offset": -0.5, "factor": None, "due": ""},
            {"kind": "calibrated", "time": "2026-11-22T11:00:00.000Z", "by": "li.wei", "note": "",
             "offset": None, "factor": 1.05, "due": "2027-11-22"},
        ]  # fmt: skip
        assert (await client.get("/api/v1/sensors/DRAIN-1/events")).json()["events"] == []

    serve(database_url, scenario)


def _without_recording(event: dict[str, Any]) -> dict[str, Any]:
    assert event["recorded_at"].endswith("Z")
    return {name: value for name, value in event.items() if name != "recorded_at"}


def test_pages_are_the_whole_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        events = [
            SensorEvent(kind=kind, time=NOON + n * HOUR, offset=0.0 if kind == "rezeroed" else None)
            for n in range(3)
            for kind in KINDS
        ]
        await _record(service, "GAS-1", *events)
        client = await service.client("field")
        found, following = [], ""
        while True:
            page = (await client.get(f"/api/v1/sensors/GAS-1/events?limit=4{following}")).json()
            found += [(event["time"], event["kind"]) for event in page["events"]]
            if page["next"] is None:
                break
            following = f"&after={page['next']}"
        assert found == sorted(found, reverse=True)
        assert len(found) == len(set(found)) == len(events)

    serve(database_url, scenario)


def test_areas_and_words_that_cannot_stand(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _record(service, "WATER-9", SensorEvent(kind="inspected", time=NOON))
        client = await service.client("supervisor", "jiayuguan")
        for sensor in ("WATER-9", "NONE-1"):
            assert (await client.get(f"/api/v1/sensors/{sensor}/events")).status_code == 404
        for query, field in (("?limit=0", "limit"), ("?after=zzz", "after"), ("?kind=replaced", "kind")):
            answer = await client.get(f"/api/v1/sensors/GAS-1/events{query}")
            assert (answer.status_code, answer.json()["field"]) == (422, field)

    serve(database_url, scenario)


def test_the_answer_for_a_sensor_has_every_field_of_the_registry(database_url: str) -> None:
    """The fields stand once, in model.sensor: description and answer follow."""

    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        document = (await client.get("/openapi.json")).json()
        described = document["components"]["schemas"]["SensorItem"]
        newest = {"latest", "doubt"}
        own = {"mode", "reading_unit", "distance_m", "bearing_deg", *newest}
        assert described["properties"].keys() == {*Sensor.__struct_fields__, *own}
        assert {"sensor", "city", "unit", "reading_unit"} <= set(described["required"])
        for sensor in SENSORS:
            answer = (await client.get(f"/api/v1/sensors/{sensor.sensor}")).json()
            assert answer.keys() == described["properties"].keys() - newest  # which is asked for
            assert all(answer[name] == getattr(sensor, name) for name in Sensor.__struct_fields__)

    serve(database_url, scenario)
