"""Sessions of people: only the SHA-256 of the cookie is kept; closing one deletes its row, which ends it at once."""

import hashlib
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from store.pool import Connection, Pool


class StoredSession(NamedTuple):
    """A session in force, with what its user may do now."""

    token_hash: bytes
    name: str
    display_name: str
    role: str
    areas: tuple[str, ...]
    must_change_password: bool
    has_second_factor: bool
    has_password: bool
    seen_at: datetime
    ends_at: datetime


def hash_token(token: str) -> bytes:
    """Return what is kept of a session's cookie, which has 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


async def open_session(
    connection: Connection | Pool,
    name: str,
    now: datetime,
    ends_at: datetime,
    sessions_max: int,
    password_hash: str | None = None,
) -> str | None:
    """Open a session and return its cookie, for the only time; the oldest ones beyond `sessions_max` end.

    None where the user was disabled meanwhile or, if `password_hash` is given, has another password now.
    """
    token = secrets.token_urlsafe(32)
    status = await connection.execute(
        "insert into user_session (token_hash, name, created_at, seen_at, ends_at) select $2, name, $3, $3, $4"
        " from user_account where name = $1 and disabled_at is null and ($5::text is null or password_hash = $5)",
        name,
        hash_token(token),
        now,
        ends_at,
        password_hash,
    )
    if status != "INSERT 0 1":
        return None
    await connection.execute(
        "delete from user_session where token_hash in (select token_hash from user_session where name = $1"
        " order by created_at desc, token_hash offset $2)",
        name,
        sessions_max,
    )
    return token


async def find_sessions(
    connection: Connection | Pool, token_hashes: Collection[bytes], now: datetime, seen_since: datetime
) -> dict[bytes, StoredSession]:
    """Return those of the sessions that are in force, by hash: not ended, used since, their users not disabled."""
    rows = await connection.fetch(
        "select token_hash, name, display_name, role, areas_now(areas) as areas, must_change_password,"
        " totp_secret is not null as has_second_factor, password_hash is not null as has_password, seen_at, ends_at"
        " from user_session join user_account using (name)"
        " where token_hash = any($1::bytea[]) and ends_at > $2 and seen_at >= $3 and disabled_at is null",
        list(token_hashes),
        now,
        seen_since,
    )
    found = [StoredSession(*row.values())._replace(areas=tuple(row["areas"])) for row in rows]
    return {session.token_hash: session for session in found}


async def find_session(
    connection: Connection | Pool, token: str, now: datetime, seen_since: datetime
) -> StoredSession | None:
    """Return the session of a cookie; None where it is not in force."""
    token_hash = hash_token(token)
    return (await find_sessions(connection, [token_hash], now, seen_since)).get(token_hash)


async def note_seen(
    connection: Connection | Pool, sessions: Iterable[StoredSession], now: datetime, every: timedelta
) -> None:
    """Note that the sessions are in use, those of which it was not noted for so long."""
    due = [session.token_hash for session in sessions if now - session.seen_at >= every]
    if not due:
        return
    await connection.execute(
        "update user_session set seen_at = $2 where token_hash = any($1::bytea[])"
        " and seen_at <= $2::timestamptz - $3::interval",
        due,
        now,
        every,
    )


async def close_session(connection: Connection | Pool, token_hash: bytes) -> None:
    """End a session."""
    await connection.execute("delete from user_session where token_hash = $1", token_hash)


async def close_sessions(connection: Connection | Pool, name: str, *, but: bytes | None = None) -> None:
    """End all sessions of a user, save one where it is named."""
    await connection.execute(
        "delete from user_session where name = $1 and ($2::bytea is null or token_hash <> $2)", name, but
    )


async def remove_ended(connection: Connection | Pool, now: datetime, seen_since: datetime) -> None:
    """Delete the rows of sessions that have ended by themselves."""
    await connection.execute("delete from user_session where ends_at <= $1 or seen_at < $2", now, seen_since)
