"""Rule packs in force and their history."""

from collections.abc import Sequence
from typing import NamedTuple

from store.pool import Connection, Pool


class StoredPack(NamedTuple):
    """A pack as it was put into force: its name, version (hash of its content) and content (JSON)."""

    pack: str
    version: str
    content: str


async def packs_in_force(connection: Connection | Pool) -> list[StoredPack]:
    """Return the packs in force by name."""
    rows = await connection.fetch("select pack, version, content from rule_pack where in_force order by pack")
    return [StoredPack(row["pack"], row["version"], row["content"]) for row in rows]


async def activate(pool: Pool, packs: Sequence[StoredPack], actor: str) -> list[str]:
    """Put packs into force, each in the place of the one of its name; return the names of those that changed."""
    changed = []
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("lock table rule_pack in share row exclusive mode")
        versions = {pack.pack: pack.version for pack in await packs_in_force(connection)}
        for pack in packs:
            if versions.get(pack.pack) == pack.version:
                continue
            await connection.execute("update rule_pack set in_force = false where pack = $1 and in_force", pack.pack)
            await connection.execute(
                "insert into rule_pack (pack, version, content, activated_at, activated_by)"
                " values ($1, $2, $3, now(), $4)",
                pack.pack,
                pack.version,
                pack.content,
                actor,
            )
            changed.append(pack.pack)
    return changed
