"""API keys as the security administrator makes, rotates and revokes them."""

import httpx

from tests.api.service import Service, serve

KEYS = "/api/v1/keys"


def bearing(service: Service, key: str) -> httpx.AsyncClient:
    return service.client_with({"Authorization": f"Bearer {key}"})


async def status(service: Service, key: str) -> int:
    return (await bearing(service, key).get("/api/v1/status")).status_code


def test_a_key_is_shown_once_and_revoked_at_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        administrator = await service.client("security_administrator", label="gate")
        answer = await administrator.post(KEYS, json={"label": "GIS 大屏", "role": "viewer", "areas": ["jiayuguan"]})
        assert answer.status_code == 201
        key = answer.json()["key"]
        assert await status(service, key) == 200
        listed = await administrator.get(KEYS)
        assert key not in listed.text
        item = listed.json()["keys"][0]
        assert (item["label"], item["role"], item["areas"], item["ends_at"]) == (
            "GIS 大屏",
            "viewer",
            ["jiayuguan"],
            None,
        )
        again = await administrator.post(KEYS, json={"label": "GIS 大屏", "role": "viewer", "areas": ["jiayuguan"]})
        assert (again.status_code, again.json()["field"]) == (409, "label")
        assert (await administrator.delete(f"{KEYS}/GIS 大屏")).status_code == 204
        assert await status(service, key) == 401
        assert (await administrator.delete(f"{KEYS}/GIS 大屏")).status_code == 404
        rows = await service.pool.fetch("select action, actor, subject from audit order by sequence")
        assert [tuple(row) for row in rows] == [
            ("key-created", "gate", "GIS 大屏"),
            ("key-revoked", "gate", "GIS 大屏"),
        ]

    serve(database_url, scenario)


def test_rotation_with_and_without_overlap(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        administrator = await service.client("security_administrator")

        async def rotate(**body: int) -> str:
            answer = await administrator.post(f"{KEYS}/feed/rotate", json=body)
            assert answer.status_code == 201, answer.text
            key: str = answer.json()["key"]
            return key

        made = await administrator.post(KEYS, json={"label": "feed", "role": "viewer", "areas": ["jiayuguan"]})
        first = made.json()["key"]
        second = await rotate()
        assert [await status(service, key) for key in (first, second)] == [401, 200]
        me = (await bearing(service, second).get("/api/v1/session")).json()
        assert (me["name"], me["role"], me["areas"]) == ("feed", "viewer", ["jiayuguan"])

        third = await rotate(overlap_minutes=30)
        assert [await status(service, key) for key in (second, third)] == [200, 200]
        feeds = [item for item in (await administrator.get(KEYS)).json()["keys"] if item["label"] == "feed"]
        assert sorted(item["ends_at"] is None for item in feeds) == [False, True]
        await service.pool.execute("update api_key set revoked_at = now() where revoked_at > now()")  # half an hour on
        assert [await status(service, key) for key in (second, third)] == [401, 200]

        fourth = await rotate(overlap_minutes=30)
        fifth = await rotate(overlap_minutes=30)  # no more than two at one time
        assert [await status(service, key) for key in (third, fourth, fifth)] == [401, 200, 200]
        assert (await administrator.delete(f"{KEYS}/feed")).status_code == 204  # both
        assert [await status(service, key) for key in (fourth, fifth)] == [401, 401]
        assert (await administrator.post(f"{KEYS}/feed/rotate", json={})).status_code == 404

    serve(database_url, scenario)


def test_what_is_refused(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        administrator = await service.client("security_administrator")
        good = {"label": "desk", "role": "viewer", "areas": ["*"]}
        for facts, field in (
            ({"label": ""}, "label"), ({"label": "a/b"}, "label"), ({"label": " desk"}, "label"),
            ({"role": "king"}, "role"), ({"areas": []}, "areas"), ({"key": "lk_mine"}, "key"),
        ):  # fmt: skip
            answer = await administrator.post(KEYS, json=good | facts)
            assert (answer.status_code, answer.json()["field"]) == (422, field), facts
        for body in ({"overlap_minutes": -1}, {"overlap_minutes": 10_081}, {"overlap": 1}):
            answer = await administrator.post(f"{KEYS}/desk/rotate", json=body)
            assert (answer.status_code, answer.json()["field"]) == (422, *body), body
        assert [item["label"] for item in (await administrator.get(KEYS)).json()["keys"]] == ["security_administrator"]

    serve(database_url, scenario)


def test_pages_of_keys_hold_each_once(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        administrator = await service.client("security_administrator")
        for n in range(4):
            await administrator.post(KEYS, json={"label": f"k{n}", "role": "viewer", "areas": ["*"]})
            await administrator.post(f"{KEYS}/k{n}/rotate", json={"overlap_minutes": 5})
        found: list[tuple[str, bool]] = []
        after = ""
        while True:
            page = (await administrator.get(f"{KEYS}?limit=3{after}")).json()
            found += [(item["label"], item["ends_at"] is None) for item in page["keys"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        expected = [(f"k{n}", new) for n in range(4) for new in (False, True)] + [("security_administrator", True)]
        assert sorted(found) == expected
        assert (await administrator.get(f"{KEYS}?after=WyJhIiwieiJd")).status_code == 422

    serve(database_url, scenario)


def test_a_key_for_a_province_is_shown_with_the_province(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await service.pool.execute("update city set province = 'gansu' where city = 'jiayuguan'")
        administrator = await service.client("security_administrator")
        made = await administrator.post(KEYS, json={"label": "feed", "role": "viewer", "areas": ["province:gansu"]})
        rotated = await administrator.post(f"{KEYS}/feed/rotate", json={})
        assert [answer.json()["areas"] for answer in (made, rotated)] == [["province:gansu"]] * 2

    serve(database_url, scenario)
