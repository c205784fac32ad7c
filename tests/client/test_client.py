"""The Python client against the running service, in both forms."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from lifeline_client import (
    AsyncClient,
    Client,
    Conflict,
    Forbidden,
    IncompleteExport,
    Invalid,
    NotFound,
    Patience,
    ProblemError,
    Unauthorized,
    Unavailable,
    Unreachable,
)

from model.instant import to_datetime
from store.batches import IncomingReadings, write_batch
from store.keys import create_key
from store.sensors import load_registry
from tests.api.service import NOON, Service, change, journal, serve, until
from tests.client.forms import FORMS, AnyClient, asked, close

ALARM = "level.GAS-1.20261122T120000000Z"
AT_NOON = to_datetime(NOON)
DAY = {"from_": AT_NOON - timedelta(hours=12), "to": AT_NOON + timedelta(hours=12)}
QUICK = Patience(attempts_max=3, wait_s_first=0.01, wait_s_max=1.0)
Scenario = Callable[[Service, AnyClient], Awaitable[None]]
both_forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)


def run(url: str, form: type[Any], scenario: Scenario, *, role: str = "operator", areas: tuple[str, ...] = ("*",),
        http: Any = None, **limits: Any) -> None:  # fmt: skip
    """Run a scenario with a client that has a key of its own."""

    async def with_client(service: Service) -> None:
        key = await create_key(service.pool, role=role, areas=areas, label="client")
        given = {} if http is None else {"http": http(form)}
        client = form(service.address, key, patience=QUICK, **given)
        try:
            await scenario(service, client)
        finally:
            await close(client)

    serve(url, with_client, **limits)


async def _store(service: Service, sensor: str, count: int) -> None:
    registry = await load_registry(service.pool)
    await write_batch(
        service.pool,
        NOON,
        IncomingReadings(
            np.full(count, registry.keys[sensor], np.int32),
            NOON - 1_000 * np.arange(count, 0, -1),
            np.arange(count, dtype=np.float64),
            np.zeros(count, np.uint16),
        ),
    )


@both_forms
def test_sensors_and_their_readings(database_url: str, form: type[Any]) -> None:
    async def scenario(service: Service, client: AnyClient) -> None:
        await _store(service, "GAS-1", 30)
        names = [sensor["sensor"] for sensor in await asked(client, lambda c: c.sensors(limit=2))]
        assert names == ["DRAIN-1", "DRAIN-2", "GAS-1", "GAS-2", "WATER-9"]  # over three pages
        near = await asked(client, lambda c: c.sensors(near=(98.30, 39.77), radius_m=2_000, system="gas"))
        assert [sensor["sensor"] for sensor in near] == ["GAS-2", "GAS-1"]
        assert (await asked(client, lambda c: c.sensor("GAS-1")))["district"] == "xiongguan"
        latest = await asked(client, lambda c: c.latest("GAS-1"))
        assert (latest["reading"]["value"], latest["unit"]) == (29.0, "%{LEL}")
        found = await asked(client, lambda c: c.readings("GAS-1", from_=AT_NOON - timedelta(seconds=5), to=AT_NOON))
        assert [reading["value"] for reading in found["readings"]] == [25.0, 26.0, 27.0, 28.0, 29.0]
        found = await asked(client, lambda c: c.readings("GAS-1", bucket="1h", **DAY))
        assert sum(bucket["count"] for bucket in found["buckets"]) == 30
        assert {city["city"] for city in (await asked(client, lambda c: c.status()))["cities"]} == {
            "jiayuguan", "jinchang",
        }  # fmt: skip
        assert "lifeline_database_up" in await asked(client, lambda c: c.metrics())

    run(database_url, form, scenario)


@both_forms
def test_alarms_and_what_is_done_to_them(database_url: str, form: type[Any]) -> None:
    async def scenario(service: Service, client: AnyClient) -> None:
        await journal(service.pool, [change("GAS-1", 0, 2), change("DRAIN-1", 0, 3), change("WATER-9", 0, 1)])
        listed = await asked(client, lambda c: c.alarms(severity=["orange", "yellow"], limit=1))
        assert {alarm["sensor"] for alarm in listed} == {"GAS-1", "DRAIN-1"}
        line = await asked(client, lambda c: c.acknowledge(ALARM, seen_sequence=1, comment="crew 3"))
        assert (line["to"], line["actor"], line["comment"]) == ("acknowledged", "client", "crew 3")
        await journal(service.pool, [change("GAS-1", 2, 4)])
        with pytest.raises(Conflict) as refused:
            await asked(client, lambda c: c.acknowledge(ALARM, seen_sequence=2))
        assert refused.value.facts["alarm"]["severity"] == "red"
        assert refused.value.remedy
        await asked(client, lambda c: c.judge(ALARM, seen_sequence=3, verdict="true", proposed_severity="red"))
        await asked(client, lambda c: c.comment(ALARM, seen_sequence=4, comment="the caller rang again"))
        until_when = to_datetime(service.now) + timedelta(hours=1)
        await asked(
            client,
            lambda c: c.suppress(ALARM, seen_sequence=5, purpose="maintenance", reason="valve", until=until_when),
        )
        alarm = await asked(client, lambda c: c.alarm(ALARM))
        assert alarm["judgement"]["verdict"] == "true"
        lines = await asked(client, lambda c: c.journal(ALARM))
        assert [line["sequence"] for line in lines] == list(range(1, alarm["sequence"] + 1))
        exported = await asked(client, lambda c: c.export_alarms(**DAY, sensor="GAS-1"))
        assert sorted(line["sequence"] for line in exported) == [line["sequence"] for line in lines]

    run(database_url, form, scenario)


@both_forms
def test_reports_and_incidents(database_url: str, form: type[Any]) -> None:
    async def scenario(service: Service, client: AnyClient) -> None:
        hotline = form(service.address, await create_key(service.pool, role="operator", areas=["*"]), patience=QUICK)
        made = await asked(
            hotline,
            lambda c: c.make_report(
                kind="gas_smell", city="jiayuguan", place=(98.29, 39.77), time=AT_NOON, source="hotline"
            ),
        )
        await close(hotline)
        await asked(client, lambda c: c.verify_report(made["report"], found=True))  # by another person
        assert (await asked(client, lambda c: c.report(made["report"])))["found"] is True
        assert [one["report"] for one in await asked(client, lambda c: c.reports(verified=True, limit=1))] == [
            made["report"]
        ]
        await journal(service.pool, [change("GAS-1", 0, 4), change("GAS-2", 0, 4)])
        incidents = await asked(client, lambda c: c.incidents())
        assert incidents
        name = incidents[0]["incident"]
        assert (await asked(client, lambda c: c.incident(name)))["incident"] == name
        assert isinstance(await asked(client, lambda c: c.rules()), dict)
        assert isinstance(await asked(client, lambda c: c.performance()), dict)
        assert await asked(client, lambda c: c.rejections()) == []

    run(database_url, form, scenario)


@both_forms
def test_exports_are_iterated(database_url: str, form: type[Any]) -> None:
    async def scenario(service: Service, client: AnyClient) -> None:
        await _store(service, "GAS-1", 12_000)
        rows = await asked(client, lambda c: c.export_readings(**DAY, city="jiayuguan"))
        assert [row["value"] for row in rows] == list(range(12_000))
        assert rows[0]["sensor"] == "GAS-1"
        assert [row["sensor"] for row in await asked(client, lambda c: c.export_sensors(district="jingtie"))] == [
            "DRAIN-1"
        ]

    run(database_url, form, scenario)


@both_forms
def test_an_export_that_is_broken_off_raises(database_url: str, form: type[Any]) -> None:
    async def scenario(service: Service, client: AnyClient) -> None:
        await service.pool.execute(
            "insert into reading (time, value, batch, sensor_key, position, quality)"
            " select '2026-11-22'::timestamptz + n * interval '100 ms', 1, 1, 1, 0, 0 from generate_series(1, 300000) n"
        )
        counters = service.app.state.exports
        loop = asyncio.get_running_loop()

        async def broken_off() -> None:
            await until(lambda: counters.outcomes["broken_off"] == 1)

        def read_in_a_thread(client: Client) -> None:
            for _ in client.export_readings(**DAY):
                asyncio.run_coroutine_threadsafe(broken_off(), loop).result()

        async def read() -> None:
            if isinstance(client, Client):
                await asyncio.to_thread(read_in_a_thread, client)
                return
            async for _ in client.export_readings(**DAY):
                await broken_off()

        with pytest.raises(IncompleteExport) as broken:
            await read()
        assert 0 < broken.value.rows < 300_000

    def uncompressed(form: type[Any]) -> Any:  # so that it does not fit into what the line buffers
        headers = {"Accept-Encoding": "identity"}
        return httpx.Client(headers=headers) if form is Client else httpx.AsyncClient(headers=headers)

    run(database_url, form, scenario, http=uncompressed, export_send_s_max=0.2)


PROBLEMS: list[tuple[Callable[[Any], Any], type[ProblemError], str | None]] = [
    (lambda c: c.sensor("NOBODY"), NotFound, None),
    (lambda c: c.sensors(city="jiayuguan"), Forbidden, "city"),
    (lambda c: c.acknowledge(ALARM, seen_sequence=1), Forbidden, None),
    (lambda c: c.sensors(limit=1_001), Invalid, "limit"),
    (lambda c: c.readings("WATER-9", from_=AT_NOON, to=AT_NOON), Invalid, "from"),
    (lambda c: c.export_readings(from_=AT_NOON, to=AT_NOON), Invalid, "from"),
]


@both_forms
def test_problems_are_exceptions(database_url: str, form: type[Any]) -> None:
    async def scenario(service: Service, client: AnyClient) -> None:
        for call, kind, field in PROBLEMS:
            with pytest.raises(kind) as problem:
                await asked(client, call)
            assert problem.value.field == field
            assert problem.value.remedy
            assert problem.value.remedy in str(problem.value)

    run(database_url, form, scenario, role="viewer", areas=("jinchang",))


@both_forms
def test_a_key_that_is_not_in_force(database_url: str, form: type[Any]) -> None:
    async def scenario(service: Service) -> None:
        client = form(service.address, "lk_nobody", patience=QUICK)
        with pytest.raises(Unauthorized):
            await asked(client, lambda c: c.status())
        await close(client)

    serve(database_url, scenario)


class Unsteady:
    """A way to the service on which some answers are lost after the service gave them, and some never come to it."""

    def __init__(self, failures: list[str], retry_after: str = "0") -> None:
        self.failures = failures
        self.retry_after = retry_after
        self.keys: list[str | None] = []

    def _before(self, request: httpx.Request) -> httpx.Response | None:
        self.keys.append(request.headers.get("idempotency-key"))
        if self.failures and self.failures[0] == "503":
            self.failures.pop(0)
            return httpx.Response(503, headers={"Retry-After": self.retry_after}, json={"title": "Busy", "status": 503})
        return None

    def _after(self) -> None:
        if self.failures and self.failures[0] == "lost":
            self.failures.pop(0)
            raise httpx.ReadError("the connection was cut")

    def http(self, form: type[Any]) -> Any:
        """A client of httpx that goes this way."""
        unsteady = self

        class OneWay(httpx.HTTPTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                answer = unsteady._before(request) or super().handle_request(request)
                unsteady._after()
                return answer

        class OtherWay(httpx.AsyncHTTPTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                answer = unsteady._before(request) or await super().handle_async_request(request)
                unsteady._after()
                return answer

        if form is Client:
            return httpx.Client(transport=OneWay())
        return httpx.AsyncClient(transport=OtherWay())


@both_forms
def test_an_action_whose_answer_is_lost_is_sent_again_with_its_key_and_done_once(
    database_url: str, form: type[Any]
) -> None:
    way = Unsteady(["lost", "503"])

    async def scenario(service: Service, client: AnyClient) -> None:
        await journal(service.pool, [change("GAS-1", 0, 2)])
        line = await asked(client, lambda c: c.acknowledge(ALARM, seen_sequence=1))
        assert line["sequence"] == 2
        assert len(way.keys) == 3
        assert len(set(way.keys)) == 1
        assert len(await asked(client, lambda c: c.journal(ALARM))) == 2
        way.keys.clear()
        await asked(client, lambda c: c.comment(ALARM, seen_sequence=2, comment="a", idempotency_key="mine"))
        await asked(client, lambda c: c.comment(ALARM, seen_sequence=3, comment="a", idempotency_key="mine"))
        assert way.keys == ["mine", "mine"]

    run(database_url, form, scenario, http=way.http)


PATIENCE: list[tuple[list[str], str, int, type[Exception] | None]] = [
    (["503", "503"], "0", 3, None),
    (["503", "503", "503"], "0", 3, Unavailable),
    (["lost", "lost", "lost"], "0", 3, Unreachable),
    (["503"], "3600", 1, Unavailable),  # an hour is beyond the patience
]


@both_forms
def test_patience(database_url: str, form: type[Any]) -> None:
    way = Unsteady([])

    async def scenario(service: Service, client: AnyClient) -> None:
        for failures, retry_after, attempts, error in PATIENCE:
            way.failures, way.retry_after, way.keys = list(failures), retry_after, []
            if error is None:
                await asked(client, lambda c: c.status())
            else:
                with pytest.raises(error):
                    await asked(client, lambda c: c.status())
            assert len(way.keys) == attempts

    run(database_url, form, scenario, http=way.http)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Client("http://localhost").readings("GAS-1", from_=datetime(2026, 11, 22))


def test_both_forms_have_the_same_methods() -> None:
    assert {name for name in dir(Client) if name[0] != "_"} == {name for name in dir(AsyncClient) if name[0] != "_"}


def test_names_are_escaped_in_paths() -> None:
    found = type(Client.sensor).request(Client.sensor, "a/../b c")
    assert found.path == "/sensors/a%2F..%2Fb%20c"
