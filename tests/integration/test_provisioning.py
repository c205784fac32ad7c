"""Provisioning on the real database: dry runs write nothing, imports are all or nothing, events make no false step."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import numpy as np
import pytest

from alerts.engine import Engine
from alerts.rule_file import default_packs
from model.instant import parse_instant, to_datetime
from model.reading import empty_batch
from model.registry import Registry
from store.pool import Pool, open_pool
from store.sensors import load_registry
from tests.integration.service import Service, running, settled
from tests.unit.test_network_file import EPANET, SWMM

HEADER = "sensor,city,system,property,unit,longitude,latitude,name,interval_s,mode,asset,calibration_due\n"
ROW = "{},{},displacement,displacement,cm,98.29,39.77,{},60,test,,{}\n"
DRAINAGE = "w1,jyg,drainage,manhole_level,m,98.29,39.77,Well 1,300,test,W1,\n"
T = TypeVar("T")


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Service:
    return Service(tmp_path / "home", LIFELINE_DATABASE_URL=database_url)


def asked(url: str, work: Callable[[Pool], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        pool = await open_pool(url, connections_max=2)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


def counts(url: str) -> tuple[int, ...]:
    """Rows of all that provisioning writes, and the registry's version."""
    tables = ("city", "sensor", "sensor_event", "network_node", "network_link")
    query = "select " + ", ".join(f"(select count(*) from {table})" for table in tables)
    row = asked(url, lambda pool: pool.fetchrow(query + ", (select version from registry_version)"))
    return tuple(row)


def write(service: Service, *rows: str, header: str = HEADER) -> str:
    path = service.home / "file.csv"
    path.write_text(header + "".join(rows), "utf-8")
    return str(path)


def row(sensor: str, city: str = "jyg", name: str = "A", due: str = "") -> str:
    return ROW.format(sensor, city, name, due)


def add_reading(url: str, sensor: str, at: str) -> None:
    statement = (
        "insert into reading (time, value, batch, sensor_key, position, quality)"
        " select $2, 1.0, 1, sensor_key, 0, 0 from sensor where sensor = $1"
    )
    asked(url, lambda pool: pool.execute(statement, sensor, to_datetime(parse_instant(at))))


def registry(url: str) -> Registry:
    return asked(url, load_registry)


def test_a_dry_run_lists_every_change_and_writes_nothing(service: Service, database_url: str) -> None:
    service.run("sensors", "import", write(service, row("d1"), row("d2"), row("d3")))
    before = counts(database_url)
    file = write(service, row("d1"), row("d2", name="B", due="2027-03-01"), row("new", city="other"))
    told = service.run("sensors", "import", file, "--dry-run").stdout
    assert told.splitlines() == [
        "new\tcity other",
        "changed\tsensor d2: name: A -> B, calibration_due: (none) -> 2027-03-01",
        "new\tsensor new",
        "2 new, 1 changed, 1 unchanged; 1 in the database that the file does not name stay as they are",
        "dry run: nothing was written",
    ]
    assert counts(database_url) == before
    written = service.run("sensors", "import", file).stdout
    assert written.splitlines() == told.splitlines()[3:4]
    assert counts(database_url)[:2] == (2, 4)
    assert registry(database_url).sensors[2].attributes == {"calibration_due": "2027-03-01"}


def test_the_same_file_again_changes_nothing_and_an_export_comes_back_the_same(
    service: Service, database_url: str
) -> None:
    file = write(service, row("d1", name="'=cmd"), row("d2", name="e\u0301"), DRAINAGE)
    service.run("sensors", "import", file)
    before = counts(database_url)
    assert service.run("sensors", "import", file).stdout.startswith("0 new, 0 changed, 3 unchanged; 0 in")
    out = str(service.home / "out.csv")
    service.run("sensors", "export", out)
    assert ",'=cmd," in Path(out).read_text("utf-8")
    assert service.run("sensors", "import", out).stdout.startswith("0 new, 0 changed, 3 unchanged; 0 in")
    assert counts(database_url) == before
    assert {s.name for s in registry(database_url).sensors.values()} == {"=cmd", "\u00e9", "Well 1"}


def test_one_error_refuses_all_and_every_error_is_told(service: Service, database_url: str) -> None:
    service.run("sensors", "import", write(service, row("d1"), row("d2")))
    add_reading(database_url, "d2", "2026-01-01T00:00:00Z")
    before = counts(database_url)
    file = write(
        service,
        row("new"),
        row("d1", city="other"),
        row("d2").replace("displacement,displacement,cm", "displacement,tilt,deg"),
        row("bad id"),
        "d4,jyg\n",
    )
    told = {
        3: "'d1' belongs to city 'jyg'; ids are single: give a new one",
        4: "'d2' has readings of displacement; tilt is another series: register it under a new id",
        5: "'bad id' is not 1 to 64",
        6: "2 cells where the header has 12 columns",
    }
    for arguments in (["--dry-run"], []):
        finished = service.run("sensors", "import", file, *arguments, expected=1)
        for line, text in told.items():
            assert any(f":{line}: " in said and text in said for said in finished.stderr.splitlines()), finished.stderr
        assert counts(database_url) == before
    assert "4 errors" in service.run("sensors", "import", file, "--dry-run", expected=1).stdout
    as_json = json.loads(service.run("sensors", "import", file, "--json", expected=1).stdout)
    assert (as_json["written"], [error["line"] for error in as_json["errors"]]) == (False, [3, 4, 5, 6])
    assert {"thing": "sensor", "id": "new"} in as_json["new"]


def test_a_file_that_cannot_be_read_is_told_as_json_too(service: Service) -> None:
    file = write(service, header="sensor,city\n")
    for subject, arguments in (("sensors", []), ("cities", []), ("network", ["--city", "jyg"])):
        assert json.loads(service.run(subject, "import", file, *arguments, "--json", expected=1).stdout)["errors"]
        assert "file.csv:1: " in service.run(subject, "import", file, *arguments, "--dry-run", expected=1).stderr


def test_a_property_may_change_while_there_are_no_readings(service: Service) -> None:
    service.run("sensors", "import", write(service, row("d1")))
    file = write(service, row("d1").replace("displacement,displacement,cm", "displacement,tilt,deg"))
    as_json = json.loads(service.run("sensors", "import", file, "--json").stdout)
    assert as_json["changed"] == [
        {
            "thing": "sensor",
            "id": "d1",
            "fields": [
                {"field": "property", "old": "displacement", "new": "tilt"},
                {"field": "unit", "old": "cm", "new": "deg"},
            ],
        }
    ]
    assert (as_json["written"], as_json["dry_run"]) == (True, False)


def test_a_city_is_not_changed_in_passing(service: Service, database_url: str) -> None:
    service.run("sensors", "import", write(service, row("d1")))
    finished = service.run(
        "sensors", "import", write(service, row("d1").replace(",test,", ",operational,")), expected=1
    )
    assert ":2: mode: city 'jyg' is registered with mode test, the file has operational" in finished.stderr
    assert "lifeline cities import" in finished.stderr
    service.run("sensors", "import", write(service, row("d1", name="B").replace(",test,", ",,")))
    assert registry(database_url).cities["jyg"].mode == "test"


def test_cities_keep_what_a_file_leaves_out(service: Service, database_url: str) -> None:
    def cities(text: str) -> str:
        return write(service, header=text)

    service.run(
        "cities", "import", cities("city,name,time_zone,mode\nurumqi,Urumqi,Asia/Urumqi,exercise\njyg,J,,test\n")
    )
    before = counts(database_url)
    file = cities("city,name,name_zh,province,mayor\njyg,Jiayuguan,嘉峪关,gansu,x\nurumqi,Urumqi,,xinjiang,y\n")
    told = service.run("cities", "import", file, "--dry-run")
    changes = "name: J -> Jiayuguan, name_zh: (none) -> 嘉峪关, province: (none) -> gansu"
    assert told.stdout.splitlines()[0] == f"changed\tcity jyg: {changes}"
    assert "column mayor means nothing here" in told.stderr
    assert counts(database_url) == before
    service.run("cities", "import", file)
    found = registry(database_url).cities
    assert (found["jyg"].mode, found["jyg"].name_zh, found["urumqi"].mode, found["urumqi"].time_zone) == (
        "test", "嘉峪关", "exercise", "Asia/Urumqi",
    )  # fmt: skip
    service.run("cities", "import", cities("city,name\njyg,Jiayuguan\n"))
    assert registry(database_url).cities["jyg"].province == "gansu"
    bad = cities("city,name,mode\nx,X,live\ny y,Y,test\nz,Z\nz,\u202eZ,\n")
    said = service.run("cities", "import", bad, expected=1).stderr
    assert [text.rpartition("file.csv:")[2][0] for text in said.splitlines()] == ["2", "3", "4", "5"]
    assert service.run("cities", "import", cities("city,name,mode\njyg,J,operational\n")).stdout.startswith(
        "0 new, 1 ch"
    )


def test_events_make_no_false_step_and_are_part_of_the_registry(service: Service, database_url: str) -> None:
    service.run("sensors", "import", write(service, row("d1"), row("d2")))
    version = counts(database_url)[-1]
    at = "2026-01-01T08:00:00+08:00"
    arguments = ["sensors", "event", "d1", "--kind", "rezeroed", "--at", at, "--offset", "-12.5", "--by", "crew 7"]
    assert service.run(*arguments).stdout == "d1 rezeroed at 2026-01-01T00:00:00.000Z: recorded\n"
    assert counts(database_url)[-1] == version + 1
    assert "nothing changed" in service.run(*arguments).stdout
    assert counts(database_url)[2:] == (1, 0, 0, version + 1)
    found = registry(database_url)
    key, start = found.keys["d1"], parse_instant(at)
    keys, times = np.array([key, key, found.keys["d2"]], np.int32), np.array([start - 1, start, start])
    assert found.corrected(keys, times, np.full(3, 10.0)).tolist() == [10.0, -115.0, 10.0]
    assert found.epoch_of(keys, times).tolist() == [0, 1, 0]

    add_reading(database_url, "d1", "2026-01-02T00:00:00Z")
    corrected = service.run(*arguments[:7], "--offset", "1")
    assert "1 readings from that time on are stored already" in corrected.stderr
    assert registry(database_url).corrected(keys, times, np.full(3, 10.0)).tolist() == [10.0, 20.0, 10.0]
    listed = json.loads(service.run("sensors", "events", "d1", "--json").stdout)
    assert (listed["kind"], listed["offset"], listed["factor"]) == ("rezeroed", 1.0, None)
    assert "withdrawn" in service.run(*arguments[:7], "--withdraw").stdout
    assert registry(database_url).events == {}
    assert "no event rezeroed" in service.run(*arguments[:7], "--withdraw", expected=1).stderr
    assert service.run("sensors", "events").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody", "--kind", "inspected"], ["'nobody' is not registered"]),
        (["d1", "--kind", "rezeroed"], ["offset", "before"]),
        (["d1", "--kind", "inspected", "--due", "soon"], ["due", "2027-03-01"]),
        (["d1", "--kind", "calibrated", "--factor", "nan"], ["factor", "finite"]),
        (["d1", "--kind", "calibrated"], ["calibration_due 2026-06-01", "--due DATE"]),
    ],
)
def test_an_event_that_cannot_be_is_refused(
    arguments: list[str], words: list[str], service: Service, database_url: str
) -> None:
    service.run("sensors", "import", write(service, row("d1", due="2026-06-01")))
    said = service.run("sensors", "event", *arguments, "--at", "2026-01-01T00:00:00Z", expected=1).stderr
    assert all(word in said for word in words), said
    assert counts(database_url)[2] == 0


def test_an_event_of_a_far_year_is_told_of_or_refused(service: Service, database_url: str) -> None:
    service.run("sensors", "import", write(service, row("d1")))
    event = ["sensors", "event", "d1", "--kind", "maintenance", "--at"]
    assert "days ahead" in service.run(*event, "2096-01-01T00:00:00Z").stderr
    assert "days ahead" not in service.run(*event, "2026-01-01T00:00:00Z").stderr
    for far in ("1999-12-31T23:59:59.999Z", "2100-01-01T00:00:00Z", "9999-12-31T00:00:00Z"):
        assert "2000 and 2100" in service.run(*event, far, expected=1).stderr
    assert counts(database_url)[2] == 2


def test_events_are_append_only(service: Service, database_url: str) -> None:
    service.run("sensors", "import", write(service, row("d1")))
    service.run("sensors", "event", "d1", "--kind", "maintenance", "--at", "2026-01-01T00:00:00Z", "--note", "=1+1")
    for statement in ("delete from sensor_event", "update sensor_event set withdrawn = true", "truncate sensor_event"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            asked(database_url, lambda pool, statement=statement: pool.execute(statement))  # type: ignore[misc]


def test_a_date_raises_an_alarm_and_a_calibration_moves_it_on(service: Service, database_url: str) -> None:
    file = write(service, row("d1", due="2026-06-01"))
    service.run("sensors", "import", file)
    clock = parse_instant("2026-06-02T00:00:00Z")

    def overdue() -> list[tuple[str, str]]:
        changes = Engine(default_packs(), registry(database_url)).evaluate(empty_batch(1, clock)).changes
        return [(change.rule, change.sensor) for change in changes]

    assert overdue() == [("calibration-due", "d1")]
    event = ["sensors", "event", "d1", "--kind", "calibrated", "--at", "2026-06-01T00:00:00Z"]
    service.run(*event, "--due", "2027-06-01")
    assert overdue() == []
    # The registered date is out of force: the old file is refused, one without the date and an export are not.
    refused = service.run("sensors", "import", file, expected=1).stderr
    assert ":2: calibration_due: an event of 'd1' has set 2027-06-01" in refused
    out = str(service.home / "out.csv")
    service.run("sensors", "export", out)
    for same in (write(service, row("d1")), out):
        assert service.run("sensors", "import", same).stdout.startswith("0 new, 0 changed, 1 unchanged")
    assert overdue() == []


@pytest.mark.parametrize(("text", "name", "counted"), [(EPANET, "net.inp", (4, 4)), (SWMM, "net.inp", (4, 3))])
def test_networks_are_imported_exported_and_imported_again(
    text: str, name: str, counted: tuple[int, int], service: Service, database_url: str
) -> None:
    service.run("sensors", "import", write(service, DRAINAGE, DRAINAGE.replace("w1", "w2").replace("W1", "W99")))
    path = service.home / name
    path.write_text(text, "utf-8")
    arguments = ["network", "import", str(path), "--city", "jyg"]
    dry = service.run(*arguments, "--dry-run")
    assert f"{sum(counted)} new, 0 changed, 0 unchanged" in dry.stdout
    assert counts(database_url)[3:5] == (0, 0)
    written = service.run(*arguments)
    assert counts(database_url)[3:5] == counted
    if text == SWMM:
        assert "1 drainage sensors stand on its nodes and links" in written.stderr
        assert "1 drainage sensors name an asset that is not in it (w2, …)" in written.stderr
    assert f"0 new, 0 changed, {sum(counted)} unchanged" in service.run(*arguments).stdout
    out = service.home / "out.geojson"
    service.run("network", "export", str(out), "--city", "jyg")
    again = json.loads(service.run("network", "import", str(out), "--city", "jyg", "--json").stdout)
    # The ends of a link that is drawn straight are written out; nothing else may differ.
    assert {field["field"] for change in again["changed"] for field in change["fields"]} <= {"line"}
    assert (again["new"], again["errors"]) == ([], [])


def test_a_network_is_refused_whole(service: Service, database_url: str) -> None:
    service.run("sensors", "import", write(service, DRAINAGE))
    path = service.home / "net.inp"
    path.write_text(SWMM.replace("C2 W2 S1", "C2 W2 S9"), "utf-8")
    for extra in ([], ["--dry-run"]):
        said = service.run("network", "import", str(path), "--city", "jyg", *extra, expected=1).stderr
        assert f"{path}:12: link 'C2': node 'S9'" in said
    assert counts(database_url)[3:5] == (0, 0)
    path.write_text(SWMM, "utf-8")
    assert (
        "city 'nowhere' is not registered"
        in service.run("network", "import", str(path), "--city", "nowhere", expected=1).stderr
    )


def test_lines_alone_do_not_take_away_what_is_known_of_their_nodes(service: Service, database_url: str) -> None:
    service.run("sensors", "import", write(service, DRAINAGE))
    path = service.home / "net.inp"
    path.write_text(SWMM, "utf-8")
    service.run("network", "import", str(path), "--city", "jyg")
    line = {"type": "LineString", "coordinates": [[98.29, 39.77], [98.30, 39.77]]}
    properties = {"id": "new", "from": "W1", "to": "W9", "medium": "drainage"}
    lines = service.home / "lines.geojson"
    lines.write_text(json.dumps({"features": [{"type": "Feature", "geometry": line, "properties": properties}]}))
    told = service.run("network", "import", str(lines), "--city", "jyg").stdout
    assert told.startswith("2 new, 0 changed, 1 unchanged; 6 in the database")
    assert counts(database_url)[3:5] == (5, 4)


def test_the_running_service_raises_what_is_due_and_returns_it_over_a_restart(tmp_path: Path) -> None:
    def due_lines(service: Service, expected: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 30  # a date is judged when the log's clock ticks
        while True:
            lines = [line for line in settled(service, quiet_s=0.5) if line["kind"] == "due"]
            if len(lines) >= expected or time.monotonic() > deadline:
                return lines

    with running(tmp_path / "home") as service:
        service.run("sensors", "import", write(service, row("d1", due="2026-01-01"), row("d2", due="2099-01-01")))
        (raised,) = due_lines(service, 1)
        assert (raised["rule"], raised["sensor"], raised["time"]) == (
            "calibration-due", "d1", "2026-01-01T16:00:00.000Z",
        )  # fmt: skip
        assert (raised["class"], raised["cause"], raised["to"]) == ("instrument", "deadline", "unacknowledged")
        service.kill()
        service.start()
        assert due_lines(service, 1) == [raised]
        at = "2026-01-02T00:00:00Z"
        service.run("sensors", "event", "d1", "--kind", "calibrated", "--at", at, "--due", "2099-01-01")
        _, returned = due_lines(service, 2)
        assert (returned["alarm"], returned["to"], returned["reason"]) == (
            raised["alarm"], "returned_unacknowledged", "date_moved_on",
        )  # fmt: skip


def test_a_key_whose_label_is_taken_says_whom_it_stands_for(service: Service) -> None:
    create = ("keys", "create", "--role", "operator", "--label", "ann")
    assert "ann" not in service.run(*create).stderr
    again = service.run(*create)
    assert "this one acts as ann-" in again.stderr
    assert len(again.stdout.split()) == 1
