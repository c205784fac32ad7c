"""Notifications over a real database and a real receiver: at least once, by priority, quiet at night, never lost."""

import asyncio
import base64
import hashlib
import hmac
from typing import Any

import asyncpg
import pytest

from alerts.outbox import enqueue_escalations
from alerts.routing import Escalation
from app.notify.channels import Outgoing, SendingFailed, Surroundings
from app.notify.dispatcher import DispatchLimits
from model.instant import format_instant, parse_instant, to_datetime
from store.journal import load_alarms
from store.outbox import delete_finished
from tests.integration.notifying import HOUR_MS, KEY, MINUTE_MS, NOON, House, change, receiving, run

NIGHT = {"from": "22:00", "to": "07:00"}
ROSTERS = """
city: jiayuguan
rosters:
  - {roster: west, districts: [west], shifts: [{who: li.wei, from: "12:00", to: "20:01"}]}
"""


def test_a_message_is_signed_so_that_its_receiver_can_check_it(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"partner": receiver})
            (alarm,) = await house.raise_alarms([4])
            assert await house.dispatcher(public_url="https://lifeline.example.org/").send_due() == 1
        headers, body, message = receiver.headers[0], receiver.bodies[0], receiver.taken[0]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(KEY.encode(), signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
        assert headers["webhook-timestamp"] == str(NOON // 1000)
        assert headers["idempotency-key"] == headers["webhook-id"] == message["id"] == f"{alarm}.1.partner"
        assert headers["host"] == f"partner.example.org:{receiver.port}"
        assert message["title"] == "【一级（红）燃气报警】七号阀室 level-0"
        assert message["link"] == f"https://lifeline.example.org/?alarm={alarm}"
        assert (message["line"]["value"], message["mode"], message["district"]) == (42.0, "operational", "west")

    run(database_url, scenario)


def test_the_course_of_attempts_is_always_the_same(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving(status=500) as receiver:
            await house.configure({"partner": receiver})
            await house.raise_alarms([3])
            dispatcher = house.dispatcher()
            at = []
            for _ in range(500):
                before = len(receiver.refused)
                await dispatcher.send_due()
                if len(receiver.refused) > before:
                    at.append((house.now - NOON) // 1000)
                house.now += 1_000
        assert at == [0, 5, 15, 35, 75, 155, 275, 395]

    run(database_url, scenario)


@pytest.mark.parametrize("limits", [{"attempts_max": 3}, {"age_s_max": 14.0}])
def test_what_is_given_up_is_kept_as_a_dead_letter(database_url: str, limits: dict[str, Any]) -> None:
    async def scenario(house: House) -> None:
        async with receiving(status=500) as receiver:
            await house.configure({"partner": receiver})
            await house.raise_alarms([3])
            dispatcher = house.dispatcher(limits=DispatchLimits(**limits))
            for _ in range(100):
                await dispatcher.send_due()
                house.now += 1_000
            row = await house.pool.fetchrow("select state, attempts, error from notification")
            assert tuple(row) == ("dead", 3, "partner.example.org answered 500")
            assert len(receiver.refused) == 3
            assert dispatcher.counters.given_up == 1

    run(database_url, scenario)


def test_however_late_a_message_is_tried_once(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"partner": receiver})
            await house.raise_alarms([3])
            house.now += 100 * HOUR_MS
            assert await house.dispatcher().send_due() == 1

    run(database_url, scenario)


def test_one_message_that_is_never_taken_does_not_stand_in_the_way(database_url: str) -> None:
    async def scenario(house: House) -> None:
        poisoned = (await _alarms_of(house, [4, 3, 3, 3]))[0]
        taken = []

        async def sender(_channel: Any, outgoing: Outgoing, _now: int, _around: Surroundings) -> None:
            if outgoing.key.startswith(poisoned):
                raise SendingFailed("refused")
            taken.append(outgoing.key)

        dispatcher = house.dispatcher(sender=sender)
        for _ in range(30):
            await dispatcher.send_due()
            house.now += 1_000
        assert len(taken) == 3
        assert await house.states() == {"pending": 1, "sent": 3}

    async def _alarms_of(house: House, severities: list[int]) -> list[str]:
        await house.configure({"partner": "http://partner.example.org:1/"})
        return await house.raise_alarms(severities)

    run(database_url, scenario)


def test_a_channel_is_given_no_more_than_it_takes_a_minute_and_the_highest_of_what_waits(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"robot": receiver}, per_minute=20)
            await house.raise_alarms([2] * 40)
            dispatcher = house.dispatcher()
            sent = []
            for second in range(60):
                if second == 30:
                    await house.raise_alarms([4], rule="red")
                sent.append(await dispatcher.send_due())
                house.now += 1_000
        assert sent[:8] == [2, 0, 0, 1, 0, 0, 1, 0]
        assert sum(sent) == 21
        assert receiver.taken[sum(sent[:30])]["line"]["severity"] == "red"

    run(database_url, scenario)


def test_two_dispatchers_share_the_work_and_send_nothing_twice(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"partner": receiver})
            alarms = await house.raise_alarms([2] * 40)
            sent = await asyncio.gather(*(house.dispatcher().send_due() for _ in range(2)))
            assert sum(sent) == 40
            assert all(sent)
            assert sorted(receiver.alarms) == sorted(alarms)

    run(database_url, scenario)


def test_a_message_stands_or_falls_with_its_alarms_transaction(database_url: str) -> None:
    async def scenario(house: House) -> None:
        await house.configure({"partner": "http://partner.example.org:1/"})
        real = change("level", "jiayuguan", 0, 3, NOON)

        await house.configure({"partner": "http://partner.example.org:1/"}, {"on_duty": True},
                              people=[{"person": "li", "channels": ["partner"]}])  # fmt: skip
        await house.pool.execute("alter table roster_file rename to roster_file_is_away")
        with pytest.raises(asyncpg.PostgresError):
            await house.record([real])
        assert await house.pool.fetchval("select count(*) from journal") == 0
        assert await house.states() == {}
        await house.pool.execute("alter table roster_file_is_away rename to roster_file")
        await house.record([real])
        assert await house.states() == {"pending": 1}

    run(database_url, scenario)


NIGHTS = [
    # city, an alarm within quiet hours, and when they end: 22:00 to 07:00 of the city's own time
    ("jiayuguan", "2026-11-22T15:30:00.000Z", "2026-11-22T23:00:00.000Z"),
    ("jiayuguan", "2026-11-22T16:30:00.000Z", "2026-11-22T23:00:00.000Z"),
    ("wulumuqi", "2026-11-22T16:30:00.000Z", "2026-11-23T01:00:00.000Z"),
    ("wulumuqi", "2026-11-22T18:30:00.000Z", "2026-11-23T01:00:00.000Z"),
]


@pytest.mark.parametrize(("city", "at", "ends"), NIGHTS)
def test_quiet_hours_end_with_one_digest_and_red_goes_through(database_url: str, city: str, at: str, ends: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"desk": receiver}, {"quiet_hours": NIGHT})
            house.now = parse_instant(at)
            dispatcher = house.dispatcher()
            (red,) = await house.raise_alarms([4], city=city, rule="red")
            held = await house.raise_alarms([3, 2, 1], city=city)
            assert await dispatcher.send_due() == 1
            assert receiver.alarms == [red]
            house.now = parse_instant(ends) - 1
            assert await dispatcher.send_due() == 0
            house.now += 1
            assert await dispatcher.send_due() == 1
        digest = receiver.taken[1]
        assert (digest["kind"], digest["messages"], digest["city"]) == ("digest", 3, city)
        assert [line["alarm"] for line in digest["lines"]] == held
        assert await house.states() == {"sent": 2, "digested": 3}
        told = await house.pool.fetch("select due_at from notification where state = 'digested'")
        assert {format_instant(round(row[0].timestamp() * 1000)) for row in told} == {ends}

    run(database_url, scenario)


def test_a_digest_that_was_not_taken_is_sent_again_as_it_was(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving(status=500) as receiver:
            await house.configure({"desk": receiver}, {"digest": {"every_min": 15}})
            await house.raise_alarms([1, 1])
            house.now += 15 * MINUTE_MS
            dispatcher = house.dispatcher()
            assert await dispatcher.send_due() == 0
            await house.raise_alarms([1], rule="later")
            receiver.status = 200
            house.now += 15 * MINUTE_MS
            assert await dispatcher.send_due() == 2
        assert [message["messages"] for message in receiver.taken] == [2, 1]
        assert receiver.refused == receiver.keys[:1]

    run(database_url, scenario)


def test_digests_never_mix_a_test_city_with_one_in_operation(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"desk": receiver}, {"digest": {"every_min": 15}, "modes": ["operational", "test"]})
            await house.raise_alarms([1])
            await house.raise_alarms([1, 1], city="trial")
            house.now += HOUR_MS
            assert await house.dispatcher().send_due() == 2
        found = sorted((message["mode"], message["messages"]) for message in receiver.taken)
        assert found == [("operational", 1), ("test", 2)]

    run(database_url, scenario)


def test_only_operation_is_told_a_test_where_a_route_says_so_an_exercise_never(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as desk, receiving() as bench:
            await house.configure({"desk": desk, "bench": bench}, {"channels": ["desk"]},
                                  {"channels": ["bench"], "modes": ["test"]})  # fmt: skip
            for city in ("jiayuguan", "trial", "drill"):
                await house.raise_alarms([4], city=city)
            await house.dispatcher().send_due()
        assert [message["city"] for message in desk.taken] == ["jiayuguan"]
        assert [message["city"] for message in bench.taken] == ["trial"]
        assert bench.taken[0]["title"].startswith("〔测试〕")

    run(database_url, scenario)


def test_an_incident_is_told_once_and_again_only_where_it_grows_worse(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"desk": receiver})
            await house.pool.execute(
                "insert into incident (incident, city, mode, systems, opened_at, newest_at, known_at, changed_at,"
                " severity, members, standing, version, cause)"
                " values ('7', 'jiayuguan', 'operational', '{gas}', now(), now(), now(), now(), 2, 6, 6, 1, '{}')"
            )

            async def raised(severity: int, rule: str) -> str:
                made = change(rule, "jiayuguan", 0, severity, house.now)
                await house.pool.execute(
                    "insert into incident_member (member, kind, incident, joined_at, relation, why, standing, facts)"
                    " values ($1, 'alarm', '7', now(), 'near', '{}', true, '{}')",
                    made.alarm,
                )
                await house.record([made])
                return made.alarm

            first = await raised(2, "first")
            await raised(2, "like-it")
            worse = await raised(3, "worse")
            await raised(1, "lesser")
            red = await raised(4, "red")
            also_red = await raised(4, "also-red")
            await house.dispatcher().send_due()
        assert set(receiver.alarms) == {first, worse, red, also_red}
        counted = await house.pool.fetch("select folded_into from notification where state = 'folded'")
        assert [row[0] for row in counted] == ["incident:7", "incident:7"]

    run(database_url, scenario)


def test_an_incident_is_escalated_once_a_step_and_the_others_are_counted(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as desk, receiving() as boss:
            await house.configure({"desk": desk, "boss": boss}, {"channels": ["desk"], "kinds": ["escalated"]})
            await house.pool.execute(
                "insert into incident (incident, city, mode, systems, opened_at, newest_at, known_at, changed_at,"
                " severity, members, standing, version, cause)"
                " values ('7', 'jiayuguan', 'operational', '{gas}', now(), now(), now(), now(), 3, 5, 5, 1, '{}')"
            )
            alarms = await house.raise_alarms([3, 3, 3, 3, 4, 3])  # the last is of no incident
            (later,) = await house.raise_alarms([3], rule="later")
            await house.pool.execute(
                "insert into incident_member (member, kind, incident, joined_at, relation, why, standing, facts)"
                " select alarm, 'alarm', '7', now(), 'near', '{}', true, '{}' from unnest($1::text[]) as alarm",
                [*alarms[:5], later],
            )

            async def escalate(names: list[str], step: str, since: int = NOON) -> None:
                async with house.pool.acquire() as connection, connection.transaction():
                    known = await load_alarms(connection, names)
                    await enqueue_escalations(
                        connection, [Escalation(*known[name], step, ["boss"], since, house.now) for name in names]
                    )

            house.now += 3 * MINUTE_MS
            await escalate(alarms[:2], "not_acknowledged_1")
            house.now += 1_000
            await escalate(alarms[2:], "not_acknowledged_1")
            house.now += 3 * MINUTE_MS
            await escalate(alarms[:5], "not_acknowledged_2")
            await escalate([later], "not_acknowledged_1", since=house.now)
            await house.dispatcher().send_due()
        first, red, alone = alarms[0], alarms[4], alarms[5]
        told = [(1, first), (1, red), (1, alone), (2, first), (2, red), (1, later)]
        for receiver in (desk, boss):
            found = [(int(m["step"][-1]), m["line"]["alarm"]) for m in receiver.taken]
            assert sorted(found) == sorted(told)
        counted = await house.pool.fetch(
            "select folded_into, count(*) from notification where state = 'folded' group by 1"
        )
        assert [tuple(row) for row in counted] == [("incident:7", 2 * (3 + 3))]  # to two channels

    run(database_url, scenario)


def test_a_return_is_told_where_the_route_says_so(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as desk, receiving() as log:
            await house.configure({"desk": desk, "log": log}, {"channels": ["desk"]},
                                  {"channels": ["log"], "kinds": ["raised", "returned"]})  # fmt: skip
            await house.raise_alarms([3])
            back = change("level-0", "jiayuguan", 3, 0, NOON + MINUTE_MS, raised=NOON, reason="limit_left")
            await house.record([back])
            house.now += 2 * MINUTE_MS
            await house.dispatcher().send_due()
        assert [message["kind"] for message in desk.taken] == ["raised"]
        assert [message["kind"] for message in log.taken] == ["raised", "returned"]
        assert log.taken[1]["title"] == "【二级（橙）燃气报警·已恢复正常】七号阀室 level-0"

    run(database_url, scenario)


def test_an_escalation_reaches_people_channels_and_routes_at_once_and_once(database_url: str) -> None:
    async def scenario(house: House) -> None:
        house.now = NOON + 4 * HOUR_MS  # midnight in Shanghai
        async with receiving() as desk, receiving() as phone, receiving() as boss:
            await house.configure(
                {"desk": desk, "phone": phone, "boss": boss},
                {"channels": ["desk"], "quiet_hours": NIGHT},
                people=[{"person": "li.wei", "channels": ["phone"]}],
            )
            (name,) = await house.raise_alarms([2])
            for _ in range(2):
                async with house.pool.acquire() as connection, connection.transaction():
                    alarm, place = (await load_alarms(connection, [name]))[name]
                    told = Escalation(
                        alarm, place, "not_acknowledged_1", ["li.wei", "boss", "unknown"], NOON, house.now
                    )
                    await enqueue_escalations(connection, [told])
            assert await house.dispatcher().send_due() == 3
        for receiver in (desk, phone, boss):
            assert [(m["kind"], m["step"]) for m in receiver.taken] == [("escalated", "not_acknowledged_1")]
            assert "未按时确认" in receiver.taken[0]["text"]

    run(database_url, scenario)


def test_who_is_on_duty_is_asked_for_the_alarms_place_and_time(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as desk, receiving() as phone:
            await house.configure({"desk": desk, "phone": phone}, {"channels": ["desk"], "on_duty": True},
                                  people=[{"person": "li.wei", "channels": ["phone"]}])  # fmt: skip
            await house.put_rosters(ROSTERS)
            await house.raise_alarms([3, 3, 3])
            await house.raise_alarms([3], city="wulumuqi")
            house.now += MINUTE_MS
            await house.raise_alarms([3], rule="after the shift")
            await house.dispatcher().send_due()
        assert [message["city"] for message in phone.taken] == ["jiayuguan"] * 3
        assert [message["city"] for message in desk.taken] == ["wulumuqi", "jiayuguan"]

    run(database_url, scenario)


def test_a_channel_that_is_gone_from_the_file_leaves_dead_letters(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"old": receiver})
            await house.raise_alarms([3])
            await house.configure({"new": receiver})
            assert await house.dispatcher().send_due() == 0
        assert await house.states() == {"dead": 1}
        assert "not in the notification file" in await house.pool.fetchval("select error from notification")

    run(database_url, scenario)


def test_what_was_finished_long_ago_is_deleted_and_what_waits_is_not(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"desk": receiver})
            await house.raise_alarms([3, 3])
            await house.dispatcher().send_due()
            await house.raise_alarms([3], rule="waits")
        assert await delete_finished(house.pool, to_datetime(house.now)) == 0
        assert await delete_finished(house.pool, to_datetime(house.now + 1)) == 2
        assert await house.states() == {"pending": 1}

    run(database_url, scenario)


def test_the_file_before_is_kept_without_its_secrets(database_url: str) -> None:
    async def scenario(house: House) -> None:
        await house.configure({"old": "http://partner.example.org:1/"})
        await house.configure({"new": "http://partner.example.org:1/"})
        rows = await house.pool.fetch("select in_force, content from notification_file order by activation")
        assert [row["in_force"] for row in rows] == [False, True]
        assert KEY not in rows[0]["content"]

    run(database_url, scenario)


def test_the_dispatcher_runs_until_it_is_told_to_stop(database_url: str) -> None:
    async def scenario(house: House) -> None:
        stop = asyncio.Event()
        async with receiving() as receiver:
            await house.configure({"desk": receiver})
            running = asyncio.create_task(house.dispatcher(limits=DispatchLimits(poll_s=0.02)).run(stop))
            await house.raise_alarms([3])
            async with asyncio.timeout(20):
                while not receiver.taken:  # noqa: ASYNC110 - the receiver has no event
                    await asyncio.sleep(0.01)
            stop.set()
            await running
        assert await house.states() == {"sent": 1}

    run(database_url, scenario)


def test_two_thousand_alarms_in_commits_of_fifty_are_all_counted(database_url: str) -> None:
    async def scenario(house: House) -> None:
        async with receiving() as receiver:
            await house.configure({"desk": receiver, "partner": receiver}, {},
                                  {"channels": ["desk"], "digest": {"every_min": 5}})  # fmt: skip
            flood = {}
            for commit in range(40):
                house.now = NOON + commit * 1_500
                changes = [
                    change(f"c{commit}-{n}", "jiayuguan", 0, 1 + (n % 10 == 0) * 3, house.now) for n in range(50)
                ]
                if commit >= 2:
                    flood = {made.alarm: "flood:desk-1" for made in changes}
                await house.record(changes, folded=flood)
        assert await house.states() == {"folded": 2 * 38 * 45, "pending": 2 * (100 + 38 * 5)}
        folded_red = await house.pool.fetchval(
            "select count(*) from notification where state='folded' and severity = 4"
        )
        assert folded_red == 0
        assert await house.pool.fetchval("select count(*) from journal") == 2_000

    run(database_url, scenario)
