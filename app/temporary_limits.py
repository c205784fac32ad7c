"""Temporary limits: looked at as they would hold, requested by one person and approved by another, ended by one."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from alerts.limit_effects import Effect, LimitRefused, effects_of, told_unit, unit_of
from alerts.rules import Pack, Rule
from alerts.temporary_limits import changed_rule, design_of, meet
from alerts.words import Selector
from app.actions import ActionRefused
from model.area import EVERYWHERE, covers, touches
from model.instant import DAY_MS, format_instant
from model.sensor import Sensor
from model.severity import LABELS
from model.temporary_limit import TemporaryLimit
from store.approvals import ApprovalRow, request_approval
from store.pool import Connection
from store.rule_packs import lock_rules, packs_in_force
from store.temporary_limits import add_temporary_limit, limits_in_force, selected_sensors

TEMPORARY_LIMIT = "temporary_limit"
"""The kind of request for a second person."""

REQUEST_MS_MAX = DAY_MS  # a request is void after so long
LIMITS_MAX = 500  # in force at one time, in the whole deployment
SENSORS_MAX = 500_000
EFFECTS_TOLD_MAX = 50


class RuleUnknown(Exception):
    """There is no such rule in force."""


class LimitRequest(msgspec.Struct):
    """What is kept of a request for a temporary limit; it ends at `ends` or `duration_ms` after its approval."""

    rule: str
    design: str
    select: dict[str, Any]
    limits: dict[str, float]
    unit: str | None
    reason: str
    ends: int | None
    duration_ms: int | None
    sensors: int = 0
    loosens: bool = False
    tightens: bool = False
    effects: list[dict[str, Any]] = []
    trial: dict[str, Any] = {}

    def limit(self, number: int, now: int) -> TemporaryLimit:
        """The limit as it would come into force at `now` (epoch milliseconds)."""
        ends = now + self.duration_ms if self.ends is None and self.duration_ms is not None else self.ends or now
        return TemporaryLimit(
            number=number, rule=self.rule, design=self.design, select=self.select, limits=self.limits, ends=ends
        )


class Looked(NamedTuple):
    """A rule in force with the sensors that a request selects: their city (None: of more than one) and who they are."""

    pack: Pack
    rule: Rule
    city: str | None
    sensors: list[Sensor]
    in_force: list[TemporaryLimit]


async def look(connection: Connection, rule: str, select: Selector, areas: Sequence[str]) -> Looked:
    """Return what a temporary limit would be about, within the areas. Raises RuleUnknown and LimitRefused."""
    packs = [Pack.model_validate_json(pack.content) for pack in await packs_in_force(connection)]
    found = next(((pack, one) for pack in packs for one in pack.rules if one.rule == rule), None)
    if found is None:
        raise RuleUnknown(rule)
    where = meet(found[1].select, select)
    if where is None:
        raise LimitRefused("select", f"rule {rule!r} holds at none of these sensors", "select sensors of the rule")
    sensors = await selected_sensors(connection, where.model_dump(), areas, SENSORS_MAX)
    city = sensors[0].city if where.sensor is not None and sensors else where.city
    if select.sensor is None and not (EVERYWHERE in areas or covers(areas, city or "", select.district or "")):
        if city is None or not touches(areas, city):
            raise LimitRefused("select.city", "is missing, and this key sees some cities only", "name a city of yours")
        raise LimitRefused(
            "select.district",
            "is missing, and this key sees some districts only",
            f"name a district of {city} of yours",
        )
    return Looked(*found, city, sensors, await limits_in_force(connection, rule))


async def effects_at(looked: Looked, limit: TemporaryLimit) -> list[Effect]:
    """Return what a limit would change, most sensors first. Raises LimitRefused."""
    # On a thread, because it may be every sensor of a city.
    return await asyncio.to_thread(effects_of, looked.pack, looked.rule, limit, looked.sensors, looked.in_force)


def tried_pack(looked: Looked, limit: TemporaryLimit) -> Pack:
    """Return the rule's pack as it would be with the limit alone, for a trial."""
    changed = changed_rule(looked.rule, [limit])
    rules = [changed if rule.rule == changed.rule else rule for rule in looked.pack.rules]
    return looked.pack.model_copy(update={"rules": rules})


async def request_limit(
    connection: Connection, asked: LimitRequest, city: str | None, *, by: str, now: int
) -> ApprovalRow:
    """Keep a request for a temporary limit, made at `now` (epoch milliseconds); void at the limit's own end."""
    expires = now + REQUEST_MS_MAX
    return await request_approval(
        connection, kind=TEMPORARY_LIMIT, city=city, subject=asked.rule, request=msgspec.to_builtins(asked), by=by,
        now=now, expires=expires if asked.ends is None else min(expires, asked.ends),
    )  # fmt: skip


async def apply_temporary_limit(connection: Connection, found: ApprovalRow, approver: str, now: int) -> dict[str, Any]:
    """Put an approved temporary limit in force, looked at again. Raises ActionRefused."""
    asked = msgspec.convert(found.request, LimitRequest)
    await lock_rules(connection)
    limit = asked.limit(found.approval, now)
    if limit.ends <= now:
        raise ActionRefused("the temporary limit would have ended already", "ask anew with a later end")
    try:
        looked = await look(connection, asked.rule, Selector(**asked.select), ("*",))
        if design_of(looked.rule) != asked.design:
            raise ActionRefused(f"rule {asked.rule} was changed since the request", "look at it, and ask anew")
        await effects_at(looked, limit)
    except RuleUnknown:
        raise ActionRefused(f"rule {asked.rule} is no longer in force", "nothing needs to be done") from None
    except LimitRefused as refused:
        raise ActionRefused(str(refused), refused.remedy) from None
    if len(await limits_in_force(connection)) >= LIMITS_MAX:
        raise ActionRefused(f"{LIMITS_MAX} temporary limits are in force", "end some, or change the rule files")
    version = changed_rule(looked.rule, [*looked.in_force, limit]).version
    await add_temporary_limit(
        connection, limit, rule_version=version, city=found.city, unit=asked.unit, reason=asked.reason,
        requested_by=found.requested_by, approved_by=approver, now=now,
    )  # fmt: skip
    return {"temporary_limit": limit.number, "rule_version": version, "ends_at": format_instant(limit.ends)}


def told(asked: LimitRequest, looked: Looked, effects: Sequence[Effect], trial: dict[str, Any]) -> LimitRequest:
    """Return a request with what it would change."""
    return msgspec.structs.replace(
        asked,
        unit=unit_of(looked.rule),
        sensors=sum(effect.sensors for effect in effects),
        loosens=any(effect.loosened for effect in effects),
        tightens=any(effect.tightened for effect in effects),
        effects=[_effect(effect, told_unit(looked.rule)) for effect in effects[:EFFECTS_TOLD_MAX]],
        trial=trial,
    )


def _effect(effect: Effect, unit: str | None) -> dict[str, Any]:
    return {
        "sensors": effect.sensors,
        "example": effect.example,
        "unit": unit,
        "before": _ladder(effect.before),
        "after": _ladder(effect.after),
        "loosened": effect.loosened,
        "tightened": effect.tightened,
    }


def _ladder(limits: Sequence[float | None]) -> dict[str, float]:
    return {str(level): limit for level, limit in zip(LABELS, limits, strict=True) if limit is not None}
