"""A device speaks for another one: the broker refuses by its access control; the decoder drops and reports as well."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ingest.settings import MqttSettings, broker_address
from model.registry import Registry
from model.sensor import City, Sensor
from simulators.publish import connect
from tests.api.service import until
from tests.faults.guarded import NOT_AUTHORISED, Client, Login, guarded_broker
from tests.integration.worker import WAIT_S_MAX, Brokerage, client_of, working

NOW = int(time.time()) * 1000
ALLOWED = {
    "gas-1": {"lifeline/jyg/gas/gas-1"},
    "gas-2": {"lifeline/jyg/gas/gas-2"},
    "jyg.gw.7": {"lifeline/jyg/gateway/gw.7", "lifeline/jyg/gas/gas-2", "spBv1.0/jyg/NDATA/gw.7"},
    "lifeline": {
        "lifeline/jyg/alarm/a", "lifeline/jyg/status", "lifeline/worker/lifeline", "spBv1.0/jyg/NCMD/gw.7",
        "lifeline/drill/gas/x",
    },
}  # fmt: skip
TOPICS = [
    *sorted(set.union(*ALLOWED.values())),
    "lifeline/jyg/gas/gas-3", "lifeline/jyg/gas/gas-3/senml", "lifeline/jyg/gateway/gw-8", "lifeline/other/gas/gas-1",
    "lifeline/jyg/water/gas-1", "spBv1.0/jyg/NDATA/gw-8", "$SYS/broker/version",
]  # fmt: skip


@dataclass(frozen=True)
class OneCity(Brokerage):
    """A worker that hears its city alone, and logs in as it must."""

    login: Login | None = None

    def settings(self, worker: int) -> MqttSettings:
        login = {} if self.login is None else self.login.settings()
        return replace(super().settings(worker), subscriptions=(f"lifeline/{self.city}/#",), **login)


def reading(at: int, **more: object) -> bytes:
    return json.dumps({"time": NOW + at, "value": 5, **more}).encode()


@pytest.mark.parametrize("by_certificate", [False, True], ids=["password", "certificate"])
def test_case_28_broker_lets_each_device_publish_as_itself_only(
    by_certificate: bool, database_url: str, programs: Path, tmp_path: Path
) -> None:
    city = "jyg"
    registry = Registry(
        1,
        {
            key: Sensor(sensor=name, city=city, system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
                        attributes={"gateway": gateway} if gateway else {})
            for key, (name, gateway) in enumerate([("gas-1", ""), ("gas-2", "gw.7"), ("gas-3", "gw-8")], 1)
        },
        {city: City(city=city), "drill": City(city="drill", mode="exercise")},
    )  # fmt: skip

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            guarded = guarded_broker(tmp_path / "broker", programs, registry, by_certificate=by_certificate)
            broker = await stack.enter_async_context(guarded)
            for login in broker.wrong_logins("gas-1", tmp_path / "other"):
                assert not await Client(login).connect()
            ours = broker.login("lifeline")
            service = OneCity("", "5", city=city, login=ours)
            workers = await stack.enter_async_context(working(service, database_url))
            devices = {}
            for user in ALLOWED:
                devices[user] = Client(broker.login(user))
                assert await devices[user].connect()
                stack.push_async_callback(devices[user].close)
                if user != "lifeline":
                    devices[user].subscribe(["#", "$SYS/#"])
            for number, (user, device) in enumerate(devices.items()):
                codes = await device.publish(*((topic, reading(number, sensor="gas-2")) for topic in TOPICS))
                permitted = {topic for topic, code in zip(TOPICS, codes, strict=True) if code != NOT_AUTHORISED}
                assert permitted == ALLOWED[user]
            # Whoever speaks last has its answer after all that was on the way to it.
            assert await devices["gas-1"].publish(("lifeline/jyg/gas/gas-1", reading(9))) == [0]
            await workers.until_stored("gas-1", NOW + 9)
            assert {row[:2] for row in await workers.rows()} == {
                ("gas-1", NOW + 9), ("gas-2", NOW + 1), ("gas-2", NOW + 2)
            }  # fmt: skip
            # What gas-1 said of gas-2 on its own topic passed the broker; the decoder refused and reported it.
            assert await workers.rejections() == [("sensor_mismatch", "lifeline/jyg/gas/gas-1")]
            await until(lambda: bool(devices["jyg.gw.7"].heard), WAIT_S_MAX)
            heard = {user: [topic for topic, _ in device.heard] for user, device in devices.items() if device.heard}
            assert heard == {"jyg.gw.7": ["spBv1.0/jyg/NCMD/gw.7"]}
            # What simulates devices logs in as Lifeline does.
            settings = ours.settings()
            async with connect(settings["url"], protocol="5", tls=broker_address(**settings).tls) as client:
                await client.publish("lifeline/drill/gas/x", b"{}", qos=1)

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_case_28_decoder_drops_and_reports_where_the_broker_lets_it_pass(
    kind: str, request: pytest.FixtureRequest, database_url: str
) -> None:
    async def scenario() -> None:
        url = request.getfixturevalue("broker_url") if kind == "nats" else request.getfixturevalue("mosquitto").url
        broker = OneCity(url, "3.1.1" if kind == "nats" else "5")
        own = f"lifeline/{broker.city}/gas/gas-1"
        senml = json.dumps([{"n": "gas-2", "t": (NOW + 2) / 1000, "v": 5}]).encode()
        async with working(broker, database_url) as workers, client_of(broker) as device:
            for topic, payload in (
                (own, reading(1, sensor="gas-2")),
                (f"{own}/senml", senml),
                (own, b"[%s, %s]" % (reading(3, sensor="gas-2"), reading(4))),
                (f"lifeline/{broker.city}/water/gas-2", reading(5)),
                (own, reading(6)),
            ):
                await device.publish(topic, payload, qos=1)
            await workers.until_stored("gas-1", NOW + 6)
            assert [row[:2] for row in await workers.rows()] == [("gas-1", NOW + 4), ("gas-1", NOW + 6)]
            assert await workers.rejections() == [
                ("sensor_mismatch", own),
                ("sensor_mismatch", own),
                ("sensor_mismatch", f"{own}/senml"),
                ("wrong_city_or_system", f"lifeline/{broker.city}/water/gas-2"),
            ]

    asyncio.run(scenario())
