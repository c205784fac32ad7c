"""Hundreds of clients on the feed (ten thousand with true durations): each has every event once, in order.

The runs are those of `lifeline bench feeds` and `city`, which give no figures where an event is missing or out of
order, or a reading lost or stored twice.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.city_load import CityLoadSizes, bench_city_load
from benchmarks.feed_crowd import CrowdSizes, bench_feed_crowd
from tests.faults.seeds import TRUE_DURATIONS

FEW = CrowdSizes(
    clients=300, processes=1, events=5, event_every_s=0.1, flood_events=20, messages=2_000, repetitions=1,
)  # fmt: skip
SMALL_CITY = CityLoadSizes(
    sensors=2_000, consoles=4, warm_up_s=2, average=200, average_s=4, peak=2_000, peak_s=6, most=2_000,
    alarm_every_s=0.5,
)  # fmt: skip
EVENT_S = 1.0  # goal for the 99th percentile


def test_case_37_every_client_of_the_feed_has_every_event(programs: Path) -> None:
    sizes = CrowdSizes() if TRUE_DURATIONS else FEW
    bench = asyncio.run(bench_feed_crowd(programs, print, sizes))
    figures = {case.name: case for case in bench.cases}
    for case in bench.cases:
        beside = "" if case.limit is None else f", {case.limit:.4g} without clients"
        print(f"{case.name}: {case.value:.4g} {case.unit}{beside}")
    assert figures[f"event_99th_percentile_{sizes.clients}_clients"].value < 10 * EVENT_S * 1_000


def test_case_37_consoles_of_a_city_under_load_have_every_event(programs: Path) -> None:
    sizes = CityLoadSizes() if TRUE_DURATIONS else SMALL_CITY
    bench = asyncio.run(bench_city_load(programs, print, sizes))
    figures = {case.name: case for case in bench.cases}
    assert figures[f"event_99th_percentile_at_{sizes.peak}"].value < 10 * EVENT_S * 1_000
