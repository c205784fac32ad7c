"""ingest.limiter and ingest.budget: who is limited, who is not, and that everything refused is accounted for."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.budget import BudgetLimits, RejectionBudget
from ingest.judgement import Judgement
from ingest.limiter import Limiter, RateLimit
from ingest.settings import IngestLimits
from model.reading import Rejection
from model.registry import Registry
from model.sensor import City, Sensor
from store.batches import IncomingReadings

START = 1_795_334_400_000


def _over(limit: RateLimit, rows: list[tuple[int, int]], arrived: list[int], per_batch: int = 50) -> list[bool]:
    limiter, found = Limiter(limit), []
    for start in range(0, len(rows), per_batch):
        part = rows[start : start + per_batch]
        keys, times = np.array([r[0] for r in part], np.int32), np.array([r[1] for r in part], np.int64)
        limiter.judge(keys, times, arrived[start])  # in vain: the store failed
        limited = limiter.judge(keys, times, arrived[start])
        limiter.commit(limited)
        found += limited.over.tolist()
    return found


def test_case_33_who_repeats_itself_is_limited_and_harms_nobody() -> None:
    rows, arrived = [], []
    for number in range(50_000):  # 5,000 a second for 10 s, and another sensor once a second
        now = START + number // 5
        rows.append((1, now) if number % 5_000 else (2, now))
        arrived.append(now)
    over = _over(RateLimit(), rows, arrived)
    passed = Counter(key for (key, _), is_over in zip(rows, over, strict=True) if not is_over)
    assert passed[2] == 10
    assert 14_000 <= passed[1] <= 15_100  # the burst, and 1,000 a second


def test_replays_back_fill_and_repeated_history_are_not_limited() -> None:
    day = [(1, START + 60_000 * number) for number in range(20_000)]
    rows = [*day, *day[5_000:15_000], *day]
    assert not any(_over(RateLimit(burst_readings_max=10), rows, [START] * len(rows)))
    fast = [(1, START + number) for number in range(30_000)]  # every millisecond: no two the same
    assert not any(_over(RateLimit(burst_readings_max=10), fast, [START] * len(fast)))


def test_the_bucket_fills_again() -> None:
    limit = RateLimit(readings_s_max=10, burst_readings_max=5)
    rows = [(1, START)] * 10
    assert _over(limit, rows, [START] * 10) == [False] * 5 + [True] * 5
    assert _over(limit, rows, [START] * 5 + [START + 300] * 5, 5) == [False] * 8 + [True] * 2


def test_ids_that_are_not_registered_have_no_bucket() -> None:
    limiter = Limiter(RateLimit(burst_readings_max=1))
    assert not limiter.judge(np.full(1_000, -1, np.int32), np.zeros(1_000, np.int64), START).over.any()
    assert not len(limiter.judge(np.empty(0, np.int32), np.empty(0, np.int64), START).over)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(-(2**63), 2**63 - 1) | st.integers(START, START + 9)), max_size=80
    )
)
def test_batches_and_failures_change_nothing(rows: list[tuple[int, int]]) -> None:
    limit, arrived = RateLimit(readings_s_max=3, burst_readings_max=4), [START] * len(rows)
    assert _over(limit, rows, arrived, 7) == _over(limit, rows, arrived, 1_000)


# --- what is kept of rejections ----------------------------------------------------------------------------------


def _rejection(reason: str = "unknown_sensor", city: str = "c", sensor: str = "s", size: int = 10) -> Rejection:
    return Rejection(f"lifeline/{city}/gas/{sensor}", b"x" * size, size, reason, "d", sensor)


def test_case_32_a_flood_is_kept_in_part_and_counted_whole() -> None:
    budget, kept, counted = RejectionBudget(BudgetLimits()), 0, Counter[tuple[int, str]]()
    for batch in range(20):
        arrived = START + batch * 6_000
        found = budget.condense([_rejection(sensor=f"nobody-{i}") for i in range(5_000)], arrived, {"c"})
        budget.condense([_rejection()] * 5_000, arrived, {"c"})  # in vain
        budget.commit(found)
        kept += len(found.kept)
        for one in found.counts:
            assert one.scope == "c"
            assert one.payload_bytes == 10 * one.rejections
            counted[one.minute, one.reason] += one.rejections
    assert kept == 2 * 5_000  # in each of two minutes
    assert kept + counted.total() == 100_000


def test_one_kind_does_not_crowd_out_another() -> None:
    budget = RejectionBudget(BudgetLimits(rejections_per_scope_max=3, rate_limited_per_sensor_max=2))
    flood = [_rejection()] * 10 + [_rejection("not_json"), _rejection(city="d"), _rejection(city="made-up")]
    limited = [_rejection("rate_limited", sensor=sensor) for sensor in ("a", "a", "a", "b")]
    found = budget.condense(flood + limited, START, {"c", "d"})
    kinds = Counter((one.reason, one.topic.split("/")[1], one.sensor) for one in found.kept)
    assert kinds[("unknown_sensor", "c", "s")] == 3
    assert kinds[("not_json", "c", "s")] == kinds[("unknown_sensor", "d", "s")] == 1
    assert kinds[("rate_limited", "c", "a")] == 2
    assert kinds[("rate_limited", "c", "b")] == 1
    assert [(one.reason, one.scope, one.rejections) for one in found.counts] == [
        ("unknown_sensor", "c", 7), ("rate_limited", "a", 1),
    ]  # fmt: skip


def test_payloads_are_bounded_in_bytes() -> None:
    found = RejectionBudget(BudgetLimits(bytes_per_scope_max=100)).condense([_rejection(size=40)] * 3, START, {"c"})
    assert (len(found.kept), found.counts[0].rejections) == (2, 1)


def test_judgement_accounts_for_every_reading() -> None:
    sensor = Sensor(sensor="a", city="c", system="gas", property="combustible_gas", unit="[ppm]", interval_s=60)
    registry = Registry(1, {1: sensor}, {"c": City(city="c", mode="test")})
    judgement = Judgement(registry, IngestLimits(), RateLimit(burst_readings_max=100))
    readings = IncomingReadings(
        np.full(1_000, 1, np.int32), np.full(1_000, START), np.full(1_000, 5.0), np.zeros(1_000, np.uint16)
    )
    ruling = judgement.judge(registry, readings, [_rejection()], START, np.arange(1_000))
    assert len(ruling.readings) == 100
    assert ruling.reasons == {"unknown_sensor": 1, "rate_limited": 900}
    assert [one.rejections for one in ruling.condensed.counts] == [890]
    limited = ruling.rejections[1]
    assert (limited.reason, limited.topic, limited.sensor) == ("rate_limited", "lifeline/c/gas/a", "a")
    assert limited.payload == b'{"time":"2026-11-22T08:00:00.000Z","value":5.0,"unit":"%{LEL}"}'
    assert ruling.gaps is not None
    assert ruling.gaps.opened == []
    judgement.commit(ruling)
    assert len(judgement.judge(registry, readings, [], START).readings) == 0
