"""Rule packs in force and their history."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from model.area import EVERYWHERE
from model.audit import Action
from store.audit import record
from store.conditions import Conditions
from store.pool import Connection, Pool


class StoredPack(NamedTuple):
    """A pack as it was put into force: its name, version (hash of its content), content (JSON) and rules' ids."""

    pack: str
    version: str
    content: str

    @property
    def rules(self) -> list[str]:
        """The ids of the pack's rules."""
        return [rule["rule"] for rule in json.loads(self.content)["rules"]]


class RuleTaken(Exception):
    """A rule's id stands in another pack that is in force: two rules of one id would share their alarms."""

    def __init__(self, rule: str, pack: str, owner: str) -> None:
        super().__init__(
            f"rule {rule!r} of pack {pack!r} stands in pack {owner!r}, which is in force; nothing was changed: give it "
            f"another id, or activate it as pack {owner!r} to take that pack's place"
        )
        self.rule = rule


async def packs_in_force(connection: Connection | Pool) -> list[StoredPack]:
    """Return the packs in force by name."""
    rows = await connection.fetch("select pack, version, content from rule_pack where in_force order by pack")
    return [StoredPack(row["pack"], row["version"], row["content"]) for row in rows]


class Activation(NamedTuple):
    """A pack that is or was in force: since when, by whose word, and who approved it where a second person had to."""

    pack: StoredPack
    activated_at: datetime
    activated_by: str
    approved_by: str | None


async def activations_in_force(connection: Connection | Pool) -> list[Activation]:
    """Return the packs in force by name, with how they came into force."""
    rows = await connection.fetch(
        "select pack, version, content, activated_at, activated_by, approved_by from rule_pack where in_force"
        " order by pack"
    )
    return [Activation(StoredPack(*tuple(row)[:3]), *tuple(row)[3:]) for row in rows]


async def activations_of(connection: Connection | Pool, pack: str, rows_max: int) -> list[Activation]:
    """Return how a pack's newest versions came into force, oldest first."""
    rows = await connection.fetch(
        "select pack, version, content, activated_at, activated_by, approved_by from rule_pack where pack = $1"
        " order by activation desc limit $2",
        pack,
        rows_max,
    )
    return [Activation(StoredPack(*tuple(row)[:3]), *tuple(row)[3:]) for row in reversed(rows)]


class PackVersion(NamedTuple):
    """A version that is or was in force, by the number of its activation; `trial` is what was shown before it."""

    activation: int
    version: str
    activated_at: datetime
    activated_by: str
    approved_by: str | None
    in_force: bool
    trial: dict[str, Any] | None


async def pack_versions(
    connection: Connection | Pool, pack: str, areas: Sequence[str], rows_max: int, before: int | None = None
) -> list[PackVersion]:
    """Return the versions of a pack, newest first, of activations below `before`.

    A trial is of all cities: to who is bound to some it is None.
    """
    conditions = Conditions()
    conditions.add_equal("pack", pack)
    if before is not None:
        conditions.add("activation < ?", before)
    whole, limit = conditions.bind(EVERYWHERE in areas), conditions.bind(rows_max)
    rows = await connection.fetch(
        "select activation, version, activated_at, activated_by, approved_by, in_force,"
        f" case when {whole}::boolean then trial end as trial from rule_pack where {conditions}"
        f" order by activation desc limit {limit}",
        *conditions.values,
    )
    return [
        PackVersion(**dict(row) | {"trial": None if row["trial"] is None else msgspec.json.decode(row["trial"])})
        for row in rows
    ]


async def activation_at(
    connection: Connection | Pool, pack: str, version: str, time: datetime
) -> tuple[datetime, str, str | None] | None:
    """Return when, by whom and with whose approval a version of a pack that was in force at `time` had come into force.

    Of several times the newest until then. Where the log's clock is not that of activation, as in a replay, the first.
    """
    row = await connection.fetchrow(
        "select activated_at, activated_by, approved_by from rule_pack where pack = $1 and version = $2"
        " order by activated_at <= $3 desc, case when activated_at <= $3 then -activation else activation end limit 1",
        pack,
        version,
        time,
    )
    return None if row is None else tuple(row)


async def activate(pool: Pool, packs: Sequence[StoredPack], actor: str) -> list[str]:
    """Put packs into force, each in the place of the one of its name; return the names of those that changed.

    Raises RuleTaken, and changes nothing, where a rule's id would be in force twice.
    """
    async with pool.acquire() as connection, connection.transaction():
        await lock_rules(connection)
        return await replace_packs(connection, packs, by=actor)


async def lock_rules(connection: Connection) -> None:
    """Let nobody else change what is in force until the transaction ends; readers are not held up."""
    await connection.execute("lock table rule_pack in share row exclusive mode")


async def replace_packs(
    connection: Connection,
    packs: Sequence[StoredPack],
    *,
    by: str,
    approved_by: str | None = None,
    trial: dict[str, Any] | None = None,
) -> list[str]:
    """Put packs into force as `activate` does, in the caller's transaction, which holds the lock of the rules.

    `trial` is what was shown of them before, kept with each that changes.
    """
    changed = []
    present = await packs_in_force(connection)
    _refuse_taken_rules(present, packs)
    versions = {pack.pack: pack.version for pack in present}
    for pack in packs:
        if versions.get(pack.pack) == pack.version:
            continue
        await connection.execute("update rule_pack set in_force = false where pack = $1 and in_force", pack.pack)
        await connection.execute(
            "insert into rule_pack (pack, version, content, activated_at, activated_by, approved_by, trial)"
            " values ($1, $2, $3, now(), $4, $5, $6)",
            pack.pack,
            pack.version,
            pack.content,
            by,
            approved_by,
            None if trial is None else msgspec.json.encode(trial).decode(),
        )
        changed.append(pack.pack)
    if changed:
        packs_told = ", ".join(f"{pack.pack} {pack.version}" for pack in packs if pack.pack in changed)
        await record(
            connection, actor=approved_by or by, action=Action.RULES_ACTIVATED, subject=", ".join(changed),
            details={"packs": packs_told, "requested_by": by},
        )  # fmt: skip
    return changed


def _refuse_taken_rules(present: Sequence[StoredPack], packs: Sequence[StoredPack]) -> None:
    replaced = {pack.pack for pack in packs}
    owners = {rule: pack.pack for pack in present if pack.pack not in replaced for rule in pack.rules}
    for pack in packs:
        for rule in pack.rules:
            if rule in owners:
                raise RuleTaken(rule, pack.pack, owners[rule])
