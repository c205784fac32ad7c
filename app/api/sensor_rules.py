"""Rules at a sensor: what looks at it, with the limits as they hold there, and what the operator is to know and do."""

from collections.abc import Iterator
from functools import lru_cache
from math import isfinite
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from alerts.conditions.forecast import Forecast
from alerts.conditions.threshold import Threshold
from alerts.rules import Guidance, Override, Pack, Rule, limits_of
from alerts.temporary_limits import with_temporary_limits
from alerts.words import Ladder, Samples, Signal, Text
from app.access import Reader
from app.api.context import context_of
from app.api.lines import Mode, Severity
from app.api.problems import not_found
from app.api.sensors import SensorInPath
from model.alarm import AlarmClass
from model.sensor import Sensor
from model.severity import LABELS
from model.vocabulary import PROPERTIES, conversion
from store.rule_packs import packs_in_force
from store.sensor_search import find_sensor
from store.temporary_limits import limits_in_force

router = APIRouter(prefix="/sensors", tags=["sensors"])
PACKS_KEPT_MAX = 64  # as they are read from their content, which takes longer than all else of a request

_TEXT = {"en": "A leaking gas pipe nearby.", "zh": "附近燃气管道泄漏。"}


class SensorRule(BaseModel):
    """A rule at a sensor, with the limits as they hold there."""

    rule: str = Field(examples=["combustible-gas"])
    rule_version: str = Field(description="As journal lines name it now", examples=["3f9a1c0b77de"])
    name: Text = Field(examples=[{"en": "Combustible gas", "zh": "可燃气体浓度"}])
    class_: AlarmClass = Field(alias="class")
    kind: str = Field(examples=["threshold"])
    annunciated: bool = Field(description="false: others look at it, and it raises no alarm of its own")
    of: Literal["readings", "signal"] | None = Field(
        description="What the limits are for: the readings as they are, or a signal made of them; null: it has none"
    )
    direction: Literal["above", "below", "either"] | None
    unit: str | None = Field(description="UCUM, of limits and deadband; null: a bare number", examples=["%{LEL}"])
    value_unit: str | None = Field(description="UCUM, of `value` and `limit` of its alarms; null: a bare number")
    limits: dict[Severity, float] = Field(examples=[{"blue": 10, "yellow": 20, "orange": 35, "red": 50}])
    deadband: float | None = Field(examples=[2])
    samples: Samples | None = Field(description="How many of the last good readings have to reach the limit")
    on_delay_s: float | None
    off_delay_s: float | None = Field(examples=[300])
    temporary: bool = Field(description="Limits that were set for a time are among these")
    guidance: Guidance = Field(
        description="What the operator is to know and do",
        examples=[{"cause": _TEXT, "consequence": _TEXT, "response": _TEXT, "time_to_respond_s": 300}],
    )


class SensorRules(BaseModel):
    """The rules in force at a sensor."""

    sensor: str = Field(examples=["GAS-0007"])
    mode: Mode = Field(description="Of its city")
    rules: list[SensorRule]


@router.get("/{sensor}/rules", response_model=SensorRules, summary="Rules at a sensor")
async def list_sensor_rules(request: Request, caller: Reader, sensor: SensorInPath) -> dict[str, Any]:
    """List the rules in force at a sensor, with limits as they hold there: its own, by attribute, or for a time.

    Limits of readings are in the unit of the sensor's readings; those of a signal in the rule's own.
    """
    async with context_of(request).reading() as connection:
        found = await find_sensor(connection, sensor, caller.areas)
        if found is None:
            raise not_found("sensor", sensor)
        designed = [_pack(stored.content) for stored in await packs_in_force(connection)]
        temporary = await limits_in_force(connection)
    rules = [item for pack in with_temporary_limits(designed, temporary) for item in _items(pack, found.sensor)]
    return {"sensor": found.sensor.sensor, "mode": found.mode, "rules": rules}


@lru_cache(PACKS_KEPT_MAX)
def _pack(content: str) -> Pack:
    return Pack.model_validate_json(content)


def _items(pack: Pack, sensor: Sensor) -> Iterator[dict[str, Any]]:
    for rule in pack.rules:
        if not rule.select.agrees(sensor):
            continue
        override = next((one for one in reversed(rule.overrides) if one.select.agrees(sensor)), None)
        ladder = _ladder(rule, override, sensor)
        if ladder is not None:
            yield {
                "rule": rule.rule,
                "rule_version": rule.version,
                "name": rule.name,
                "class": rule.alarm_class,
                "kind": rule.condition.kind,
                "annunciated": rule.annunciated,
                "temporary": override is not None and any("temporary limit" in one.source for one in override.basis),
                "guidance": rule.guidance,
            } | ladder


def _ladder(rule: Rule, override: Override | None, sensor: Sensor) -> dict[str, Any] | None:
    """Return the limits of a rule as they hold at a sensor; None where the rule does not bind to it."""
    condition = rule.condition
    if not isinstance(condition, Threshold | Signal):
        names = ("of", "direction", "unit", "value_unit", "deadband", "samples", "on_delay_s", "off_delay_s")
        return dict.fromkeys(names) | {"limits": {}}
    limits = limits_of(condition, override, sensor)
    if limits is None:
        return None
    deadband = condition.deadband if override is None or override.deadband is None else override.deadband
    unit = value_unit = getattr(condition, "unit", None)
    factor, offset = 1.0, 0.0
    if isinstance(condition, Threshold | Forecast):
        observed = PROPERTIES[sensor.property]
        factor, offset = conversion(observed, condition.unit, gas=sensor.gas)
        unit = observed.unit
        value_unit = unit if isinstance(condition, Threshold) else condition.unit
    if isinstance(condition, Forecast):  # limits_of converts those of a threshold alone
        limits = [factor * limit + offset for limit in limits]
    return {
        "of": "readings" if isinstance(condition, Threshold | Forecast) else "signal",
        "direction": condition.direction,
        "unit": unit,
        "value_unit": value_unit,
        "limits": {level: limit for level, limit in zip(LABELS, limits, strict=True) if isfinite(limit)},
        "deadband": factor * deadband,
        "samples": condition.samples,
        "on_delay_s": _delay(condition, override, "on_delay_s"),
        "off_delay_s": _delay(condition, override, "off_delay_s"),
    }


def _delay(condition: Ladder, override: Override | None, name: str) -> float:
    own: float | None = None if override is None else getattr(override, name)
    return float(getattr(condition, name) if own is None else own)
