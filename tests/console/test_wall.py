"""The wall of the command centre: what is known of each district and system, what is not, and for how long."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
from playwright.sync_api import Locator, Page, expect

from model.instant import format_instant, to_datetime
from model.sensor import Sensor
from store.batches import IncomingReadings, write_batch
from store.province import note_cities, note_silence, store_status
from store.sensors import import_sensors
from tests.api.service import CITIES, KNOWN, MODES, SENSORS, silence
from tests.console.opening import WALL, Console, Opener, axe, now

TEST_CITY = "/wall?mode=test"  # jiayuguan of tests/api/service.py, which is a test city


def _hear(console: Console, sensors: Sequence[str]) -> None:
    """Let a reading of each of the sensors arrive."""
    keys = np.array([KNOWN[sensor][0] for sensor in sensors], np.int32)
    readings = IncomingReadings(keys, np.full(len(keys), now()), np.full(len(keys), 7.0), np.zeros(len(keys), np.int8))
    console.run(write_batch(console.api.pool, now(), readings))


def _evaluated(console: Console) -> None:
    """Let the evaluation have come as far as the log."""
    console.execute("update evaluation_cursor set batch = b.sequence, clock = b.arrived_at from batch b")


def _wall(open_console: Opener, path: str = TEST_CITY, **options: Any) -> Page:
    page = open_console(path, role="viewer", viewport=WALL, **options)
    page.locator("table.wall-matrix").wait_for()
    return page


def _cell(page: Page, row: str, system: str) -> Locator:
    return page.locator(f'tr[data-row="{row}"] td[data-system="{system}"]')


def _total(page: Page, label: str) -> Locator:
    return page.locator(".wall-total", has_text=label)


def test_a_cell_tells_the_worst_that_stands_how_many_and_what_is_unacknowledged(
    console: Console, open_console: Opener
) -> None:
    _hear(console, list(KNOWN))
    _evaluated(console)
    console.raises("GAS-1", 3)
    console.raises("GAS-2", 4)
    page = _wall(open_console)
    gas = _cell(page, "jiayuguan/xiongguan", "gas")
    expect(gas.locator(".severity.red").first).to_contain_text("Level I (red)")
    expect(gas.locator(".wall-count")).to_have_text("1")
    expect(gas).to_contain_text("2 unack.")
    quiet = _cell(page, "jiayuguan/jingtie", "drainage")
    expect(quiet).to_contain_text("No standing alarm")
    expect(quiet).to_contain_text("1 sensors")
    expect(_total(page, "Level I (red)").locator("strong")).to_have_text("1")
    expect(_total(page, "Open incidents").locator("strong")).to_have_text(re.compile(r"^\d+$"))


def test_where_no_sensor_is_heard_nothing_is_known(console: Console, open_console: Opener) -> None:
    _hear(console, ["GAS-1"])
    _evaluated(console)
    console.journal(silence("GAS-1"))
    page = _wall(open_console)
    for row, system in (("jiayuguan/xiongguan", "gas"), ("jiayuguan/jingtie", "drainage")):
        expect(_cell(page, row, system)).to_have_class(re.compile(r"\bhatched\b"))
        expect(_cell(page, row, system)).to_contain_text("Not known")
    expect(page.locator(".wall-matrix")).not_to_contain_text("No standing alarm")
    expect(_total(page, "Sensors silent").locator("strong")).to_have_text("4")
    expect(page.locator(".wall-sentence")).to_contain_text("4 of 4 sensors are silent")
    assert not re.search(r"\b(normal|OK)\b|safe\.? *$(?<!does not mean safe\.)", page.locator(".wall").inner_text())


def test_what_falls_silent_keeps_its_alarm_and_is_in_doubt(console: Console, open_console: Opener) -> None:
    _hear(console, list(KNOWN))
    _evaluated(console)
    console.raises("GAS-1", 4, minutes_ago=2)
    console.journal(silence("GAS-1", time=now() - 30_000, raised=now() - 30_000))
    page = _wall(open_console)
    gas = _cell(page, "jiayuguan/xiongguan", "gas")
    expect(gas.locator(".severity.red").first).to_be_visible()
    expect(gas).to_contain_text("1 in doubt")
    expect(page.locator(".wall-newest li")).to_contain_text("in doubt: the sensor is silent")


def test_the_newest_red_comes_by_itself_before_all_orange(console: Console, open_console: Opener) -> None:
    page = _wall(open_console)
    expect(page.locator(".wall-newest")).to_contain_text("No red or orange alarm stands")
    console.raises("DRAIN-1", 3)
    expect(page.locator(".wall-newest li")).to_have_count(1)
    console.raises("GAS-1", 4, minutes_ago=5)
    expect(page.locator(".wall-newest li")).to_have_count(2)
    first = page.locator(".wall-newest li").first
    expect(first).to_contain_text("Level I (red)")
    expect(first).to_contain_text("unacknowledged")
    console.raises("GAS-2", 2)
    expect(page.locator(".wall-newest li")).to_have_count(2)


def test_what_is_put_aside_is_told_and_does_not_count_as_standing(console: Console, open_console: Opener) -> None:
    _hear(console, list(KNOWN))
    _evaluated(console)
    console.raises("GAS-1", 4)
    console.execute("update alarm set state = 'shelved'")
    page = _wall(open_console)
    gas = _cell(page, "jiayuguan/xiongguan", "gas")
    expect(gas).to_contain_text("1 put aside")
    expect(gas).to_contain_text("up to Level I (red)")
    expect(_total(page, "Level I (red)").locator("strong")).to_have_text("0")


def _wall_with_a_clock(open_console: Opener, key: str, path: str = TEST_CITY) -> Page:
    """Open the wall with a clock that the test moves on; else it goes as clocks do."""
    open_console.tolerate("favicon")
    page = open_console("/static/report.css", role=None, viewport=WALL)
    page.clock.install()
    page.goto(f"{path}#key={key}")
    page.locator("table.wall-matrix").wait_for()
    return page


def _until_heard(page: Page) -> None:
    """Let the clock go on until the connection stands: attempts wait for each other by that clock."""
    while page.locator(".wall-lost").count():
        page.clock.run_for(1_000)


def test_a_lost_connection_is_said_large_and_quiet_becomes_unknown(console: Console, open_console: Opener) -> None:
    open_console.tolerate("Failed to load resource", "ERR_INTERNET_DISCONNECTED")
    _hear(console, list(KNOWN))
    _evaluated(console)
    page = _wall_with_a_clock(open_console, console.key("viewer"))
    drainage = _cell(page, "jiayuguan/jingtie", "drainage")
    expect(drainage).to_contain_text("No standing alarm")
    page.context.set_offline(True)
    page.clock.run_for(130_000)
    expect(page.locator(".wall-lost")).to_contain_text("Connection lost")
    expect(page.locator(".wall-lost")).to_contain_text("2 min")
    expect(drainage).to_contain_text("Not known")
    expect(drainage).to_contain_text("as of")
    size = page.locator(".wall-lost").evaluate("(element) => parseFloat(getComputedStyle(element).fontSize)")
    assert size >= 28
    page.context.set_offline(False)
    _until_heard(page)
    expect(drainage).to_contain_text("No standing alarm")


def test_lagging_evaluation_makes_quiet_unknown(console: Console, open_console: Opener) -> None:
    _hear(console, list(KNOWN))
    console.execute("update batch set arrived_at = arrived_at - interval '2 hours'")
    page = _wall(open_console)
    expect(page.locator(".lag-banner")).to_be_visible()
    expect(_cell(page, "jiayuguan/jingtie", "drainage")).to_contain_text("Not known")


def test_it_turns_pages_by_itself_and_never_away_from_red(console: Console, open_console: Opener) -> None:
    districts = [f"d{number:02}" for number in range(40)]
    sensors = [
        Sensor(sensor=f"W-{district}", city="jiayuguan", system="water", property="water_pressure", unit="MPa",
               interval_s=60, longitude=98.2, latitude=39.7, district=district) for district in districts
    ]  # fmt: skip
    console.run(import_sensors(console.api.pool, [*SENSORS, *sensors], CITIES))
    console.raises("GAS-1", 4)
    page = _wall_with_a_clock(open_console, console.key("viewer"))
    expect(page.locator(".wall-page")).to_contain_text("areas with red stay")
    wanted, seen = {f"jiayuguan/{district}" for district in districts}, set[str]()
    for _ in range(100):  # a page stands for 15 s
        rows = page.locator("tbody tr").evaluate_all("(rows) => rows.map((row) => row.dataset.row)")
        assert "jiayuguan/xiongguan" in rows
        seen.update(rows)
        if wanted <= seen:
            break
        page.clock.run_for(5_000)
    assert wanted <= seen


def test_of_several_cities_it_shows_one_mode_alone(console: Console, open_console: Opener) -> None:
    console.raises("WATER-9", 3)
    console.raises("GAS-1", 4)
    page = _wall(open_console, "/wall")
    expect(page.locator(".wall-mode")).to_have_text("in operation")
    expect(page.locator("h1")).to_contain_text("Jinchang")
    expect(page.locator(".wall-newest li")).to_have_count(1)
    expect(page.locator("tbody tr")).to_have_count(1)
    assert MODES["jinchang"] == "operational"


async def _publish(console: Console, cities: Sequence[dict[str, Any]], *, silent: str) -> None:
    """Let cities publish their status here as partners do; one of them is silent since."""
    moment = to_datetime(now())
    async with console.api.pool.acquire() as connection, connection.transaction():
        names = {city["city"] for city in cities}
        await note_cities(connection, names, names, moment, apart_max=0)
        for city in cities:
            status = json.dumps(city | {"published_at": format_instant(now())})
            assert await store_status(connection, city["city"], moment, status, moment)
        await note_silence(connection, silent, moment, None)


def test_a_province_shows_its_cities_and_which_of_them_are_silent(console: Console, open_console: Opener) -> None:
    key = console.key("viewer")
    status = httpx.get(f"{console.address}/api/v1/status", headers={"Authorization": f"Bearer {key}"}).json()
    beside = {"behind": False, "evaluated_through": {"batch": 0, "clock": None}}
    partners = [
        city | beside | {"mode": "operational", "city": f"partner-{number}", "name": f"Partner {number}"}
        for number, city in enumerate(status["cities"])
    ]
    console.run(_publish(console, partners, silent="partner-0"))
    page = _wall(open_console, "/wall")
    silent = page.locator('tr[data-row^="partner-0"]').first
    expect(silent).to_contain_text("Partner 0 · silent since")
    expect(page.locator('tr[data-row^="partner-1"]').first).to_be_visible()
    expect(page.locator('tr[data-row^="jinchang"]').first).to_be_visible()


def test_an_exercise_is_framed_and_what_is_real_meanwhile_is_told(console: Console, open_console: Opener) -> None:
    console.execute("update city set mode = 'exercise' where city = 'jiayuguan'")
    console.raises("WATER-9", 4)
    page = _wall(open_console, "/wall?mode=exercise")
    expect(page.locator(".mode-banner")).to_contain_text("EXERCISE")
    expect(page.locator(".real-banner")).to_contain_text("1")
    expect(page.locator(".wall-mode")).to_have_text("exercise")


def test_hundred_updates_leave_nothing_behind(console: Console, open_console: Opener) -> None:
    _hear(console, list(KNOWN))
    _evaluated(console)
    console.raises("GAS-1", 4)
    page = _wall_with_a_clock(open_console, console.key("viewer"))
    devtools = page.context.new_cdp_session(page)

    def updated(times: int) -> int:
        """Let the status be asked so often, and return how many nodes the page holds then."""
        for _ in range(times):
            with page.expect_response("**/api/v1/status"):
                page.clock.fast_forward(10_000)
        _until_heard(page)  # so much time without a heartbeat: the feed was opened anew
        devtools.send("HeapProfiler.collectGarbage")
        return int(devtools.send("Memory.getDOMCounters")["nodes"])

    before = updated(20)
    for severity in (2, 3):  # something happens meanwhile
        console.raises("GAS-2", severity, minutes_ago=severity)
    assert updated(100) <= before * 1.2 + 100


def test_it_is_read_from_afar(open_console: Opener) -> None:
    for width, height in ((1920, 1080), (3840, 2160)):
        page = open_console(TEST_CITY, role="viewer", viewport=(width, height))
        page.locator("table.wall-matrix").wait_for()
        sizes = page.evaluate(
            "() => [...document.querySelectorAll('.wall *')].filter((one) => one.checkVisibility() &&"
            " [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) &&"
            " !one.matches('.skip, .unseen')).map((one) => parseFloat(getComputedStyle(one).fontSize))"
        )
        assert min(sizes) >= 18 * width / 1920
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_no_count_is_cut_off_however_narrow_its_column(console: Console, open_console: Opener) -> None:
    columns = {"displacement": ("displacement", "mm"), "heating": ("supply_temperature", "Cel"),
               "bridge": ("strain", "um/m"), "weather": ("rainfall", "mm"), "lighting": ("lamp_power", "W"),
               "water": ("water_pressure", "MPa")}  # fmt: skip
    more = [
        Sensor(sensor=f"MORE-{system}", city="jiayuguan", system=system, property=observed, unit=unit, interval_s=60,
               district="xiongguan")
        for system, (observed, unit) in columns.items()
    ]  # fmt: skip
    console.run(import_sensors(console.api.pool, more, CITIES))
    console.raises("GAS-1", 4)
    page = open_console(TEST_CITY, role="viewer", viewport=WALL)
    count = page.locator(".wall-count").first
    count.wait_for()
    assert page.locator("table.wall-matrix thead th").count() == 9
    count.evaluate("(one) => { one.textContent = '1234'; }")
    assert count.evaluate(
        "(one) => { const [own, cell] = [one, one.closest('.wall-worst')].map((node) => node.getBoundingClientRect());"
        " return own.left >= cell.left && own.right <= cell.right && own.bottom <= cell.bottom; }"
    )


def test_nothing_is_amiss_for_who_cannot_see_it(console: Console, open_console: Opener) -> None:
    _hear(console, ["GAS-1", "DRAIN-1"])
    _evaluated(console)
    console.raises("GAS-1", 4)
    for theme in ("day", "night"):
        assert axe(_wall(open_console, language="zh", theme=theme)) == []
