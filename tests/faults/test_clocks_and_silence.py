"""Clocks that are wrong, readings that come late, sensors that fall silent, and a restart while time matters."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from app.embedded.mosquitto import MosquittoBroker
from model.alarm import State
from model.instant import format_instant, parse_instant
from model.reading import Quality
from model.suppression import Suppression
from store.alarms import AlarmQuery, find_alarms
from store.journal import Place
from store.suppressions import add_suppression
from tests.faults.seeds import chance, each_seed, lasting
from tests.faults.town import MINUTE_S, NOON, Town, living, sensor
from tests.integration.notifying import House, receiving

MINUTE_MS, HOUR_MS, HOUR_S = 60_000, 3_600_000, 3_600


@pytest.fixture
def city() -> str:
    """Of the test's own, so that no other test hears of it at the broker."""
    return f"town-{secrets.token_hex(4)}"


def spans(lines: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    """Time, state and severity, line by line."""
    return [(line["time"], line["to"], line["severity"]) for line in lines]


# --- 17: a restart ------------------------------------------------------------------------------------------------


@each_seed
@pytest.mark.parametrize(("mode", "end"), [("test", Town.kill), ("operational", Town.stop)])
def test_case_17_a_restart_during_an_on_delay_leaves_the_alarm_its_time(
    seed: int,
    mode: str,
    end: Callable[[Town], Awaitable[None]],
    database_urls: Callable[[], str],
    mosquitto: MosquittoBroker,
    city: str,
) -> None:
    """The pressure falls, and the rule waits for 60 s. Meanwhile the server is broken off, or stopped in order."""
    fell_s = 1 + chance(seed).randrange(MINUTE_S - 20)
    journals = []
    for number, is_restarted in enumerate((False, True)):

        async def scenario(number: int = number, is_restarted: bool = is_restarted) -> None:
            watched = sensor("low", f"{city}-{number}", "water_pressure")
            async with living(database_urls(), mosquitto.url, [watched], mode=mode) as town:
                await town.send(("low", town.now, 0.3))
                await town.pass_time(fell_s)
                await town.send(("low", town.now, 0.12))
                await town.pass_time(10)
                if is_restarted:
                    await end(town)
                    await town.start()
                await town.pass_time(2 * MINUTE_S)
                await town.send(("low", town.now, 0.12))
                journals.append(await town.journal(rule="water-pressure-low"))

        asyncio.run(scenario())
    undisturbed, restarted = journals
    raised = format_instant(NOON + (fell_s + 60) * 1000)
    assert spans(undisturbed) == [(raised, "unacknowledged", "yellow")]
    assert restarted == undisturbed


# --- 20: late readings --------------------------------------------------------------------------------------------


def test_case_20_what_comes_late_is_stored_and_flagged_and_paged_within_its_age(
    database_url: str, mosquitto: MosquittoBroker, city: str
) -> None:
    """By sensor: how old its reading is when it comes, its value, whether a newer one came before; and who is told."""
    cases = {
        "red-young": (90, 55.0, True, "told as late"),
        "red-old": (121, 55.0, True, "listed"),
        "orange-young": (90, 36.0, True, "told as late"),
        "yellow-young": (30, 21.0, True, "listed"),
        "in-order-red": (90, 55.0, False, "told as late"),
        "in-order-old": (121, 55.0, False, "listed"),
        "in-order-new": (5, 12.0, False, "told"),
    }

    async def scenario() -> None:
        watched = [sensor(name, city) for name in cases]
        async with living(database_url, mosquitto.url, watched, mode="operational") as town, receiving() as receiver:
            house = House(town.pool, now=town.now)
            await house.configure({"desk": receiver}, {"severities": ["blue", "yellow", "orange", "red"]})
            for name, (minutes, value, overtaken, _) in cases.items():
                if overtaken:
                    await town.send((name, town.now - 200 * MINUTE_MS, 2.0), (name, town.now, 3.0))
                await town.send((name, town.now - minutes * MINUTE_MS, value))
            lines = {line["sensor"]: line for line in await town.journal(**{"from": "normal", "class": "process"})}
            process = AlarmQuery(alarm_class="process")
            listed = {row.sensor for row in await find_alarms(town.pool, process, ["*"], 100)}
            rows = await town.pool.fetch(
                "select sensor, quality, late_reading.batch is not null as late from reading join sensor using"
                " (sensor_key) left join late_reading using (sensor_key, time) where value > 10"
            )
            told = {
                row["sensor"]: ("told" if row["state"] == "pending" else "listed") + " as late" * row["late"]
                for row in await town.pool.fetch(
                    "select sensor, n.state, n.late from notification n join alarm using (alarm)"
                )
            }
            house.now += MINUTE_MS
            await house.dispatcher().send_due()
        overtaken = {name for name, case in cases.items() if case[2]}
        assert {row["sensor"] for row in rows} == cases.keys()
        assert {row["sensor"] for row in rows if row["late"]} == overtaken
        delayed = {row["sensor"] for row in rows if Quality.DELAYED in Quality(row["quality"])}
        assert delayed == {name for name, (minutes, *_) in cases.items() if minutes > 15}
        assert {name for name, line in lines.items() if line["retroactive"]} == overtaken
        assert {line["time"] for line in lines.values()} == {
            format_instant(NOON - minutes * MINUTE_MS) for minutes, *_ in cases.values()
        }
        assert listed == cases.keys(), "each stands for acknowledgement, whoever was told"
        assert {name: said.replace("listed as late", "listed") for name, said in told.items()} == {
            name: case[3] for name, case in cases.items()
        }
        marks = {message["line"]["sensor"]: message["late"] for message in receiver.taken}
        assert marks == {name: case[3] == "told as late" for name, case in cases.items() if case[3] != "listed"}
        assert all(("迟到" in message["title"]) == message["late"] for message in receiver.taken)

    asyncio.run(scenario())


# --- 22, 23: clocks -----------------------------------------------------------------------------------------------


def test_case_22_a_device_clock_five_minutes_behind_is_flagged_and_delays_no_alarm(
    database_url: str, mosquitto: MosquittoBroker, city: str
) -> None:
    behind_ms = 5 * MINUTE_MS

    async def scenario() -> None:
        watched = [sensor("right", city), sensor("behind", city)]
        async with living(database_url, mosquitto.url, watched, mode="operational") as town:
            for minute in range(21):
                value = 2.0 + minute % 3 / 10 if minute < 20 else 55.0
                await town.send(("right", town.now, value))
                await town.send(("behind", town.now - behind_ms, value))
                if minute < 20:
                    await town.pass_time(MINUTE_S)
            flags = [
                Quality(row[0])
                for row in await town.pool.fetch(
                    "select quality from reading join sensor using (sensor_key) where sensor = 'behind' order by time"
                )
            ]
            known = {
                row["sensor"]: (row["known_at"], row["raised_at"])
                for row in await town.pool.fetch("select sensor, raised_at, known_at from alarm where class='process'")
            }
            instruments = await town.journal(**{"class": "instrument"})
        first = next(place for place, quality in enumerate(flags) if Quality.CLOCK_BEHIND in quality)
        delay_s = (known["behind"][0] - known["right"][0]).total_seconds()
        offset_s = (known["right"][1] - known["behind"][1]).total_seconds()
        print(f"flagged from reading {first + 1} on; known {delay_s:.3f} s later, dated {offset_s:.0f} s earlier")
        assert all(quality == Quality.CLOCK_BEHIND for quality in flags[first:])
        assert first <= 12
        assert delay_s < 1, "by the log's clock, which stands between two readings here"
        assert offset_s == behind_ms / 1000
        assert instruments == []

    asyncio.run(scenario())


AUTUMN, SPRING = (parse_instant(f"2026-{day}T01:00:00Z") for day in ("10-25", "03-29"))
# By name: how many hours the server's clock is set by in which minute, and where the stream begins.
STEPS: dict[str, tuple[dict[int, int], int]] = {
    "never": ({}, NOON),
    "ahead and back, then back and ahead": ({6: 1, 12: -1, 16: -1, 22: 1}, NOON),
    "ahead, at the end of summer time": ({9: 1}, AUTUMN - 10 * MINUTE_MS),
    "back, at its beginning": ({9: -1}, SPRING - 10 * MINUTE_MS),
}


def test_case_23_a_server_clock_that_is_set_raises_and_clears_nothing(
    database_urls: Callable[[], str], mosquitto: MosquittoBroker, city: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gas and low pressure come, go and come again while the clock is set; the server stands in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    found = {}
    for number, (name, (steps, start)) in enumerate(STEPS.items()):

        async def scenario(number: int = number, steps: dict[int, int] = steps, start: int = start) -> Any:
            home = f"{city}-{number}"
            watched = [sensor("gas", home), sensor("low", home, "water_pressure")]
            url = database_urls()
            async with living(url, mosquitto.url, watched, time_zone="Europe/Berlin", now=start) as town:
                for minute in range(26):
                    town.now += steps.get(minute, 0) * HOUR_MS
                    gas = 55.0 if minute in range(4, 9) or minute >= 18 else 2.0 + minute % 5 / 10
                    low = 0.12 if minute in range(8, 11) or minute >= 21 else 0.3 + minute % 3 / 100
                    true_time = start + minute * MINUTE_MS
                    await town.send(("gas", true_time, gas), ("low", true_time, low))
                    await town.pass_time(MINUTE_S)
                assert not town.ingest.rejections
                return [
                    ((parse_instant(line["time"]) - start) / MINUTE_MS, line["rule"], line["to"], line["severity"])
                    for line in await town.journal()
                ]

        found[name] = asyncio.run(scenario())
    monkeypatch.undo()
    time.tzset()
    never = found.pop("never")
    assert {(rule, severity) for _, rule, _, severity in never} == {
        ("combustible-gas", "red"), ("combustible-gas", None), ("water-pressure-low", "yellow"),
        ("water-pressure-low", None),
    }  # fmt: skip
    assert found == dict.fromkeys(found, never)


# By how many hours the clock is set in the fourth of twelve minutes of a shelf: after how many it is over, really.
SHELVES = {0: (12, 13), 1: (4, 6), -1: (12, 22)}


@pytest.mark.parametrize("hours", SHELVES)
def test_case_23_a_shelf_ends_though_the_clock_is_set(
    hours: int, database_url: str, mosquitto: MosquittoBroker, city: str
) -> None:
    """Ahead: at once, for the clock says so. Back: later, since the log's clock goes at half its pace, not never."""
    ends = NOON + 12 * MINUTE_MS
    shelf = Suppression(
        suppression=0, kind=State.SHELVED, city=city, sensor="gas", rule=None, severity_max=4, purpose=None,
        reason="test", permit=None, actor="ann", approved_by=None, begins=NOON, ends=ends, review=None,
    )  # fmt: skip

    async def scenario() -> None:
        watched = [sensor("gas", city, silence_s_max=86_400.0)]
        async with living(database_url, mosquitto.url, watched) as town:
            async with town.pool.acquire() as connection:
                await add_suppression(connection, shelf, Place(city, "gas", ""), NOON)
            await town.send(("gas", town.now, 55.0))
            minutes = 0
            while len(lines := await town.journal()) < 2:
                if minutes == 4:
                    town.now += hours * HOUR_MS
                    await town.tick()
                assert minutes < 60, "the shelf does not end"
                await town.pass_time(MINUTE_S)
                minutes += 1
        print(f"a shelf of 12 min ends after {minutes} min where the clock is set by {hours} h in the fourth")
        assert [(line["to"], line["severity"]) for line in lines] == [("shelved", "red"), ("unacknowledged", "red")]
        assert lines[1]["time"] == format_instant(ends)
        least, most = SHELVES[hours]
        assert least <= minutes <= most

    asyncio.run(scenario())


# --- 25, 47: silence ----------------------------------------------------------------------------------------------


def test_case_25_silence_is_one_alarm_and_clears_nothing(
    database_url: str, mosquitto: MosquittoBroker, city: str
) -> None:
    async def scenario() -> None:
        watched = [sensor("well", city), sensor("alarmed", city), sensor("speaks", city)]
        async with living(database_url, mosquitto.url, watched, mode="operational") as town:
            await town.send(*((one.sensor, town.now, 21.0 if one.sensor == "alarmed" else 2.0) for one in watched))
            for _ in range(round(lasting(20, 1_440))):
                await town.pass_time(MINUTE_S)
                await town.send(("speaks", town.now, 2.0))
            silent = await town.journal(**{"class": "instrument"})
            process = await town.journal(**{"class": "process"})
            listed = await find_alarms(town.pool, AlarmQuery(), ["*"], 100)
            await town.send(("well", town.now, 2.0), ("alarmed", town.now, 2.0))
            heard = await town.journal(**{"class": "instrument"})
            still = await town.journal(**{"class": "process"})
        since = format_instant(NOON + 3 * MINUTE_MS)
        assert sorted((line["sensor"], line["rule"], line["time"][:19], line["to"]) for line in silent) == [
            (name, "sensor-silent", since[:19], "unacknowledged") for name in ("alarmed", "well")
        ]
        assert [(line["sensor"], line["severity"], line["condition"]) for line in process] == [
            ("alarmed", "yellow", "active")
        ]
        doubtful = [row.alarm for row in listed if row.doubtful]
        assert doubtful == [process[0]["alarm"]], "it is listed as in doubt"
        assert [line["to"] for line in heard] == ["unacknowledged"] * 2 + ["returned_unacknowledged"] * 2
        assert still == process, "one good reading begins the off-delay only"

    asyncio.run(scenario())


@pytest.mark.parametrize("mode", ["test", "operational"])
def test_case_47_methane_at_full_scale_and_then_silence_stays_red(
    mode: str, database_url: str, mosquitto: MosquittoBroker, city: str
) -> None:
    async def scenario() -> None:
        async with living(database_url, mosquitto.url, [sensor("head", city)], mode=mode) as town:
            for value in (5.0, 5.0, 100.0, 100.0):
                await town.send(("head", town.now, value))
                await town.pass_time(MINUTE_S)
            await town.pass_time(lasting(30 * MINUTE_S, 3 * HOUR_S))
            process = await town.journal(**{"class": "process"})
            silent = await town.journal(**{"class": "instrument"})
            listed = await find_alarms(town.pool, AlarmQuery(), ["*"], 100)
        first = format_instant(NOON + 2 * MINUTE_MS)
        assert [(line["time"], line["to"], line["severity"], line["value"]) for line in process] == [
            (first, "unacknowledged", "red", 100.0)
        ]
        assert [line["rule"] for line in silent] == ["sensor-silent"]
        assert {(row.state, row.doubtful) for row in listed} == {("unacknowledged", True), ("unacknowledged", False)}

    asyncio.run(scenario())


# --- 35: chatter --------------------------------------------------------------------------------------------------


@each_seed
def test_case_35_chatter_at_a_limit_is_one_transition_per_delay_at_most(
    seed: int, database_url: str, mosquitto: MosquittoBroker, city: str
) -> None:
    """Once a second, now here and now there; after ten minutes with longer stays, so that delays are completed."""
    instants = chance(seed)
    minutes, calm_after = round(lasting(45, 24 * 60)), 10
    delays_s = {"gas": (0, 300), "low": (60, 300)}  # on and off, of the default rules
    levels = {"gas": (7.5, 10.5), "low": (0.151, 0.139)}  # normal beyond the deadband, and beyond the limit

    async def scenario() -> dict[str, list[dict[str, Any]]]:
        watched = [sensor("gas", city, interval_s=1.0), sensor("low", city, "water_pressure", interval_s=1.0)]
        beyond, stays_s, stays = dict.fromkeys(levels, False), dict.fromkeys(levels, 0), dict.fromkeys(levels, 0)
        async with living(database_url, mosquitto.url, watched) as town:
            for minute in range(minutes):
                rows = []
                for second in range(60):
                    for name in levels:
                        if stays_s[name] == 0:
                            beyond[name] = not beyond[name]
                            stays[name] += minute >= calm_after
                            stays_s[name] = _stay_s(instants, stays[name])
                        stays_s[name] -= 1
                        rows.append((name, town.now + second * 1_000, levels[name][beyond[name]]))
                await town.pass_time(MINUTE_S)
                await town.send(*rows)
            return {name: await town.journal(sensor=name, **{"class": "process"}) for name in levels}

    for name, lines in asyncio.run(scenario()).items():
        times = [parse_instant(line["time"]) for line in lines]
        early = [when for when in times if when < NOON + calm_after * MINUTE_MS]
        print(f"{name}: {minutes * 60} readings, {len(early)} transitions in the chatter, {len(times)} in all")
        assert len(early) == (1 if name == "gas" else 0), "gas is an alarm at its first reading, pressure waits"
        assert len(times) >= 2
        for (before, after), line in zip(pairwise(times), lines[1:], strict=True):
            delay_s = delays_s[name][line["severity"] is None]
            assert after - before >= delay_s * 1_000


def _stay_s(instants: random.Random, stays: int) -> int:
    """Seconds on one side: one in the chatter, then four long ones, then short ones among long ones."""
    if stays == 0:
        return 1
    return instants.randint(310, 360) if stays <= 4 or instants.random() < 0.6 else instants.randint(1, 5)
