"""Words that the parts of a rule file share: texts, levels, limits, and the ladder of four levels."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from model.sensor import UNWATCHED, Sensor
from model.severity import LABELS
from model.vocabulary import PROPERTIES, SYSTEMS, ObservedProperty, UnknownUnit, conversion

Level = Literal["blue", "yellow", "orange", "red"]
Seconds = Annotated[float, Field(ge=0, le=366 * 86_400, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
RuleName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Selected = Annotated[str, Field(max_length=200)]
Area = Annotated[str, Field(pattern=r"^(sensor|district|city|attributes\.\S{1,64})$")]

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}


class Part(BaseModel):
    """What all parts of a rule file share: unknown fields are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Part):
    """A text for people, in English and Chinese."""

    en: str
    zh: str


class Selector(Part):
    """Which sensors a rule binds to: all that agree with every field given."""

    city: Selected | None = None
    system: Selected | None = None
    property: Selected | None = None
    district: Selected | None = None
    sensor: Selected | None = None
    attributes: dict[Selected, Selected] = Field(default={}, max_length=20)

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
            UNWATCHED not in sensor.attributes
            and self.city in (None, sensor.city)
            and self.system in (None, sensor.system)
            and self.property in (None, sensor.property)
            and self.district in (None, sensor.district)
            and self.sensor in (None, sensor.sensor)
            and all(sensor.attributes.get(name) == value for name, value in self.attributes.items())
        )


class SuppressedBy(Part):
    """Suppression by design: while the condition of `rule` is active in the same area, this rule's alarms are quiet.

    `per`: at the same sensor, in the same district or city, or with the same value of `attributes.NAME`. What is graver
    than `up_to` is annunciated all the same; an alarm without severity never is.
    """

    rule: RuleName
    per: Area = "sensor"
    up_to: Level = "orange"


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


class Ladder(Part):
    """Up to four levels: each is reached at or beyond its limit and left inside limit and deadband."""

    limits: dict[Level, Number | AttributeLimit] = Field(min_length=1)
    deadband: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    on_delay_s: Seconds = 0.0
    off_delay_s: Seconds = 0.0
    samples: Samples | None = None

    @model_validator(mode="after")
    def _one_persistence(self) -> Self:
        if self.samples is not None and self.on_delay_s:
            raise ValueError("samples: give either samples or on_delay_s, not both")
        return self


class Signal(Ladder):
    """A condition that makes a signal of the readings, and holds its size in `direction` against the ladder.

    The limits are positive and in the signal's unit. `above` looks at rises of the signal, `below` at falls (a fall of
    3 is a signal of 3), `either` at both.
    """

    direction: Literal["above", "below", "either"] = "above"

    @model_validator(mode="after")
    def _ladder_rises(self) -> Self:
        check_ladder("above", self.limits)
        for level, limit in self.limits.items():
            if isinstance(limit, float) and limit - self.deadband <= 0:
                raise ValueError(f"limits: {level} {limit:g} less the deadband {self.deadband:g} must lie above 0")
        return self

    def check_unit(self, observed: ObservedProperty) -> None:
        """Raise UnknownUnit where the condition's unit does not fit the property."""


def check_ladder(direction: str, limits: Mapping[Any, float | AttributeLimit]) -> None:
    """Raise ValueError unless each level lies beyond the one below it; limits of attributes are known later."""
    order = [(level, limits[level]) for level in LABELS if level in limits]
    fixed = [(level, limit) for level, limit in order if isinstance(limit, float)]
    for (lower, low), (higher, high) in pairwise(fixed):
        if (high <= low) if direction == "above" else (high >= low):
            wanted = "above" if direction == "above" else "below"
            raise ValueError(f"limits: {higher} {high:g} must lie {wanted} {lower} {low:g}")


def difference_factor(observed: ObservedProperty, unit: str, gas: str = "methane") -> float:
    """Return how many of the property's unit a difference of one `unit` is. Raises UnknownUnit."""
    factor, _ = conversion(observed, unit, gas=gas)
    return factor


def rate_factor(observed: ObservedProperty, unit: str, gas: str = "methane") -> float:
    """Return how many of the property's unit per second one `unit` is, such as `mm/d` for a displacement.

    Raises UnknownUnit where it is not a unit of the property over s, min, h or d.
    """
    amount, slash, span = unit.rpartition("/")
    if not slash or span not in _SECONDS:
        raise UnknownUnit(f"unit {unit!r} is no rate; write a unit of {observed.name} over s, min, h or d")
    return difference_factor(observed, amount, gas) / _SECONDS[span]


def limit_of(limit: float | AttributeLimit, sensor: Sensor) -> float | None:
    """Return a limit as it holds at a sensor; None where it stands with the sensor and the sensor lacks it."""
    if isinstance(limit, AttributeLimit):
        try:
            limit = limit.factor * float(sensor.attributes[limit.attribute]) + limit.offset
        except (KeyError, ValueError):
            return None
    return limit if math.isfinite(limit) else None
