"""Reports from people: they join what is near, are verified by somebody else, and hold nothing personal."""

from __future__ import annotations

from typing import Any

from app.api.reports import ReportPage
from tests.api.incident_streets import DEGREE_M, MINUTE, build, get, happens, post, raised, returned
from tests.api.service import NOON, Service, serve

A = "i.low.W-1.20261122T120000000Z"


def said(metres: float = 200, **facts: Any) -> dict[str, Any]:
    """What a caller says, so many metres east of gauge W-1."""
    return {
        "kind": "low_pressure", "city": "jiayuguan", "time": "2026-11-22T12:03:00.000Z", "source": "hotline",
        "place": {"longitude": 98.2 + metres / DEGREE_M, "latitude": 39.77},
    } | facts  # fmt: skip


def test_a_report_joins_the_open_incident_near_it(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        await happens(service, raised("W-1"))
        service.now = NOON + 5 * MINUTE
        hotline = await service.client("operator", "jiayuguan", label="hotline-12345")
        sent = said(480, text="no water above the third floor", reference="20261122-000417")
        answer = await post(hotline, "/reports", "call-1", **sent)
        assert answer.status_code == 200, answer.text
        report = answer.json()
        assert (report["report"], report["incident"], report["system"]) == ("report.1", A, "water")
        assert (report["kind_names"]["zh"], report["mode"], report["found"]) == ("水压低", "test", None)
        assert (report["reported_by"], report["received_at"]) == ("hotline-12345", "2026-11-22T12:05:00.000Z")
        assert report["place"] == {"longitude": 98.2056, "latitude": 39.77}  # some ten metres
        assert (await post(hotline, "/reports", "call-1", **sent)).json() == report
        other_words = await post(hotline, "/reports", "call-1", **(sent | {"text": "nothing"}))
        assert (other_words.status_code, other_words.json()["field"]) == (409, "Idempotency-Key")

        incident = await get(hotline, f"/incidents/{A}")
        assert [(one["report"], one["kind"], one["reason"]["relation"]) for one in incident["reports"]] == [
            ("report.1", "low_pressure", "near")
        ]
        assert (incident["members_total"], len(incident["members"])) == (2, 1)
        # The gauge recovers; what was reported stands until somebody has looked.
        await happens(service, returned("W-1", 9))
        assert (await get(hotline, f"/incidents/{A}"))["state"] == "open"
        crew = await service.client("field", "jiayuguan", label="crew-3")
        verified = (await post(crew, "/reports/report.1/verify", found=False, note="back again")).json()
        assert (verified["found"], verified["verified_by"], verified["note"]) == (False, "crew-3", "back again")
        assert (await get(hotline, f"/incidents/{A}"))["state"] == "closed"

    serve(database_url, scenario)


def test_a_report_far_from_all_opens_an_incident_that_an_alarm_joins_and_a_person_closes(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        service.now = NOON + 4 * MINUTE
        desk = await service.client("supervisor", label="desk-1")
        report = (await post(desk, "/reports", **said(0))).json()
        assert report["incident"] == "i.report.1"
        cause = (await get(desk, "/incidents/i.report.1"))["probable_cause"]
        assert (cause["kind"], cause["words"]["zh"]) == ("report", "公众上报：水压低")
        gas = (await post(desk, "/reports", **said(0, kind="gas_smell"))).json()
        assert gas["incident"] == "i.report.2"
        await happens(service, raised("W-2", 6))
        joined = await get(desk, "/incidents/i.report.1")
        assert [one["sensor"] for one in joined["members"]] == ["W-2"]
        alone = await get(desk, "/incidents/i.report.2")
        closed = await post(desk, "/incidents/i.report.2/close", seen_version=alone["version"], note="a bakery")
        assert closed.status_code == 200, closed.text
        gone = await get(desk, "/incidents/i.report.2")
        assert (gone["state"], gone["history"][-1]["actor"], gone["history"][-1]["note"]) == (
            "closed",
            "desk-1",
            "a bakery",
        )

    serve(database_url, scenario)


def test_another_person_verifies_and_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        service.now = NOON + 4 * MINUTE
        patrol = await service.client("field", label="patrol-1")
        crew = await service.client("field", label="crew-3")
        await post(patrol, "/reports", **said(source="patrol"))
        own = await post(patrol, "/reports/report.1/verify", found=True)
        assert (own.status_code, "yourself" in own.json()["detail"]) == (409, True)
        first = await post(crew, "/reports/report.1/verify", "v-1", found=True)
        assert first.json()["found"] is True
        assert (await post(crew, "/reports/report.1/verify", "v-1", found=True)).json() == first.json()
        again = await post(await service.client("operator"), "/reports/report.1/verify", found=False)
        assert (again.status_code, again.json()["verified_by"]) == (409, "crew-3")
        assert again.json()["verified_at"] == "2026-11-22T12:04:00.000Z"
        assert (await get(crew, "/incidents/i.report.1"))["state"] == "open"
        viewer = await service.client("viewer")
        assert (await post(viewer, "/reports/report.1/verify", found=True)).status_code == 403
        assert (await post(viewer, "/reports", **said())).status_code == 403

    serve(database_url, scenario)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"text": "ring 139 1234 5678"}, "text"),
    ({"text": "新华路3号楼2单元502室"}, "text"),
    ({"reference": "11010519491231002X"}, "reference"),
    ({"reference": "13912345678"}, "reference"),
    ({"photograph": "http://photos.example/1.jpg"}, "photograph"),
    ({"photograph": "https://li:wei@photos.example/1.jpg"}, "photograph"),
    ({"kind": "ufo"}, "kind"),
    ({"source": "rumour"}, "source"),
    ({"place": {"longitude": 98.2}}, "place.latitude"),
    ({"place": {"longitude": 198.2, "latitude": 39.77}}, "place.longitude"),
    ({"time": "2026-11-22T12:30:00.000Z"}, "time"),
    ({"time": "2026-10-01T12:00:00.000Z"}, "time"),
    ({"time": "2026-11-22T12:00:00"}, "time"),
    ({"name": "Li Wei"}, "name"),
    ({"city": "nowhere"}, "city"),
]


def test_what_is_refused_and_why(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        service.now = NOON + 4 * MINUTE
        desk = await service.client("operator")
        for wrong, field in REFUSED:
            answer = await post(desk, "/reports", **said(**wrong))
            assert (answer.status_code, answer.json()["field"]) == (422, field), (wrong, answer.text)
            assert answer.json()["remedy"]
        assert await service.pool.fetchval("select count(*) from report") == 0

    serve(database_url, scenario)


def test_a_place_far_from_all_sensors_of_the_city_is_refused(database_url: str) -> None:
    places = {
        "where a device knew no position": ((0, 0), 422),
        "with its degrees exchanged": ((39.77, 89.9), 422),
        "in another city": ((102.19, 38.52), 422),
        "a little further than 100 km": ((98.3 + 100_500 / DEGREE_M, 39.77), 422),
        "a little less far": ((98.3 + 99_500 / DEGREE_M, 39.77), 200),
        "beside a sensor": ((98.3, 39.77), 200),
    }

    async def scenario(service: Service) -> None:
        service.now = NOON + 4 * MINUTE
        desk = await service.client("operator")
        for case, ((longitude, latitude), status) in places.items():
            answer = await post(desk, "/reports", **said(place={"longitude": longitude, "latitude": latitude}))
            assert answer.status_code == status, (case, answer.text)
            if status == 422:
                problem = answer.json()
                assert (problem["field"], "100 km" in problem["detail"]) == ("place", True), case
                assert problem["remedy"]
        # Neither a city of sensors without a place nor one with places of a local grid can tell what is far.
        await service.pool.execute('update sensor set definition = definition || \'{"crs": "local"}\'')
        assert (await post(desk, "/reports", **said(place={"longitude": 0, "latitude": 0}))).status_code == 200
        await service.pool.execute(
            "update sensor set longitude = null, latitude = null, definition = definition - 'crs'"
        )
        assert (await post(desk, "/reports", **said(place={"longitude": 0, "latitude": 0}))).status_code == 200

    serve(database_url, scenario)


def test_pages_filters_and_areas(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        service.now = NOON + 20 * MINUTE
        desk = await service.client("operator", label="desk")
        for minute in range(5):
            at = f"2026-11-22T12:{minute:02}:00.000Z"
            await post(desk, "/reports", **said(time=at, kind="no_water" if minute % 2 else "low_pressure"))
        await post(desk, "/reports", **said(city="jinchang"))
        found: list[str] = []
        following: str | None = ""
        while following is not None:
            page = await get(desk, f"/reports?limit=2{following}")
            ReportPage.model_validate(page)
            found += [one["report"] for one in page["reports"]]
            following = None if page["next"] is None else f"&after={page['next']}"
        assert sorted(found) == [f"report.{k}" for k in range(1, 7)]
        assert len(set(found)) == 6
        here = await service.client("viewer", "jinchang")
        assert [one["city"] for one in (await get(here, "/reports"))["reports"]] == ["jinchang"]
        assert (await here.get("/api/v1/reports/report.1")).status_code == 404
        assert (await here.get("/api/v1/reports/x")).status_code == 422
        assert (await here.get("/api/v1/reports?city=jiayuguan")).status_code == 403
        by_kind = await get(desk, "/reports?kind=no_water&verified=false&source=hotline&city=jiayuguan")
        assert len(by_kind["reports"]) == 2
        assert (await get(desk, "/reports?since=2026-11-22T12:04:00Z"))["reports"][0]["report"] == "report.5"
        outside = await service.client("operator", "jinchang")
        assert (await post(outside, "/reports", **said())).status_code == 403

    serve(database_url, scenario)
