"""The brokers of the trials, and the run without a fault that every trial is compared with."""

import asyncio
import secrets

import pytest

from tests.faults.device import Device
from tests.faults.outcome import Outcome, settled
from tests.faults.service import serving
from tests.faults.stream import stream
from tests.faults.worker import Task


@pytest.fixture(scope="session")
def fault_free(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The stream through the whole service, undisturbed."""

    async def scenario() -> Outcome:
        async with serving(tmp_path_factory.mktemp("fault-free") / "home") as service:
            device = Device(service.mqtt_url, service.city, messages := stream())
            device.give_leave()
            await device.publish()
            return await settled(service.database_url, sum(message.reading is not None for message in messages))

    return asyncio.run(scenario())


@pytest.fixture(params=["nats 3.1.1 frames", "mosquitto 5 frames", "mosquitto 5 paho"])
def task(request: pytest.FixtureRequest, database_url: str) -> Task:
    """What a worker works for, on each broker and by each reader; city, session and database are its own."""
    broker, protocol, reader = request.param.split()
    url = request.getfixturevalue("broker_url") if broker == "nats" else request.getfixturevalue("mosquitto").url
    return Task(url, protocol, reader, f"city-{secrets.token_hex(4)}", database_url)
