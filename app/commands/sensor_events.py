"""`lifeline sensors event` and `events`: what was done to a sensor, recorded and listed."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from app.clock import clock
from app.commands.output import CommandError, account, instant, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.instant import DAY_MS, format_instant
from model.plain_text import InvalidText
from model.registry import Registry
from model.sensor import Sensor
from model.sensor_event import DUE_ATTRIBUTE, KINDS, NEVER_DUE, InvalidEvent, SensorEvent, check_event, check_texts
from store.sensor_events import record_event
from store.sensors import load_registry


def add_event_parsers(actions: Any) -> None:
    """Add the subcommands of `lifeline sensors` that concern events."""
    recording = actions.add_parser(
        "event", help="record that a sensor was replaced, calibrated, re-zeroed, inspected or maintained",
        description="Record a dated event of a sensor. Readings of its time and later are converted by it, so that "
        "the series goes on without a false step: the device's reading r stands for factor x r + offset, in the "
        "sensor's unit. For replaced and calibrated that is the whole correction from then on; for rezeroed the "
        "offset is what the device showed before less what it shows after, and is added. Record it before readings of "
        "its time arrive: what is stored keeps its value.",
        epilog="example: lifeline sensors event jyg-dis-0001 --kind rezeroed --at 2026-11-22T08:00:00Z --offset 12.5",
    )  # fmt: skip
    recording.add_argument("sensor", metavar="SENSOR")
    recording.add_argument("--kind", required=True, choices=sorted(KINDS))
    recording.add_argument("--at", required=True, type=instant, metavar="T", help="when, RFC 3339 with zone")
    recording.add_argument("--offset", type=float, metavar="X", help="in the sensor's unit")
    recording.add_argument("--factor", type=float, metavar="X")
    recording.add_argument("--due", default="", metavar="DATE", help="when the next one is due, or never")
    recording.add_argument("--note", default="")
    recording.add_argument("--by", metavar="NAME", help="who recorded it; the account's name if left out")
    recording.add_argument("--withdraw", action="store_true", help="take back the event of this kind and time")
    recording.set_defaults(run=lambda chosen: run_async(_record(chosen)))
    listing = actions.add_parser(
        "events", help="list what was done to sensors", description="List the events of sensors, one a line.",
        epilog="example: lifeline sensors events jyg-dis-0001",
    )  # fmt: skip
    listing.add_argument("sensor", nargs="?", metavar="SENSOR", help="of one sensor only")
    listing.add_argument("--json", action="store_true", help="as NDJSON")
    listing.set_defaults(run=lambda chosen: run_async(_list(chosen)))


async def _record(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        registry = await load_registry(pool)
        key = _key(registry, chosen.sensor)
        event = _to_withdraw(registry, key, chosen) if chosen.withdraw else _event(registry, key, chosen)
        async with pool.acquire() as connection:
            recorded = await record_event(connection, key, event, withdrawn=chosen.withdraw)
    ahead_ms = event.time - clock()
    if recorded.new and not chosen.withdraw and ahead_ms > 0:
        progress(f"note: that is {ahead_ms / DAY_MS:,.1f} days ahead; until then nothing is converted by it")
    did = "withdrawn" if chosen.withdraw else "recorded" if recorded.new else "recorded already; nothing changed"
    print(f"{chosen.sensor} {event.kind} at {format_instant(event.time)}: {did}")
    corrects = event.kind == "replaced" or (event.offset, event.factor) != (None, None)
    if recorded.new and recorded.readings_after and corrects:
        progress(
            f"note: {recorded.readings_after} readings from that time on are stored already and keep their values; "
            "only those that arrive from now on are converted anew"
        )
    return 0


def _event(registry: Registry, key: int, chosen: argparse.Namespace) -> SensorEvent:
    sensor = registry.sensors[key]
    event = SensorEvent(
        kind=chosen.kind,
        time=chosen.at,
        by=_actor(chosen),
        note=chosen.note,
        offset=chosen.offset,
        factor=chosen.factor,
        due=chosen.due,
    )
    try:
        event = check_event(event, registry.cities[sensor.city].time_zone)
    except (InvalidEvent, InvalidText) as error:
        raise CommandError(str(error)) from None
    _require_due_date(sensor, registry.events.get(key, ()), event)
    return event


def _to_withdraw(registry: Registry, key: int, chosen: argparse.Namespace) -> SensorEvent:
    for event in registry.events.get(key, ()):
        if (event.kind, event.time) == (chosen.kind, chosen.at):
            try:
                return check_texts(msgspec.structs.replace(event, by=_actor(chosen), note=chosen.note or event.note))
            except InvalidText as error:
                raise CommandError(str(error)) from None
    raise CommandError(
        f"{chosen.sensor} has no event {chosen.kind} at {format_instant(chosen.at)} to withdraw; "
        f"lifeline sensors events {chosen.sensor} lists those that it has"
    )


async def _list(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        registry = await load_registry(pool)
    keys = sorted(registry.events, key=lambda key: registry.sensors[key].sensor)
    for key in keys if chosen.sensor is None else [_key(registry, chosen.sensor)]:
        for event in registry.events.get(key, ()):
            told = {
                "sensor": registry.sensors[key].sensor, "kind": event.kind, "time": format_instant(event.time),
                "by": event.by, "note": event.note, "offset": event.offset, "factor": event.factor, "due": event.due,
            }  # fmt: skip
            if chosen.json:
                print(json.dumps(told, ensure_ascii=False))
            else:
                kept = [f"{name} {told[name]}" for name in ("offset", "factor", "due", "by", "note")
                        if told[name] not in (None, "")]  # fmt: skip
                print("\t".join([str(told["sensor"]), event.kind, str(told["time"]), ", ".join(kept)]))
    return 0


def _key(registry: Registry, sensor: str) -> int:
    key = registry.keys.get(sensor)
    if key is None:
        raise CommandError(f"sensor {sensor!r} is not registered; lifeline sensors list names those that are")
    return key


def _require_due_date(sensor: Sensor, earlier: Sequence[SensorEvent], event: SensorEvent) -> None:
    """A calibration that leaves the old date in force would be due again at once, or for ever not."""
    attribute = DUE_ATTRIBUTE.get(event.kind)
    if attribute is None or event.due or attribute not in sensor.attributes:
        return
    if any(DUE_ATTRIBUTE.get(e.kind) == attribute and e.due and e.time > event.time for e in earlier):
        return  # a later event has set the date
    raise CommandError(
        f"{sensor.sensor} has {attribute} {sensor.attributes[attribute]}; say when the next is due with --due DATE, "
        f"or --due {NEVER_DUE}"
    )


def _actor(chosen: argparse.Namespace) -> str:
    return account("operator") if chosen.by is None else str(chosen.by)
