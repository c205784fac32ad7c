"""What is kept for how long: set and listed by command, and what a dry run lists is what goes."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from app.commands.output import CommandError
from app.commands.retention import add_parsers, age
from app.doctor import diagnose
from app.settings import Settings
from model.instant import to_datetime
from store.batches import IncomingReadings, write_batch
from store.chunks import ChunkPolicy, read_chunk_policy, set_chunk_policy
from store.maintenance import maintain_once, planned_deletion
from store.pool import open_pool
from store.retention import (
    InvalidRetention,
    Retention,
    check_retention,
    read_retention,
    set_record_days,
    set_retention,
)
from tests.integration.test_store import DAY_MS, NOON, evaluated, readings, register, with_pool

TABLES = {"raw": "reading", "minute": "summary_minute", "hour": "summary_hour"}


# --- the policy --------------------------------------------------------------------------------------------------

STANDS = [
    Retention("*", None, None, None),
    Retention("*", 90, 730, None),
    Retention("water_depth", 30, 30, 30),
    Retention("water_depth", 1, None, None),
]
FALLS = [
    (Retention("watr_depth", 1, None, None), "not known"),
    (Retention("water_depth", 0, None, None), "between 1"),
    (Retention("water_depth", 90, 30, None), "--minute 90d or longer, or --raw 30d or shorter"),
    (Retention("water_depth", None, 30, None), "--minute forever or longer, or --raw 30d or shorter"),
    (Retention("*", 1, 90, 30), "--hour 90d or longer, or --minute 30d or shorter"),
    (Retention("*", 1, None, 30), "--hour forever"),
]


@pytest.mark.parametrize("kept", STANDS)
def test_what_stands(kept: Retention) -> None:
    check_retention(kept)


@pytest.mark.parametrize(("kept", "remedy"), FALLS)
def test_what_falls_names_the_remedy(kept: Retention, remedy: str) -> None:
    with pytest.raises(InvalidRetention, match=remedy):
        check_retention(kept)


@pytest.mark.parametrize(
    ("text", "days"), [("1d", 1), ("90d", 90), ("12w", 84), ("2y", 730), ("100y", 36_500), ("forever", None)]
)
def test_ages(text: str, days: int | None) -> None:
    assert age(text) == days


@pytest.mark.parametrize("text", ["", "0d", "90", "90m", "90h", "1.5y", "-1d", "200y", "1000000d", "ever", "١d"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="90d, 12w, 2y or forever"):
        age(text)


# --- what goes ---------------------------------------------------------------------------------------------------


async def counts(pool: Any) -> dict[tuple[str, str], int]:
    """Rows by property and grain."""
    found = {}
    for grain, table in TABLES.items():
        rows = await pool.fetch(f"select property, count(*) from {table} join sensor using (sensor_key) group by 1")
        found |= {(row[0], grain): row[1] for row in rows}
    return found


async def chunks(pool: Any) -> dict[str, int]:
    rows = await pool.fetch("select hypertable_name, count(*) from timescaledb_information.chunks group by 1")
    return {row[0]: row[1] for row in rows}


@pytest.mark.parametrize("seed", range(6))
def test_a_dry_run_lists_what_then_goes(database_url: str, seed: int) -> None:
    """Random readings, random policies, part of the log evaluated: rows by property and grain, and chunks."""

    async def work(pool: Any) -> None:
        chance = np.random.default_rng(seed)
        keys = await register(pool, "water_depth", "vibration")
        for _ in range(8):
            size = 60
            time = NOON - chance.integers(0, 120 * 24, size) * 3_600_000
            incoming = IncomingReadings(
                chance.choice(keys, size).astype(np.int32), time, chance.normal(size=size), np.zeros(size, np.uint16)
            )
            await write_batch(pool, NOON, incoming)
        await evaluated(pool, int(chance.choice([8, 8, 5])))
        for observed in ("*", "vibration")[: int(chance.integers(1, 3))]:
            raw, minute, hour = sorted(int(days) for days in chance.integers(5, 110, 3))
            await set_retention(pool, Retention(observed, raw, minute, None if chance.random() < 0.3 else hour))
        await maintain_once(pool, NOON, cleaning=False)

        before, chunks_before = await counts(pool), await chunks(pool)
        plan = await planned_deletion(pool, NOON)
        assert (await counts(pool), await chunks(pool)) == (before, chunks_before), "a dry run deletes nothing"
        await maintain_once(pool, NOON)
        after, chunks_after = await counts(pool), await chunks(pool)

        gone = {key: before[key] - after.get(key, 0) for key in before if before[key] != after.get(key, 0)}
        assert gone == {(row.property, row.grain): row.rows for row in plan.expired if row.rows}
        assert gone, "a policy that takes nothing shows nothing"
        dropped = {name: count - chunks_after.get(name, 0) for name, count in chunks_before.items()}
        listed = {name: sum(chunk.table == name for chunk in plan.chunks) for name in dropped}
        assert dropped == listed
        again = await planned_deletion(pool, NOON)
        assert not any(row.rows for row in again.expired)

    with_pool(database_url, work)


def test_what_is_not_evaluated_waits_and_is_named(database_url: str) -> None:
    async def work(pool: Any) -> None:
        (key,) = await register(pool, "water_depth")
        await write_batch(pool, NOON, readings((key, NOON - 90 * DAY_MS, 1.0), (key, NOON - 80 * DAY_MS, 1.0)))
        await write_batch(pool, NOON, readings((key, NOON - 91 * DAY_MS, 1.0)))
        await evaluated(pool, 1)
        await set_retention(pool, Retention("*", 30, None, None))
        plan = await planned_deletion(pool, NOON)
        assert [(row.grain, row.rows, row.waiting) for row in plan.expired] == [("raw", 2, 1)]
        assert plan.expired[0].before == to_datetime(NOON) - timedelta(days=30)
        assert plan.chunks == []
        await maintain_once(pool, NOON)
        assert await pool.fetchval("select count(*) from reading") == 1

    with_pool(database_url, work)


def test_the_length_of_chunks_is_applied(database_url: str) -> None:
    async def work(pool: Any) -> None:
        interval = "select time_interval from timescaledb_information.dimensions where hypertable_name = 'reading'"
        assert await read_chunk_policy(pool) == ChunkPolicy(7, None)
        await set_chunk_policy(pool, ChunkPolicy(3, None))
        await maintain_once(pool, NOON)
        assert await pool.fetchval(interval) == timedelta(days=3)

    with_pool(database_url, work)


# --- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def retention(monkeypatch: pytest.MonkeyPatch, database_url: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `lifeline retention …` and returns what it prints."""
    monkeypatch.setenv("LIFELINE_DATABASE_URL", database_url)
    parser = argparse.ArgumentParser()
    add_parsers(parser.add_subparsers())

    def run(*arguments: str) -> str:
        chosen = parser.parse_args(["retention", *arguments])
        capsys.readouterr()
        assert chosen.run(chosen) == 0
        return capsys.readouterr().out

    return run


def test_listed_set_and_unset(retention: Callable[..., str]) -> None:
    assert retention("list").splitlines()[:3] == [
        "class\treadings\tsummaries by minute\tsummaries by hour",
        "all\tforever\tforever\tforever",
        "chunks of 7d, not compressed; summaries: own roll-up (Apache edition)",
    ]
    retention("set", "all", "--raw", "2y", "--hour", "10y", "--minute", "5y", "--chunk", "2w")
    said = retention("set", "vibration", "--raw", "90d")
    assert said.splitlines()[1:4] == [
        "all\t730d\t1825d\t3650d",
        "vibration\t90d\t1825d\t3650d",  # what is left out is as all are kept
        "chunks of 14d, not compressed; summaries: own roll-up (Apache edition)",
    ]
    retention("set", "vibration", "--hour", "forever")
    told = json.loads(retention("list", "--json"))
    del told["records"]
    assert told == {
        "policies": [
            {"property": "*", "raw_days": 730, "minute_days": 1825, "hour_days": 3650},
            {"property": "vibration", "raw_days": 90, "minute_days": 1825, "hour_days": None},
        ],
        "chunk_days": 14,
        "compress_after_days": None,
        "edition": "Apache",
        "summaries": "own roll-up",
    }
    assert "vibration" not in retention("unset", "vibration")


def test_records_are_kept_by_class_within_what_the_class_allows(retention: Callable[..., str]) -> None:
    def kept() -> dict[str, tuple[int | None, int | None]]:
        told = json.loads(retention("list", "--json"))["records"]
        return {row["class"]: (row["days"], row["days_min"]) for row in told}

    default = kept()
    assert default == {
        "audit": (400, 183), "rejections": (90, 1), "notifications": (90, 1), "reports": (None, 183), "gaps": (None, 1),
        "conflicts": (None, 1), "batches": (None, 1),
        "journal": (None, None), "warnings": (None, None), "sensor-events": (None, None),
    }  # fmt: skip
    retention("set", "audit", "183d")
    assert "batches\t30d\tat least 1d\t" in retention("set", "batches", "30d")
    retention("set", "rejections", "forever")
    assert kept() == default | {"audit": (183, 183), "batches": (30, 1), "rejections": (None, 1)}
    for record_class in ("audit", "batches", "rejections"):
        retention("unset", record_class)
    assert kept() == default


RECORDS = [
    "insert into rejection (arrived_at, batch, topic, payload, payload_bytes, reason, detail)"
    " values ($1, 1, 't', '', 0, 'r', '')",
    "insert into gap (source, from_sequence, to_sequence, missing, first_seen_at) values ('s', 1, 1, '{}', $1)",
    "insert into notification (key, channel, route, kind, city, system, district, mode, severity, rank, late, details,"
    " enqueued_at, due_at, state, finished_at) values ($1::timestamptz::text, 'c', '', 'test', '', '', '', 'test', 0,"
    " 0, false, '{}', $1, $1, 'sent', $1)",
    "insert into report (city, mode, kind, system, source, longitude, latitude, time, received_at, actor) select 'c',"
    " 'test', 'k', 'gas', 's', 0, 0, $1, $1::timestamptz - interval '100 days', 'a' from generate_series(1, 2)",
]


def test_each_class_of_records_goes_when_it_is_past_its_time(database_url: str) -> None:
    """Of each a record 100 days old and one 10 days old."""

    async def work(pool: Any) -> None:
        old, new = to_datetime(NOON - 100 * DAY_MS), to_datetime(NOON - 10 * DAY_MS)
        await write_batch(pool, NOON, readings())
        for time in (old, new):
            for statement in RECORDS:
                await pool.execute(statement, time)
        await pool.execute(
            "set local session_replication_role = replica;"  # the incident itself is of no matter here
            " insert into incident_member (member, kind, incident, joined_at, relation, why, standing, facts)"
            " values ('report.1', 'report', 'i.1', now(), 'r', '{}', true, '{}')"
        )
        tables = ("rejection", "gap", "notification", "report")

        async def left() -> list[int]:
            return [await pool.fetchval(f"select count(*) from {table}") for table in tables]

        await maintain_once(pool, NOON)
        assert await left() == [1, 2, 1, 4], "by default"
        await set_record_days(pool, "gaps", 50)
        await set_record_days(pool, "reports", 183)
        await set_record_days(pool, "rejections", 5)
        await set_record_days(pool, "notifications", 5)
        await maintain_once(pool, NOON)
        assert await left() == [0, 1, 0, 3], "a report that is part of an incident stays"

    with_pool(database_url, work)


REFUSED = [
    (("set", "audit", "182d"), "183 days at the least; set 183d or more"),
    (("set", "journal", "400d"), "kept for ever"),
    (("set", "audit"), "lifeline retention set audit 400d"),
    (("set", "audit", "--raw", "400d"), "lifeline retention set audit 400d"),
    (("set", "vibration", "90d"), "--raw, --minute and --hour"),
    (("unset", "audit"), "lifeline retention list"),
    (("set", "vibration"), "nothing is set; give --raw"),
    (("set", "vibratoin", "--raw", "90d"), "use all"),
    (("set", "vibration", "--chunk", "1d"), "set --chunk and --compress-after with all"),
    (("set", "vibration", "--minute", "30d"), "--minute forever or longer"),
    (("set", "all", "--compress-after", "30d"), "Apache edition does not compress; name a database"),
    (("set", "all", "--chunk", "forever"), "between 1d and 366d"),
    (("unset", "vibration"), "lifeline retention list"),
    (("unset", "all"), "--raw forever"),
]


@pytest.mark.parametrize(("arguments", "remedy"), REFUSED)
def test_refused_with_the_remedy(retention: Callable[..., str], arguments: tuple[str, ...], remedy: str) -> None:
    before = retention("list")
    with pytest.raises(CommandError, match=remedy):
        retention(*arguments)
    assert retention("list") == before


def test_applied_and_what_it_would_delete(retention: Callable[..., str], database_url: str) -> None:
    async def store() -> None:
        pool = await open_pool(database_url)
        (key,) = await register(pool, "water_depth")
        await write_batch(pool, NOON, readings(*((key, NOON - day * DAY_MS, 1.0) for day in range(400, 500))))
        await evaluated(pool, 1)
        await pool.close()

    asyncio.run(store())
    retention("set", "water_depth", "--raw", "1d", "--minute", "1d", "--hour", "100y")
    told = json.loads(retention("apply", "--dry-run", "--json"))
    assert told["dry_run"]
    (expired,) = told["expired"]  # nothing is rolled up yet
    assert (expired["property"], expired["grain"], expired["rows"], expired["waiting"]) == (
        "water_depth",
        "raw",
        100,
        0,
    )
    said = retention("apply", "--dry-run")
    assert "water_depth\treadings\t100 before" in said
    assert "whole chunk\treading\t" in said
    assert said.rstrip().endswith("dry run: nothing was deleted")
    assert retention("apply").startswith("water_depth\treadings\t100 before")
    assert json.loads(retention("apply", "--dry-run", "--json"))["expired"] == []


def test_the_doctor_names_the_chunks(database_url: str) -> None:
    async def work(pool: Any) -> None:
        await set_chunk_policy(pool, ChunkPolicy(3, 30))
        found = {finding.subject: finding for finding in await diagnose(Settings(database_url=database_url))}
        assert found["chunks"].text == "of 3 days, not compressed (Community edition only)"
        assert [row.property for row in await read_retention(pool)] == ["*"]

    with_pool(database_url, work)
