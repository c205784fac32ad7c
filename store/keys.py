"""API keys: only their SHA-256 is kept; a key has 256 random bits, so that no slow hash is needed."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from model.area import written_areas
from store.pool import Connection, Pool

PREFIX = "lk_"  # lets a leaked key be recognised
_COLUMNS = "key_hash, label, role, areas, created_at, revoked_at"
_COLUMNS_NOW = _COLUMNS.replace("areas", "areas_now(areas) as areas")  # with the cities of its provinces
_IN_FORCE = "(revoked_at is null or revoked_at > now())"


class StoredKey(NamedTuple):
    """Whom a key stands for: its label, role and areas (texts of model.area), and when it was made."""

    key_hash: bytes
    label: str
    role: str
    areas: tuple[str, ...]
    created_at: datetime
    ends_at: datetime | None = None  # of one that another has taken the place of


def all_within(column: str, placeholder: str) -> str:
    """Return SQL for: every area of the column lies within the caller's areas, so that nobody hands out more."""
    return (
        f"('*' = any({placeholder}::text[]) or not exists (select from unnest({column}) as held where not"
        f" (held = any({placeholder}) or split_part(held, '/', 1) = any({placeholder}))))"
    )


async def may_hand_out(connection: Connection | Pool, areas: Sequence[str], to: Sequence[str]) -> bool:
    """Return whether all of `to` lies within `areas`."""
    return bool(await connection.fetchval(f"select {all_within('$1::text[]', '$2')}", list(to), list(areas)))


def hash_key(key: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


async def create_key(
    connection: Connection | Pool, *, role: str, areas: Sequence[str], label: str | None = None
) -> str:
    """Make a key and return it, for the only time. The caller has checked the role. Raises model.area.InvalidArea.

    The label names the actor in the journal, so no two keys in force and no user share one: where it is taken, or none
    is given, digits of the key's hash are added.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    key_hash = hash_key(key)
    plain = label or role
    for unique in (plain, f"{plain}-{key_hash.hex()[:8]}"):
        status = await connection.execute(
            "insert into api_key (key_hash, label, role, areas, created_at) select $1, $2, $3, $4, now()"
            " where not exists (select from user_account where lower(name) = lower($2))"
            " on conflict (label) where revoked_at is null do nothing",
            key_hash,
            unique,
            role,
            written_areas(areas),
        )
        if status == "INSERT 0 1":
            break
    return key


async def find_key(connection: Connection | Pool, key: str) -> StoredKey | None:
    """Return whom a key stands for, or None where it is not in force."""
    key_hash = hash_key(key)
    return (await find_keys(connection, [key_hash])).get(key_hash)


async def find_keys(connection: Connection | Pool, key_hashes: Collection[bytes]) -> dict[bytes, StoredKey]:
    """Return those of the keys that are in force, by hash; their areas with the cities of their provinces."""
    rows = await connection.fetch(
        f"select {_COLUMNS_NOW} from api_key where key_hash = any($1::bytea[]) and {_IN_FORCE}",
        list(key_hashes),
    )
    return {row["key_hash"]: _key_of(row) for row in rows}


async def find_key_as_made(connection: Connection, key: str) -> StoredKey | None:
    """Return whom a key stands for with the areas that it was given, provinces by name; None where not in force."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from api_key where key_hash = $1 and {_IN_FORCE}", hash_key(key)
    )
    return None if row is None else _key_of(row)


async def list_keys(
    connection: Connection | Pool,
    areas: Sequence[str] = ("*",),
    rows_max: int | None = None,
    after: tuple[str, bytes] = ("", b""),
) -> list[StoredKey]:
    """Return the keys in force whose areas all lie within `areas`, by label and hash, those after both.

    One that another takes the place of may still be among them, with the same label.
    """
    rows = await connection.fetch(
        f"select {_COLUMNS} from api_key where {_IN_FORCE} and {all_within('areas', '$1')}"
        " and (label, key_hash) > ($2, $3) order by label, key_hash limit $4",
        list(areas),
        *after,
        rows_max,
    )
    return [_key_of(row) for row in rows]


async def rotate_key(
    connection: Connection, label: str, *, overlap: timedelta = timedelta(0), areas: Sequence[str] = ("*",)
) -> str | None:
    """Make a key in the place of the one with this label and return it; the old one ends after `overlap`.

    One that was still ending ends at once. None where no key within `areas` is in force under this label.
    """
    async with connection.transaction():
        row = await connection.fetchrow(
            f"select {_COLUMNS} from api_key where label = $1 and revoked_at is null and {all_within('areas', '$2')}"
            " for update",
            label,
            list(areas),
        )
        if row is None:
            return None
        await connection.execute("update api_key set revoked_at = now() where label = $1 and revoked_at > now()", label)
        await connection.execute(
            "update api_key set revoked_at = now() + $2 where key_hash = $1", row["key_hash"], overlap
        )
        key = PREFIX + secrets.token_urlsafe(32)
        await connection.execute(
            "insert into api_key (key_hash, label, role, areas, created_at) values ($1, $2, $3, $4, now())",
            hash_key(key),
            label,
            row["role"],
            row["areas"],
        )
    return key


async def revoke_key(connection: Connection | Pool, label: str, areas: Sequence[str] = ("*",)) -> bool:
    """Revoke the key with this label, at once; False where none within `areas` is in force."""
    status = await connection.execute(
        f"update api_key set revoked_at = now() where label = $1 and {_IN_FORCE} and {all_within('areas', '$2')}",
        label,
        list(areas),
    )
    return bool(status != "UPDATE 0")


def _key_of(row: Any) -> StoredKey:
    return StoredKey(*row.values())._replace(areas=tuple(row["areas"]))
