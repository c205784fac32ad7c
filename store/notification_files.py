"""The notification file in force, and its history."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from model.audit import Action
from store.audit import record
from store.pool import Connection, Pool


class StoredFile(NamedTuple):
    """A notification file as it came into force: hash of its content, and the content (JSON, with secrets)."""

    version: str
    content: str


class Routing(NamedTuple):
    """What routing goes by: the content in force, None where there is none, and the cities' time zones."""

    content: str | None
    time_zones: dict[str, str]


async def file_in_force(connection: Connection | Pool) -> StoredFile | None:
    """Return the file in force, or None."""
    row = await connection.fetchrow("select version, content from notification_file where in_force")
    return None if row is None else StoredFile(*row)


async def read_routing(connection: Connection, cities: Collection[str]) -> Routing:
    """Return the content in force and the time zones of the cities, in one query."""
    row = await connection.fetchrow(
        "select (select content from notification_file where in_force),"
        " (select jsonb_object_agg(city, time_zone) from city where city = any($1::text[]))::text",
        list(cities),
    )
    return Routing(row[0], msgspec.json.decode(row[1]) if row[1] else {})


async def put_file_in_force(connection: Connection, file: StoredFile, actor: str) -> bool:
    """Put a file in the place of the one in force; False where it is in force already."""
    async with connection.transaction():
        await connection.execute("lock table notification_file in share row exclusive mode")
        present = await file_in_force(connection)
        if present is not None and present.version == file.version:
            return False
        # The one before stays as history, without its secrets.
        await connection.execute("update notification_file set in_force = false, content = '' where in_force")
        await connection.execute(
            "insert into notification_file (version, content, imported_by) values ($1, $2, $3)", *file, actor
        )
        replaced = None if present is None else present.version
        await record(
            connection, actor=actor, action=Action.NOTIFICATIONS_IMPORTED, subject=file.version,
            details={"replaces": replaced},
        )  # fmt: skip
    return True
