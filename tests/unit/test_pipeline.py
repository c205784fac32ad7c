"""ingest from queue to committer, without broker and database: order, push-back, retries, the message at fault."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import numpy as np
import pytest

import ingest.committer
import ingest.pipeline
from ingest.batcher import gather
from ingest.committer import Committer, Stopped
from ingest.counters import IngestCounters
from ingest.decode import decode_messages
from ingest.decoders.forms import Forms
from ingest.gathered import Gathered
from ingest.message import Message
from ingest.pipeline import Pipeline
from ingest.queue import MessageQueue
from ingest.settings import IngestLimits, MqttSettings, broker_address
from model.reading import ReadingBatch, Rejection
from model.registry import Registry
from model.sensor import City, Sensor
from store.batches import IncomingReadings, Receipt

NOW = 1_795_334_400_000
LIMITS = IngestLimits(retry_s_min=0.001, retry_s_max=0.002, batch_age_ms_max=5)
REGISTRY = Registry(
    1,
    {1: Sensor(sensor="gas-1", city="c", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60)},
    {"c": City(city="c", mode="test")},
)


def _message(number: int, mid: int = 0, dup: bool = False, payload: bytes | None = None) -> Message:
    payload = b'{"time":%d,"value":%d}' % (NOW - 10_000 + number, number) if payload is None else payload
    return Message("lifeline/c/gas/gas-1", payload, len(payload), mid or number + 1, 1, 1, dup)


def _gathered(*numbers: int) -> Gathered:
    return decode_messages([_message(number) for number in numbers], LIMITS)


# --- queue and batcher -------------------------------------------------------------------------------------------


def _queue(**limits: Any) -> MessageQueue:
    return MessageQueue(IngestLimits(**limits), IngestCounters())


def test_the_queue_says_when_it_is_full_and_when_there_is_room() -> None:
    async def scenario() -> None:
        queue = _queue(queue_messages_max=4)
        calls: list[int] = []
        for number in range(6):  # what is here is taken although it is too much
            queue.put([_message(number)])
        assert queue.full
        queue.room = lambda: calls.append(1)
        taken = [queue.take() for _ in range(3)]
        assert calls == []
        assert not queue.full
        taken += [queue.take() for _ in range(4)]
        assert calls
        assert [[m.mid for m in portion] for portion in taken] == [[1], [2], [3], [4], [5], [6], []]

    asyncio.run(scenario())


def test_the_queue_is_bounded_in_bytes() -> None:
    async def scenario() -> None:
        queue = _queue(queue_bytes_max=1_000)
        queue.put([_message(0, payload=b"x" * 1_000)])
        assert queue.full
        queue.take()
        assert not queue.full

    asyncio.run(scenario())


def test_portions_hold_the_messages_in_order_whatever_their_sizes() -> None:
    async def scenario() -> None:
        counters = IngestCounters()
        queue = MessageQueue(IngestLimits(), counters)
        queue.put([_message(i, payload=b"x" * (i % 7)) for i in range(1_203)])
        queue.put([_message(1_203, payload=b"x" * 900), _message(1_204, payload=b"x" * 50)])
        mids: list[int] = []
        while portion := queue.take(bytes_max=100):
            assert len(portion) == 1 or sum(len(m.payload) for m in portion) <= 100
            mids += [m.mid for m in portion]
        assert mids == list(range(1, 1_206))
        assert (counters.queue_messages, counters.queue_bytes) == (0, 0)

    asyncio.run(scenario())


def test_a_batch_stays_open_while_the_store_is_busy_and_closes_when_it_is_free() -> None:
    async def scenario() -> None:
        queue, stop, busy = _queue(), asyncio.Event(), [True]
        queue.put([_message(0)])
        gathering = asyncio.create_task(gather(queue, LIMITS, 1, stop, lambda: busy[0]))
        for number in range(1, 5):
            await asyncio.sleep(0.01)
            queue.put([_message(number)])
        assert not gathering.done()
        busy[0] = False
        queue.wake()
        assert len(await asyncio.wait_for(gathering, 5)) == 5

    asyncio.run(scenario())


def test_batches_close_by_size_bytes_and_age() -> None:
    async def scenario() -> None:
        queue, stop = _queue(), asyncio.Event()
        for number in range(10):
            queue.put([_message(number)])
        by_size = IngestLimits(batch_readings_max=4)
        assert [len(await gather(queue, by_size, 0, stop)) for _ in range(3)] == [4, 4, 2]
        for number in range(3):
            queue.put([_message(number)])
        by_bytes = IngestLimits(batch_bytes_max=50)
        assert [len(await gather(queue, by_bytes, 0, stop)) for _ in range(3)] == [2, 1, 0]
        array = b"[" + b",".join([_message(i).payload for i in range(7)]) + b"]"
        queue.put([_message(0, payload=array)])
        queue.put([_message(1)])
        assert [len(await gather(queue, by_size, 0, stop)) for _ in range(2)] == [1, 1]  # whole messages only
        began = asyncio.get_running_loop().time()
        assert not len(await gather(queue, by_size, 0.05, stop))
        assert asyncio.get_running_loop().time() - began >= 0.04
        stop.set()
        queue.put([_message(0)])
        assert not len(await gather(queue, by_size, 5, stop))
        assert queue.take()  # left in the queue, unacknowledged

    asyncio.run(scenario())


# --- committer and pipeline ---------------------------------------------------------------------------------------


class Store:
    """In place of `write_batch`: fails as it is told, keeps what it is given."""

    def __init__(self, fail: Callable[[IncomingReadings, int], Exception | None]) -> None:
        self.fail = fail
        self.calls = 0
        self.values: list[float] = []
        self.rejections: list[Rejection] = []
        self.clocks: list[int] = []

    async def write_batch(
        self,
        pool: object,
        clock: int,
        incoming: IncomingReadings,
        rejections: Sequence[Rejection] = (),
        beside: object = None,
        *,
        listening: bool = True,
    ) -> Receipt:
        self.calls += 1
        error = self.fail(incoming, self.calls)
        if error is not None:
            raise error
        self.values += incoming.value.tolist()
        self.rejections += rejections
        self.clocks.append(clock)
        arrived = np.full(len(incoming), clock)
        batch = ReadingBatch(
            len(self.clocks), clock, incoming.sensor, incoming.time, incoming.value, incoming.quality, arrived
        )
        return Receipt(batch, 0, 0)


class KnownRegistry:
    """In place of the copy: never changes."""

    def __init__(self) -> None:
        self.current = REGISTRY

    async def refresh_if_notified(self) -> None: ...

    async def refresh_if_changed(self) -> bool:
        return False


def _committer(
    monkeypatch: pytest.MonkeyPatch,
    store: Store,
    stop: asyncio.Event,
    clock: Callable[[], int] = lambda: NOW,
    steady: Callable[[], int] = lambda: 0,
) -> tuple[Committer, list[Message], list[ReadingBatch], IngestCounters]:
    monkeypatch.setattr(ingest.committer, "write_batch", store.write_batch)
    acknowledged: list[Message] = []
    committed: list[ReadingBatch] = []
    counters = IngestCounters()
    committer = Committer(
        None, KnownRegistry(), LIMITS, clock, committed.append, stop, counters, acknowledged.extend, steady  # type: ignore[arg-type]
    )  # fmt: skip
    return committer, acknowledged, committed, counters


async def _nothing(*_: object) -> int:
    return 0


async def _commit(committer: Committer, *numbers: int) -> None:
    await committer.commit(committer.prepare(_gathered(*numbers)))


@pytest.mark.parametrize(
    "error",
    [
        OSError("gone"),
        TimeoutError(),
        asyncpg.DeadlockDetectedError("case 13"),
        asyncpg.SerializationError("case 13"),
        asyncpg.DiskFullError("case 7"),
        asyncpg.AdminShutdownError("restart"),
        asyncpg.ConnectionDoesNotExistError("cut"),
        asyncpg.InterfaceError("closed"),
        asyncpg.InternalClientError("cannot switch to state 15"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_transient_failure_is_tried_again_whole(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def scenario() -> None:
        store = Store(lambda incoming, calls: error if calls < 4 else None)
        committer, acknowledged, committed, counters = _committer(monkeypatch, store, asyncio.Event())
        await _commit(committer, 1, 2, 3)
        assert (store.values, store.calls, counters.store_retries) == ([1, 2, 3], 4, 3)
        assert len(acknowledged) == 3
        assert len(committed) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("culprits", [{0}, {6}, {3, 4}, set(range(7))])
def test_the_message_at_fault_is_set_aside_alone(monkeypatch: pytest.MonkeyPatch, culprits: set[int]) -> None:
    async def scenario() -> None:
        def fail(incoming: IncomingReadings, calls: int) -> Exception | None:
            bad = culprits.intersection(incoming.value.astype(int).tolist())
            return asyncpg.CheckViolationError("\0 refused \ud800") if bad else None

        store = Store(fail)
        committer, acknowledged, _, counters = _committer(monkeypatch, store, asyncio.Event())
        await _commit(committer, *range(7))
        assert store.values == [i for i in range(7) if i not in culprits]
        assert [r.payload for r in store.rejections] == [_message(i).payload for i in sorted(culprits)]
        assert {r.reason for r in store.rejections} == {"store_refused"}
        assert all(r.detail.isprintable() for r in store.rejections)
        assert sorted(m.mid for m in acknowledged) == list(range(1, 8))
        assert counters.rejections == {"store_refused": len(culprits)}
        assert counters.messages == 7

    asyncio.run(scenario())


def test_a_message_is_not_set_aside_for_what_happens_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        store = Store(lambda incoming, calls: RuntimeError("once") if len(incoming) and calls == 1 else None)
        committer, acknowledged, _, counters = _committer(monkeypatch, store, asyncio.Event())
        await _commit(committer, 1)
        assert (store.values, store.rejections, counters.store_retries) == ([1], [], 1)
        assert len(acknowledged) == 1

    asyncio.run(scenario())


def test_a_database_that_refuses_everything_gets_nothing_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        stop = asyncio.Event()
        store = Store(lambda incoming, calls: asyncpg.UndefinedTableError("no relation") if calls < 20 else None)
        committer, acknowledged, _, _ = _committer(monkeypatch, store, stop)
        await _commit(committer, 1, 2)
        assert (store.values, store.rejections) == ([1, 2], [])
        assert len(acknowledged) == 2

    asyncio.run(scenario())


def test_stopped_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        stop = asyncio.Event()
        committer, acknowledged, committed, _ = _committer(monkeypatch, Store(lambda *_: OSError()), stop)
        working = asyncio.create_task(_commit(committer, 1))
        await asyncio.sleep(0.01)
        stop.set()
        with pytest.raises(Stopped):
            await asyncio.wait_for(working, 5)
        assert (acknowledged, committed) == ([], [])

    asyncio.run(scenario())


def test_after_the_clock_was_set_back_the_log_s_goes_on_at_half_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        # Ours, and what has really passed, in milliseconds; where the log's own clock has got to then.
        course = [(0, 0, 0), (-6_000, 0, 0), (-5_999, 1, 0), (-4_000, 2_000, 1_000), (6_000, 12_000, 6_000),
                  (6_010, 12_010, 6_010), (6_011, 12_011, 6_011), (9_011, 12_012, 9_011)]  # fmt: skip
        ours, passed = iter([step[0] for step in course]), iter([0, *(step[1] for step in course)])
        store = Store(lambda *_: None)
        committer, _, _, _ = _committer(
            monkeypatch, store, asyncio.Event(), lambda: NOW + next(ours), lambda: next(passed)
        )
        for number in range(len(course)):
            await _commit(committer, number)
        assert store.values == list(range(len(course)))
        assert store.clocks == [NOW + log for *_, log in course]

    asyncio.run(scenario())


def test_a_follower_that_fails_does_not_stop_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        store = Store(lambda *_: None)
        committer, acknowledged, committed, _ = _committer(monkeypatch, store, asyncio.Event())
        committer._on_committed = lambda batch: committed.append(batch) or 1 / 0  # type: ignore[assignment, func-returns-value]
        await _commit(committer, 1)
        await _commit(committer, 2)
        assert (len(acknowledged), len(committed)) == (2, 2)

    asyncio.run(scenario())


def test_the_next_batch_is_prepared_while_the_store_commits_and_never_written_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        stop, release = asyncio.Event(), asyncio.Event()
        store = Store(lambda *_: None)
        committer, acknowledged, committed, counters = _committer(monkeypatch, store, stop)
        writing: list[list[float]] = []

        async def slow_write(
            pool: object, clock: int, incoming: IncomingReadings, rejections: Any = (), *_: object, **__: object
        ) -> Receipt:
            if len(incoming):
                writing.append(incoming.value.tolist())
                await release.wait()
            return await store.write_batch(pool, clock, incoming, rejections)

        monkeypatch.setattr(ingest.committer, "write_batch", slow_write)
        for name in ("recover", "save", "do_replays"):  # they speak with the database only
            monkeypatch.setattr(ingest.pipeline, name, _nothing)
        queue = _queue(batch_readings_max=3)
        limits = IngestLimits(batch_readings_max=3, batch_age_ms_min=1, batch_age_ms_max=2)
        pipeline = Pipeline(
            None, KnownRegistry(), limits, lambda: NOW, stop, counters, committer, Forms(), "worker"  # type: ignore[arg-type]
        )  # fmt: skip
        running = asyncio.create_task(pipeline.run(queue))
        for number in range(9):
            queue.put([_message(number)])
        await asyncio.sleep(0.1)
        assert writing == [[0, 1, 2]]  # one in the store
        assert (len(acknowledged), len(queue.take())) == (0, 1)  # one ahead, the rest still in the queue
        release.set()
        await asyncio.sleep(0.1)
        stop.set()
        queue.wake()
        await asyncio.wait_for(running, 5)
        assert writing == [[0, 1, 2], [3, 4, 5], [7, 8]]
        assert [m.mid for m in acknowledged] == [1, 2, 3, 4, 5, 6, 8, 9]
        assert [len(batch) for batch in committed if len(batch)] == [3, 3, 2]

    asyncio.run(scenario())


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://localhost", ("localhost", 1883, None, None)),
        ("mqtt://me:p%40ss@10.0.0.1:1884", ("10.0.0.1", 1884, "me", "p@ss")),
        ("mqtts://[::1]", ("::1", 8883, None, None)),
    ],
)
def test_broker_urls(url: str, expected: tuple[str, int, str | None, str | None]) -> None:
    address = broker_address(url)
    assert (address.host, address.port, address.username, address.password) == expected
    assert (address.tls is not None) == url.startswith("mqtts")


@pytest.mark.parametrize("url", ["", "localhost:1883", "http://secret@h", "mqtt://:secret@:1883", "mqtt://h:secret"])
def test_unusable_broker_urls_are_refused_without_their_password(url: str) -> None:
    with pytest.raises(ValueError, match="mqtt://user:password@host:port") as caught:
        broker_address(url)
    assert "secret" not in str(caught.value)


def test_secrets_stay_out_of_texts() -> None:
    url = "mqtt://me:secret@host"
    assert "secret" not in repr(MqttSettings(url=url)) + repr(broker_address(url)) + str(broker_address(url))


def test_limits_that_could_overfill_a_batch_are_refused() -> None:
    with pytest.raises(ValueError, match="batch_readings_max 30000"):
        IngestLimits(batch_readings_max=30_000)
