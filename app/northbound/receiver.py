"""Takes what partners publish: one persistent session, acknowledged after the commit, each line stored once."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.northbound.incoming import Incoming, PartnerLine, PartnerStatus, Unusable, read_line, read_message
from app.northbound.silence import raise_silent, return_heard
from app.northbound.standing import standing
from app.northbound.turn import keep_at
from ingest.consumer import Consumer
from ingest.counters import IngestCounters
from ingest.message import Message, reject
from ingest.queue import MessageQueue
from ingest.reasons import Reason
from ingest.settings import IngestLimits, MqttSettings
from model.instant import parse_instant, to_datetime
from model.reading import Rejection
from model.severity import severity_of
from store.pool import TRANSIENT_ERRORS, Connection, Pool
from store.province import (
    AlarmFacts,
    AlarmKey,
    StoredLine,
    admit_registered,
    lines_of_alarms,
    lock_province,
    note_cities,
    quarantine,
    store_alarms,
    store_lines,
    store_status,
)
from store.sensors import import_cities, load_cities

log = logging.getLogger(__name__)

ALL_CITIES = ("lifeline/+/alarm/+", "lifeline/+/status")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings:
    """Whom the receiver takes, and its limits with units.

    `relayed` are cities that are taken without being registered. `registers_unknown`: a city that the registry does
    not know is registered by what it says of itself; else it is kept apart.
    """

    relayed: Collection[str] = ()
    registers_unknown: bool = False
    city_silence_s: float = 180.0
    cities_apart_max: int = 100
    look_s: float = 2.0  # how often silence and the registry are looked at
    retry_s_max: float = 15.0


async def run_receiver(
    pool: Pool,
    mqtt: MqttSettings,
    settings: ReceiverSettings,
    clock: Callable[[], int],
    stop: asyncio.Event,
    counters: IngestCounters,
) -> None:
    """Take partners' lines and statuses until `stop` is set; of several processes one does.

    `clock` gives epoch milliseconds. What could not be stored is not acknowledged and comes again.
    """

    async def work(connection: Connection) -> None:
        await _Receiver(connection, mqtt, settings, clock, stop, counters).run()

    await keep_at(pool, "receiving from partners", stop, work, settings.retry_s_max)


class _Receiver:
    """One turn, over as many connections to the broker as it takes."""

    def __init__(
        self,
        connection: Connection,
        mqtt: MqttSettings,
        settings: ReceiverSettings,
        clock: Callable[[], int],
        stop: asyncio.Event,
        counters: IngestCounters,
    ) -> None:
        self.connection = connection
        self.mqtt = mqtt
        self.settings = settings
        self.clock = clock
        self.stop = stop
        self.counters = counters
        self.listening_since: int | None = None

    async def run(self) -> None:
        """Receive until the service stops. Raises what the database raises."""
        limits = IngestLimits()
        queue = MessageQueue(limits, self.counters)
        consumer = Consumer(self.mqtt, limits, queue, self.counters)
        reading = asyncio.create_task(consumer.run())
        waking = asyncio.create_task(self._wake(queue))
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        try:
            while not self.stop.is_set():
                await queue.wait(look_at - loop.time())
                messages = queue.take()
                if messages:
                    await self._take(messages)
                    consumer.acknowledge(messages)
                if loop.time() >= look_at:
                    await self._look()
                    look_at = loop.time() + min(self.settings.look_s, self.settings.city_silence_s / 4)
        finally:
            waking.cancel()
            consumer.close()
            await asyncio.wait((reading,))

    async def _wake(self, queue: MessageQueue) -> None:
        await self.stop.wait()
        queue.wake()

    async def _look(self) -> None:
        """Admit cities that were registered, and tell of silence once we have listened long enough ourselves."""
        now = self.clock()
        if not self.counters.connected:
            self.listening_since = None
        elif self.listening_since is None:
            self.listening_since = now
        silence_ms = round(self.settings.city_silence_s * 1000)
        async with self.connection.transaction():
            await lock_province(self.connection)
            await admit_registered(self.connection)
            if self.listening_since is not None and now - self.listening_since >= silence_ms:
                await raise_silent(self.connection, now, silence_ms)

    async def _take(self, messages: Sequence[Message]) -> None:
        """Store messages; where the database refuses them for what they hold, one by one, and the culprit apart."""
        try:
            await self._store(messages)
        except TRANSIENT_ERRORS:
            raise
        except Exception as error:
            if len(messages) > 1:
                for message in messages:
                    await self._take([message])
                return
            log.exception("a partner's message is refused by the store")
            detail = f"the store refused this message ({type(error).__name__}: {error})"
            await self._quarantine([reject(messages[0], Reason.STORE_REFUSED, detail)], to_datetime(self.clock()))

    async def _store(self, messages: Sequence[Message]) -> None:
        now = self.clock()
        moment = to_datetime(now)
        usable: list[tuple[Message, Incoming]] = []
        rejections: list[Rejection] = []
        for message in messages:
            try:
                usable.append((message, read_message(message)))
            except Unusable as unusable:
                rejections.append(reject(message, *unusable.fault))
        duplicates = 0
        async with self.connection.transaction():
            await lock_province(self.connection)
            await self._register(usable)
            cities = await note_cities(
                self.connection,
                {incoming.content.city for _, incoming in usable},
                self.settings.relayed,
                moment,
                self.settings.cities_apart_max,
            )
            lines, statuses = [], []
            for message, incoming in usable:
                if incoming.content.city not in cities:
                    detail = "too many cities are unknown here; register it with lifeline cities import"
                    rejections.append(reject(message, Reason.STORE_REFUSED, detail))
                elif isinstance(incoming.content, PartnerLine):
                    lines.append((message, incoming.content, incoming.text))
                else:
                    statuses.append((incoming.content, incoming.text))
            duplicates = await self._store_lines(lines, rejections, moment)
            await self._store_statuses(statuses, now)
            await quarantine(self.connection, rejections, moment)
        self.counters.messages += len(messages)
        self.counters.duplicates += duplicates
        self.counters.rejections.update(rejection.reason for rejection in rejections)

    async def _register(self, usable: Sequence[tuple[Message, Incoming]]) -> None:
        if not self.settings.registers_unknown:
            return
        statuses = [one.content for _, one in usable if isinstance(one.content, PartnerStatus)]
        if statuses:
            known = await load_cities(self.connection)
            new = {one.city: one.registered for one in statuses if one.city not in known}
            await import_cities(self.connection, new.values())

    async def _store_lines(
        self,
        lines: Sequence[tuple[Message, PartnerLine, str]],
        rejections: list[Rejection],
        now: datetime,
    ) -> int:
        if not lines:
            return 0
        rows = [StoredLine(line.city, line.alarm, line.sequence, text) for _, line, text in lines]
        alarms, new, contradicting = await store_lines(self.connection, rows, now)
        for place in contradicting:
            message, line, _ = lines[place]
            detail = f"line {line.sequence} of {line.alarm} is here with another content, which stands"
            rejections.append(reject(message, Reason.STORE_REFUSED, detail))
        texts = await lines_of_alarms(self.connection, alarms)
        await store_alarms(self.connection, [_facts(key, map(read_line, texts[key])) for key in sorted(alarms)])
        return len(lines) - len(contradicting) - new

    async def _store_statuses(self, statuses: Sequence[tuple[PartnerStatus, str]], now: int) -> None:
        heard = set()
        for status, text in statuses:
            published = to_datetime(parse_instant(status.published_at))
            if await store_status(self.connection, status.city, published, text, to_datetime(now)):
                heard.add(status.city)
        if heard:
            await return_heard(self.connection, heard, now)

    async def _quarantine(self, rejections: Sequence[Rejection], now: datetime) -> None:
        async with self.connection.transaction():
            await quarantine(self.connection, rejections, now)
        self.counters.rejections.update(rejection.reason for rejection in rejections)


def _facts(key: AlarmKey, lines: Iterable[PartnerLine]) -> AlarmFacts:
    found = standing(lines)
    line = found.newest
    return AlarmFacts(
        city=key[0],
        alarm=key[1],
        rule=line.rule,
        kind=line.kind,
        sensor=line.sensor,
        system=line.system,
        district=line.district,
        alarm_class=line.class_,
        state=line.to,
        severity=severity_of(line.severity),
        peak_severity=severity_of(line.peak_severity),
        condition=line.condition,
        mode=line.mode,
        sequence=line.sequence,
        missing=found.missing,
        escalated_sequence=found.escalated,
        raised_at=to_datetime(parse_instant(found.raised)),
        changed_at=to_datetime(parse_instant(line.time)),
    )
