"""`lifeline broker`: what the broker has to be told by its administrator."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from app.broker_access import AccessRefused, accounts_of, mosquitto_file
from app.commands.output import CommandError, progress, run_async
from app.services import open_database, prepared_pool
from app.settings import Settings, load_settings
from ingest.decoders.mapping import load_mappings
from store.sensors import load_registry

SERVICE = "lifeline"


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    broker = commands.add_parser(
        "broker", help="access control for the broker, from the registry",
        description="What the broker has to be told by its administrator.",
        epilog="example: lifeline broker access --broker mosquitto --out /etc/mosquitto/lifeline.acl",
    )  # fmt: skip
    actions = broker.add_subparsers(dest="action", metavar="ACTION", required=True)
    access = actions.add_parser(
        "access", help="write who may publish and read what",
        description="Write Mosquitto's acl_file from the registry, so that a device can publish only as itself: a "
        "sensor logs in under its id, a gateway (the sensors' column gateway, also a Sparkplug edge node) under "
        "CITY.GATEWAY. Write it anew after each change of the registry, then have the broker read it again (SIGHUP); "
        "docs/broker-access.md has the rest of its settings. The embedded broker knows one account for all, so it is "
        "for devices that trust each other: where they do not, run Mosquitto and name it in LIFELINE_MQTT_URL.",
        epilog="example: lifeline broker access --broker mosquitto --out /etc/mosquitto/lifeline.acl",
    )  # fmt: skip
    access.add_argument("--broker", required=True, choices=["mosquitto"], help="whose form the file has")
    access.add_argument("--out", type=Path, metavar="FILE", help="where to; without it to standard output")
    access.add_argument(
        "--service", action="append", metavar="USER",
        help="account of Lifeline's own processes, may be given several times; without it the user in "
        f"LIFELINE_MQTT_URL, else {SERVICE}",
    )  # fmt: skip
    access.add_argument(
        "--reader", action="append", default=[], metavar="USER",
        help="account of another system that reads all alarms and status, may be given several times",
    )  # fmt: skip
    access.set_defaults(run=lambda chosen: run_async(_access(chosen)))


async def _access(chosen: argparse.Namespace) -> int:
    settings = load_settings()
    async with open_database(settings, progress) as url, prepared_pool(url, progress) as pool:
        registry = await load_registry(pool)
    mappings = load_mappings(settings.mappings) if settings.mappings else ()
    try:
        accounts = accounts_of(
            registry,
            services=chosen.service or [_own_user(settings)],
            readers=chosen.reader,
            partners=_partners(settings, registry.cities),
            mapped=[mapping.subscription for mapping in mappings],
        )
    except AccessRefused as error:
        raise CommandError(str(error)) from None
    text = mosquitto_file(accounts)
    if chosen.out is None:
        sys.stdout.write(text)
    else:
        _write(chosen.out, text)
    progress(f"{len(accounts)} accounts written, {len(registry.sensors)} of them sensors")
    return 0


def _own_user(settings: Settings) -> str:
    user = urlsplit(settings.mqtt_url).username if settings.mqtt_url else None
    return unquote(user) if user else SERVICE


def _partners(settings: Settings, cities: Any) -> list[str]:
    """The cities that publish their alarms here: all of a province's, and the parks that a city relays."""
    relayed = [part.strip() for part in (settings.relay_from or "").split(",") if part.strip()]
    return sorted({*relayed, *(cities if settings.role == "province" else ())})


def _write(path: Path, text: str) -> None:
    """Put the file in the place of the one before in one piece, with its owner and mode: the broker may read any time.

    A new one is for our account alone.
    """
    path = path.resolve()
    new = path.with_name(path.name + ".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        if path.exists():
            before, now = path.stat(), os.fstat(file.fileno())
            if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            os.fchmod(file.fileno(), before.st_mode & 0o777)
        file.write(text)
    new.replace(path)
