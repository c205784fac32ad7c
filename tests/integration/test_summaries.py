"""Summaries and bucketed queries equal a computation over the raw readings, however late, early or torn they came.

Those of real records: test_data_sets.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from model.reading import HELD_BACK, Quality
from store.batches import IncomingReadings, write_batch
from store.maintenance import maintain_once
from store.readings import BucketRow, Source, bucketed_readings, summary_for
from store.summaries import roll_up
from tests.integration.test_store import NOON, readings, with_pool

GRAINS_MS = {"minute": 60_000, "hour": 3_600_000}
START = datetime(2026, 10, 24, 9, 17, 31, 5_000, tzinfo=UTC)  # Berlin's clocks go back in the night


def summarised(stored: IncomingReadings, grain_ms: int) -> dict[tuple[int, int], tuple[Any, ...]]:
    """(sensor, start) -> (minimum, mean, maximum, last, usable, held back), by numpy alone."""
    order = np.lexsort((stored.time, stored.sensor))
    sensor, time = stored.sensor[order], stored.time[order]
    value, bad = stored.value[order], (stored.quality[order] & int(HELD_BACK)) != 0
    start = time // grain_ms * grain_ms
    begins = np.flatnonzero(np.r_[True, (sensor[1:] != sensor[:-1]) | (start[1:] != start[:-1])])
    usable = np.add.reduceat(~bad, begins, dtype=np.int64)
    held_back = np.add.reduceat(bad, begins, dtype=np.int64)
    totals = np.add.reduceat(np.where(bad, 0.0, value), begins)
    lowest = np.minimum.reduceat(np.where(bad, np.inf, value), begins)
    highest = np.maximum.reduceat(np.where(bad, -np.inf, value), begins)
    newest = value[np.maximum(np.maximum.reduceat(np.where(bad, -1, np.arange(len(bad))), begins), 0)]
    columns = (
        sensor[begins],
        start[begins],
        lowest,
        totals / np.maximum(usable, 1),
        highest,
        newest,
        usable,
        held_back,
    )
    return {
        (row[0], row[1]): (*(row[2:6] if row[6] else (None,) * 4), *row[6:])
        for row in zip(*(column.tolist() for column in columns), strict=True)
    }


async def assert_summaries_equal(pool: Any, stored: IncomingReadings) -> None:
    for grain, grain_ms in GRAINS_MS.items():
        rows = await pool.fetch(
            "select sensor_key, (extract(epoch from start) * 1000)::bigint as start, minimum, mean, maximum, last,"
            f" usable, held_back from reading_{grain}",
            timeout=120,
        )
        expected = summarised(stored, grain_ms)
        found = {(row[0], row[1]): tuple(row[2:]) for row in rows}
        assert len(rows) == len(found)
        assert found.keys() == expected.keys()
        exact = [0, 2, 3, 4, 5]
        assert all(found[key][i] == expected[key][i] for key in found for i in exact)
        means = [(found[key][1], expected[key][1]) for key in found if expected[key][1] is not None]
        assert all(found[key][1] is None for key in found if expected[key][1] is None)
        if means:
            np.testing.assert_allclose(*zip(*means, strict=True), rtol=1e-9, atol=1e-9)


def joined(parts: Sequence[IncomingReadings]) -> IncomingReadings:
    return IncomingReadings(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("sensor", "time", "value", "quality"))
    )


@pytest.mark.parametrize("seed", range(4))
def test_summaries_equal_numpy_before_while_and_after_they_are_rolled_up(database_url: str, seed: int) -> None:
    async def work(pool: Any) -> None:
        chance = np.random.default_rng(seed)
        stored: list[IncomingReadings] = []
        for number in range(30):
            size = int(chance.integers(0, 200))
            # Two days back and forth, so that most readings are late for buckets that were rolled up long ago.
            time = NOON + chance.integers(-2 * 86_400_000, 60_000, size) // 20_000 * 20_000
            quality = chance.choice([0, 0, 0, int(Quality.SATURATED), int(Quality.SENTINEL), int(HELD_BACK)], size)
            batch = IncomingReadings(
                chance.integers(1, 4, size, np.int32), time, chance.normal(size=size), quality.astype(np.uint16)
            )
            kept = (await write_batch(pool, NOON + number, batch)).batch
            stored.append(IncomingReadings(kept.sensor, kept.time, kept.value, kept.quality))
            if chance.random() < 0.4:
                async with pool.acquire() as connection, connection.transaction():
                    await roll_up(connection, int(chance.integers(1, 300)))
            if number % 10 == 5:
                await assert_summaries_equal(pool, joined(stored))
        await maintain_once(pool, NOON)
        await assert_summaries_equal(pool, joined(stored))
        behind = "select count(*) from batch where sequence > (select batch from summary_cursor)"
        assert await pool.fetchval(behind) == 0

    with_pool(database_url, work)


def test_a_roll_up_that_is_undone_leaves_nothing_half_done(database_url: str) -> None:
    async def work(pool: Any) -> None:
        stored = readings((1, NOON, 1.0), (1, NOON + 1, 3.0))
        await write_batch(pool, NOON, stored)
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            assert await roll_up(connection) == 1
            await transaction.rollback()
        await assert_summaries_equal(pool, stored)
        await maintain_once(pool, NOON)
        await maintain_once(pool, NOON)
        await assert_summaries_equal(pool, stored)

    with_pool(database_url, work)


def bucketed(
    stored: Sequence[tuple[datetime, float, bool]], start: datetime, end: datetime, bucket: timedelta, zone: str
) -> list[BucketRow]:
    """What a bucketed query has to give, in plain Python."""
    origin = datetime(2000, 1, 1)

    def place(moment: datetime) -> datetime:
        local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        return local - (local - origin) % bucket

    inside = defaultdict(list)
    for moment, value, bad in stored:
        if start <= moment < end:
            inside[place(moment)].append((value, bad))
    at, result = place(start), []
    until = (end - timedelta(milliseconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    while at <= until:
        good = [value for value, bad in inside[at] if not bad]
        figures = (min(good), sum(good) / len(good), max(good)) if good else (None, None, None)
        began = at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        result.append(BucketRow(began, *figures, len(good), len(inside[at]) - len(good)))
        at += bucket
    return result


BUCKETS: list[tuple[timedelta, str, Source]] = [
    (timedelta(seconds=30), "UTC", "raw"),
    (timedelta(seconds=90), "UTC", "raw"),
    (timedelta(minutes=1), "UTC", "minute"),
    (timedelta(minutes=7), "UTC", "minute"),
    (timedelta(hours=1), "UTC", "hour"),
    (timedelta(hours=5), "UTC", "hour"),
    (timedelta(days=1), "Asia/Shanghai", "hour"),
    (timedelta(days=1), "Asia/Kathmandu", "minute"),
    (timedelta(days=1), "Europe/Berlin", "hour"),
]


@pytest.mark.parametrize(("bucket", "zone", "source"), BUCKETS, ids=lambda value: str(value))
def test_buckets_equal_the_raw_readings(database_url: str, bucket: timedelta, zone: str, source: Source) -> None:
    """Whatever they are made of, whatever the ends cut through, rolled up or not; gaps are gaps."""

    async def work(pool: Any) -> None:
        chance = np.random.default_rng(int(bucket.total_seconds()))
        span = bucket * 12 + timedelta(minutes=3)
        moments = sorted({START + timedelta(milliseconds=int(n)) for n in
                          chance.integers(0, int(span.total_seconds() * 1000), 300)})  # fmt: skip
        gap = START + span * 0.4, START + span * 0.7
        rows = [(m, float(chance.normal()), bool(chance.random() < 0.2)) for m in moments if not gap[0] <= m < gap[1]]
        bits = int(Quality.OUT_OF_RANGE)
        stored = readings(*((1, round(m.timestamp() * 1000), v, bits * bad) for m, v, bad in rows))
        other = readings(*((2, round(m.timestamp() * 1000), 99.0) for m, _, _ in rows))
        await write_batch(pool, NOON, stored)
        await write_batch(pool, NOON, other)
        for _ in range(2):
            for cut in (timedelta(0), timedelta(seconds=17), bucket * 0.6, bucket * 5):
                start, end = START + cut, START + span - cut
                found = await bucketed_readings(pool, 1, start, end, bucket, zone)
                expected = bucketed(rows, start, end, bucket, zone)
                assert summary_for(bucket, start, end, zone) == source
                assert [row._replace(mean=None) for row in found] == [row._replace(mean=None) for row in expected]
                assert [row.mean for row in found] == [
                    None if r.mean is None else pytest.approx(r.mean) for r in expected
                ]
            await maintain_once(pool, NOON)

    with_pool(database_url, work)


def test_an_empty_span_is_one_gap_after_another(database_url: str) -> None:
    async def work(pool: Any) -> None:
        found = await bucketed_readings(pool, 1, START, START + timedelta(hours=3), timedelta(hours=1), "UTC")
        assert [(row.minimum, row.mean, row.maximum, row.usable, row.held_back) for row in found] == [
            (None, None, None, 0, 0)
        ] * 4

    with_pool(database_url, work)


def test_spans_beyond_all_readings_are_gaps(database_url: str) -> None:
    async def work(pool: Any) -> None:
        for start in (datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, 21, 30, tzinfo=UTC)):
            end = start + timedelta(hours=2)
            found = await bucketed_readings(pool, 1, start, end, timedelta(hours=1), "UTC")
            assert [row.usable for row in found] == [0] * len(found)

    with_pool(database_url, work)
