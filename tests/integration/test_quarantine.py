"""Quarantine, gaps and the state of the checks against the real database: replayed, pruned, taken up after a kill."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cli import main
from ingest.checks import RawReadings, check
from ingest.course import Course
from ingest.course_recovery import recover, save
from ingest.decoders.forms import Forms
from ingest.decoders.mapping import parse_mapping
from ingest.gaps import GapTracker
from ingest.judgement import Judgement, Ruling
from ingest.message import Decoded
from ingest.replays import Outcome, do_replays
from ingest.settings import IngestLimits
from model.reading import Quality, Rejection
from model.registry import Registry
from model.sensor import City, Sensor
from store.batches import IncomingReadings, write_batch
from store.pool import Pool, open_pool
from store.rejections import (
    RejectionCount,
    discard,
    find_counts,
    find_rejection,
    find_rejections,
    prune_rejections,
    request_replay,
    requested_replays,
    store_counts,
)
from store.sensors import import_sensors, load_registry

NOW = 1_795_334_400_000
MINUTE = 60_000
LIMITS = IngestLimits()
SENSORS = [
    Sensor(sensor="air", city="c", system="weather", property="air_temperature", unit="Cel", interval_s=10),
    Sensor(sensor="gas", city="c", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60),
]
ALL = ("*",)


def _run(url: str, scenario: Callable[[Pool, Registry], Awaitable[None]]) -> None:
    async def run() -> None:
        pool = await open_pool(url)
        try:
            await import_sensors(pool, SENSORS, [City(city="c", mode="test")])
            await scenario(pool, await load_registry(pool))
        finally:
            await pool.close()

    asyncio.run(run())


def _rejection(payload: bytes = b"{", reason: str = "not_json", topic: str = "lifeline/c/gas/gas") -> Rejection:
    return Rejection(topic, payload, len(payload), reason, "mend it", "gas")


def _readings(registry: Registry, rows: Sequence[tuple[str, int, float]]) -> IncomingReadings:
    return IncomingReadings(
        np.array([registry.keys[row[0]] for row in rows], np.int32), np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64), np.zeros(len(rows), np.uint16),
    )  # fmt: skip


def _writer(pool: Pool, registry: Registry) -> Callable[[list[Decoded]], Awaitable[Outcome]]:
    async def write(messages: list[Decoded]) -> Outcome:
        columns = messages[0].columns
        raw = RawReadings(columns.sensor, _column(columns.time, np.int64), _column(columns.value, np.float64))
        checked = check(registry, raw, NOW, LIMITS)
        refused = [*messages[0].rejections, *(_rejection(reason=unusable.reason) for unusable in checked.unusable)]
        receipt = await write_batch(pool, NOW, checked.readings, refused)
        return Outcome(len(receipt.batch), receipt.duplicates, receipt.conflicts, [one.reason for one in refused])

    return write


def _column(values: Sequence[float], kind: type) -> Any:
    return np.array(values, kind)


async def _quarantine(pool: Pool, *rejections: Rejection, clock: int = NOW) -> list[int]:
    before = await pool.fetchval("select coalesce(max(rejection), 0) from rejection")
    await write_batch(pool, clock, _readings(Registry(0, {}, {}), []), rejections)
    rows = await pool.fetch("select rejection from rejection where rejection > $1 order by rejection", before)
    return [row["rejection"] for row in rows]


def test_a_vendor_s_message_is_replayed_by_its_mapping(database_url: str) -> None:
    mapping = """
mapping: acme
topic: acme/{device}/up
values: [{sensor: "{device}", value: v}]
time: {path: t, format: epoch_ms}
"""
    forms = Forms([parse_mapping("acme.yaml", mapping)])

    async def scenario(pool: Pool, registry: Registry) -> None:
        payload = b'{"t":%d,"v":5}' % NOW
        known, unknown = await _quarantine(
            pool, _rejection(payload, "unknown_sensor", "acme/gas/up"), _rejection(payload, "topic_unknown", "else/gas")
        )
        for one in (known, unknown):
            assert await request_replay(pool, one, "ann", NOW, None, None)
        assert await do_replays(pool, LIMITS, _writer(pool, registry), lambda: NOW, forms) == 2
        results = [(await find_rejection(pool, one, ALL)).result for one in (known, unknown)]
        assert results == ["1 stored", "0 stored; 1 refused again: topic_unknown"]

    _run(database_url, scenario)


def test_replay_as_it_came_corrected_and_in_vain(database_url: str) -> None:
    async def scenario(pool: Pool, registry: Registry) -> None:
        good = b'{"time":%d,"value":5}' % NOW
        as_it_came, corrected, moved, in_vain, waiting = await _quarantine(
            pool, _rejection(good, "unknown_sensor"), _rejection(), _rejection(good.replace(b"5}", b"9}"), topic="x"),
            _rejection(), _rejection(),
        )  # fmt: skip
        assert await request_replay(pool, as_it_came, "ann", NOW + 1, None, None)
        mended = good.replace(b"}", b',"unit":"%{LEL}"}').replace(b"%d" % NOW, b"%d" % (NOW - 1))
        assert await request_replay(pool, corrected, "ann", NOW + 1, None, mended)
        assert await request_replay(pool, moved, "bob", NOW + 1, "lifeline/c/gas/gas", None)
        assert await request_replay(pool, in_vain, "bob", NOW + 1, None, None)
        assert (await find_rejection(pool, waiting, ALL)).state == "open"
        assert await do_replays(pool, LIMITS, _writer(pool, registry), lambda: NOW + 2) == 4
        assert await do_replays(pool, LIMITS, _writer(pool, registry), lambda: NOW + 3) == 0
        told = {one: await find_rejection(pool, one, ALL) for one in (as_it_came, corrected, moved, in_vain)}
        assert [(row.state, row.handled_by, row.result) for row in told.values()] == [
            ("replayed", "ann", "1 stored"),
            ("replayed", "ann", "1 stored"),
            ("replayed", "bob", "0 stored; 1 contradict a stored value"),
            ("refused", "bob", "0 stored; 1 refused again: not_json"),
        ]
        assert told[as_it_came].handled_at == datetime.fromtimestamp((NOW + 2) / 1000, UTC)
        assert await pool.fetchval("select count(*) from reading") == 2
        # What is done is not done again; what was refused may be corrected; nobody handles what was discarded.
        assert not await request_replay(pool, as_it_came, "ann", NOW, None, None)
        assert await request_replay(pool, in_vain, "ann", NOW, None, good)
        assert await discard(pool, in_vain, "ann", NOW)
        assert not await discard(pool, in_vain, "ann", NOW)
        assert not await request_replay(pool, in_vain, "ann", NOW, None, good)
        assert await requested_replays(pool, 10) == []

    _run(database_url, scenario)


def test_words_that_change_while_a_replay_is_done_are_done_too(database_url: str) -> None:
    async def scenario(pool: Pool, registry: Registry) -> None:
        (one,) = await _quarantine(pool, _rejection())
        await request_replay(pool, one, "ann", NOW, None, None)
        write = _writer(pool, registry)

        async def slow(messages: list[Decoded]) -> Outcome:
            await request_replay(pool, one, "ann", NOW, None, b'{"time":%d,"value":5}' % NOW)
            return await write(messages)

        await do_replays(pool, LIMITS, slow, lambda: NOW)
        assert (await find_rejection(pool, one, ALL)).state == "requested"
        await do_replays(pool, LIMITS, write, lambda: NOW)
        assert (await find_rejection(pool, one, ALL)).result == "1 stored"

    _run(database_url, scenario)


def test_pruned_by_bytes_and_days(database_url: str) -> None:
    async def scenario(pool: Pool, registry: Registry) -> None:
        assert await prune_rejections(pool, 0, 1) == {}
        old = await _quarantine(pool, _rejection(reason="no_time"), _rejection(), clock=NOW - 31 * 86_400_000)
        await request_replay(pool, old[1], "ann", NOW, None, None)
        await _quarantine(pool, *[_rejection(b"x" * 700, "too_deep")] * 10)
        async with pool.acquire() as connection:
            await store_counts(connection, [RejectionCount(NOW - 31 * 86_400_000, "not_json", "c", 7, 70)])
        assert await prune_rejections(pool, 10**9, 30) == {"no_time": 1}
        assert await find_counts(pool, ALL, 10) == []
        assert await prune_rejections(pool, 4_500, 30) == {"too_deep": 6}
        left = await find_rejections(pool, ALL, 100)
        assert [row.state for row in left] == ["open"] * 4 + ["requested"]
        assert await prune_rejections(pool, 4_500, 30) == {}

    _run(database_url, scenario)


def test_counts_add_up_and_keep_to_their_areas(database_url: str) -> None:
    async def scenario(pool: Pool, registry: Registry) -> None:
        minute = NOW - NOW % MINUTE
        async with pool.acquire() as connection:
            for _ in range(2):
                await store_counts(connection, [
                    RejectionCount(minute, "unknown_sensor", "c", 5, 50), RejectionCount(minute, "not_json", "", 1, 1),
                    RejectionCount(minute + MINUTE, "unknown_sensor", "c", 1, 10),
                    RejectionCount(minute, "rate_limited", "gas", 3, 30),
                ])  # fmt: skip
        found = [row[:3] for row in await find_counts(pool, ALL, 10)]
        assert found == [("unknown_sensor", "c", 12), ("rate_limited", "gas", 6), ("not_json", "", 2)]
        assert [row[:3] for row in await find_counts(pool, ["c"], 10)] == found[:2]
        assert await find_counts(pool, ["elsewhere"], 10) == []
        since = datetime.fromtimestamp((minute + MINUTE) / 1000, UTC)
        assert [row[:3] for row in await find_counts(pool, ALL, 10, since=since)] == [("unknown_sensor", "c", 2)]

    _run(database_url, scenario)


async def _write(
    pool: Pool, registry: Registry, judgement: Judgement, rows: Sequence[tuple[str, int, float]], sequence: list[int]
) -> Ruling:
    """Write a batch as the pipeline does."""
    ruling = judgement.judge(
        registry, _readings(registry, rows), [], max(row[1] for row in rows) + 100, np.array(sequence, np.int64)
    )
    receipt = await write_batch(pool, max(row[1] for row in rows) + 100, ruling.readings, ruling.rejections)
    async with pool.acquire() as connection, connection.transaction():
        await ruling.store(connection, receipt.batch.sequence, receipt.batch.clock)
    judgement.commit(ruling)
    return ruling


@pytest.mark.parametrize("checkpoint_after", [None, 0, 1, 2])
def test_a_kill_changes_no_flag_and_no_gap(database_url: str, checkpoint_after: int | None) -> None:
    async def scenario(pool: Pool, registry: Registry) -> None:
        first = Judgement(registry, LIMITS)
        await recover(pool, "w", registry, first.course, first.gaps)
        batches = [
            ([("air", NOW, 10.0), ("gas", NOW, 1.0)], [1, 5]),
            ([("air", NOW + 10_000, 60.0), ("gas", NOW + 10_000, 2.0)], [2, 9]),
            ([("air", NOW + 20_000, 61.0), ("gas", NOW + 20_000, 2.0)], [3, 10]),
        ]
        bits = []
        for number, (rows, sequence) in enumerate(batches):
            ruling = await _write(pool, registry, first, rows, sequence)
            bits += ruling.readings.quality.tolist()
            if number == checkpoint_after:
                await save(pool, "w", number + 1, first.course, first.gaps)
        assert bits == [0, 0, Quality.RATE_EXCEEDED, 0, Quality.RATE_EXCEEDED, 0]
        second = Judgement(registry, LIMITS)  # the first was killed
        assert await recover(pool, "w", registry, second.course, second.gaps) == 3
        assert second.course.dump() == first.course.dump()
        assert await pool.fetchval("select count(*) from sequence_log") == 0  # the checkpoint holds it
        again = await _write(pool, registry, second, batches[2][0], batches[2][1])  # delivered again
        assert not again.readings.quality.any()
        assert again.gaps is not None
        assert again.gaps.opened == []
        next_rows = [("air", NOW + 30_000, 61.5), ("gas", NOW + 5_000, 1.5), ("gas", NOW + 30_000, 2.0)]
        ruling = await _write(pool, registry, second, next_rows, [4, 7, 11])
        assert ruling.readings.quality.tolist() == [0, 0, 0]  # the third reading at the new level
        rows = await pool.fetch("select source, from_sequence, to_sequence, missing::text, filled_at from gap")
        assert [tuple(row) for row in rows] == [("gas", 6, 8, "{[6,7),[8,9)}", None)]
        await _write(pool, registry, second, [("gas", NOW + 4_000, 1.5), ("gas", NOW + 6_000, 1.5)], [6, 8])
        row = await pool.fetchrow("select isempty(missing) as filled, filled_at from gap")
        assert row["filled"]
        assert row["filled_at"] is not None

    _run(database_url, scenario)


def test_a_checkpoint_of_another_version_begins_anew(database_url: str) -> None:
    async def scenario(pool: Pool, registry: Registry) -> None:
        first = Judgement(registry, LIMITS)
        await _write(pool, registry, first, [("air", NOW, 10.0)], [1])
        await save(pool, "w", 1, first.course, first.gaps)
        await pool.execute("update course_checkpoint set layout = 'older', course = 'x'")
        course, gaps = Course(registry, LIMITS), GapTracker()
        await recover(pool, "w", registry, course, gaps)
        assert course.dump() == Course(registry, LIMITS).dump()
        assert [state.last for state in gaps.states()] == [1]

    _run(database_url, scenario)


def test_the_command(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIFELINE_DATABASE_URL", database_url)
    monkeypatch.setenv("LIFELINE_HOME", str(tmp_path))
    ids: list[int] = []

    async def prepare_rejections(pool: Pool, registry: Registry) -> None:
        cut = Rejection("lifeline/c/gas/gas", b"x", 300_000, "payload_too_large", "send less", "gas")
        ids.extend(await _quarantine(pool, _rejection(b"\x1b[2J \xff"), _rejection(b"{}", "no_value"), cut))

    _run(database_url, prepare_rejections)

    def command(*arguments: str, code: int = 0) -> Any:
        assert main(["quarantine", *arguments]) == code
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    listed = [line.split("\t") for line in command("list").splitlines()]
    assert [(row[0], row[2], row[3]) for row in listed] == [
        (str(ids[2]), "open", "payload_too_large"),
        (str(ids[1]), "open", "no_value"),
        (str(ids[0]), "open", "not_json"),
    ]
    assert len(command("list", "--reason", "no_value", "--state", "open").splitlines()) == 1
    shown = command("show", str(ids[0]))
    assert "\\x1b[2J" in shown
    assert "\x1b" not in shown
    assert json.loads(command("show", str(ids[1]), "--json"))["payload"] == "{}"
    mended = tmp_path / "mended.json"
    mended.write_text('{"time": "2026-11-22T08:00:00Z", "value": 4}')
    assert "requested" in command("replay", str(ids[1]), "--payload", str(mended), "--by", "ann", "--wait", "0s")
    assert json.loads(command("show", str(ids[1]), "--json"))["handled_by"] == "ann"
    assert "cut" in command("replay", str(ids[2]), code=1)
    assert "discarded" in command("discard", str(ids[0]))
    assert "is discarded by" in command("replay", str(ids[0]), code=1)
    assert "no rejection 999" in command("show", "999", code=1)
    assert "none for readings" in command("replay", str(ids[1]), "--topic", "elsewhere", code=1)
