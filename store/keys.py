"""API keys: only their SHA-256 is kept; a key has 256 random bits, so that no slow hash is needed."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from store.pool import Connection, Pool

PREFIX = "lk_"  # lets a leaked key be recognised
_COLUMNS = "key_hash, label, role, areas, created_at"


class StoredKey(NamedTuple):
    """Whom a key stands for: its label, role and areas (cities, or `*` for all), and when it was made."""

    key_hash: bytes
    label: str
    role: str
    areas: tuple[str, ...]
    created_at: datetime


def hash_key(key: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


async def create_key(
    connection: Connection | Pool, *, role: str, areas: Sequence[str], label: str | None = None
) -> str:
    """Make a key and return it, for the only time. The caller has checked the role.

    The label names the actor in the journal, so no two keys in force share one: where it is taken, or none is given,
    digits of the key's hash are added.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    key_hash = hash_key(key)
    plain = label or role
    for unique in (plain, f"{plain}-{key_hash.hex()[:8]}"):
        status = await connection.execute(
            "insert into api_key (key_hash, label, role, areas, created_at) values ($1, $2, $3, $4, now())"
            " on conflict (label) where revoked_at is null do nothing",
            key_hash,
            unique,
            role,
            list(areas),
        )
        if status == "INSERT 0 1":
            break
    return key


async def find_key(connection: Connection | Pool, key: str) -> StoredKey | None:
    """Return whom a key stands for, or None where it is not in force."""
    key_hash = hash_key(key)
    return (await find_keys(connection, [key_hash])).get(key_hash)


async def find_keys(connection: Connection | Pool, key_hashes: Collection[bytes]) -> dict[bytes, StoredKey]:
    """Return those of the keys that are in force, by hash."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from api_key where key_hash = any($1::bytea[]) and revoked_at is null",
        list(key_hashes),
    )
    return {row["key_hash"]: _key_of(row) for row in rows}


async def list_keys(connection: Connection | Pool) -> list[StoredKey]:
    """Return the keys in force by label."""
    rows = await connection.fetch(f"select {_COLUMNS} from api_key where revoked_at is null order by label")
    return [_key_of(row) for row in rows]


async def revoke_key(connection: Connection | Pool, label: str) -> bool:
    """Revoke the key with this label, at once; False where none is in force."""
    status = await connection.execute(
        "update api_key set revoked_at = now() where label = $1 and revoked_at is null", label
    )
    return bool(status != "UPDATE 0")


def _key_of(row: Any) -> StoredKey:
    return StoredKey(row["key_hash"], row["label"], row["role"], tuple(row["areas"]), row["created_at"])
