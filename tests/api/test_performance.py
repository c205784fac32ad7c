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
from store.rule_packs import StoredPack, activate
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


async def _evaluated(service: Service, first: int = NOON - DAY_MS, last: int = NOON + DAY_MS) -> None:
    """Let the log reach from the first evaluated batch to a last instant, as if it had brought no readings."""
    await service.pool.execute("insert into batch values (1, $1, 0, 0, 0)", to_datetime(first))
    await service.pool.execute("update evaluation_cursor set batch = 1, clock = $1", to_datetime(last))


def _value(position: dict[str, Any], figure: str) -> Any:
    return next(one["value"] for one in position["figures"] if one["figure"] == figure)


def test_figures_by_position_and_mode(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _evaluated(service)
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
        await _evaluated(service)
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
        await _evaluated(service)
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
            (format_instant(flood.began), 12, 11)  # the first out is not folded
        ]
        # It stands still: from its beginning to the end of the span.
        assert _value(found, "flood_share") == pytest.approx((DAY_MS - 10_000) / (2 * DAY_MS))

    serve(database_url, scenario)


def test_alarms_that_stood_before_the_span_are_known(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _evaluated(service, last=NOON + 9 * DAY_MS)
        await journal(service.pool, [change("GAS-1", 0, 4), change("GAS-2", 0, 2), change("GAS-2", 2, 0)])
        start = NOON + 2 * DAY_MS
        query = f"from={format_instant(start)}&to={format_instant(start + DAY_MS)}&city=jiayuguan"
        found = (await _positions(await service.client("viewer"), query))["jiayuguan.default", "test"]
        assert (found["annunciated"], [one["sensor"] for one in found["standing"]]) == (0, ["GAS-1"])

    serve(database_url, scenario)


# what the log holds (first batch, last instant), alarms at, and over what figures asked from 11:00 to 13:00 reach;
# times are minutes from noon
HALF_HOUR = (-10, 20)
REACHED = {
    "the span lies within what was evaluated": ((-90, 90), 0, (-60, 60)),
    "evaluation began in it, and goes on": (HALF_HOUR, 0, (-10, 20)),
    "old batches were deleted: the journal tells of before": (HALF_HOUR, -30, (-30, 20)),
    "the journal goes on after the newest batch": (HALF_HOUR, 40, (-10, 40)),
    "there is no batch any more": (None, 0, (0, 0)),
    "evaluation began after it": ((70, 90), None, None),
    "evaluation has not come so far": ((-90, -70), None, None),
    "nothing was ever evaluated": (None, None, None),
}


@pytest.mark.parametrize(("log", "alarm", "reached"), REACHED.values(), ids=REACHED)
def test_figures_reach_over_what_was_evaluated(
    database_url: str, log: tuple[int, int] | None, alarm: int | None, reached: tuple[int, int] | None
) -> None:
    def at(minutes: int) -> int:
        return NOON + minutes * 60_000

    async def scenario(service: Service) -> None:
        if log is not None:
            await _evaluated(service, at(log[0]), at(log[1]))
        if alarm is not None:
            known = at(alarm)
            await journal(service.pool, [change("GAS-1", 0, 4, known - 200, raised=known - 200)])
        client = await service.client("viewer", "jiayuguan")
        answer = (
            await client.get(f"/api/v1/performance?from={format_instant(at(-60))}&to={format_instant(at(60))}")
        ).json()
        if reached is None:
            assert (answer["from"], answer["positions"]) == (answer["to"], [])
            return
        # The last instant counts: what became known in it is told.
        end = at(reached[1]) if reached[1] == 60 else at(reached[1]) + 1
        assert (answer["from"], answer["to"]) == (format_instant(at(reached[0])), format_instant(end))
        (found,) = answer["positions"]
        assert (found["annunciated"], found["hours"]) == (1, (end - at(reached[0])) / 3_600_000)

    serve(database_url, scenario)


def test_a_month_of_which_half_an_hour_was_evaluated(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await _evaluated(service, NOON, NOON + 1_800_000 - 1)
        await journal(service.pool, [change("GAS-1", 0, 4), change("DRAIN-1", 0, 2), change("GAS-2", 0, 1)])
        service.now = NOON + 9 * DAY_MS
        client = await service.client("viewer", "jiayuguan")
        answer = await client.get("/api/v1/performance/report?month=2026-11&form=csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert {(row["from"], row["to"]) for row in rows} == {
            ("2026-11-22T12:00:00.000Z", "2026-11-22T12:30:00.000Z"),
        }  # fmt: skip
        figures = {row["item"]: (row["value"], row["met"]) for row in rows if row["section"] == "figure"}
        assert figures["per_10_minutes_mean"] == ("1", "yes")
        assert (figures["per_hour_mean"], figures["per_day_mean"]) == (("", ""), ("", ""))
        page = _Page((await client.get("/api/v1/performance/report?month=2026-11&language=en")).text)
        assert any("2026-11-22 20:00 – 2026-11-22 20:30 (Asia/Shanghai) · 30 min" in text for text in page.said)
        assert any(text.startswith("Shorter than a day") for text in page.said)

    serve(database_url, scenario)


def test_rules_are_told_by_their_names_with_the_id_beside(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        content = '{"rules": [{"rule": "level", "name": {"en": "Gas level", "zh": "燃气浓度"}}]}'
        await activate(service.pool, [StoredPack("gas", "1", content)], "t")
        await _evaluated(service)
        await journal(service.pool, [change("GAS-1", 0, 4), change("DRAIN-1", 0, 2, rule="gone")])
        client = await service.client("viewer", "jiayuguan")
        service.now = NOON + DAY_MS
        path = "/api/v1/performance/report?month=2026-11"
        for language, name in (("en", "Gas level (level)"), ("zh", "燃气浓度（level）")):
            said = _Page((await client.get(f"{path}&language={language}")).text).said
            assert {name, "gone"} <= set(said)
        rows = csv.DictReader(io.StringIO((await client.get(f"{path}&form=csv")).text))
        told = {(row["item"], row["name"], row["name_zh"]) for row in rows if row["section"] == "top_ten"}
        assert told == {("level", "Gas level", "燃气浓度"), ("gone", "", "")}

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
