"""Pictures of the console for README and docs: `make screenshots`.

Starts Lifeline in a folder of its own, lets 20 minutes of a simulated Jiayuguan flow through it, handles a few alarms,
and takes the views listed below. A new view's picture is a line in PICTURES.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Page

from app.api.context import CONSOLE
from tests.conftest import Background
from tests.console.chromium import chromium, launched
from tests.console.opening import DESKTOP, PHONE, WALL, Opener, Whole
from tests.integration.service import running

CITY = ("jiayuguan", "--scenario", "demo", "--seed", "1", "--duration", "20m", "--speed", "max", "--publish")
PUBLISHED_S_MAX, EVALUATED_S_MAX, DRAWN_S = 1_800.0, 300.0, 4.0
STILL_READING, READ_S_MAX = re.compile("Reading networks|正在读取"), 180.0  # a city's networks, for the map
COLOURS = 192  # of a picture's palette: a third of the bytes


@dataclass(frozen=True)
class Picture:
    """One view: its name, address, and how it is seen. `{red}` in the address is the id of the newest red alarm."""

    name: str
    path: str
    language: str = "zh"
    theme: str = "day"
    viewport: tuple[int, int] = DESKTOP
    role: str = "supervisor"


PICTURES = (
    Picture("alarms-day-zh", "/"),
    Picture("alarms-day-en", "/", "en"),
    Picture("alarms-night-en", "/", "en", "night"),
    Picture("drawer-day-en", "/?alarm={red}", "en"),
    Picture("drawer-night-zh", "/?alarm={red}", theme="night"),
    Picture("map-day-zh", "/map"),
    Picture("map-night-en", "/map", "en", "night"),
    Picture("wall-night-zh", "/wall", theme="night", viewport=WALL, role="viewer"),
    Picture("wall-day-en", "/wall", "en", viewport=WALL, role="viewer"),
    Picture("shift-day-zh", "/shift"),
    Picture("engineer-day-en", "/engineer", "en", role="engineer"),
    Picture("replay-day-zh", "/replay", role="engineer"),
    Picture("field-day-zh", "/field", viewport=PHONE, role="field"),
    Picture("field-day-en", "/field", "en", viewport=PHONE, role="field"),
)


def main(folder: Path, only: str = "") -> None:
    """Take the pictures whose names hold the text `only`, and write them to the folder."""
    programs = Path(sys.prefix) / "lifeline-programs"
    found = Background().run(chromium(programs, print))
    with (
        tempfile.TemporaryDirectory(prefix="lifeline-pictures-") as home,
        running(Path(home) / "service", LIFELINE_CONSOLE=str(CONSOLE)) as service,
    ):
        print("a simulated city publishes (a minute or two) …", flush=True)
        simulated = service.background("simulate", *CITY)
        said, _ = simulated.communicate(timeout=PUBLISHED_S_MAX)
        assert simulated.returncode == 0, said
        whole = Whole(service)
        with httpx.Client(base_url=f"{whole.address}/api/v1", timeout=30) as client:
            client.headers["Authorization"] = f"Bearer {whole.key('supervisor')}"
            evaluated(client)
            values = {"red": handle(client)}
        with launched(found) as browser:
            take_all(Opener(browser, whole), values, folder, only)


def take_all(opener: Opener, values: dict[str, str], folder: Path, only: str = "") -> None:
    """Write the pictures, and fail if any page has reported an error."""
    for picture in PICTURES:
        if only in picture.name:
            target = folder / f"console-{picture.name}.png"
            take(opener, picture, values, target)
            print(target, flush=True)
    opener.close()


def take(opener: Opener, picture: Picture, values: dict[str, str], target: Path) -> None:
    """Write one picture."""
    page: Page = opener(
        picture.path.format_map(values),
        role=picture.role,
        language=picture.language,
        theme=picture.theme,
        viewport=picture.viewport,
        geolocation={"longitude": 98.29, "latitude": 39.77},
        permissions=["geolocation"],
    )
    page.get_by_role("main").wait_for()
    if page.locator(".product").count():
        page.locator(".product").click()  # as an operator has done who logged in: then the browser lets tones sound
    page.wait_for_timeout(DRAWN_S * 1000)  # until what is fetched has been drawn: pictures, not a test
    page.get_by_text(STILL_READING).first.wait_for(state="hidden", timeout=READ_S_MAX * 1000)
    drawn = Image.open(io.BytesIO(page.screenshot()))
    target.parent.mkdir(parents=True, exist_ok=True)
    drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    page.context.close()


def handle(client: httpx.Client) -> str:
    """Handle some alarms as a shift would, and return the id of the newest red one, which is left alone."""
    asked = {"mode": "test", "class": "process", "limit": 100}
    alarms = client.get("/alarms", params=asked).raise_for_status().json()["alarms"]
    red = next(alarm["alarm"] for alarm in alarms if alarm["severity"] == "red")
    others = [alarm for alarm in alarms if alarm["alarm"] != red and alarm["state"] == "unacknowledged"]
    for alarm in others[:: max(1, len(others) // 4)]:
        _act(client, alarm, "acknowledge", {"seen_sequence": alarm["sequence"], "comment": "已通知巡检班组"})
    return str(red)


def _act(client: httpx.Client, alarm: dict[str, Any], act: str, body: dict[str, Any]) -> None:
    answer = client.post(f"/alarms/{alarm['alarm']}/{act}", json=body, headers={"Idempotency-Key": alarm["alarm"][:60]})
    answer.raise_for_status()


def evaluated(client: httpx.Client) -> None:
    """Wait until the engine has come to the end of what was published."""
    deadline = time.monotonic() + EVALUATED_S_MAX
    while True:
        status = client.get("/status").raise_for_status().json()
        if not status["behind"] and status["ingest"]["batches_behind"] == 0:
            return
        assert time.monotonic() < deadline, status["ingest"]
        time.sleep(0.5)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
