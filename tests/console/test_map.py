"""The map: a city from its own data alone, its alarms on top, and what lies up and down the network from them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.console.map_world import (
    DRAWING,
    NORTH,
    STEP,
    WEST,
    MapWorld,
    drawn,
    level,
    place,
    wait_for_drawn,
    wait_until_drawn,
)
from tests.console.opening import PHONE, Console, Opener, axe, now

SMALL = (1000, 640)  # without a graphics card each pixel costs
SINGLE_AND_CLUSTERED = "shown.reduce((sum, one) => sum + (one.point_count ?? 1), 0)"
NO_WEBGL = """
const given = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...options) {
  return kind.startsWith("webgl") ? null : given.call(this, kind, ...options);
};
"""


@pytest.fixture
def world(console: Console) -> MapWorld:
    return MapWorld(console)


def expect_listed(page: Page, *names: str) -> None:
    expect(page.locator(".map-alarms .map-alarm-name")).to_have_text([*names])


def go_near(page: Page, sensor_place: tuple[float, float], zoom: float) -> None:
    page.evaluate(f"([center, zoom]) => {DRAWING}.jumpTo({{ center, zoom }})", [list(sensor_place), zoom])
    wait_until_drawn(page)


def test_two_thousand_sensors_are_all_on_the_map_as_clusters_and_dots(console: Console, open_console: Opener) -> None:
    world = MapWorld(console, rows=40, columns=50)
    requests: list[str] = []
    page = open_console("/wall", viewport=SMALL)  # the map is not fetched before it is wanted
    page.on("request", lambda request: requests.append(request.url))
    page.goto("/")
    page.get_by_role("link", name="Map").wait_for()
    assert not [url for url in requests if "map_body" in url or "maplibre" in url]
    page.get_by_role("link", name="Map").click()
    wait_until_drawn(page)
    expect(page.locator(".map-what")).to_contain_text(f"({len(world.sensors)}, ")
    wait_for_drawn(page, f"{SINGLE_AND_CLUSTERED} === {len(world.sensors)}", "clusters", "sensors")
    assert drawn(page, "clusters"), "what is close together is one circle with its number"
    # none of them was ever heard: the circles say so
    assert sum(one.get("doubt", 0) for one in drawn(page, "clusters", "sensors")) == len(world.sensors)
    assert not [url for url in requests if url.startswith("blob:")], "the worker is a file of the console's own"
    go_near(page, place(3, 3), 16.5)
    wait_for_drawn(page, "shown.length > 8", "sensors")
    assert drawn(page, "clusters") == []


def test_pipes_are_drawn_by_medium_and_their_flow_where_it_can_be_seen(world: MapWorld, open_console: Opener) -> None:
    page = open_console("/map", viewport=SMALL)
    wait_until_drawn(page)
    wait_for_drawn(page, "shown.length > 0", "pipes-drainage")
    wait_for_drawn(page, "shown.length > 0", "pipes-gas")
    go_near(page, place(1, 1), 14)
    assert drawn(page, "flow-drainage") == [], "from afar arrows would be a smear"
    go_near(page, place(1, 1), 16.5)
    wait_for_drawn(page, "shown.length > 0", "flow-drainage")
    page.get_by_label("System").select_option("gas")
    wait_for_drawn(page, "shown.length === 0", "pipes-drainage")
    go_near(page, (WEST - STEP, NORTH), 16.5)
    wait_for_drawn(page, "shown.length > 0", "pipes-gas")
    strokes = page.locator(".map-legend .pipe")
    patterns = {strokes.nth(k).get_attribute("stroke-dasharray") for k in range(strokes.count())}
    assert len(patterns) == strokes.count() == 4, "told apart by their pattern, not by colour"


def test_alarms_lie_on_top_and_close_ones_are_one_chip_of_the_worst_with_their_number(
    world: MapWorld, open_console: Opener
) -> None:
    world.raises(level(2, 2), 2)
    world.raises(level(2, 2), 4, rule="other")
    world.raises(level(0, 5), 3)
    page = open_console("/map", viewport=SMALL)
    wait_until_drawn(page)
    expect_listed(page, "Manhole 2 2", "Manhole 0 5", "Manhole 2 2")  # red, orange, yellow
    wait_for_drawn(page, "shown.length === 2", "alarms")
    ((worst, count), (other, one)) = sorted((one["worst"], one.get("point_count", 1)) for one in drawn(page, "alarms"))[
        ::-1
    ]
    assert (count, one) == (2, 1)
    assert worst > other
    # what comes while the map is open is there at once, and rings the circle of the sensors beneath
    world.raises(level(3, 0), 4)
    expect(page.locator(".map-alarms .map-alarm-name")).to_have_count(4)
    wait_for_drawn(page, "shown.length === 3", "alarms")
    wait_for_drawn(page, "shown.some((one) => one.rank > 0)", "clusters", "sensors")


def test_an_alarm_of_the_address_is_centred_and_one_that_is_clicked_comes_into_the_address(
    world: MapWorld, open_console: Opener
) -> None:
    chosen = world.raises(level(3, 4), 3)
    other = world.raises(level(0, 0), 4)
    page = open_console(f"/map?alarm={chosen}", viewport=SMALL)
    wait_until_drawn(page)
    near = f"(place) => Math.hypot({DRAWING}.getCenter().lng - place[0], {DRAWING}.getCenter().lat - place[1]) < 1e-5"
    page.wait_for_function(near, arg=list(place(3, 4)))
    wait_for_drawn(page, "shown.length === 1", "marked")
    expect(page.locator(".map-selected")).to_contain_text("Manhole 3 4")
    go_near(page, place(0, 0), 17)
    wait_for_drawn(page, "shown.length === 1", "alarms")
    field = page.locator(".map-canvas").bounding_box()
    assert field is not None
    page.mouse.click(field["x"] + field["width"] / 2, field["y"] + field["height"] / 2)
    page.wait_for_url(re.compile(re.escape(other)))
    expect(page.locator(".map-selected")).to_contain_text("Manhole 0 0")
    page.get_by_role("link", name="Open details").click()
    page.wait_for_url(re.compile(rf"/\?alarm={re.escape(other)}"))


def test_a_trace_shows_what_lies_downstream_and_upstream_of_an_alarm_also_in_words(
    world: MapWorld, open_console: Opener
) -> None:
    alarm = world.raises(level(1, 3), 4)
    world.raises(level(2, 5), 2)
    page = open_console(f"/map?alarm={alarm}", viewport=SMALL)
    wait_until_drawn(page)
    page.get_by_role("button", name="Downstream").click()
    way = page.locator(".map-way li")
    expect(way).to_have_count(6)
    met = way.all_inner_texts()
    assert [re.findall(r"M-\d\d-\d\d|OUTFALL", text)[0] for text in met] == [
        "M-01-03", "M-01-04", "M-01-05", "M-02-05", "M-03-05", "OUTFALL"
    ]  # fmt: skip
    assert [text.split(" m ")[0] for text in met] == ["0", "87", "174", "285", "396", "507"]
    assert "silent or in doubt" in met[1], "and whether it can be relied upon"
    assert way.nth(3).locator(".severity.yellow").count() == 1, "what is in alarm on the way is marked so"
    wait_for_drawn(page, "new Set(shown.map((one) => one.link)).size === 5", "trace")
    page.locator(".map-canvas canvas").focus()
    page.keyboard.press("d")
    expect(way).to_have_count(0)
    page.keyboard.press("u")
    expect(page.locator(".map-way h3")).to_contain_text("drainage network, upstream: 261 m, 3 pieces")
    assert [re.findall(r"M-\d\d-\d\d", text)[0] for text in way.all_inner_texts()] == [
        "M-01-03", "M-01-02", "M-01-01", "M-01-00"
    ]  # fmt: skip
    page.get_by_label("Within").select_option("500")
    expect(way).to_have_count(4)


def test_a_sensor_stands_on_the_network_of_its_asset_or_says_that_it_is_only_near_one(
    world: MapWorld, open_console: Opener
) -> None:
    in_sewer, in_house = world.raises("HEAD-2"), world.raises("HEAD-3")
    page = open_console(f"/map?alarm={in_sewer}", viewport=SMALL)
    wait_until_drawn(page)
    selected = page.locator(".map-selected")
    expect(selected).to_contain_text("The sensor stands on the drainage network (a gas sensor)")
    page.get_by_role("button", name="Gas HEAD-3").click()
    page.wait_for_url(re.compile(re.escape(in_house)))
    expect(selected).to_contain_text(re.compile(r"From V-1 \(the nearest gas node, 1\d m from the sensor"))


def test_a_sensor_that_falls_silent_is_hollow_and_its_reading_is_shown_with_its_age(
    world: MapWorld, console: Console, open_console: Opener
) -> None:
    for sensor in world.sensors:
        console.store(sensor.sensor, (now() - 60_000, 0.9 if sensor.sensor == level(2, 3) else 0.4, 0))
    page = open_console("/map", viewport=SMALL)
    wait_until_drawn(page)
    expect(page.locator(".map-what")).to_contain_text("0 in doubt")
    go_near(page, place(2, 2), 17)
    wait_for_drawn(page, "shown.length > 0 && shown.every((one) => one.doubt === 0)", "sensors")
    world.falls_silent(level(2, 2))
    wait_for_drawn(page, f"shown.some((one) => one.doubt === 1 && one.sensor === '{level(2, 2)}')", "sensors")
    expect(page.locator(".map-what")).to_contain_text("1 in doubt")
    expect_listed(page)  # it is no chip among the process alarms
    page.get_by_label("Instrument alarms").check()
    expect_listed(page, "Manhole 2 2")
    page.get_by_label("Instrument alarms").uncheck()
    field = page.locator(".map-canvas").bounding_box()
    assert field is not None
    page.mouse.click(field["x"] + field["width"] / 2, field["y"] + field["height"] / 2)
    expect(page.locator(".map-selected")).to_contain_text(re.compile(r"0\.4 m, .+ ago silent"))
    other = page.evaluate(f"(place) => {DRAWING}.project(place)", list(place(2, 3)))
    page.mouse.click(field["x"] + other["x"], field["y"] + other["y"])
    expect(page.locator(".map-selected")).to_contain_text("Manhole 2 3")
    expect(page.locator(".map-selected")).to_contain_text(re.compile(r"0\.9 m, .+ ago"))


def test_the_keyboard_moves_and_zooms_and_the_list_follows(world: MapWorld, open_console: Opener) -> None:
    world.raises(level(0, 0), 4)
    page = open_console("/map", viewport=SMALL)
    wait_until_drawn(page)
    expect_listed(page, "Manhole 0 0")
    page.locator(".map-canvas canvas").focus()
    zoom = page.evaluate(f"() => {DRAWING}.getZoom()")
    page.keyboard.press("+")
    page.wait_for_function(f"(zoom) => {DRAWING}.getZoom() > zoom + 0.5", arg=zoom)
    heading = page.locator(".map-alarms h2")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        wait_until_drawn(page)
    expect(heading).to_have_text("Alarms in view: 0")
    expect(page.locator(".map-alarms")).to_contain_text("does not mean that there is no danger")
    expect(page.locator(".map-alarms")).to_contain_text("1 out of view")
    page.get_by_role("button", name="Whole city").click()
    expect(heading).to_have_text("Alarms in view: 1")


def test_without_a_graphics_card_the_map_is_drawn_coarser_while_a_hand_moves_it(
    world: MapWorld, open_console: Opener
) -> None:
    page = open_console("/map", viewport=SMALL)
    wait_until_drawn(page)
    pixels = f"{DRAWING}.getCanvas().width / {DRAWING}.getCanvas().clientWidth"
    assert page.evaluate(pixels) == pytest.approx(1, abs=0.01)
    west = page.evaluate(f"() => {DRAWING}.getCenter().lng")
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(360, 330, steps=6)
    page.wait_for_function(f"() => {pixels} < 0.6")
    page.mouse.up()
    page.wait_for_function(f"() => {pixels} > 0.9")
    page.wait_for_function(f"(west) => {DRAWING}.getCenter().lng < west", arg=west)
    page.mouse.wheel(0, -100)
    page.wait_for_function(f"() => {pixels} < 0.6")
    page.wait_for_function(f"() => {pixels} > 0.9")
    wait_until_drawn(page)
    wait_for_drawn(page, "shown.length > 0", "pipes-drainage")


def test_filters_stand_in_the_address(world: MapWorld, open_console: Opener) -> None:
    world.raises(level(0, 0), 1)
    world.raises(level(3, 5), 4)
    world.raises("HEAD-1", 3)
    page = open_console("/map?severity=orange", viewport=SMALL)
    wait_until_drawn(page)
    expect_listed(page, "Manhole 3 5", "Gas HEAD-1")
    page.get_by_label("System").select_option("gas")
    expect_listed(page, "Gas HEAD-1")
    assert "system=gas" in page.url
    assert "severity=orange" in page.url
    wait_for_drawn(page, f"{SINGLE_AND_CLUSTERED} === 3", "clusters", "sensors")


@pytest.mark.parametrize("role", ["viewer", "field"])
def test_who_may_not_see_pipes_is_told_so_and_sees_sensors_and_alarms(
    world: MapWorld, open_console: Opener, role: str
) -> None:
    alarm = world.raises(level(1, 1))
    asked: list[str] = []
    page = open_console("/wall", role=role, viewport=SMALL)
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/map")
    wait_until_drawn(page)
    assert [url for url in asked if "/sensors" in url]
    expect(page.locator(".map-what")).to_contain_text("Your role may not see where pipes lie")
    wait_for_drawn(page, "shown.length === 1", "alarms")
    page.get_by_role("button", name="Manhole 1 1").click()
    page.wait_for_url(re.compile(re.escape(alarm)))
    expect(page.locator(".map-selected")).to_contain_text("nothing can be traced")
    assert not [url for url in asked if "/networks" in url], "nothing is asked for that would be refused"


def test_a_browser_without_webgl_has_the_list_and_the_trace_in_words(world: MapWorld, open_console: Opener) -> None:
    world.raises(level(1, 3))
    page = open_console("/shift", viewport=SMALL)
    page.context.add_init_script(NO_WEBGL)
    page.goto("/map")
    expect(page.get_by_text("This browser has no WebGL 2")).to_be_visible()
    page.get_by_role("button", name="Manhole 1 3").click()
    page.get_by_role("button", name="Upstream").click()
    expect(page.locator(".map-way li")).to_have_count(4)


def test_day_and_night_are_drawn_in_the_tokens_of_the_theme(world: MapWorld, open_console: Opener) -> None:
    page = open_console("/map", viewport=SMALL)
    wait_until_drawn(page)
    ground = f"() => {DRAWING}.getPaintProperty('ground', 'background-color')"
    token = "() => getComputedStyle(document.documentElement).getPropertyValue('--ground').trim()"
    day = page.evaluate(ground)
    assert day == page.evaluate(token)
    page.get_by_role("button", name="Night").click()
    page.wait_for_function(f"(day) => ({ground})() !== day", arg=day)
    assert page.evaluate(ground) == page.evaluate(token)


@pytest.mark.parametrize(("language", "theme", "viewport"), [("zh", "night", (1920, 1080)), ("en", "day", PHONE)])
def test_it_can_be_used_by_everybody(
    world: MapWorld, open_console: Opener, language: str, theme: str, viewport: tuple[int, int]
) -> None:
    alarm = world.raises(level(1, 3))
    world.raises("HEAD-1", 3)
    page = open_console(f"/map?alarm={alarm}", language=language, theme=theme, viewport=viewport)
    wait_until_drawn(page)
    page.locator("button[aria-keyshortcuts=D]").click()
    expect(page.locator(".map-way li").first).to_be_visible()
    assert axe(page) == []
