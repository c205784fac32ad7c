"""The timeline of an incident over the API: what became known when, in that order, within the caller's areas."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.api.context import ApiLimits
from app.api.timelines import IncidentTimeline
from app.cli import main
from model.instant import to_datetime
from model.reading import Quality
from store.batches import IncomingReadings, write_batch
from store.outbox import NewNotification, insert_notifications
from store.sensors import load_registry
from tests.api.incident_streets import MINUTE, build, get, happens, post, raised, returned
from tests.api.service import MARKUP, NOON, Service, serve

INCIDENT = "i.low.W-1.20261122T120000000Z"
ALARM = INCIDENT[2:]
PATH = f"/incidents/{INCIDENT}/timeline"
Reading = tuple[float, float]  # minutes from noon, MPa
BAD = int(Quality.OUT_OF_RANGE)


async def arrives(service: Service, sensor: str, minute: float, *readings: Reading, quality: int = 0) -> None:
    """Readings of a sensor that come in one batch, so many minutes after noon."""
    registry = await load_registry(service.pool)
    times, values = zip(*readings, strict=True)
    incoming = IncomingReadings(
        np.full(len(readings), registry.keys[sensor], np.int32),
        np.array([NOON + round(time * MINUTE) for time in times], np.int64),
        np.array(values, np.float64),
        np.full(len(readings), quality, np.uint16),
    )
    await write_batch(service.pool, NOON + round(minute * MINUTE), incoming)


async def told(service: Service, number: int, sent_minute: float, alarm: str = ALARM) -> None:
    """A message about an alarm that the desk's channel took so many minutes after noon."""
    row = NewNotification(
        key=f"k{number}", channel="desk", route="all", kind="raised", alarm=alarm, sequence=1, city="jiayuguan",
        system="water", district="xiongguan", mode="test", severity=2, rank=1, late=False, incident=INCIDENT,
        details={}, enqueued_at=NOON, due_at=NOON, state="pending", folded_into=None,
    )  # fmt: skip
    async with service.pool.acquire() as connection:
        assert await insert_notifications(connection, [row]) == 1
        await connection.execute(
            "update notification set state = 'sent', attempts = 1, finished_at = $2 where key = $1",
            row.key, to_datetime(NOON + round(sent_minute * MINUTE)),
        )  # fmt: skip


async def burst(service: Service) -> None:
    """Pressure falls at W-1 and W-2; people act; two readings of W-1 of before the alarm come after it."""
    await build(service)
    for minute in range(-5, 0):
        await arrives(service, "W-1", minute + 0.01, (minute, 0.30 + 0.01 * minute))
    await arrives(service, "W-1", 0.0, (0, 0.10))
    await happens(service, raised("W-1"))
    await told(service, 1, 0.1)
    service.now = NOON + 2 * MINUTE
    desk = await service.client("operator", label="li.wei")
    path = f"/alarms/{ALARM}"
    assert (await post(desk, f"{path}/acknowledge", seen_sequence=1, comment="crew is called")).status_code == 200
    await arrives(service, "W-1", 3.0, (-2.5, 0.12), (-1.5, 0.13))  # late
    await happens(service, raised("W-2", 4))
    service.now = NOON + 5 * MINUTE
    said = await post(desk, f"{path}/comment", seen_sequence=2, comment="<b>valve 7 closed</b>")
    assert said.status_code == 200, said.text
    report: dict[str, Any] = {
        "kind": "no_water", "city": "jiayuguan", "source": "hotline", "time": "2026-11-22T12:03:00.000Z",
        "place": {"longitude": 98.2001, "latitude": 39.77}, "text": "no water in the whole street",
    }  # fmt: skip
    service.now = NOON + 6 * MINUTE
    sent = await post(desk, "/reports", **report)
    assert (sent.status_code, sent.json()["incident"]) == (200, INCIDENT), sent.text
    service.now = NOON + 7 * MINUTE
    warned = await post(desk, "/warnings", incident=INCIDENT)
    assert warned.status_code == 201, warned.text
    await arrives(service, "W-1", 8.0, (8, 9.9), quality=BAD)
    await arrives(service, "W-1", 9.0, (9, 0.31))
    await happens(service, returned("W-1", 9), returned("W-2", 9, 4))


class _Page(HTMLParser):
    """What a page holds, loads and says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), name
            assert name not in ("style", "src", "href", "action"), name
            assert "://" not in (value or ""), value

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def _short(entry: dict[str, Any]) -> tuple[str, str, str, str | None]:
    minute = entry["known_at"][11:16]
    return minute, entry["what"], entry["words"]["en"], entry["actor"]


def test_it_is_told_in_the_order_in_which_it_became_known(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await burst(service)
        viewer = await service.client("viewer", "jiayuguan")
        answer = await get(viewer, PATH)
        IncidentTimeline.model_validate(answer)
        entries = answer["entries"]
        assert [entry["known_at"] for entry in entries] == sorted(entry["known_at"] for entry in entries)
        assert [_short(entry) for entry in entries] == TOLD
        late = [entry for entry in entries if entry["late_s"] is not None]
        assert [(one["time"][11:19], one["late_s"], one["facts"]["value"]) for one in late] == [
            ("11:57:30", 330.0, 0.12), ("11:58:30", 270.0, 0.13),
        ]  # fmt: skip
        assert (answer["mode"], answer["time_zone"], answer["left_out"], answer["cut_at"]) == (
            "test", "Asia/Shanghai", [], None,
        )  # fmt: skip
        (first, second) = answer["sensors"]
        assert (first["sensor"], first["readings"], first["direction"], first["limits"]) == (
            "W-1", 10, "below", {"yellow": 0.14},
        )  # fmt: skip
        assert (second["sensor"], second["readings"]) == ("W-2", 0)
        assert {"longitude", "latitude"}.isdisjoint(key for entry in entries for key in entry["facts"])
        assert all(set(entry["words"]) == {"en", "zh"} and entry["words"]["zh"] for entry in entries)

    serve(database_url, scenario)


RAISED = "low: raised, Level III (yellow); limit reached; 0.1 MPa, limit 0.14 MPa; unacknowledged"
# when it became known (minute, UTC), what, in which words, by whom
TOLD: list[tuple[str, str, str, str | None]] = [
    ("11:55", "reading", "0.25 MPa; the first looked at", None),
    ("11:58", "reading", "3 readings between 19:56:00 and 19:58:00: lowest 0.26 MPa, highest 0.28 MPa", None),
    ("11:59", "reading", "0.29 MPa; the last before the alarm", None),
    ("12:00", "reading", "0.1 MPa; reaches Level III (yellow), limit 0.14 MPa; the lowest", None),
    ("12:00", "transition", RAISED, None),
    ("12:00", "incident", "opened", None),
    ("12:00", "notification", "raised: through channel desk, sent", None),
    ("12:02", "action", "low: acknowledged; “crew is called”", "li.wei"),
    ("12:03", "reading", "0.12 MPa; reaches Level III (yellow), limit 0.14 MPa", None),  # of 11:57:30
    ("12:03", "reading", "0.13 MPa", None),  # of 11:58:30
    ("12:04", "transition", RAISED, None),
    ("12:04", "incident", "low joined: close to Gauge W-1 in place and time, 300 m away", None),
    ("12:04", "incident", "probable cause: burst main, probably at xiongguan", None),
    ("12:05", "action", "low: commented; “<b>valve 7 closed</b>”", "li.wei"),
    ("12:06", "reading", "nothing heard since 20:03:00; heard again at 20:08:00", None),
    ("12:06", "report", "no water, hotline; “no water in the whole street”", "li.wei"),
    ("12:06", "incident", "no water joined: close to Gauge W-1 in place and time, 8 m away", None),
    ("12:07", "warning", "drafted a warning; restricted", "li.wei"),
    ("12:08", "reading", "9.9 MPa; not usable: beyond the valid range", None),
    ("12:09", "reading", "0.31 MPa; usable again; back within all limits", None),
    ("12:09", "transition", "low: returned; limit reached; 0.1 MPa, limit 0.14 MPa; normal", None),
    ("12:09", "transition", "low: returned; limit reached; 0.1 MPa, limit 0.14 MPa; returned, unacknowledged", None),
]


def test_a_district_sees_its_part_and_is_told_what_it_does_not_see(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await burst(service)
        district = await service.client("viewer", "jiayuguan/xiongguan")
        seen = await get(district, PATH)
        assert seen["left_out"] == ["warnings"]
        assert [_short(entry) for entry in seen["entries"]] == [one for one in TOLD if one[1] != "warning"]
        page = (await district.get(f"/api/v1{PATH}.html?language=en")).text
        assert "not within your areas: warnings, which are the city’s as a whole" in page.replace("&#x27;", "’")
        # A gauge that was moved to another district since: its alarm is the incident's, its readings are not shown.
        await service.pool.execute(
            "update sensor set district = 'jingtie', definition = jsonb_set(definition, '{district}', '\"jingtie\"')"
            " where sensor = 'W-1'"
        )
        seen = await get(district, PATH)
        assert seen["left_out"] == ["warnings", "readings"]
        assert {entry["sensor"] for entry in seen["entries"] if entry["what"] == "reading"} == set()
        for areas in (("jinchang",), ("jiayuguan/jingtie",)):
            other = await service.client("viewer", *areas)
            for path in (PATH, f"{PATH}.html"):
                assert (await other.get(f"/api/v1{path}")).status_code == 404, (areas, path)

    serve(database_url, scenario)


def test_what_does_not_fit_is_left_out_and_said(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await burst(service)
        viewer = await service.client("viewer")

        async def within(**limits: int) -> Any:
            service.context.limits = ApiLimits(**limits)
            return await get(viewer, PATH)

        seen = await within(timeline_rows_max=8)
        assert [_short(entry) for entry in seen["entries"]] == TOLD[:8]
        assert seen["cut_at"] == seen["entries"][-1]["known_at"]
        page = (await viewer.get(f"/api/v1{PATH}.html?language=zh")).text
        assert "此处截断：自 2026-11-22 20:02:00 起得知的内容超出上限" in page

        seen = await within(timeline_readings_max=4)
        assert (seen["sensors"][0]["readings"], seen["sensors"][0]["cut"], seen["cut_at"]) == (4, True, None)
        told = [entry["words"]["en"] for entry in seen["entries"] if entry["what"] == "reading"]
        assert told[-1] == "readings after 2026-11-22 20:03:00 are not looked at here: more than 4 of this sensor"
        assert [_short(one) for one in seen["entries"] if one["what"] == "action"] == [
            one for one in TOLD if one[1] == "action"
        ]

        seen = await within(timeline_sensors_max=1)
        assert ([one["sensor"] for one in seen["sensors"]], seen["sensors_total"]) == (["W-1"], 2)

    serve(database_url, scenario)


def test_an_incident_that_was_merged_tells_into_which(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await build(service)
        await happens(service, raised("W-1"), raised("W-4", 1))
        other = "i.low.W-4.20261122T120100000Z"
        desk = await service.client("operator", label="li.wei")
        service.now = NOON + 2 * MINUTE
        version = (await get(desk, f"/incidents/{other}"))["version"]
        assert (await post(desk, f"/incidents/{other}/merge", seen_version=version, other=INCIDENT)).status_code == 200
        gone = await get(desk, f"/incidents/{other}/timeline")
        assert (gone["merged_into"], gone["sensors"]) == (INCIDENT, [])
        assert [_short(entry)[1:] for entry in gone["entries"]] == [
            ("incident", "opened", None), ("incident", f"merged with {INCIDENT}", "li.wei"),
        ]  # fmt: skip
        kept = await get(desk, PATH)
        assert {entry["sensor"] for entry in kept["entries"] if entry["what"] == "transition"} == {"W-1", "W-4"}

    serve(database_url, scenario)


FORMS = [  # path, Accept, language: what the page says
    (f"{PATH}.html?language=en", "*/*", "What became known, in that order"),
    (f"{PATH}?language=zh", "text/html,application/xhtml+xml,*/*;q=0.8", "按得知先后排列"),
]


def test_the_page_is_well_formed_and_holds_texts_and_no_markup_of_others(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await burst(service)
        await service.pool.execute(
            "update sensor set definition = jsonb_set(definition, '{name}', to_jsonb($1::text)) where sensor = 'W-1'",
            MARKUP,
        )
        viewer = await service.client("viewer")
        for path, accept, words in FORMS:
            answer = await viewer.get(f"/api/v1{path}", headers={"Accept": accept})
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert answer.headers["content-security-policy"].count("'unsafe") == 0
            assert answer.headers["content-disposition"] == f'inline; filename="timeline-{INCIDENT}.html"'
            page = _Page(answer.text)
            assert {"script", "img", "link", "a", "b"}.isdisjoint(page.tags)
            said = "".join(page.said)
            assert words in said
            assert MARKUP in said
            assert "<b>valve 7 closed</b>" in said
            pictures = [part.partition("</svg>")[0] + "</svg>" for part in answer.text.split("<svg")[1:]]
            assert len(pictures) == 1
            ElementTree.fromstring(f"<svg{pictures[0]}")
            # As XML it is whole too, but for what HTML leaves open.
            ElementTree.fromstring(answer.text.partition("<body>")[2].partition("</body>")[0].strip())

    serve(database_url, scenario)


def test_the_command_writes_the_same_page(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []

    async def scenario(service: Service) -> None:
        await burst(service)
        viewer = await service.client("viewer")
        shown.append((await viewer.get(f"/api/v1{PATH}.html?language=zh")).text)

    serve(database_url, scenario)
    monkeypatch.setenv("LIFELINE_DATABASE_URL", database_url)
    file = tmp_path / "timeline.html"
    assert main(["incident", "timeline", INCIDENT, "--language", "zh", "--out", str(file)]) == 0
    assert file.read_text("utf-8") == shown[0]
    assert capsys.readouterr().out == f"{len(TOLD)} entries\n"
    assert main(["incident", "timeline", "i.none", "--out", str(file)]) == 1
    assert "incident 'i.none' does not exist" in capsys.readouterr().err
