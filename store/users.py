"""People's accounts: who they are, what proves it, and the changes that the security administrator makes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from store.keys import all_within
from store.pool import Connection, Pool

ADMINISTRATOR = "security_administrator"
_LAST_ADMINISTRATOR_LOCK = 0x6C69_6665_0040  # taken by whatever could leave the house without one
_COLUMNS = (
    "name, display_name, role, areas, must_change_password, totp_secret is not null as has_second_factor, created_at,"
    " disabled_at, signed_in_at"
)


class ActorTaken(Exception):
    """Another user, or a key in force, acts under this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a user or key named {name!r} exists already")


class LastAdministrator(Exception):
    """Nobody could hand out access any more."""

    def __init__(self) -> None:
        super().__init__("no other security administrator of all areas would be left")


class StoredUser(NamedTuple):
    """An account without its secrets."""

    name: str
    display_name: str
    role: str
    areas: tuple[str, ...]
    must_change_password: bool
    has_second_factor: bool
    created_at: datetime
    disabled_at: datetime | None
    signed_in_at: datetime | None


class Credentials(NamedTuple):
    """What proves who somebody is. A disabled user has none that is in force."""

    name: str
    password_hash: str | None
    totp_secret: str | None
    totp_pending: str | None


async def create_user(
    connection: Connection,
    name: str,
    *,
    role: str,
    areas: Sequence[str],
    now: datetime,
    password_hash: str | None,
    display_name: str = "",
    must_change_password: bool = True,
    known_as: tuple[str, str] | None = None,
) -> None:
    """Make an account; `known_as` is (issuer, subject) at a provider. Raises ActorTaken. The caller checked the role.

    A transaction of the caller's survives the refusal.
    """
    issuer, subject = known_as or (None, None)
    try:
        async with connection.transaction():
            await connection.execute(
                "insert into user_account (name, display_name, role, areas, password_hash, must_change_password,"
                " issuer, subject, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                name, display_name, role, list(areas), password_hash, must_change_password, issuer, subject, now,
            )  # fmt: skip
    except asyncpg.UniqueViolationError:
        raise ActorTaken(name) from None


async def has_users(connection: Connection | Pool) -> bool:
    """Return whether there is any account at all."""
    return bool(await connection.fetchval("select exists (select from user_account)"))


async def find_user(connection: Connection | Pool, name: str, areas: Sequence[str] = ("*",)) -> StoredUser | None:
    """Return the account of this name whose areas all lie within `areas`."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from user_account where name = $1 and {all_within('areas', '$2')}", name, list(areas)
    )
    return None if row is None else _user_of(row)


async def find_known_user(connection: Connection | Pool, issuer: str, subject: str) -> StoredUser | None:
    """Return the account of whom an identity provider knows by this subject."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from user_account where issuer = $1 and subject = $2", issuer, subject
    )
    return None if row is None else _user_of(row)


async def list_users(
    connection: Connection | Pool, areas: Sequence[str], rows_max: int, after: str | None = None
) -> list[StoredUser]:
    """Return the accounts whose areas all lie within `areas`, by name, those after a name."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from user_account where name > $1 and {all_within('areas', '$2')} order by name limit $3",
        after or "",
        list(areas),
        rows_max,
    )
    return [_user_of(row) for row in rows]


async def find_credentials(connection: Connection | Pool, name: str) -> Credentials | None:
    """Return what proves that somebody is this user, whatever the letters' case; None where disabled or unknown."""
    row = await connection.fetchrow(
        "select name, password_hash, totp_secret, totp_pending from user_account"
        " where lower(name) = lower($1) and disabled_at is null",
        name,
    )
    return None if row is None else Credentials(*row.values())


async def change_user(
    connection: Connection,
    name: str,
    now: datetime,
    *,
    role: str | None = None,
    areas: Sequence[str] | None = None,
    display_name: str | None = None,
    disabled: bool | None = None,
) -> None:
    """Change what is not None, within the caller's transaction. Raises LastAdministrator."""
    await connection.execute("select pg_advisory_xact_lock($1)", _LAST_ADMINISTRATOR_LOCK)
    administered = await _administrators(connection)
    await connection.execute(
        "update user_account set role = coalesce($2, role), areas = coalesce($3, areas),"
        " display_name = coalesce($4, display_name),"
        " disabled_at = case when $5 then coalesce(disabled_at, $6) when not $5 then null else disabled_at end"
        " where name = $1",
        name,
        role,
        None if areas is None else list(areas),
        display_name,
        disabled,
        now,
    )
    if administered and not await _administrators(connection):
        raise LastAdministrator


async def set_password(
    connection: Connection | Pool, name: str, password_hash: str, *, must_change: bool | None, was: str | None = None
) -> bool:
    """Set a user's password; where `was` is given, only if that is still the hash. False where nothing was set.

    `must_change` None leaves it as it is, for the same password hashed anew.
    """
    status = await connection.execute(
        "update user_account set password_hash = $2, must_change_password = coalesce($3, must_change_password)"
        " where name = $1 and ($4::text is null or password_hash = $4)",
        name,
        password_hash,
        must_change,
        was,
    )
    return bool(status == "UPDATE 1")


async def note_signed_in(connection: Connection | Pool, name: str, now: datetime) -> None:
    """Note when somebody last logged in."""
    await connection.execute("update user_account set signed_in_at = $2 where name = $1", name, now)


async def begin_second_factor(connection: Connection | Pool, name: str, secret: str) -> bool:
    """Keep a secret until it is confirmed; False where a second factor is in force."""
    status = await connection.execute(
        "update user_account set totp_pending = $2 where name = $1 and totp_secret is null", name, secret
    )
    return bool(status == "UPDATE 1")


async def confirm_second_factor(
    connection: Connection | Pool, name: str, secret: str, step: int, recovery_codes: Sequence[bytes]
) -> bool:
    """Put the pending secret in force, confirmed by the code of a step; False where it is pending no more."""
    status = await connection.execute(
        "update user_account set totp_secret = totp_pending, totp_pending = null, totp_last_step = $3,"
        " recovery_codes = $4 where name = $1 and totp_pending = $2 and totp_secret is null",
        name,
        secret,
        step,
        list(recovery_codes),
    )
    return bool(status == "UPDATE 1")


async def remove_second_factor(connection: Connection | Pool, name: str) -> None:
    """Take the second factor away, with what is pending and the recovery codes."""
    await connection.execute(
        "update user_account set totp_secret = null, totp_pending = null, totp_last_step = 0, recovery_codes = '{}'"
        " where name = $1",
        name,
    )


async def use_step(connection: Connection | Pool, name: str, step: int) -> bool:
    """Use up the code of a time step; False where it, or a later one, was used."""
    status = await connection.execute(
        "update user_account set totp_last_step = $2 where name = $1 and totp_last_step < $2", name, step
    )
    return bool(status == "UPDATE 1")


async def use_recovery_code(connection: Connection | Pool, name: str, code_hash: bytes) -> bool:
    """Use up a recovery code; False where there is none of this hash (any more)."""
    status = await connection.execute(
        "update user_account set recovery_codes = array_remove(recovery_codes, $2)"
        " where name = $1 and $2 = any(recovery_codes)",
        name,
        code_hash,
    )
    return bool(status == "UPDATE 1")


async def _administrators(connection: Connection) -> int:
    count: int = await connection.fetchval(
        "select count(*) from user_account where role = $1 and disabled_at is null and '*' = any(areas)", ADMINISTRATOR
    )
    return count


def _user_of(row: Any) -> StoredUser:
    return StoredUser(*row.values())._replace(areas=tuple(row["areas"]))
