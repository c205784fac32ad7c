"""A burst of alarms in a real Chromium: no row is missed; how long frames took is told, and judged by nobody here.

`LIFELINE_BURST_S=60` plays the whole burst of 2,000 alarms in 60 s; else 15 s of it, at the same rate. The figures
are printed (`pytest -s`) and written as the test's properties.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.console.many_alarms import Streets
from tests.console.opening import WALL, Console, Opener, now

RATE = 2000 / 60
BATCH_S = 0.5  # the evaluator journals what a batch of readings led to, twice a second
BURST_S = float(os.environ.get("LIFELINE_BURST_S", "15"))
FRAMES = """() => {
  window.gaps = [];
  window.longest = [];
  new PerformanceObserver((list) => window.longest.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask" });
  let before = performance.now();
  const frame = (at) => {
    window.gaps.push(at - before);
    before = at;
    window.watching = requestAnimationFrame(frame);
  };
  window.watching = requestAnimationFrame(frame);
}"""


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


async def play(streets: Streets, count: int) -> list[str]:
    """Journal `count` new alarms at the rate, in batches as the evaluator does; return their ids."""
    alarms: list[str] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    while len(alarms) < count:
        due = min(count, round((loop.time() - began + BATCH_S) * RATE))
        severities = (1, 2, 2, 3, 1, 4, 2, 1)
        batch = [
            streets.change(place, 0, severities[place % len(severities)], raised=now())
            for place in range(len(alarms), due)
        ]
        await streets.written(batch)
        alarms += [change.alarm for change in batch]
        await asyncio.sleep(max(0.0, began + len(alarms) / RATE - loop.time()))
    return alarms


def scrolled_through(page: Page) -> set[str]:
    """Return every row that is met on the way from the first to the last."""
    found: list[str] = page.evaluate(
        """async () => {
          const grid = document.getElementById("alarm-grid");
          const found = new Set();
          for (let top = 0; ; top += grid.clientHeight / 2) {
            grid.scrollTop = top;
            await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 20)));
            for (const row of grid.querySelectorAll("[data-row]")) found.add(row.dataset.row);
            if (top >= grid.scrollHeight - grid.clientHeight) return [...found];
          }
        }"""
    )
    return set(found)


def test_a_burst_misses_no_row(
    open_console: Opener, console: Console, record_property: Callable[[str, Any], None]
) -> None:
    count = round(RATE * BURST_S)
    streets = Streets(console, count)
    page = open_console("/?folded=shown", viewport=WALL)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/v1/alarms?" in request.url else None)
    expect(page.locator("#alarm-grid")).to_contain_text("No alarm fits")
    page.evaluate(FRAMES)

    playing = asyncio.run_coroutine_threadsafe(play(streets, count), console.background.loop)
    began = time.monotonic()
    grid = page.locator("#alarm-grid")
    # an operator is at work meanwhile: looks, walks and takes in
    while not playing.done():
        page.keyboard.press("j")
        page.keyboard.press("n")
        page.wait_for_timeout(400)
    alarms = set(playing.result())
    took_s = time.monotonic() - began
    page.keyboard.press("n")
    expect(grid).to_have_attribute("aria-rowcount", str(count + 1))
    gaps = page.evaluate("() => { cancelAnimationFrame(window.watching); return window.gaps; }")
    longest = page.evaluate("window.longest")

    page.keyboard.press("n")
    assert scrolled_through(page) == alarms
    stored = console.run(console.api.pool.fetch("select alarm from alarm where state <> 'normal'"))
    assert {row["alarm"] for row in stored} == alarms

    figures = {
        "alarms": len(alarms), "burst_s": round(took_s, 1), "frames": len(gaps),
        "frame_ms_median": round(percentile(gaps, 0.5), 1), "frame_ms_95": round(percentile(gaps, 0.95), 1),
        "frame_ms_99": round(percentile(gaps, 0.99), 1), "frame_ms_max": round(max(gaps), 1),
        "tasks_above_50_ms": len(longest), "task_ms_max": round(max(longest, default=0)),
        "lists_asked": len(asked),
    }  # fmt: skip
    print("burst", figures)
    for name, value in figures.items():
        record_property(name, value)
