"""Users as the security administrator makes, changes and disables them."""

import asyncio

import httpx

from store.keys import create_key
from tests.api.service import Service, change, journal, serve
from tests.api.test_sign_in import HASH, ME, PASSWORD, RIGHT, WRONG, browser, limited, logged_in, user

USERS = "/api/v1/users"
NEW = {"name": "li.wei", "role": "operator", "areas": ["jiayuguan"]}


async def made(client: httpx.AsyncClient, **facts: object) -> str:
    answer = await client.post(USERS, json=NEW | facts)
    assert answer.status_code == 201, answer.text
    password: str = answer.json()["one_time_password"]
    return password


def test_from_a_one_time_password_to_an_own_one(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        administrator = await service.client("security_administrator", label="gate")
        password = await made(administrator, display_name="李伟")
        listed = (await administrator.get(USERS)).text
        assert password not in listed
        assert '"display_name":"李伟"' in listed
        client = browser(service)
        assert (await client.post(ME, json=RIGHT | {"password": password})).json()["must"] == "password"
        answer = await client.post(f"{ME}/password", json={"password": password, "new_password": PASSWORD})
        assert answer.status_code == 204
        assert (await client.get("/api/v1/status")).status_code == 200
        (item,) = (await administrator.get(USERS)).json()["users"]
        assert item == {
            "name": "li.wei", "display_name": "李伟", "role": "operator", "areas": ["jiayuguan"], "disabled": False,
            "must_change_password": False, "second_factor": False, "created_at": "2026-11-22T12:00:00.000Z",
            "signed_in_at": "2026-11-22T12:00:00.000Z", "locked_until": None,
        }  # fmt: skip
        rows = await service.pool.fetch("select action, actor, subject, details from audit order by sequence")
        assert [tuple(row) for row in rows] == [
            ("user-created", "gate", "li.wei", '{"areas":"jiayuguan","role":"operator"}'),
            ("log-in", "li.wei", "li.wei", "{}"),
            ("password-changed", "li.wei", "li.wei", "{}"),
        ]
        assert await service.pool.fetchval("select count(*) from audit where details like '%' || $1 || '%'",
                                           password) == 0  # fmt: skip

    serve(database_url, scenario)


def test_changes_count_from_the_next_request_on(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        administrator = await service.client("security_administrator")
        client = await logged_in(service, areas=["jiayuguan"])
        path = f"{USERS}/li.wei"

        async def change(**facts: object) -> httpx.Response:
            answer = await administrator.patch(path, json=facts)
            assert answer.status_code == 200, answer.text
            return answer

        await change(role="viewer", areas=["jinchang"])
        me = (await client.get(ME)).json()
        assert (me["role"], me["areas"]) == ("viewer", ["jinchang"])
        assert (await client.get("/api/v1/status?city=jiayuguan")).status_code == 403
        await change(display_name="Li Wei")
        assert (await client.get(ME)).json()["display_name"] == "Li Wei"

        assert (await change(disabled=True)).json()["disabled"] is True
        assert (await client.get(ME)).status_code == 401
        assert (await client.post(ME, json=RIGHT)).status_code == 401
        await change(disabled=False)
        assert (await client.get(ME)).status_code == 401  # the session does not come back
        assert (await client.post(ME, json=RIGHT)).status_code == 201

        password = (await change(reset_password=True)).json()["one_time_password"]
        assert (await client.get(ME)).status_code == 401
        assert (await client.post(ME, json=RIGHT)).status_code == 401
        assert (await client.post(ME, json=RIGHT | {"password": password})).json()["must"] == "password"
        assert (await change()).json()["one_time_password"] is None

    serve(database_url, scenario)


def test_who_guessed_is_let_in_again(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        limited(service, name_failures_free=2)
        administrator = await service.client("security_administrator")
        client = await logged_in(service)
        for _ in range(2):
            await browser(service).post(ME, json=WRONG)
        assert (await browser(service).post(ME, json=RIGHT)).status_code == 429
        assert (await client.get(ME)).status_code == 200  # who is logged in stays so
        (item,) = (await administrator.get(USERS)).json()["users"]
        assert item["locked_until"] == "2026-11-22T12:00:30.000Z"
        answer = await administrator.patch(f"{USERS}/li.wei", json={"unlock": True})
        assert answer.json()["locked_until"] is None
        assert (await browser(service).post(ME, json=RIGHT)).status_code == 201
        assert await service.pool.fetchval("select count(*) from audit where action = 'log-in-unlocked'") == 1

    serve(database_url, scenario)


def test_users_that_cannot_be_made(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        administrator = await service.client("security_administrator")
        for facts, field in (
            ({"name": "li wei"}, "name"),
            ({"name": ""}, "name"),
            ({"role": "king"}, "role"),
            ({"areas": []}, "areas"),
            ({"areas": ["jia yu guan"]}, "areas"),
            ({"display_name": "a\u0000b"}, "display_name"),
            ({"password": PASSWORD}, "password"),  # it is not chosen by others
        ):
            answer = await administrator.post(USERS, json=NEW | facts)
            assert (answer.status_code, answer.json()["field"]) == (422, field), facts
        for name in ("nobody", "%00", "a%20b"):
            answer = await administrator.patch(f"{USERS}/{name}", json={"disabled": True})
            assert answer.status_code in (404, 422), name
        assert await service.pool.fetchval("select count(*) from user_account") == 0

    serve(database_url, scenario)


def test_one_name_one_actor(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        administrator = await service.client("security_administrator", label="gate")
        await create_key(service.pool, role="viewer", areas=["*"], label="Desk")
        await made(administrator)
        for name in ("li.wei", "LI.Wei", "desk", "gate"):
            answer = await administrator.post(USERS, json=NEW | {"name": name})
            assert (answer.status_code, answer.json()["field"]) == (409, "name"), name
        answer = await administrator.post("/api/v1/keys", json={"label": "Li.Wei", "role": "viewer", "areas": ["*"]})
        assert (answer.status_code, answer.json()["field"]) == (409, "label")
        key = await create_key(service.pool, role="viewer", areas=["*"], label="li.wei")
        label = await service.pool.fetchval("select label from api_key order by created_at desc limit 1")
        assert label.startswith("li.wei-")
        assert key.startswith("lk_")

        # Both at one time: one of the two, never both.
        for n in range(5):
            name = f"both{n}"
            answers = await asyncio.gather(
                administrator.post(USERS, json=NEW | {"name": name}),
                administrator.post("/api/v1/keys", json={"label": name, "role": "viewer", "areas": ["*"]}),
            )
            assert sorted(answer.status_code for answer in answers) == [201, 409], name

    serve(database_url, scenario)


def test_nobody_raises_themselves_and_one_administrator_stays(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await logged_in(service, role="security_administrator")
        own = f"{USERS}/li.wei"
        for body, status in (
            ({"role": "supervisor"}, 403), ({"areas": ["jiayuguan"]}, 403), ({"disabled": True}, 409),
            ({"display_name": "L"}, 200),
        ):  # fmt: skip
            assert (await client.patch(own, json=body)).status_code == status, body
        await user(service, "second", "security_administrator", areas=["jiayuguan"])
        other = await service.client("security_administrator", label="gate")
        for body in ({"disabled": True}, {"role": "viewer"}, {"areas": ["jiayuguan"]}):
            answer = await other.patch(own, json=body)  # the second has not all areas
            assert (answer.status_code, answer.json()["type"]) == (409, "/docs#conflict"), body
        assert (await client.get(ME)).status_code == 200  # and nothing of it was done
        await user(service, "third", "security_administrator")
        answers = await asyncio.gather(
            *(other.patch(f"{USERS}/{name}", json={"disabled": True}) for name in ("li.wei", "third"))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]

    serve(database_url, scenario)


def test_administrators_of_an_area_stay_within_it(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        administrator = await service.client("security_administrator", "jiayuguan")
        for name, areas in (
            ("here", ["jiayuguan"]), ("district", ["jiayuguan/xiongguan"]), ("there", ["jinchang"]),
            ("both", ["jiayuguan", "jinchang"]), ("all", ["*"]),
        ):  # fmt: skip
            await user(service, name, "viewer", areas=areas)
            await create_key(service.pool, role="viewer", areas=areas, label=f"{name}-key")
        assert [item["name"] for item in (await administrator.get(USERS)).json()["users"]] == ["district", "here"]
        labels = [item["label"] for item in (await administrator.get("/api/v1/keys")).json()["keys"]]
        assert labels == ["district-key", "here-key", "security_administrator"]
        for name in ("there", "both", "all"):
            assert (await administrator.patch(f"{USERS}/{name}", json={"disabled": True})).status_code == 404, name
            assert (await administrator.delete(f"/api/v1/keys/{name}-key")).status_code == 404, name
            assert (await administrator.post(f"/api/v1/keys/{name}-key/rotate", json={})).status_code == 404, name
        for areas in (["*"], ["jinchang"], ["jiayuguan", "jinchang"], ["province:gansu"], ["jinchang/jinchuan"]):
            answer = await administrator.post(USERS, json=NEW | {"areas": areas})
            assert (answer.status_code, answer.json()["field"]) == (422, "areas"), areas
            answer = await administrator.patch(f"{USERS}/here", json={"areas": areas})
            assert (answer.status_code, answer.json()["field"]) == (422, "areas"), areas
            answer = await administrator.post("/api/v1/keys", json={"label": "x", "role": "viewer", "areas": areas})
            assert (answer.status_code, answer.json()["field"]) == (422, "areas"), areas
        assert (await administrator.patch(f"{USERS}/here", json={"areas": ["jiayuguan/x"]})).status_code == 200
        assert await service.pool.fetchval("select count(*) from user_account where disabled_at is not null") == 0

    serve(database_url, scenario)


def test_pages_of_users(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        names = [f"user{n}" for n in range(5)]
        for name in reversed(names):
            await user(service, name, "viewer", password_hash=HASH)
        administrator = await service.client("security_administrator")
        found: list[str] = []
        after = ""
        while True:
            page = (await administrator.get(f"{USERS}?limit=2{after}")).json()
            found += [item["name"] for item in page["users"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert found == names
        assert (await administrator.get(f"{USERS}?after=nonsense")).status_code == 422

    serve(database_url, scenario)


def test_a_person_may_be_assigned_as_a_key_may(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await user(service, "crew.7", "field", areas=["jiayuguan"])
        await journal(service.pool, [change("GAS-1", 0, 4)])
        desk = await service.client("operator")
        path = "/api/v1/alarms/level.GAS-1.20261122T120000000Z/assign"
        body = {"to": "crew.7", "seen_sequence": 1, "idempotency_key": "a"}
        answer = await desk.post(path, json=body)
        assert answer.status_code == 200, answer.text
        await service.pool.execute("update user_account set disabled_at = now() where name = 'crew.7'")
        again = {"idempotency_key": "b", "seen_sequence": answer.json()["sequence"]}
        answer = await desk.post(path, json=body | again)
        assert (answer.status_code, answer.json()["field"]) == (422, "to"), answer.text

    serve(database_url, scenario)
