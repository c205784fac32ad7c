"""The words of a rule file: packs, rules, selectors, conditions, and the record of why each limit is what it is."""

import hashlib
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from alerts.conditions.combination import Combination
from alerts.conditions.deviation import Deviation
from alerts.conditions.displacement import Displacement
from alerts.conditions.drift import Drift
from alerts.conditions.due import Due
from alerts.conditions.expression import Expression
from alerts.conditions.forecast import Forecast
from alerts.conditions.gateway_silent import GatewaySilent
from alerts.conditions.median_distance import MedianDistance
from alerts.conditions.night_flow import NightFlow
from alerts.conditions.noisy import Noisy
from alerts.conditions.rain import Rain
from alerts.conditions.range import Range
from alerts.conditions.rate import Rate
from alerts.conditions.seasonal import Seasonal
from alerts.conditions.shift import Shift
from alerts.conditions.stale import Stale
from alerts.conditions.step import Step
from alerts.conditions.stuck import Stuck
from alerts.conditions.threshold import Threshold
from alerts.words import (
    AttributeLimit,
    Ladder,
    Level,
    Number,
    Part,
    RuleName,
    Seconds,
    Selector,
    Signal,
    SuppressedBy,
    Text,
    check_ladder,
    limit_of,
)
from model.alarm import AlarmClass, Priority
from model.sensor import Sensor
from model.severity import LABELS
from model.vocabulary import PROPERTIES, ObservedProperty, UnknownUnit, conversion
from model.yaml_file import InForce

SUPPRESSED_BY_MAX = 8

Condition = Annotated[
    Threshold
    | Deviation
    | Combination
    | Expression
    | Stale
    | GatewaySilent
    | Range
    | Due
    | Drift
    | Forecast
    | Noisy
    | Rain
    | Rate
    | Shift
    | Stuck
    | Step
    | Displacement
    | MedianDistance
    | Seasonal
    | NightFlow,
    Field(discriminator="kind"),
]


class Override(Part):
    """Other values for some of a rule's sensors; of several that agree with a sensor the last one counts."""

    select: Selector
    limits: dict[Level, Number | AttributeLimit] | None = Field(None, min_length=1)
    deadband: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    on_delay_s: Seconds | None = None
    off_delay_s: Seconds | None = None
    priority: Priority | Annotated[dict[Level, Priority], Field(min_length=1)] | None = None
    basis: list["Basis"] = Field(default_factory=list)


class Basis(Part):
    """Where limits come from: S read in a source, B background knowledge to be confirmed, P our proposal."""

    mark: Literal["S", "B", "P"]
    source: Annotated[str, Field(min_length=1)]
    limits: list[Level] = Field(default_factory=list)


class Guidance(Part):
    """The rationalisation record: what the operator needs to know and do."""

    cause: Text
    consequence: Text
    response: Text
    time_to_respond_s: Seconds


class Rule(Part):
    """One rule: a condition, the sensors it binds to, how it is annunciated, and why."""

    rule: RuleName
    name: Text
    alarm_class: AlarmClass = Field("process", alias="class")
    select: Selector
    condition: Condition
    overrides: list[Override] = Field(default_factory=list)
    annunciated: bool = True  # where not, it raises no alarm of its own: others look at its condition
    latching: bool = False  # where so, an alarm stays after its condition returned, until somebody resets it
    suppressed_by: list[SuppressedBy] = Field(default_factory=list, max_length=SUPPRESSED_BY_MAX)
    priority: Priority | Annotated[dict[Level, Priority], Field(min_length=1)]
    basis: list[Basis] = Field(default_factory=list)
    guidance: Guidance

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        condition = self.condition
        if isinstance(condition, Ladder):
            if self.select.property is None:
                raise ValueError(f"select: a {condition.kind} needs a property, because its limits have a unit")
            observed = PROPERTIES[self.select.property]
            try:
                if isinstance(condition, Signal):
                    condition.check_unit(observed)
                else:
                    conversion(observed, condition.unit)
            except UnknownUnit as error:
                raise ValueError(f"condition.unit: {error}") from None
            if self.alarm_class == "process":
                _check_sources("basis", condition.limits, self.basis)
            elif len(condition.limits) > 1:
                raise ValueError("limits: an alarm about the instrument has no severity; give one level")
            for place, override in enumerate([None, *self.overrides]):
                where = "condition" if override is None else f"overrides.{place - 1}"
                self._check_values(where, condition, override, observed)
        elif self.alarm_class == "process" and not isinstance(condition, Combination):
            own = "system" if isinstance(condition, GatewaySilent) else "instrument"
            raise ValueError(f"class: a {condition.kind} alarm is about the {own}; write class: {own}")
        if isinstance(condition, Combination):
            _check_sources("basis", condition.levels, self.basis)
            if not self.annunciated:
                raise ValueError("annunciated: nothing looks at a combination; leave it out")
        if not self.annunciated and (self.latching or self.suppressed_by):
            word = "latching" if self.latching else "suppressed_by"
            raise ValueError(f"{word}: the rule raises no alarm of its own; leave it out, or annunciated: false")
        if self.alarm_class != "process" and not isinstance(self.priority, str):
            raise ValueError("priority: an alarm without severity has one priority")
        return self

    def _check_values(
        self, where: str, condition: Threshold | Signal, override: "Override | None", observed: ObservedProperty
    ) -> None:
        limits, deadband = condition.limits, condition.deadband
        above = isinstance(condition, Signal) or condition.direction == "above"
        if override is not None:
            if override.on_delay_s and condition.samples is not None:
                raise ValueError(f"{where}.on_delay_s: the rule has samples; give either, not both")
            if override.limits is not None:
                limits = override.limits
                _check_sources(f"{where}.basis", limits, [*override.basis, *self.basis])
                try:
                    check_ladder("above" if above else "below", limits)
                except ValueError as error:
                    raise ValueError(f"{where}.{error}") from None
            deadband = deadband if override.deadband is None else override.deadband
        for level, limit in limits.items():
            if not isinstance(limit, float):
                continue
            if isinstance(condition, Signal):
                if limit - deadband <= 0:
                    raise ValueError(f"{where}.limits: {level} {limit:g} less deadband {deadband:g} must lie above 0")
                continue
            factor, offset = conversion(observed, condition.unit)
            clears = factor * (limit - (1 if above else -1) * deadband) + offset
            if clears < observed.minimum if above else clears > observed.maximum:
                raise ValueError(
                    f"{where}.deadband: {level} {limit:g} with deadband {deadband:g} could never clear: "
                    f"{observed.name} lies between {observed.minimum:g} and {observed.maximum:g} {observed.unit}"
                )

    @property
    def version(self) -> str:
        """Twelve digits of the SHA-256 of the rule's content: the same text has the same version everywhere."""
        content = self.model_dump_json(by_alias=True, exclude_defaults=True)
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    def priority_at(self, severity: int, override: Override | None = None) -> Priority:
        """The priority of annunciation at a severity (integer of model.severity, at least 1)."""
        priority = self.priority if override is None or override.priority is None else override.priority
        if isinstance(priority, str):
            return priority
        named = [priority[level] for level in LABELS[:severity] if level in priority]
        return named[-1] if named else "low"


class Pack(Part, InForce):
    """A rule file: the rules of one system or purpose."""

    pack: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    description: Text
    rules: list[Rule] = Field(min_length=1)


def _check_sources(where: str, limits: Mapping[Any, Any], basis: "list[Basis]") -> None:
    named = {level for part in basis for level in (part.limits or limits)}
    missing = [level for level in limits if level not in named]
    if missing:
        raise ValueError(f"{where}: {', '.join(missing)} has no mark (S, B or P) and source; every limit needs one")


def limits_of(condition: Threshold | Signal, override: Override | None, sensor: Sensor) -> list[float] | None:
    """Return the four limits, infinite where a level has none; None where they cannot be set.

    Those of a threshold are in the property's unit, those of a signal in its own. A limit that stands with the sensor
    is not set while the sensor lacks the attribute: then the rule does not bind.
    """
    limits = condition.limits if override is None or override.limits is None else override.limits
    factor, offset, unset = 1.0, 0.0, math.inf
    if isinstance(condition, Threshold):
        factor, offset = conversion(PROPERTIES[sensor.property], condition.unit, gas=sensor.gas)
        unset = math.inf if condition.direction == "above" else -math.inf
    result = []
    for level in LABELS:
        given: Any = limits.get(level)  # type: ignore[call-overload]
        limit = unset if given is None else limit_of(given, sensor)
        if limit is None or (isinstance(condition, Signal) and limit <= 0):
            return None
        result.append(limit if given is None else factor * limit + offset)
    return result
