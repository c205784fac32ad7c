"""Webhooks that lead inside, answer with errors, hang or are told twice: nothing leaks, nothing is lost, none waits.

Every address that is refused, and every disguise of one, is in tests/unit/test_outgoing.py; here messages go the whole
way, from the notification file through outbox and dispatcher.
"""

from __future__ import annotations

import asyncio
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from app.notify.channels import Surroundings
from app.notify.dispatcher import Dispatcher
from app.notify.outgoing import parse_networks, resolve
from app.services import prepare_database
from model.sensor import City, Sensor
from store.batches import IncomingReadings, write_batch
from store.pool import Pool, open_pool
from store.sensors import import_sensors, load_registry
from tests.integration.notifying import MINUTE_MS, House, receiving, run
from tests.integration.service import running

LOOPBACK = parse_networks("127.0.0.1/32")
SECRET = "AKIA-what-only-the-inner-service-knows"
JOURNALLED_S = 2.0  # goal from a committed reading to its alarm in the journal, ten times which is asserted
WAIT_S_MAX = 60.0


def name_server(**answers: list[str]) -> tuple[Callable[[str, int], Awaitable[Sequence[str]]], list[str]]:
    """One that knows names beneath example.org and gives their addresses, one answer after the other where it has
    several, the last for ever; and the names that it was asked for."""
    asked: list[str] = []

    async def answer(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        known = answers.get(host.partition(".")[0]) if host.endswith(".example.org") else None
        return await resolve(host, port) if known is None else known[min(asked.count(host), len(known)) - 1].split()

    return answer, asked


async def tell(house: House, around: Surroundings) -> tuple[int, dict[str, str]]:
    """Send what is due; return how many messages were taken, and all that the database has of each channel."""
    sent = await Dispatcher(house.pool, lambda: house.now, around=around).send_due()
    rows = await house.pool.fetch(
        "select channel, to_jsonb(n)::text || to_jsonb(c)::text from notification n join notification_channel c"
        " using (channel)"
    )
    return sent, dict(map(tuple, rows))


INSIDE = {
    "loopback": "http://127.0.0.1:{port}/",
    "loopback-by-name": "http://localhost:{port}/",
    "loopback-as-a-number": "http://2130706433:{port}/",
    "loopback-of-ipv6": "http://[::1]:{port}/",
    "loopback-mapped": "http://[::ffff:127.0.0.1]:{port}/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "metadata-mapped": "http://[::ffff:169.254.169.254]/latest/",
    "a-name-turned-inside": "http://turned.example.org:{port}/",
    "one-address-of-two": "http://mixed.example.org:{port}/",
}


def test_case_40_a_webhook_that_leads_inside_is_refused(database_url: str) -> None:
    resolver, _ = name_server(turned=["127.0.0.1"], mixed=["1.1.1.1 127.0.0.1"])

    async def scenario(house: House) -> None:
        async with receiving() as inside:
            await house.configure({channel: url.format(port=inside.port) for channel, url in INSIDE.items()})
            await house.raise_alarms([4])
            sent, kept = await tell(house, Surroundings((), resolver))
            assert (sent, inside.headers) == (0, [])
            assert [channel for channel in INSIDE if "is not a public address" not in kept[channel]] == []

    run(database_url, scenario)


def test_case_40_a_redirect_is_not_followed(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with AsyncExitStack() as stack:
            inside = await stack.enter_async_context(receiving())
            partners = {}
            for status in (301, 302, 303, 307, 308):  # to an address that is allowed, and not asked all the same
                location = f"http://127.0.0.1:{inside.port}/"
                partners[f"p{status}"] = await stack.enter_async_context(receiving(status=status, location=location))
            await house.configure(partners)
            await house.raise_alarms([4])
            sent, kept = await tell(house, Surroundings(LOOPBACK, name_server(partner=["127.0.0.1"])[0]))
            assert (sent, inside.headers) == (0, [])
            for channel, partner in partners.items():
                assert len(partner.refused) == 1, channel
                assert f"answered with a redirect ({partner.status}), not followed" in kept[channel]

    run(database_url, scenario)


def test_case_40_a_name_that_is_turned_inside_after_it_was_judged_changes_nothing(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as partner:
            resolver, asked = name_server(partner=["127.0.0.1", "169.254.169.254"])
            await house.configure({"partner": partner})
            await house.raise_alarms([4])
            assert (await tell(house, Surroundings(LOOPBACK, resolver)))[0] == 1
            assert asked == ["partner.example.org"], "asked once: the connection goes to the address that was judged"
            assert partner.headers[0]["host"] == f"partner.example.org:{partner.port}"
            await house.raise_alarms([4], rule="next")
            sent, kept = await tell(house, Surroundings(LOOPBACK, resolver))
            assert (sent, len(partner.taken)) == (0, 1)
            assert "leads to 169.254.169.254" in kept["partner"]

    run(database_url, scenario)


def test_case_40_what_a_webhook_answers_is_told_to_nobody(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(house: House) -> None:
        async with AsyncExitStack() as stack:
            partners = {}
            for status in (200, 302, 404, 500):
                location = f"http://127.0.0.1/{SECRET}" if status == 302 else ""
                answers = receiving(status=status, location=location, says=SECRET.encode())
                partners[f"p{status}"] = await stack.enter_async_context(answers)
            await house.configure(partners)
            await house.raise_alarms([4])
            sent, kept = await tell(house, Surroundings(LOOPBACK, name_server(partner=["127.0.0.1"])[0]))
            assert sent == 1
            assert {len(partner.taken) + len(partner.refused) for partner in partners.values()} == {1}
            assert [channel for channel, text in kept.items() if SECRET in text] == []

    with caplog.at_level("DEBUG"):
        run(database_url, scenario)
    assert SECRET not in caplog.text


def test_case_41_a_receiver_that_fails_for_an_hour_gets_every_message_and_the_highest_first(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving(status=503) as receiver:
            await house.configure({"partner": receiver})
            dispatcher = house.dispatcher()
            alarms: list[str] = []
            attempts = 0
            for minute in range(60):
                if minute < 40:
                    alarms += await house.raise_alarms([1 + minute % 4], rule=f"m{minute}")
                before = len(receiver.refused)
                for _ in range(12):
                    house.now += 5_000
                    assert await dispatcher.send_due() == 0
                attempts = max(attempts, len(receiver.refused) - before)
            assert attempts <= 5, "a channel that fails is not stormed"
            receiver.status = 200
            sent = 0
            for _ in range(24):
                house.now += 5_000
                sent += await dispatcher.send_due()
        assert sorted(receiver.alarms) == sorted(alarms)
        assert sent == 40
        assert await house.states() == {"sent": 40}
        order = ["low", "medium", "high", "highest"]
        priorities = [order.index(message["line"]["priority"]) for message in receiver.taken]
        # The one that finds the channel well again may be any; after it the highest go first, the oldest of them.
        assert priorities[1:] == sorted(priorities[1:], reverse=True)
        of_one_priority = [a for a, p in zip(receiver.alarms[1:], priorities[1:], strict=True) if p == 3]
        assert of_one_priority == [alarm for alarm in alarms if alarm in of_one_priority]

    run(database_url, scenario)


def test_case_41_a_channel_that_hangs_does_not_hold_up_the_others(database_url: str) -> None:
    async def scenario(house: House) -> None:
        hangs = asyncio.Event()
        async with receiving(before=hangs.wait) as slow, receiving() as quick:
            await house.configure({"slow": slow, "quick": quick})
            await house.raise_alarms([3, 3, 3])
            sending = asyncio.create_task(house.dispatcher().send_due())
            async with asyncio.timeout(20):
                while len(quick.taken) < 3:  # noqa: ASYNC110 - the receiver has no event
                    await asyncio.sleep(0.01)
            assert not slow.taken
            hangs.set()
            await sending

    run(database_url, scenario)


_KILLED = """
import asyncio, os, signal
from app.notify.channels import send
from app.notify.dispatcher import Dispatcher
from store.pool import open_pool
from tests.integration.notifying import AROUND

async def send_and_die(channel, outgoing, now, around):
    await send(channel, outgoing, now, around)
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    pool = await open_pool({url!r})
    await Dispatcher(pool, lambda: {now}, around=AROUND, sender=send_and_die).send_due()

asyncio.run(main())
"""


def test_case_41_killed_between_sending_and_marking_it_is_sent_again_under_the_same_key(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"partner": receiver})
            await house.raise_alarms([4])
            killed = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _KILLED.format(url=database_url, now=house.now), stderr=subprocess.PIPE
            )
            _, said = await killed.communicate()
            assert killed.returncode == -signal.SIGKILL, said.decode()
            assert len(receiver.taken) == 1
            assert await house.states() == {"pending": 1}
            assert await house.dispatcher().send_due() == 0, "the claim of the dead one still holds"
            house.now += 90_000
            assert await house.dispatcher().send_due() == 1
            assert len(receiver.keys) == 2
            assert len(set(receiver.keys)) == 1
            assert await house.states() == {"sent": 1}

    run(database_url, scenario)


def test_case_41_a_receiver_that_hangs_for_an_hour_gets_every_message_at_least_once(database_url: str) -> None:
    async def scenario(house: House) -> None:
        well = asyncio.Event()
        async with receiving(before=well.wait) as slow, receiving() as quick:
            await house.configure({"slow": slow, "quick": quick})
            dispatcher = house.dispatcher()
            alarms: list[str] = []
            for quarter in range(4):  # each attempt takes the channel's time-out of a second
                alarms += await house.raise_alarms([4, 2], rule=f"q{quarter}")
                await dispatcher.send_due()
                assert sorted(quick.alarms) == sorted(alarms)
                house.now += 15 * MINUTE_MS
            assert not slow.taken
            well.set()
            for _ in range(10):
                await dispatcher.send_due()
                house.now += MINUTE_MS
        assert await house.states() == {"sent": 2 * len(alarms)}
        # Those that hung were perhaps taken after all: the receiver tells them apart by their keys.
        assert set(slow.keys) == {f"{alarm}.1.slow" for alarm in alarms}
        assert len(slow.keys) >= len(alarms)
        assert len(quick.keys) == len(set(quick.keys))

    run(database_url, scenario)


@pytest.mark.parametrize("status", [200, 500], ids=["hangs", "answers 500"])
def test_case_41_the_evaluator_does_not_wait_for_a_webhook(status: int, database_url: str, tmp_path: Path) -> None:
    """Alarms are journalled as fast while every message hangs, or is refused, as before there was a channel."""

    async def scenario() -> None:
        never = asyncio.Event()
        pool = await open_pool(database_url, connections_max=2)
        await prepare_database(pool, lambda _: None)
        sensors = [
            Sensor(sensor=f"gas-{n}", city="real", system="gas", property="combustible_gas", unit="%{LEL}",
                   interval_s=3_600)
            for n in range(20)
        ]  # fmt: skip
        await import_sensors(pool, sensors, [City(city="real", mode="operational")])
        settings = {"LIFELINE_DATABASE_URL": database_url, "LIFELINE_WEBHOOK_NETWORKS_ALLOWED": "127.0.0.1/32"}
        async with receiving(status=status, before=never.wait if status == 200 else None) as partner:
            with running(tmp_path / "home", ("evaluate",), LIFELINE_TICK_S="0.5", **settings):
                before = [await _journalled_after_s(pool, sensor.sensor) for sensor in sensors[:10]]
                await House(pool).configure({"partner": f"http://127.0.0.1:{partner.port}/"})
                meanwhile = [await _journalled_after_s(pool, sensor.sensor) for sensor in sensors[10:]]
                waiting = "select count(*) from notification where state = 'pending'"
                assert await pool.fetchval(waiting) == 10
                await _until_asked(pool)
            assert partner.taken == []
            never.set()
        await pool.close()
        print(
            f"from the committed reading to the journal, median of 10: {statistics.median(before) * 1_000:.0f} ms"
            f" without a channel, {statistics.median(meanwhile) * 1_000:.0f} ms with one that"
            f" {'hangs' if status == 200 else 'answers 500'}"
        )
        assert statistics.median(meanwhile) < 10 * JOURNALLED_S

    asyncio.run(scenario())


async def _journalled_after_s(pool: Pool, sensor: str) -> float:
    """Commit a reading far above the limit, and return how long it takes until its alarm is in the journal."""
    now, registry = time.time_ns() // 1_000_000, await load_registry(pool)
    incoming = IncomingReadings(
        np.array([registry.keys[sensor]], np.int32),
        np.array([now], np.int64),
        np.array([60.0], np.float64),
        np.array([0], np.uint16),
    )
    await write_batch(pool, now, incoming)
    began = time.monotonic()
    while not await pool.fetchval("select count(*) from journal where alarm like $1", f"combustible-gas.{sensor}.%"):
        assert time.monotonic() - began < WAIT_S_MAX, "the alarm does not come"
        await asyncio.sleep(0.002)
    return time.monotonic() - began


async def _until_asked(pool: Pool) -> None:
    """Wait until a message has been tried."""
    async with asyncio.timeout(WAIT_S_MAX):
        while not await pool.fetchval("select max(attempts) from notification"):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
