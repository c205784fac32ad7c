"""Changes since a list was read: the list with its changes applied is the list as it stands, whatever has happened."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from app.api.alarms import BriefAlarmPage
from store.sensors import import_sensors
from tests.api.service import CITIES, NOON, SENSORS, Service, change, journal, serve, silence
from tests.api.test_handling import act
from tests.api.test_resources import _store as store_readings

MINUTE = 60_000
LISTS = {
    "all": "/alarms?view=brief&limit=3",
    "the grave ones": "/alarms?view=brief&severity=red,orange&limit=2",
    "mine": "/alarms?view=brief&assigned_to=li&limit=2",
    "near": "/alarms?view=brief&near=98.29,39.77&radius_m=3000&limit=2",
    "to be acknowledged": "/alarms?view=brief&state=unacknowledged,returned_unacknowledged&class=process&limit=2",
    "of a district": "/alarms?view=brief&district=jingtie",
    "dealt with": "/alarms?view=brief&handling=assigned,accepted",
    "also what is over": "/alarms?view=brief&state=normal,unacknowledged&limit=5",
    "since": "/alarms?view=brief&since=2026-11-22T12:10:00Z",
    "newest readings": "/sensors/latest?limit=2",
    "newest readings near": "/sensors/latest?near=98.29,39.77&radius_m=50000&limit=1",
    "newest readings of gas": "/sensors/latest?system=gas",
}


@dataclass
class Follower:
    """A telephone that holds a list and asks for what has changed."""

    client: httpx.AsyncClient
    path: str
    held: dict[str, Any] = field(default_factory=dict)
    cursor: str | None = None
    anew: int = 0

    @property
    def kind(self) -> str:
        return "sensor" if self.path.startswith("/sensors") else "alarm"

    async def read(self, changed_after: str | None) -> tuple[dict[str, Any], list[str], str] | None:
        """Return the items by id, those gone and the new cursor, over all pages; None where it is told no more."""
        items: dict[str, Any] = {}
        gone: list[str] = []
        cursor, following = None, ""
        asked = "" if changed_after is None else f"&changed_after={changed_after}"
        while True:
            answer = await self.client.get(f"/api/v1{self.path}{asked}{following}")
            if answer.status_code == 410:
                assert answer.json()["field"] == "changed_after"
                return None
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items |= {one[self.kind]: one for one in page[f"{self.kind}s"]}
            gone += page.get("gone", [])
            assert (page["cursor"] is None) == (following != "")
            cursor = cursor or page["cursor"]
            if page["next"] is None:
                return items, gone, cursor
            following = f"&after={page['next']}"

    async def poll(self) -> None:
        changes = None if self.cursor is None else await self.read(self.cursor)
        if changes is None:
            self.anew += 1
            changes = await self.read(None)
            assert changes is not None
            self.held = {}
        items, gone, self.cursor = changes
        assert not set(items) & set(gone)
        self.held = {name: one for name, one in self.held.items() if name not in gone} | items


class Course:
    """What happens in a city, drawn by chance: conditions, silences, what people do, readings."""

    def __init__(self, service: Service, chance: random.Random, *people: httpx.AsyncClient) -> None:
        self.service, self.chance = service, chance
        self.desk, self.crew = people
        self.time = NOON
        self.standing: dict[tuple[str, str], tuple[int, int]] = {}  # severity, when raised
        self.silent: set[str] = set()

    async def step(self) -> None:
        self.time += self.chance.randrange(1, 90_000)
        self.service.now = max(self.service.now, self.time)
        doing = (self.condition,) * 4 + (self.silence,) * 2 + (self.person,) * 4 + (self.reading,) * 3
        await self.chance.choice(doing)()

    async def condition(self) -> None:
        place = (self.chance.choice(SENSORS).sensor, self.chance.choice(("level", "rise")))
        before, raised = self.standing.get(place, (0, self.time))
        now = self.chance.choice([severity for severity in range(5) if severity != before])
        await journal(self.service.pool, [change(place[0], before, now, self.time, rule=place[1], raised=raised)])
        if now:
            self.standing[place] = (now, raised)
        else:
            del self.standing[place]

    async def silence(self) -> None:
        sensor = self.chance.choice(SENSORS).sensor
        raised = self.standing.pop((sensor, "silent"), (0, self.time))[1]
        self.silent ^= {sensor}
        if sensor in self.silent:
            self.standing[sensor, "silent"] = (1, raised)
        await journal(self.service.pool, [silence(sensor, sensor in self.silent, time=self.time, raised=raised)])

    async def person(self) -> None:
        everything = "state=normal,unacknowledged,acknowledged,returned_unacknowledged"
        known = (await self.desk.get(f"/api/v1/alarms?{everything}")).json()["alarms"]
        if not known:
            return
        one = self.chance.choice(known)
        who, action, body = self.chance.choice(
            (
                (self.desk, "acknowledge", {}), (self.desk, "comment", {"comment": "seen"}),
                (self.desk, "assign", {"to": "li"}), (self.crew, "accept", {}), (self.crew, "arrive", {}),
                (self.crew, "decline", {"reason": "no tools"}), (self.desk, "judge", {"verdict": "true"}),
            )
        )  # fmt: skip
        answer = await act(who, action, one["sequence"], alarm=one["alarm"], **body)
        assert answer.status_code in (200, 409, 422), answer.text

    async def reading(self) -> None:
        sensor = self.chance.choice(SENSORS).sensor
        late = self.chance.choice((0, 0, 5 * MINUTE))
        quality = self.chance.choice((0, 0, 0, 1))
        await store_readings(self.service, sensor, [(self.time - late, float(self.chance.randrange(100)), quality)])


@pytest.mark.parametrize("seed", range(2))
def test_the_list_and_its_changes_are_the_list_now(database_url: str, seed: int) -> None:
    async def scenario(service: Service) -> None:
        chance = random.Random(seed)
        desk = await service.client("operator", label="desk")
        crew = await service.client("field", label="li")
        here = await service.client("viewer", "jiayuguan")
        course = Course(service, chance, desk, crew)
        followers = {name: Follower(chance.choice((here, desk)), path) for name, path in LISTS.items()}
        for number in range(50):
            await course.step()
            if number == 25:  # the registry changes: the names and places of what is held may be others
                renamed = msgspec.structs.replace(SENSORS[0], name="x", name_zh="")
                await import_sensors(service.pool, [renamed], CITIES)
            for name, follower in followers.items():
                if chance.random() < 0.15 or number == 49:
                    await follower.poll()
                    now = await follower.read(None)
                    assert now is not None
                    assert follower.held == now[0], (name, number)
        assert all(follower.anew <= 2 for follower in followers.values())
        assert any(follower.held for follower in followers.values())

    serve(database_url, scenario)


def test_an_alarm_that_left_the_list_is_told_as_gone(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("operator")
        await journal(service.pool, [change("GAS-1", 0, 4), change("DRAIN-1", 0, 2)])
        first = (await client.get("/api/v1/alarms?view=brief")).json()
        nothing = (await client.get(f"/api/v1/alarms?view=brief&changed_after={first['cursor']}")).json()
        assert (nothing["alarms"], nothing["gone"]) == ([], [])
        gas, drain = "level.GAS-1.20261122T120000000Z", "level.DRAIN-1.20261122T120000000Z"
        await act(client, "acknowledge", 1, alarm=gas)
        await journal(service.pool, [change("GAS-1", 4, 0, NOON + 1), change("DRAIN-1", 2, 3, NOON + 1)])
        then = (await client.get(f"/api/v1/alarms?view=brief&changed_after={nothing['cursor']}")).json()
        BriefAlarmPage.model_validate(then)
        assert then["gone"] == [gas]
        assert [(one["alarm"], one["severity"]) for one in then["alarms"]] == [(drain, "orange")]
        # A silent sensor's alarm has another condition, though nothing was journalled of it.
        await journal(service.pool, [silence("DRAIN-1")])
        doubted = (await client.get(f"/api/v1/alarms?view=brief&changed_after={then['cursor']}")).json()
        assert {(one["alarm"], one["condition"]) for one in doubted["alarms"]} >= {(drain, "unknown")}

    serve(database_url, scenario)


async def cursor(client: httpx.AsyncClient, path: str) -> str:
    answer = (await client.get(path)).json()
    assert answer["cursor"]
    return str(answer["cursor"])


def test_what_cannot_be_told_is_fetched_anew(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client, other = await service.client("operator"), await service.client("operator", "jinchang")
        alarms, latest = "/api/v1/alarms?view=brief", "/api/v1/sensors/latest?system=gas"
        await store_readings(service, "GAS-1", [(NOON, 1.0, 0)])
        await journal(service.pool, [change("GAS-1", 0, 4)])

        async def refused(asker: httpx.AsyncClient, path: str, mark: str, status: int = 410) -> str:
            answer = await asker.get(f"{path}&changed_after={mark}")
            assert (answer.status_code, answer.json().get("field")) == (status, "changed_after"), answer.text
            assert answer.json()["remedy"]
            return str(answer.json()["detail"])

        for path in (alarms, latest):
            mark = await cursor(client, path)
            assert (await client.get(f"{path}&changed_after={mark}")).status_code == 200
            assert "other filters" in await refused(client, f"{path}&city=jinchang", mark)
            assert "other areas" in await refused(other, path, mark)
            for nonsense in ("x", "WzFd", "WyJhIiwxXQ", "e30", mark[:-3]):
                await refused(client, path, nonsense, 422)
        assert "brief" in await refused(client, "/api/v1/alarms?limit=5", await cursor(client, alarms), 422)
        both = await client.get(f"{alarms}&latest=true&changed_after={await cursor(client, alarms)}")
        assert (both.status_code, both.json()["field"]) == (422, "latest")

        mark = await cursor(client, alarms)
        await service.pool.execute("update city set name = 'other' where city = 'jinchang'")
        assert "were changed" in await refused(client, alarms, mark)

        before = {path: await cursor(client, path) for path in (alarms, latest)}
        for number in range(3):
            await journal(service.pool, [change("GAS-1", 4 - number, 3 - number, NOON + number + 1)])
            assert (await client.get(f"{alarms}&changed_after={before[alarms]}")).status_code == (
                200 if number < 2 else 410
            )
        for number in range(3):
            await store_readings(service, "GAS-1", [(NOON + number + 1, 1.0, 0)])
            status = (await client.get(f"{latest}&changed_after={await cursor(client, latest)}")).status_code
            assert status == 200
        assert "transitions" in await refused(client, latest, before[latest])
        old = await cursor(client, latest)
        await store_readings(service, "GAS-1", [(NOON + 10 + number, 1.0, 0) for number in range(4)])
        assert "readings" in await refused(client, latest, old)
        kept = await cursor(client, latest)
        await store_readings(service, "GAS-1", [(NOON + 20, 1.0, 0)])
        await store_readings(service, "GAS-2", [(NOON + 20, 1.0, 0)])
        await service.pool.execute("delete from batch where sequence = (select max(sequence) - 1 from batch)")
        assert "reach back" in await refused(client, latest, kept)
        ahead = await cursor(client, latest)
        await service.pool.execute("delete from batch where sequence = (select max(sequence) from batch)")
        assert "restored" in await refused(client, latest, ahead)

    serve(database_url, scenario, delta_events_max=2, delta_readings_max=3)
