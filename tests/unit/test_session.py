"""The MQTT session against a scripted broker: both readers, both protocols, with and without TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import uvloop

from ingest.consumer import Consumer
from ingest.counters import IngestCounters
from ingest.message import Message
from ingest.queue import MessageQueue
from ingest.settings import IngestLimits, MqttSettings, broker_address
from tests.unit.test_frames import length, publish

CERTIFICATES = Path(__file__).parent / "certificates"
WAIT_S_MAX = 30.0
SUBSCRIBE = 0x82


@dataclass(frozen=True)
class Kind:
    reader: Literal["frames", "paho"]
    protocol: Literal["3.1.1", "5"]

    @property
    def none(self) -> bytes | None:
        """No properties, where there could be some."""
        return b"" if self.protocol == "5" else None

    def publish(self, payload: bytes, packet_id: int, **more: Any) -> bytes:
        return publish(payload, packet_id, properties=self.none, **more)


@pytest.fixture(params=["frames 3.1.1", "frames 5", "paho 3.1.1", "paho 5"])
def kind(request: pytest.FixtureRequest) -> Kind:
    reader, protocol = request.param.split()
    return Kind(reader, protocol)


@dataclass
class Peer:
    """One connection, from the broker's side; what comes off it is noted, whenever it comes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    connect: bytes
    subscribe: bytes = b""
    acknowledged: list[int] = field(default_factory=list)
    others: list[bytes] = field(default_factory=list)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until_acknowledged(self, count: int) -> list[int]:
        while len(self.acknowledged) < count:
            await self._take()
        return self.acknowledged

    async def until_packet(self, first: int) -> bytes:
        while not any(packet[0] == first for packet in self.others):
            await self._take()
        return next(packet for packet in self.others if packet[0] == first)

    async def _take(self) -> None:
        packet = await read_packet(self.reader)
        if packet[0] == 0x40:
            assert len(packet) == 4
            self.acknowledged.append(packet[2] << 8 | packet[3])
        else:
            self.others.append(packet)


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class Session:
    queue: MessageQueue
    consumer: Consumer
    counters: IngestCounters
    errors: list[BaseException]

    async def take(self, count: int) -> list[Message]:
        """The next messages, at least `count`."""
        taken: list[Message] = []
        async with asyncio.timeout(WAIT_S_MAX):
            while len(taken) < count and not self.errors:
                await self.queue.wait(0.05)
                taken += self.queue.take()
        if self.errors:
            raise self.errors[0]
        return taken


@asynccontextmanager
async def session(
    kind: Kind,
    *scripts: Script,
    tls: bool = False,
    limits: IngestLimits | None = None,
    early: bytes = b"",
    commands: Callable[[], Iterable[tuple[str, bytes]]] = tuple,
    **settings: Any,
) -> AsyncIterator[Session]:
    """A session with a broker whose n-th connection follows the n-th script; `early` comes with the CONNACK."""
    left = list(scripts)
    errors: list[BaseException] = []
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            peer = Peer(reader, writer, await read_packet(reader))
            writer.write((b"\x20\x03\x00\x00\x00" if kind.protocol == "5" else b"\x20\x02\x00\x00") + early)
            # What came with the CONNACK may be acknowledged before this.
            peer.subscribe = await peer.until_packet(SUBSCRIBE)
            writer.write(suback(kind, peer.subscribe))
            if not left:
                return
            await left.pop(0)(peer)
            await done.wait()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except (AssertionError, OSError) as error:
            errors.append(error)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=_server_tls() if tls else None)
    port = server.sockets[0].getsockname()[1]
    limits = limits or IngestLimits()
    counters = IngestCounters()
    queue = MessageQueue(limits, counters)
    if tls:
        settings |= {"ca_file": CERTIFICATES / "ca.pem", "certificate_file": CERTIFICATES / "worker.pem"}
    consumer = Consumer(
        MqttSettings(
            url=f"{'mqtts' if tls else 'mqtt'}://127.0.0.1:{port}",
            protocol=kind.protocol,
            reader=kind.reader,
            session_is_new=True,
            reconnect_s_min=0.01,
            coalesce_ms=1,
            **settings,
        ),
        limits,
        queue,
        counters,
        commands,
    )
    running = asyncio.create_task(consumer.run())
    try:
        yield Session(queue, consumer, counters, errors)
    finally:
        consumer.close()
        await asyncio.wait_for(running, WAIT_S_MAX)
        done.set()
        server.close()
    assert not errors, errors


async def until(condition: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + WAIT_S_MAX
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)


async def read_packet(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(2)
    size, shift = head[1] & 127, 7
    while head[-1] & 128:
        head += await reader.readexactly(1)
        size |= (head[-1] & 127) << shift
        shift += 7
    return head + await reader.readexactly(size)


def suback(kind: Kind, subscribe: bytes) -> bytes:
    packet_id = subscribe[2:4]
    return b"\x90\x04" + packet_id + b"\x00\x01" if kind.protocol == "5" else b"\x90\x03" + packet_id + b"\x01"


def _server_tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=CERTIFICATES / "ca.pem")
    context.load_cert_chain(CERTIFICATES / "broker.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture(autouse=True, params=["asyncio", "uvloop"])
def _loop(request: pytest.FixtureRequest) -> Iterator[None]:
    policy = asyncio.get_event_loop_policy()
    if request.param == "uvloop":
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    yield
    asyncio.set_event_loop_policy(policy)


@pytest.mark.parametrize("tls", [False, True])
def test_messages_come_in_order_and_acknowledgements_go_back_in_order(kind: Kind, tls: bool) -> None:
    """4,000 messages in one write: many TLS records, of which some wait in the library and not in the socket."""
    count = 4_000
    seen: list[Peer] = []

    async def script(peer: Peer) -> None:
        seen.append(peer)
        for start in range(1, count + 1, 1_000):
            await peer.send(b"".join(kind.publish(b"%d" % i, i) for i in range(start, start + 1_000)))
        await peer.until_acknowledged(count)

    async def scenario() -> None:
        async with session(kind, script, tls=tls) as worker:
            messages = await worker.take(count)
            assert [int(m.payload) for m in messages] == list(range(1, count + 1))
            worker.consumer.acknowledge(messages)
            assert worker.counters.acknowledgements == count
            await until(lambda: len(seen[0].acknowledged) >= count)
        assert seen[0].acknowledged == list(range(1, count + 1))

    asyncio.run(scenario())


def test_messages_that_come_with_the_answer_to_connect_can_be_acknowledged(kind: Kind) -> None:
    """Also where that is done before the session has subscribed."""
    seen: list[Peer] = []

    async def script(peer: Peer) -> None:
        seen.append(peer)
        await peer.until_acknowledged(2)

    async def scenario() -> None:
        async with session(kind, script, early=kind.publish(b"1", 1) + kind.publish(b"2", 2)) as worker:
            messages = await worker.take(2)
            worker.consumer.acknowledge(messages)
            await until(lambda: bool(seen) and len(seen[0].acknowledged) == 2)
        assert seen[0].acknowledged == [1, 2]

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [1, 5])
def test_packets_cut_on_the_way_and_between_others(kind: Kind, size: int) -> None:
    stream = kind.publish(b"1", 1) + b"\xd0\x00" + kind.publish(b"0", 0, qos=0) + kind.publish(b"2", 2, flags=1)
    stream += kind.publish(b"x" * 300, 3) + kind.publish(b"once", 4, qos=2)

    async def script(peer: Peer) -> None:
        for start in range(0, len(stream), size):
            await peer.send(stream[start : start + size])
            await asyncio.sleep(0.0005)
        await peer.until_packet(0x50)  # PUBREC: QoS 2 is paho's
        await peer.send(b"\x62\x02\x00\x04")
        await peer.until_acknowledged(3)
        await peer.until_packet(0x70)  # PUBCOMP

    async def scenario() -> None:
        async with session(kind, script) as worker:
            messages = await worker.take(5)
            assert [m.payload for m in messages] == [b"1", b"0", b"2", b"x" * 300, b"once"]
            assert [(m.mid, m.qos) for m in messages] == [(1, 1), (0, 0), (2, 1), (3, 1), (4, 2)]
            worker.consumer.acknowledge(messages)
            assert worker.counters.acknowledgements == 4
            await asyncio.sleep(0.05)

    asyncio.run(scenario())


def test_acknowledgements_of_a_connection_that_is_gone_are_dropped(kind: Kind) -> None:
    acknowledged: list[int] = []

    async def first(peer: Peer) -> None:
        await peer.send(b"".join(kind.publish(b"%d" % i, i) for i in (1, 2, 3)))
        await asyncio.sleep(0.05)
        peer.writer.transport.abort()
        raise ConnectionError

    async def second(peer: Peer) -> None:
        await peer.send(b"".join(kind.publish(b"%d" % i, i, flags=8) for i in (1, 2, 3)) + kind.publish(b"4", 4))
        acknowledged.extend(await peer.until_acknowledged(2))

    async def scenario() -> None:
        async with session(kind, first, second) as worker:
            before = await worker.take(3)
            after = await worker.take(4)
            worker.consumer.acknowledge(before)
            assert worker.counters.acknowledgements == 0
            assert [m.payload for m in after] == [b"1", b"2", b"3", b"4"]
            assert [m.dup for m in after] == [True, True, True, False]
            worker.consumer.acknowledge([after[3], after[0]])
            await until(lambda: len(acknowledged) >= 2)
        assert acknowledged == [4, 1]

    asyncio.run(scenario())


def test_acknowledgements_that_the_socket_does_not_take_at_once_are_written_later(kind: Kind) -> None:
    count = 60_000

    async def script(peer: Peer) -> None:
        await peer.send(b"".join(kind.publish(b"", i) for i in range(1, count + 1)))
        await asyncio.sleep(0.3)
        assert await peer.until_acknowledged(count) == list(range(1, count + 1))

    async def scenario() -> None:
        async with session(kind, script, limits=IngestLimits(queue_messages_max=100_000)) as worker:
            messages = await worker.take(count)
            inner = worker.consumer._wire._inner  # type: ignore[union-attr]
            inner.socket().setsockopt(1, 7, 2_304)  # type: ignore[union-attr]  # SO_SNDBUF, as small as it goes
            worker.consumer.acknowledge(messages)
            await until(lambda: not inner._out_packet)

    asyncio.run(scenario())


@pytest.mark.parametrize("malformed", [b"\x36\x07\x00\x01a\x00\x01{}", b"\xf0\x00", b"\x30\xff\xff\xff\xff\x01",
                                       b"\x32\x04\x00\x09ab"])  # fmt: skip
def test_a_malformed_packet_ends_the_connection_and_a_new_one_follows(kind: Kind, malformed: bytes) -> None:
    async def first(peer: Peer) -> None:
        await peer.send(kind.publish(b"before", 1) + malformed)
        await peer.until_packet(0xFF)

    async def second(peer: Peer) -> None:
        await peer.send(kind.publish(b"after", 1, flags=8))

    async def scenario() -> None:
        async with session(kind, first, second) as worker:
            messages = await worker.take(2)
            assert [m.payload for m in messages] == [b"before", b"after"]
            assert messages[0].connection != messages[1].connection

    asyncio.run(scenario())


def test_a_full_queue_stops_reading_until_there_is_room(kind: Kind) -> None:
    count, size = 400, 100_000

    async def script(peer: Peer) -> None:
        for i in range(1, count + 1):
            await peer.send(kind.publish(b"x" * size, i))

    async def scenario() -> None:
        limits = IngestLimits(queue_bytes_max=1_000_000)
        async with session(kind, script, limits=limits) as worker:
            await until(lambda: worker.counters.queue_full > 0)
            await asyncio.sleep(0.1)
            assert worker.counters.queue_bytes < 1_000_000 + 4 * size
            messages = await worker.take(count)
            assert [m.mid for m in messages] == list(range(1, count + 1))

    asyncio.run(scenario())


def test_what_the_worker_asks_for_and_its_last_will(kind: Kind) -> None:
    seen: list[Peer] = []

    async def script(peer: Peer) -> None:
        seen.append(peer)
        await peer.until_packet(0x31)
        await peer.until_packet(0xE0)

    async def scenario() -> None:
        share = {"share_group": "workers"} if kind.protocol == "5" else {}
        async with session(kind, script, client_id="worker-1", **share) as worker:
            await until(lambda: worker.counters.connected and bool(seen))
        (peer,) = seen
        topic = b"lifeline/worker/worker-1"
        assert peer.connect[9] & 0b0010_0110 == 0b0010_0100  # a will that is retained, and no clean session
        assert struct.pack("!H", len(topic)) + topic in peer.connect
        assert b'"status": "lost"' in peer.connect
        # Beside QoS 1: at MQTT 5 retained messages with a new subscription only (0x10), and none of its own (0x04), for
        # which a group may not ask.
        readings, options = (b"$share/workers/lifeline/#", b"\x11") if share else (b"lifeline/#", b"\x01")
        assert struct.pack("!H", len(readings)) + readings + options in peer.subscribe
        sparkplug, options = b"spBv1.0/#", b"\x15" if kind.protocol == "5" else b"\x01"
        assert struct.pack("!H", len(sparkplug)) + sparkplug + options in peer.subscribe
        if kind.protocol == "5":
            assert b"\x22\x00\x00" in peer.connect  # topic alias maximum 0
        told = [json.loads(packet[packet.index(b"{") :]) for packet in peer.others if packet[0] == 0x31]
        assert [one["status"] for one in told] == ["connected", "stopped"]

    asyncio.run(scenario())


def test_commands_go_out_after_acknowledgements_at_qos_0_while_a_connection_stands(kind: Kind) -> None:
    seen: list[Peer] = []
    due = [[("spBv1.0/c/NCMD/n", b"first"), ("spBv1.0/c/NCMD/m", b"second")], [], [("spBv1.0/c/NCMD/+", b"never")]]

    async def script(peer: Peer) -> None:
        seen.append(peer)
        await peer.until_packet(0x31)  # the status of the worker
        await peer.send(kind.publish(b"1", 1) + kind.publish(b"2", 2) + kind.publish(b"3", 3))
        await peer.until_acknowledged(3)

    async def scenario() -> None:
        async with session(kind, script, commands=lambda: due.pop(0)) as worker:
            worker.consumer.acknowledge([])
            assert len(due) == 3, "asked before there is a connection"
            messages = await worker.take(3)
            await until(lambda: worker.counters.connected)
            for message in messages:  # the last command cannot be sent, which costs nothing else
                worker.consumer.acknowledge([message])
            await until(lambda: len(seen[0].acknowledged) >= 3)
        assert due == []
        published = [packet for packet in seen[0].others if packet[0] == 0x30]
        rest = b"\x00" if kind.protocol == "5" else b""  # no properties
        assert [packet[4:] for packet in published] == [
            b"spBv1.0/c/NCMD/n" + rest + b"first",
            b"spBv1.0/c/NCMD/m" + rest + b"second",
        ]

    asyncio.run(scenario())


def test_a_shared_subscription_needs_mqtt_5() -> None:
    with pytest.raises(ValueError, match="needs MQTT 5"):
        MqttSettings(url="mqtt://h", share_group="workers")
    with pytest.raises(ValueError, match="letters, digits"):
        MqttSettings(url="mqtt://h", protocol="5", share_group="a/b")


@pytest.mark.parametrize(
    ("url", "files", "said"),
    [
        ("mqtt://h", {"ca_file": CERTIFICATES / "ca.pem"}, "mqtts://"),
        ("mqtts://h", {"ca_file": Path("missing.pem")}, "missing.pem"),
        ("mqtts://h", {"key_file": CERTIFICATES / "worker.pem"}, "no certificate"),
        ("mqtts://h", {"certificate_file": CERTIFICATES / "ca.pem"}, "belong together"),
    ],
)
def test_certificates_that_cannot_be_used_are_named(url: str, files: dict[str, Path], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        broker_address(url, **files)


def test_length() -> None:
    assert length(321) == b"\xc1\x02"
