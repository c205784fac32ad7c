"""The faults of a soak: each lasts as long as it is awaited, and leaves things as they would recover by themselves."""

import asyncio
import os
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx

from ingest.decode import decode_messages
from ingest.message import Message
from ingest.placement import Places
from ingest.prepare import prepare
from ingest.settings import IngestLimits
from model.registry import Registry
from tests.faults.device import connected
from tests.faults.processes import children, frozen
from tests.faults.proxy import Proxy
from tests.faults.service import WholeService
from tests.faults.soak_city import PATIENCE_S, Gateway
from tests.faults.test_kill_broker import Killable
from tests.fuzz.targets import TARGETS
from tests.fuzz.trying import input_of

BROKEN_PER_FAULT = 40
BROKEN_BYTES_MAX = 12_000  # of what a device packs into one packet here
DUPLICATE_STEPS = 40
FLOOD_REQUESTS, FLOOD_AT_ONCE = 300, 40
FROZEN_READERS = 30
ROUTES = ("/api/v1/alarms", "/api/v1/sensors", "/api/v1/status", "/api/v1/incidents", "/api/v1/nowhere", "/metrics")
BAD_RULES = "pack: gas\nrules: [{rule: [broken\n"


@dataclass
class Scene:
    """All that faults act upon, and what they leave behind to be counted."""

    service: WholeService
    broker: Killable
    before_worker: Proxy
    before_devices: Proxy
    gateways: list[Gateway]
    registry: Registry
    key: str
    instants: random.Random
    seed: int
    length: float  # of faults that last, as a share of their true time
    broken_tried: int = 0
    broken: set[bytes] = field(default_factory=set)  # payloads that quarantine has to hold
    answers: Counter[str] = field(default_factory=Counter)  # of the API under its flood

    def lasting(self, least_s: float, most_s: float) -> float:
        """A random while."""
        return self.instants.uniform(least_s, most_s) * self.length


async def kill_service(scene: Scene) -> None:
    """The whole service with its database; its broker lives on."""
    scene.service.kill()
    await asyncio.to_thread(scene.service.start)


async def kill_service_and_broker(scene: Scene) -> None:
    """All of it at once."""
    scene.service.kill()
    scene.broker.kill()
    await scene.broker.start()
    await asyncio.to_thread(scene.service.start)


async def restart_in_order(scene: Scene) -> None:
    """As for a new version."""
    assert await asyncio.to_thread(scene.service.stop) == 0
    await asyncio.to_thread(scene.service.start)


async def kill_postmaster(scene: Scene) -> None:
    """The database's first process."""
    os.kill(scene.service.postmaster, signal.SIGKILL)


async def kill_backend(scene: Scene) -> None:
    """A process of the database that serves Lifeline; the database ends all others and recovers."""
    connection = await asyncpg.connect(scene.service.database_url)
    try:
        found = await connection.fetch(
            "select pid from pg_stat_activity where application_name = 'lifeline' order by pid"
        )
    finally:
        connection.terminate()
    os.kill(scene.instants.choice(found)["pid"], signal.SIGKILL)


async def freeze_database(scene: Scene) -> None:
    """SIGSTOP for a while."""
    with frozen([scene.service.postmaster]):
        await asyncio.sleep(scene.lasting(5, 20))


async def kill_broker(scene: Scene) -> None:
    """And start it again where it was, as its keeper would."""
    scene.broker.kill()
    await scene.broker.start()


async def freeze_broker(scene: Scene) -> None:
    """SIGSTOP for a while: connections stand, and nothing is answered."""
    with frozen([scene.broker.pid]):
        await asyncio.sleep(scene.lasting(3, 12))


async def cut_worker(scene: Scene) -> None:
    """Both ends find their connection ended."""
    scene.before_worker.cut()


async def cut_devices(scene: Scene) -> None:
    scene.before_devices.cut()


async def half_open_devices(scene: Scene) -> None:
    """No end is told; the gateways find out by what is not acknowledged."""
    scene.before_devices.fall_silent()


async def slow_worker(scene: Scene) -> None:
    await scene.before_worker.crawl(scene.lasting(3, 10))


async def late_worker(scene: Scene) -> None:
    await scene.before_worker.lag(scene.lasting(5, 15))


async def late_devices(scene: Scene) -> None:
    await scene.before_devices.lag(scene.lasting(5, 15))


async def duplicates(scene: Scene) -> None:
    """What some gateways have published already, once more."""
    for gateway in scene.instants.sample(scene.gateways, max(1, len(scene.gateways) // 4)):
        steps = range(max(0, gateway.done - DUPLICATE_STEPS), gateway.done)
        await _publish(scene, [message for step in steps for message in gateway.step(step)])


async def broken_messages(scene: Scene) -> None:
    """Inputs of the fuzzers, on the topics of good sensors: those of which no reading can be made."""
    target = TARGETS["JSON readings"][1]()
    places, limits, sent = Places(scene.registry), IngestLimits(), []
    sensors = list(scene.registry.sensors.values())
    while len(sent) < BROKEN_PER_FAULT:
        scene.broken_tried += 1
        payload = input_of(target, "JSON readings", scene.seed, scene.broken_tried)
        sensor = scene.instants.choice(sensors)
        topic = f"lifeline/{sensor.city}/{sensor.system}/{sensor.sensor}"
        gathered = decode_messages([Message(topic, payload, len(payload))], limits)
        prepared = prepare(places, gathered, time.time_ns() // 1_000_000, limits)
        if prepared.rejections and not len(prepared.readings) and len(payload) <= BROKEN_BYTES_MAX:
            scene.broken.update(rejection.payload for rejection in prepared.rejections)
            sent.append((topic, payload))
    await _publish(scene, sent)


async def flood_api(scene: Scene) -> None:
    """Many requests at once, good ones and others."""
    limit = asyncio.Semaphore(FLOOD_AT_ONCE)
    headers = {"Authorization": f"Bearer {scene.key}"}
    address = f"http://127.0.0.1:{scene.service.port}"
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:

        async def ask() -> None:
            async with limit:
                try:
                    answer = await client.get(scene.instants.choice(ROUTES))
                    scene.answers[f"{answer.status_code // 100}xx"] += 1
                except httpx.HTTPError as error:
                    scene.answers[type(error).__name__] += 1

        await asyncio.gather(*(ask() for _ in range(FLOOD_REQUESTS)))


async def freeze_feed_readers(scene: Scene) -> None:
    """Clients that follow the feed and never read."""
    request = f"GET /api/v1/alarms/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {scene.key}\r\n\r\n".encode()
    readers = []
    try:
        for _ in range(FROZEN_READERS):
            readers.append(reader := socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            reader.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(reader, ("127.0.0.1", scene.service.port))
            await loop.sock_sendall(reader, request)
        await asyncio.sleep(scene.lasting(5, 40))
    finally:
        for reader in readers:
            reader.close()


async def activate_bad_rules(scene: Scene) -> None:
    """A rule file that cannot stand: refused, and the old ones go on."""
    path = Path(scene.service.home) / "bad.yaml"
    path.write_text(BAD_RULES)
    finished = await asyncio.to_thread(scene.service.run, "rules", "activate", str(path), expected=1)
    assert "bad.yaml" in finished.stderr + finished.stdout


async def _publish(scene: Scene, messages: list[tuple[str, bytes]]) -> None:
    """Publish them at least once, a portion at a time."""
    start = 0
    while start < len(messages):
        try:
            async with asyncio.timeout(2 * PATIENCE_S), connected(scene.before_devices.url) as line:
                while start < len(messages):
                    await line.publish(messages[start : start + 100])
                    start += 100
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.2)


# Not the worker's line half open: the NATS server goes on delivering into it, and what it delivered last comes again
# after what is newer. Nothing is lost or double then, but readings are late. Its place is beside the worker, where no
# line is half open; for brokers elsewhere see case 10.
FAULTS: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "service killed": kill_service,
    "service and broker killed": kill_service_and_broker,
    "restart in order": restart_in_order,
    "postmaster killed": kill_postmaster,
    "database backend killed": kill_backend,
    "database frozen": freeze_database,
    "broker killed": kill_broker,
    "broker frozen": freeze_broker,
    "worker's line cut": cut_worker,
    "devices' lines cut": cut_devices,
    "devices' lines half open": half_open_devices,
    "worker's line slow": slow_worker,
    "worker's line late": late_worker,
    "devices' lines late": late_devices,
    "duplicates": duplicates,
    "broken messages": broken_messages,
    "API flooded": flood_api,
    "feed readers frozen": freeze_feed_readers,
    "bad rules": activate_bad_rules,
}


def memory_and_handles(process: int, *, alone: bool) -> tuple[float, int]:
    """Return memory (MB, shared pages by their share) and open files of a process, and of its children if not alone."""
    memory, handles = 0.0, 0
    for one in [process, *([] if alone else children(process))]:
        try:
            words = Path(f"/proc/{one}/smaps_rollup").read_text().split()
            memory += int(words[words.index("Pss:") + 1]) / 1024
            handles += len(os.listdir(f"/proc/{one}/fd"))
        except (OSError, ValueError):
            continue  # it has ended meanwhile
    return round(memory, 1), handles
