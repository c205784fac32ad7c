"""The words of a rule file: packs, rules, selectors, conditions, and the record of why each limit is what it is."""

import hashlib
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from model.alarm import AlarmClass, Priority
from model.sensor import Sensor
from model.severity import LABELS
from model.vocabulary import PROPERTIES, SYSTEMS, UnknownUnit, conversion

Level = Literal["blue", "yellow", "orange", "red"]
Seconds = Annotated[float, Field(ge=0, le=366 * 86_400, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Part(BaseModel):
    """What all parts of a rule file share: unknown fields are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Part):
    """A text for people, in English and Chinese."""

    en: str
    zh: str


class Selector(Part):
    """Which sensors a rule binds to: all that agree with every field given."""

    city: str | None = None
    system: str | None = None
    property: str | None = None
    district: str | None = None
    sensor: str | None = None
    attributes: dict[str, str] = {}

    @field_validator("system")
    @classmethod
    def _system_is_known(cls, value: str | None) -> str | None:
        if value is not None and value not in SYSTEMS:
            raise ValueError(f"{value!r} is not known; use one of {', '.join(SYSTEMS)}")
        return value

    @field_validator("property")
    @classmethod
    def _property_is_known(cls, value: str | None) -> str | None:
        if value is not None and value not in PROPERTIES:
            raise ValueError(f"{value!r} is not known; use one of {', '.join(PROPERTIES)}")
        return value

    def agrees(self, sensor: Sensor) -> bool:
        """Whether the sensor is one of those selected."""
        return (
            self.city in (None, sensor.city)
            and self.system in (None, sensor.system)
            and self.property in (None, sensor.property)
            and self.district in (None, sensor.district)
            and self.sensor in (None, sensor.sensor)
            and all(sensor.attributes.get(name) == value for name, value in self.attributes.items())
        )


class AttributeLimit(Part):
    """A limit that stands with the sensor: `factor * attribute + offset`, the attribute in the condition's unit."""

    attribute: str
    factor: Number = 1.0
    offset: Number = 0.0


class Samples(Part):
    """Persistence: the limit is reached by at least `needed` of the last `of` good readings, the newest included."""

    needed: Annotated[int, Field(ge=1, le=16)]
    of: Annotated[int, Field(ge=1, le=16)]

    @model_validator(mode="after")
    def _needed_fits(self) -> Self:
        if self.needed > self.of:
            raise ValueError(f"needed is {self.needed} of {self.of}; it cannot be more than of")
        return self


class Threshold(Part):
    """A ladder of limits: the level is reached at or beyond its limit and left inside limit and deadband."""

    kind: Literal["threshold"]
    direction: Literal["above", "below"] = "above"
    unit: str
    limits: dict[Level, Number | AttributeLimit] = Field(min_length=1)
    deadband: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    on_delay_s: Seconds = 0.0
    off_delay_s: Seconds = 0.0
    samples: Samples | None = None
    full_scale: Level | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_ladder(self.direction, self.limits)
        if self.samples is not None and self.on_delay_s:
            raise ValueError("samples: give either samples or on_delay_s, not both")
        return self


def _check_ladder(direction: str, limits: Mapping[Any, float | AttributeLimit]) -> None:
    """Raise ValueError unless each level lies beyond the one below it; limits of attributes are known later."""
    order = [(level, limits[level]) for level in LABELS if level in limits]
    fixed = [(level, limit) for level, limit in order if isinstance(limit, float)]
    for (lower, low), (higher, high) in pairwise(fixed):
        if (high <= low) if direction == "above" else (high >= low):
            wanted = "above" if direction == "above" else "below"
            raise ValueError(f"limits: {higher} {high:g} must lie {wanted} {lower} {low:g}")


class Stale(Part):
    """Nothing was heard of the sensor for longer than its silence limit; judged on arrival."""

    kind: Literal["stale"]


class Range(Part):
    """The sensor's readings are bad: out of range, a sentinel, or reported bad by the device."""

    kind: Literal["range"]
    on_delay_s: Seconds = 0.0
    off_delay_s: Seconds = 0.0


class Due(Part):
    """A date that stands with the sensor has passed, such as its next calibration; judged on the log's clock."""

    kind: Literal["due"]
    attribute: Annotated[str, Field(pattern=r"^\S{1,64}$")] = "calibration_due"


Condition = Annotated[Threshold | Stale | Range | Due, Field(discriminator="kind")]


class Override(Part):
    """Other values for some of a rule's sensors; of several that agree with a sensor the last one counts."""

    select: Selector
    limits: dict[Level, Number | AttributeLimit] | None = Field(None, min_length=1)
    deadband: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    on_delay_s: Seconds | None = None
    off_delay_s: Seconds | None = None
    priority: Priority | Annotated[dict[Level, Priority], Field(min_length=1)] | None = None
    basis: list["Basis"] = []


class Basis(Part):
    """Where limits come from: S read in a source, B background knowledge to be confirmed, P our proposal."""

    mark: Literal["S", "B", "P"]
    source: Annotated[str, Field(min_length=1)]
    limits: list[Level] = []


class Guidance(Part):
    """The rationalisation record: what the operator needs to know and do."""

    cause: Text
    consequence: Text
    response: Text
    time_to_respond_s: Seconds


class Rule(Part):
    """One rule: a condition, the sensors it binds to, how it is annunciated, and why."""

    rule: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    name: Text
    alarm_class: AlarmClass = Field("process", alias="class")
    select: Selector
    condition: Condition
    overrides: list[Override] = []
    priority: Priority | Annotated[dict[Level, Priority], Field(min_length=1)]
    basis: list[Basis] = []
    guidance: Guidance

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        condition = self.condition
        if isinstance(condition, Threshold):
            if self.select.property is None:
                raise ValueError("select: a threshold needs a property, because its limits have a unit")
            observed = PROPERTIES[self.select.property]
            try:
                factor, offset = conversion(observed, condition.unit)
            except UnknownUnit as error:
                raise ValueError(f"condition.unit: {error}") from None
            _check_sources("basis", condition.limits, self.basis)
            for place, override in enumerate([None, *self.overrides]):
                where = "condition" if override is None else f"overrides.{place - 1}"
                self._check_values(where, condition, override, observed, factor, offset)
        elif self.alarm_class == "process":
            raise ValueError(f"class: a {condition.kind} alarm is about the instrument; write class: instrument")
        if self.alarm_class != "process" and not isinstance(self.priority, str):
            raise ValueError("priority: an alarm without severity has one priority")
        return self

    def _check_values(
        self, where: str, condition: Threshold, override: "Override | None", observed: Any, factor: float, offset: float
    ) -> None:
        limits, deadband = condition.limits, condition.deadband
        if override is not None:
            if override.on_delay_s and condition.samples is not None:
                raise ValueError(f"{where}.on_delay_s: the rule has samples; give either, not both")
            if override.limits is not None:
                limits = override.limits
                _check_sources(f"{where}.basis", limits, [*override.basis, *self.basis])
                try:
                    _check_ladder(condition.direction, limits)
                except ValueError as error:
                    raise ValueError(f"{where}.{error}") from None
            deadband = deadband if override.deadband is None else override.deadband
        for level, limit in limits.items():
            if isinstance(limit, float):
                sign = 1 if condition.direction == "above" else -1
                clears = factor * (limit - sign * deadband) + offset
                if clears < observed.minimum if sign > 0 else clears > observed.maximum:
                    raise ValueError(
                        f"{where}.deadband: {level} {limit:g} with deadband {deadband:g} could never clear: "
                        f"{observed.name} lies between {observed.minimum:g} and {observed.maximum:g} {observed.unit}"
                    )

    @property
    def version(self) -> str:
        """Twelve digits of the SHA-256 of the rule's content: the same text has the same version everywhere."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()[:12]

    def priority_at(self, severity: int, override: Override | None = None) -> Priority:
        """The priority of annunciation at a severity (integer of model.severity, at least 1)."""
        priority = self.priority if override is None or override.priority is None else override.priority
        if isinstance(priority, str):
            return priority
        named = [priority[level] for level in LABELS[:severity] if level in priority]
        return named[-1] if named else "low"


class Pack(Part):
    """A rule file: the rules of one system or purpose."""

    pack: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    description: Text
    rules: list[Rule] = Field(min_length=1)

    @property
    def content(self) -> str:
        """The pack as JSON, as it is kept when it comes into force."""
        return self.model_dump_json(by_alias=True)

    @property
    def version(self) -> str:
        """Twelve digits of the SHA-256 of the pack's content."""
        return hashlib.sha256(self.content.encode()).hexdigest()[:12]

    @model_validator(mode="after")
    def _ids_are_single(self) -> Self:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.rule in seen:
                raise ValueError(f"rules: rule {rule.rule!r} stands twice; ids are single")
            seen.add(rule.rule)
        return self


def _check_sources(where: str, limits: Mapping[Any, Any], basis: "list[Basis]") -> None:
    named = {level for part in basis for level in (part.limits or limits)}
    missing = [level for level in limits if level not in named]
    if missing:
        raise ValueError(f"{where}: {', '.join(missing)} has no mark (S, B or P) and source; every limit needs one")


def limits_of(rule: Rule, condition: Threshold, override: Override | None, sensor: Sensor) -> list[float] | None:
    """Return the four limits in the property's unit, infinite where a level has none; None where they cannot be set.

    A limit that stands with the sensor is not set while the sensor lacks the attribute: then the rule does not bind.
    """
    limits = condition.limits if override is None or override.limits is None else override.limits
    factor, offset = conversion(PROPERTIES[rule.select.property or ""], condition.unit, gas=sensor.gas)
    unset = math.inf if condition.direction == "above" else -math.inf
    result = []
    for level in LABELS:
        limit: Any = limits.get(level)  # type: ignore[call-overload]
        if limit is None:
            result.append(unset)
            continue
        if isinstance(limit, AttributeLimit):
            try:
                limit = limit.factor * float(sensor.attributes[limit.attribute]) + limit.offset
            except (KeyError, ValueError):
                return None
        if not math.isfinite(limit):
            return None
        result.append(factor * limit + offset)
    return result
