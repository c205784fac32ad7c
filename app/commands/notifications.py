"""`lifeline notifications`: who is told of what through which channel; what was sent, and whether a channel works."""

import argparse
import json
import os
import secrets
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from alerts.notices import both, test_message
from alerts.notification_file import (
    AppriseChannel,
    NotificationFile,
    read_notification_file,
    stored_notification_file,
)
from app.api.parameters import written, written_or_none
from app.clock import clock
from app.commands.output import CommandError, account, positive, progress, run_async
from app.notify.channels import Outgoing, SendingFailed, Surroundings, apprise_problem, masked_target, send
from app.notify.outgoing import parse_networks
from app.services import open_database, prepared_pool
from app.settings import load_settings
from model.alarm import LABELS_WITH_NONE
from model.audit import Action
from model.yaml_file import Fault, YamlFileError, located, read_text
from store.audit import record
from store.notification_files import StoredFile, file_in_force, put_file_in_force
from store.notification_search import STATES, find_notifications
from store.pool import Connection

SECRET_FIELDS = ("url", "key")
Things = dict[tuple[str, str], dict[str, Any]]


def add_parsers(commands: Any) -> None:
    """Add this subject's subcommands."""
    notifications = commands.add_parser(
        "notifications", help="who is told of what; what was sent",
        description="Check and import the notification file, list messages, try a channel out.",
        epilog="example: lifeline notifications check notifications.yaml",
    )  # fmt: skip
    actions = notifications.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check", help="validate a notification file",
        description="Validate a notification file; every error has file, line and remedy. Nothing is sent.",
        epilog="example: lifeline notifications check notifications.yaml",
    )  # fmt: skip
    check.add_argument("file", type=Path, metavar="FILE")
    check.set_defaults(run=_check)
    importing = actions.add_parser(
        "import", help="put a notification file into force",
        description="Put a notification file into force, whole, in the place of the one before: what it does not name "
        "is gone. An error changes nothing.",
        epilog="example: lifeline notifications import notifications.yaml --dry-run",
    )  # fmt: skip
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.add_argument("--dry-run", action="store_true", help="tell what would change; write nothing")
    importing.add_argument("--json", action="store_true", help="tell it as JSON")
    importing.add_argument("--by", metavar="NAME", default=None, help="who, for the record; your log-in if left out")
    importing.set_defaults(run=lambda chosen: run_async(_import(chosen)))
    listing = actions.add_parser(
        "list", help="messages, newest first", description="List messages, newest first.",
        epilog="example: lifeline notifications list --state dead",
    )  # fmt: skip
    listing.add_argument("--state", choices=STATES, help="what became of it")
    listing.add_argument("--channel", metavar="CHANNEL")
    listing.add_argument("--limit", type=positive, default=50, metavar="N")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=lambda chosen: run_async(_list(chosen)))
    testing = actions.add_parser(
        "test", help="send a test message", description="Send a test message through a channel of the file in force, "
        "from this process.",
        epilog="example: lifeline notifications test duty-desk",
    )  # fmt: skip
    testing.add_argument("channel", metavar="CHANNEL")
    testing.set_defaults(run=lambda chosen: run_async(_test(chosen)))


def _check(chosen: argparse.Namespace) -> int:
    file = _checked(chosen.file)
    for note in _unset(file):
        progress(f"note: {note}")
    for channel in file.channels:
        print(f"channel {channel.channel}: {channel.via}, {masked_target(channel)}, {channel.language}")
    print(f"{len(file.channels)} channels, {len(file.people)} people, {len(file.routes)} routes, no error")
    return 0


async def _import(chosen: argparse.Namespace) -> int:
    try:
        file = _checked(chosen.file)
    except YamlFileError as error:
        if not chosen.json:
            raise
        errors = [{"line": line, "error": text} for _, line, text in error.problems]
        print(json.dumps({"file": str(chosen.file), "written": False, "errors": errors}, ensure_ascii=False))
        return 1
    async with (
        open_database(load_settings(), progress) as url,
        prepared_pool(url, progress) as pool,
        pool.acquire() as connection,
    ):
        present = await file_in_force(connection)
        notes = [*_unset(file), *await _unregistered(connection, file)]
        if not chosen.dry_run:
            by = chosen.by or account("administrator")
            await put_file_in_force(connection, StoredFile(file.version, file.content), by)
    before = None if present is None else stored_notification_file(present.content)
    told = _differences(before, file)
    if chosen.json:
        heading = {"file": str(chosen.file), "dry_run": chosen.dry_run, "written": not chosen.dry_run}
        print(json.dumps({**heading, **told, "errors": [], "notes": notes}, ensure_ascii=False))
        return 0
    for what in ("new", "changed", "removed"):
        for thing in told[what]:
            fields = ", ".join(f"{f['field']}: {f['old']} -> {f['new']}" for f in thing.get("fields", ()))
            print(f"{what}\t{thing['thing']} {thing['id']}{': ' + fields if fields else ''}")
    for note in notes:
        progress(f"note: {note}")
    counts = [f"{len(told[what])} {what}" for what in ("new", "changed", "removed")]
    print(f"{', '.join(counts)}, {told['unchanged']} unchanged")
    if chosen.dry_run:
        print("dry run: nothing was written")
    return 0


async def _list(chosen: argparse.Namespace) -> int:
    async with open_database(load_settings(), progress) as url, prepared_pool(url, progress) as pool:
        rows = await find_notifications(
            pool, ("*",), chosen.limit, states=[chosen.state] if chosen.state else None, channel=chosen.channel
        )
    for row in rows:
        severity = LABELS_WITH_NONE[row.severity]
        if chosen.json:
            times = {
                "enqueued_at": written(row.enqueued_at),
                "due_at": written(row.due_at),
                "finished_at": written_or_none(row.finished_at),
            }
            print(json.dumps(row._asdict() | times | {"severity": severity}, ensure_ascii=False))
            continue
        what = row.folded_into or row.error or ""
        columns = (row.notification, written(row.enqueued_at), row.state, row.channel, row.kind, severity or "-",
                   row.alarm or "-", row.attempts, what)  # fmt: skip
        print("\t".join(map(str, columns)))
    return 0


async def _test(chosen: argparse.Namespace) -> int:
    settings = load_settings()
    async with open_database(settings, progress) as url, prepared_pool(url, progress) as pool:
        stored = await file_in_force(pool)
        file = None if stored is None else stored_notification_file(stored.content)
        known = {} if file is None else {channel.channel: channel for channel in file.channels}
        if chosen.channel not in known:
            named = ", ".join(sorted(known)) or "none: import a file first"
            raise CommandError(f"there is no channel {chosen.channel!r}; the file in force has {named}")
        await record(pool, actor=account("administrator"), action=Action.CHANNEL_TESTED, subject=chosen.channel)
    channel = known[chosen.channel]
    words = both(test_message("zh"), test_message("en"))
    outgoing = Outgoing(f"test.{secrets.token_hex(8)}.{channel.channel}", words, {"kind": "test"}, pressing=False)
    around = Surroundings(parse_networks(settings.webhook_networks_allowed))
    try:
        await send(channel, outgoing, clock(), around)
    except SendingFailed as error:
        raise CommandError(f"channel {channel.channel} did not take the message: {error}") from None
    print(f"channel {channel.channel} took the message; look whether it arrived")
    return 0


def _checked(path: Path) -> NotificationFile:
    """Return the file, checked also by Apprise. Raises YamlFileError."""
    file = read_notification_file(path)
    faults: list[Fault] = [
        (("channels", place, "url"), fault)
        for place, channel in enumerate(file.channels)
        if isinstance(channel, AppriseChannel) and channel.url is not None and (fault := apprise_problem(channel.url))
    ]
    if faults:
        raise YamlFileError(located(str(path), read_text(path), faults))
    return file


def _unset(file: NotificationFile) -> list[str]:
    """Return a note for each environment variable that this process does not have."""
    names = {
        name
        for channel in file.channels
        for name in (channel.url_env, getattr(channel, "key_env", None))
        if name is not None and not os.environ.get(name)
    }
    told = "the environment variable {} is not set here; the process that evaluates needs it"
    return [told.format(name) for name in sorted(names)]


async def _unregistered(connection: Connection, file: NotificationFile) -> list[str]:
    """Return a note for each city and district that routes name and the registry does not have."""
    cities = {row["city"] for row in await connection.fetch("select city from city")}
    districts = {row["district"] for row in await connection.fetch("select distinct district from sensor")}
    return [
        f"route {route.route} names {what} {name!r}, which is not registered"
        for route in file.routes
        for what, names, known in (("city", route.cities, cities), ("district", route.districts, districts))
        for name in names or ()
        if name not in known
    ]


def _differences(before: NotificationFile | None, after: NotificationFile) -> dict[str, Any]:
    """Return what is new, changed and removed; of secret fields only that they change."""
    old, new = {} if before is None else _things(before), _things(after)
    changed = []
    for thing in new:
        if thing in old and old[thing] != new[thing]:
            names = [name for name in new[thing] if old[thing].get(name) != new[thing][name]]
            fields = [
                {"field": name, "old": "***" if name in SECRET_FIELDS else old[thing].get(name),
                 "new": "***" if name in SECRET_FIELDS else new[thing][name]}
                for name in names
            ]  # fmt: skip
            changed.append({"thing": thing[0], "id": thing[1], "fields": fields})
    return {
        "new": [{"thing": kind, "id": name} for kind, name in new if (kind, name) not in old],
        "changed": changed,
        "removed": [{"thing": kind, "id": name} for kind, name in old if (kind, name) not in new],
        "unchanged": sum(old.get(thing) == new[thing] for thing in new),
    }


def _things(file: NotificationFile) -> Things:
    named: list[tuple[str, BaseModel]] = [("channel", channel) for channel in file.channels]
    named += [("person", person) for person in file.people]
    named += [("route", route) for route in file.routes]
    return {(kind, str(getattr(thing, kind))): thing.model_dump(mode="json", by_alias=True) for kind, thing in named}
