"""The figures of the alarm system over HTTP and the monthly report, within the caller's areas and modes."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from typing import Any

import pytest

from app.api.performance import Performance
from app.performance import InvalidMonth, month_span
from app.report import HEADER
from model.instant import format_instant, parse_instant, to_datetime
from model.position import Position
from model.sensor import City
from store.floods import find_floods
from store.journal import Place
from store.positions import write_positions
from store.sensors import import_cities
from tests.api.service import NOON, Service, change, journal, serve
from tests.integration.test_floods import raised, record

DAY_MS = 86_400_000
GAS = Place("jiayuguan", "gas", "xiongguan")
SPAN = f"from={format_instant(NOON - DAY_MS)}&to={format_instant(NOON + DAY_MS)}"


async def _positions(client: Any, query: str = SPAN) -> dict[tuple[str, str], Any]:
    answer = await client.get(f"/api/v1/performance?{query}")
    assert answer.status_code == 200, answer.text
    found = Performance.model_validate(answer.json())
    return {(one.position, one.mode): one.model_dump() for one in found.positions}


def _value(position: dict[str, Any], figure: str) -> Any:
    return next(one["value"] for one in position["figures"] if one["figure"] == figure)


def test_figures_by_position_and_mode(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4), change("DRAIN-1", 0, 2), change("WATER-9", 0, 3)])
        client = await service.client("viewer")
        found = await _positions(client)
        assert {key: one["annunciated"] for key, one in found.items()} == {
            ("jiayuguan.default", "test"): 2,
            ("jinchang.default", "operational"): 1,
        }
        assert found["jiayuguan.default", "test"]["priority_share"]["high"] == 1.0
        desk = Position(position="gas-desk", city="jiayuguan", systems=("gas",))
        async with service.pool.acquire() as connection:
            await write_positions(connection, [desk], to_datetime(NOON), "t")
        found = await _positions(client, f"{SPAN}&city=jiayuguan")
        assert {key[0]: one["annunciated"] for key, one in found.items()} == {"gas-desk": 1, "jiayuguan.default": 1}
        assert list(await _positions(client, f"{SPAN}&position=gas-desk")) == [("gas-desk", "test")]

    serve(database_url, scenario)


def test_within_the_areas_and_no_exercise_unless_named(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4)])
        async with service.pool.acquire() as connection:
            await import_cities(connection, [City(city="jiayuguan", mode="exercise")])
            await journal(service.pool, [change("GAS-2", 0, 4)])
            await connection.execute(
                "update alarm set mode = 'exercise' where sensor = 'GAS-2'"
            )  # the journal is append-only: the line keeps the mode of its time
        here, there = await service.client("viewer", "jiayuguan"), await service.client("viewer", "jinchang")
        assert list(await _positions(there)) == [("jinchang.default", "operational")]
        assert (await there.get("/api/v1/performance?city=jiayuguan")).status_code == 403
        assert (await there.get("/api/v1/performance?position=jiayuguan.default")).status_code == 404
        assert list(await _positions(here)) == [("jiayuguan.default", "test")]
        assert set(await _positions(here, f"{SPAN}&city=jiayuguan")) == {
            ("jiayuguan.default", "exercise"),
            ("jiayuguan.default", "test"),
        }

    serve(database_url, scenario)


def test_what_people_did_and_the_floods(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        storm = [raised(f"s{n}", n, 1, GAS, mode="test") for n in range(12)]
        async with service.pool.acquire() as connection:
            await record(connection, storm)
            (flood,) = await find_floods(connection, ["jiayuguan.default"], ["*"])
        operator = await service.client("operator")
        service.now = NOON + 90_000
        for action, body in (("acknowledge", {}), ("judge", {"verdict": "false"})):
            answer = await operator.post(
                f"/api/v1/alarms/{storm[0].alarm.alarm}/{action}",
                json={"seen_sequence": 1, **body},
                headers={"Idempotency-Key": action},
            )
            assert answer.status_code == 200, answer.text
        found = (await _positions(operator))["jiayuguan.default", "test"]
        assert found["acknowledge"] == {"count": 1, "median_s": 90.0, "p90_s": 90.0}
        assert [(one["rule"], one["false"], one["false_share"]) for one in found["judged"]] == [("level", 1, 1.0)]
        assert [(one["began_at"], one["annunciated"], one["folded"]) for one in found["floods"]] == [
            (format_instant(flood.began), 12, 12)
        ]
        # It stands still: from its beginning to the end of the span.
        assert _value(found, "flood_share") == pytest.approx((DAY_MS - 10_000) / (2 * DAY_MS))

    serve(database_url, scenario)


def test_alarms_that_stood_before_the_span_are_known(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4), change("GAS-2", 0, 2), change("GAS-2", 2, 0)])
        start = NOON + 2 * DAY_MS
        query = f"from={format_instant(start)}&to={format_instant(start + DAY_MS)}&city=jiayuguan"
        found = (await _positions(await service.client("viewer"), query))["jiayuguan.default", "test"]
        assert (found["annunciated"], [one["sensor"] for one in found["standing"]]) == (0, ["GAS-1"])

    serve(database_url, scenario)


# queries: the field that is named
REFUSED = {
    "from=2026-11-22T00:00:00Z&to=2026-11-22T00:00:00Z": "from",
    "from=2024-11-22T00:00:00Z&to=2026-11-22T00:00:00Z": "from",
    "mode=live": "mode.0",
    "months=3": "months",
}


def test_spans_that_cannot_be(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer")
        for query, field in REFUSED.items():
            answer = await client.get(f"/api/v1/performance?{query}")
            assert (answer.status_code, answer.json()["field"]) == (422, field)
        answer = await client.get("/api/v1/performance/report?month=2026-13")
        assert (answer.status_code, answer.json()["field"]) == (422, "month")

    serve(database_url, scenario)


# month, now, zone: (from, to), or why not
MONTHS = [
    ("2026-11", "2027-01-01T00:00:00Z", "Asia/Shanghai", ("2026-10-31T16:00:00.000Z", "2026-11-30T16:00:00.000Z")),
    ("2026-12", "2027-02-01T00:00:00Z", "UTC", ("2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z")),
    ("2026-11", "2026-11-22T00:00:00Z", "UTC", ("2026-11-01T00:00:00.000Z", "2026-11-22T00:00:00.000Z")),
    ("2026-12", "2026-11-22T00:00:00Z", "UTC", "has not begun"),
    ("2026-11-01", "2026-11-22T00:00:00Z", "UTC", "is no month"),
    ("1926-11", "2026-11-22T00:00:00Z", "UTC", "is no month"),
]


@pytest.mark.parametrize(("month", "now", "zone", "expected"), MONTHS)
def test_a_month_is_the_citys_own(month: str, now: str, zone: str, expected: tuple[str, str] | str) -> None:
    if isinstance(expected, str):
        with pytest.raises(InvalidMonth, match=expected):
            month_span(month, zone, parse_instant(now))
    else:
        assert tuple(map(format_instant, month_span(month, zone, parse_instant(now)))) == expected


class _Page(HTMLParser):
    """What a page loads and runs, and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value for name, value in attributes if name in ("src", "href") and value]
        assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_the_report_as_a_page_in_both_languages_and_as_csv(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        markup = {"rule": "<script>alert(1)</script>"}
        await journal(service.pool, [change("GAS-1", 0, 4, **markup), change("DRAIN-1", 0, 2)])
        service.now += 60_000
        client = await service.client("viewer", "jiayuguan")
        for language, heading, figure in (("en", "2026-11", "Time in flood"), ("zh", "2026-11", "报警泛滥时间占比")):
            answer = await client.get(f"/api/v1/performance/report?month=2026-11&language={language}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
            page = _Page(answer.text)
            assert page.loads == ["/static/report.css"]
            assert (await client.get(page.loads[0])).headers["content-type"].startswith("text/css")
            assert "script" not in page.tags
            assert {figure, "<script>alert(1)</script>"} <= set(page.said)
            assert any(heading in text for text in page.said)
        zh = await client.get("/api/v1/performance/report?month=2026-11", headers={"Accept-Language": "zh-CN,en;q=0.5"})
        assert '<html lang="zh-CN">' in zh.text
        answer = await client.get("/api/v1/performance/report?month=2026-11&form=csv")
        assert answer.headers["content-disposition"] == 'attachment; filename="lifeline-2026-11.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert tuple(rows[0]) == HEADER
        assert {row["city"] for row in rows} == {"jiayuguan"}
        annunciated = [row for row in rows if (row["section"], row["item"]) == ("figure", "per_10_minutes_peak")]
        assert [(row["value"], row["target"], row["met"]) for row in annunciated] == [("2", "10", "yes")]

    serve(database_url, scenario)


def test_texts_that_a_spreadsheet_would_run_are_guarded(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await journal(service.pool, [change("GAS-1", 0, 4, rule="=cmd")])
        service.now += 60_000
        client = await service.client("viewer", "jiayuguan")
        answer = await client.get("/api/v1/performance/report?month=2026-11&form=csv")
        assert {row["item"] for row in csv.DictReader(io.StringIO(answer.text)) if "cmd" in row["item"]} == {"'=cmd"}

    serve(database_url, scenario)
