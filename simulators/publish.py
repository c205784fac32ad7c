"""Publish messages over MQTT at QoS 1: paced or as fast as acknowledged, in order, sent again after a broken line."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import aiomqtt

from model.address import without_password
from simulators.messages import Outgoing
from simulators.pace import Pace

IN_FLIGHT_MAX = 256  # measured best on loopback: the client's work for each message grows with those pending
PATIENCE_S = 30.0
BACK_OFF_S_MIN = 0.1
BACK_OFF_S_MAX = 5.0
CONNECT_S_MAX = 10.0
ACKNOWLEDGE_S_MAX = 60.0
PROGRESS_S = 1.0
# Reason codes of MQTT 5, to which the client maps those of 3.1.1: protocol version, client identifier, user name or
# password, not authorised, banned, authentication method.
_REFUSALS = (132, 133, 134, 135, 138, 140)
_PROTOCOLS = {"3.1.1": aiomqtt.ProtocolVersion.V311, "5": aiomqtt.ProtocolVersion.V5}


class BrokerUnreachable(Exception):
    """The broker could not be reached, refused the session, or the line broke for too long; the text says which."""


class Progress(NamedTuple):
    """How far publishing has come: messages and readings acknowledged, and the newest instant sent (epoch ms)."""

    messages: int
    readings: int
    time: int


async def publish(
    url: str,
    messages: Iterable[Outgoing | int],
    *,
    speed: float | None = 1.0,
    pace: Pace | None = None,
    progress: Callable[[Progress], None] | None = None,
    origin_ms: int | None = None,
    protocol: str = "3.1.1",
    tls: ssl.SSLContext | None = None,
    in_flight_max: int = IN_FLIGHT_MAX,
    patience_s: float = PATIENCE_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Publish messages in their order and return how many the broker acknowledged, which is all of them.

    `speed` seconds of the messages' times pass in one second of `clock`, counted from `origin_ms` (the first message's
    time where it is None); None sends as fast as the broker acknowledges, `in_flight_max` at a time. A `pace` of the
    caller's takes the place of speed and origin. A number among the messages is an instant (epoch ms): the next one
    does not go out before the clock has come to it; with 0 it is still being looked for. After a broken line the
    unacknowledged are sent again, first and in order: the broker may get doubles, never a gap. Raises BrokerUnreachable
    where no session stands for `patience_s`.
    """
    pace = pace or Pace(speed, origin_ms=origin_ms, clock=clock, sleep=sleep)
    outbox = _Outbox(messages, pace, progress)
    wait_s = BACK_OFF_S_MIN
    lost_at = clock()
    while True:
        connected_at: float | None = None
        try:
            async with connect(url, protocol=protocol, tls=tls, in_flight_max=in_flight_max) as client:
                connected_at = clock()
                await _session(client, outbox, in_flight_max)
                return outbox.done.messages
        except aiomqtt.MqttError as error:
            outbox.requeue()
            # A session that the broker drops at once, again and again, is no session.
            if connected_at is not None and clock() - connected_at > BACK_OFF_S_MAX:
                wait_s, lost_at = BACK_OFF_S_MIN, clock()
            if _is_final(error) or clock() - lost_at > patience_s:
                raise BrokerUnreachable(f"{without_password(url)}: {error}") from None
        await sleep(wait_s)
        wait_s = min(2 * wait_s, BACK_OFF_S_MAX)


@asynccontextmanager
async def connect(
    url: str, *, protocol: str = "3.1.1", tls: ssl.SSLContext | None = None, in_flight_max: int = 20
) -> AsyncIterator[aiomqtt.Client]:
    """Open a clean session of its own at `mqtt://[user:password@]host[:port]`, or `mqtts://` for TLS.

    `tls` has the certificates for that; without it the system's are trusted, and none is shown.

    Raises ValueError for another kind of address, aiomqtt.MqttError where the session fails.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError(f"{without_password(url)!r} is no broker address; write it like mqtt://localhost:1883")
    secure = parts.scheme == "mqtts"
    version = _PROTOCOLS[protocol]
    client = aiomqtt.Client(
        parts.hostname,
        parts.port or (8883 if secure else 1883),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        protocol=version,
        clean_session=None if version is aiomqtt.ProtocolVersion.V5 else True,
        timeout=CONNECT_S_MAX,
        max_inflight_messages=in_flight_max,
        tls_context=(tls or ssl.create_default_context()) if secure else None,
    )
    client.pending_calls_threshold = in_flight_max  # many at a time is meant: no warning about it
    async with client:
        yield client


class _Outbox:
    """The messages in order, each when it is due, and those not yet acknowledged by their number."""

    def __init__(
        self, messages: Iterable[Outgoing | int], pace: Pace, progress: Callable[[Progress], None] | None
    ) -> None:
        self.done = Progress(0, 0, 0)
        self._new = enumerate(messages)
        self._waiting: tuple[int, Outgoing, int] | None = None  # with the place of the pace at which it was taken
        self._not_before_ms = 0
        self._again: Iterator[tuple[int, Outgoing]] = iter(())
        self._unacknowledged: dict[int, Outgoing] = {}
        self._pace = pace
        self._reported = pace.clock()
        self._progress = progress

    async def take(self) -> tuple[int, Outgoing] | None:
        """The next message when it is due, None at the end. It counts as unacknowledged from here on."""
        again = next(self._again, None)
        if again is not None:
            await self._pace.released()
            return again
        while True:
            if self._waiting is None:
                item = next(self._new, None)
                if item is None:
                    return None
                number, message = item
                if isinstance(message, int):
                    self._not_before_ms = message
                    if message == 0:
                        await asyncio.sleep(0)
                    continue
                self._waiting = number, message, self._pace.place
            number, message, place = self._waiting  # also one whose wait a broken line cut short
            wanted = await self._pace.wait(message.time, place, self._not_before_ms)
            self._waiting = None
            if wanted:
                self._unacknowledged[number] = message
                return number, message

    def acknowledge(self, number: int) -> None:
        """Note that the broker has the message."""
        message = self._unacknowledged.pop(number)
        done = self.done
        newest = max(done.time, message.time)
        self.done = Progress(done.messages + 1, done.readings + message.readings, newest)
        if self._progress is not None and self._pace.clock() - self._reported >= PROGRESS_S:
            self._reported = self._pace.clock()
            self._progress(self.done)

    def finish(self) -> None:
        """Tell the last progress."""
        if self._progress is not None:
            self._progress(self.done)

    def requeue(self) -> None:
        """Put what is unacknowledged back in front, in its order."""
        self._again = iter(sorted(self._unacknowledged.items()))


async def _session(client: aiomqtt.Client, outbox: _Outbox, in_flight_max: int) -> None:
    """Send until the end, one task a message in flight. Raises MqttError when the line breaks."""
    room = asyncio.Semaphore(in_flight_max)

    async def deliver(number: int, message: Outgoing) -> None:
        try:
            await client.publish(message.topic, message.payload, qos=1, timeout=ACKNOWLEDGE_S_MAX)
        finally:
            room.release()
        outbox.acknowledge(number)

    try:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_watch(client))
            # Tasks start in the order of their making, and each hands its message to the client before it first
            # waits: the order on the line is the order of the outbox.
            # The room comes first: what is taken goes out at once, so that nothing goes out once it is paused.
            await room.acquire()
            while (item := await outbox.take()) is not None:
                group.create_task(deliver(*item))
                await room.acquire()
            for _ in range(in_flight_max - 1):
                await room.acquire()
            watch.cancel()
    except ExceptionGroup as group_of_errors:
        # A mistake of ours, or in what is published, matters more than the line that broke with it.
        errors = sorted(group_of_errors.exceptions, key=lambda error: isinstance(error, aiomqtt.MqttError))
        raise errors[0] from None
    outbox.finish()


async def _watch(client: aiomqtt.Client) -> None:
    """Raise MqttError as soon as the line breaks: a publish that waits for its acknowledgement would not notice."""
    async for _ in client.messages:
        pass


def _is_final(error: aiomqtt.MqttError) -> bool:
    """Whether the broker refused the session itself, so that trying again is of no use."""
    return isinstance(error, aiomqtt.MqttCodeError) and getattr(error.rc, "value", None) in _REFUSALS
