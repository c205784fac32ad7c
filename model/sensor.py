"""Sensors and cities as the registry holds them, and the checks on what a person registers."""

import builtins
import math
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from model.coordinates import ShiftedCoordinates, refuse_shifted
from model.vocabulary import MODES, PROPERTIES, SYSTEMS, UnknownUnit, conversion

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
FOR_EVER_MS = 10**15
UNWATCHED = "unwatched"
"""An attribute by which no rule selects a sensor: of exercises between two plays alone, and in no file."""
STALE_INTERVALS = 3
"""A periodic sensor is silent, and its last reading no longer holds, after this many intervals."""


class InvalidSensor(ValueError):
    """A field of a sensor or city that cannot stand; `field` names it, the text says how to mend it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class City(msgspec.Struct, frozen=True, kw_only=True):
    """A city (or district that is run as one): its civil time zone, whether it is in operation, and its province.

    `province` is an id, for areas alone; empty where it is not stated.
    """

    city: str
    name: str = ""
    name_zh: str = ""
    time_zone: str = "Asia/Shanghai"
    mode: str = "operational"
    province: str = ""


class Sensor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sensor: who it is, what it observes, where it stands and how it speaks.

    `valid_min`, `valid_max` and `span` are in the sensor's own `unit`; `factor` and `offset` turn its values into the
    property's unit. Times are seconds, lengths metres, coordinates degrees in `crs`.
    """

    sensor: str
    city: str
    system: str
    property: str
    unit: str
    interval_s: float
    longitude: float | None = None
    latitude: float | None = None
    name: str = ""
    name_zh: str = ""
    district: str = ""
    grid: str = ""
    asset: str = ""
    valid_min: float | None = None
    valid_max: float | None = None
    span: float | None = None
    upstream: str = ""
    camera_url: str = ""
    elevation_m: float | None = None
    reporting: str = "periodic"
    silence_s_max: float | None = None
    gas: str = "methane"
    pressure_reference: str = "gauge"
    crs: str = "WGS-84"
    attributes: dict[str, str] = {}

    @builtins.property
    def conversion(self) -> tuple[float, float]:
        """(factor, offset) from the sensor's unit to the property's unit."""
        return conversion(
            PROPERTIES[self.property], self.unit, gas=self.gas, absolute=self.pressure_reference == "absolute"
        )

    @builtins.property
    def valid_range(self) -> tuple[float, float]:
        """The valid range in the property's unit: the sensor's own where given, else the vocabulary's."""
        observed = PROPERTIES[self.property]
        factor, offset = self.conversion
        low = observed.minimum if self.valid_min is None else factor * self.valid_min + offset
        high = observed.maximum if self.valid_max is None else factor * self.valid_max + offset
        return low, high

    @builtins.property
    def silence_ms(self) -> int | None:
        """Milliseconds without arrival after which the sensor is silent; None where silence says nothing."""
        if self.silence_s_max is not None:
            return round(self.silence_s_max * 1000)
        if self.reporting == "by_exception":
            return None
        return round(self.interval_s * STALE_INTERVALS * 1000)

    @builtins.property
    def hold_ms(self) -> int:
        """Milliseconds for which a reading may be held: the silence limit; without one it holds until the next."""
        silence = self.silence_ms
        return FOR_EVER_MS if silence is None else silence


def check_sensor(sensor: Sensor) -> None:
    """Raise InvalidSensor for the first field that cannot stand."""
    check_identifier("sensor", sensor.sensor)
    check_identifier("city", sensor.city)
    if UNWATCHED in sensor.attributes:
        raise InvalidSensor(UNWATCHED, "no sensor is left unwatched by an attribute; take it out of service instead")
    if sensor.system not in SYSTEMS:
        raise InvalidSensor("system", f"{sensor.system!r} is not known; use one of {', '.join(SYSTEMS)}")
    if sensor.property not in PROPERTIES:
        raise InvalidSensor("property", f"{sensor.property!r} is not known; use one of {', '.join(PROPERTIES)}")
    if sensor.pressure_reference not in ("gauge", "absolute"):
        raise InvalidSensor("pressure_reference", f"{sensor.pressure_reference!r}: use gauge or absolute")
    try:
        _ = sensor.conversion
    except UnknownUnit as error:
        raise InvalidSensor("unit", str(error)) from None
    if not (math.isfinite(sensor.interval_s) and 0 < sensor.interval_s <= 366 * 86_400):
        raise InvalidSensor("interval_s", f"{sensor.interval_s:g} is not between 0 and a year; give seconds")
    if sensor.silence_s_max is not None and not 0 < sensor.silence_s_max <= 366 * 86_400:
        raise InvalidSensor("silence_s_max", f"{sensor.silence_s_max:g} is not between 0 and a year; give seconds")
    if sensor.reporting not in ("periodic", "by_exception"):
        raise InvalidSensor("reporting", f"{sensor.reporting!r}: use periodic or by_exception")
    _check_place(sensor)
    for field in ("valid_min", "valid_max", "span"):
        value = getattr(sensor, field)
        if value is not None and not math.isfinite(value):
            raise InvalidSensor(field, f"{value} is not a finite number")
    low, high = sensor.valid_range
    if low >= high:
        raise InvalidSensor("valid_max", f"the valid range {low:g} to {high:g} is empty; valid_min must be below")
    if sensor.span is not None and sensor.span <= 0:
        raise InvalidSensor("span", f"{sensor.span:g} is not positive")


def check_city(city: City) -> None:
    """Raise InvalidSensor for the first field of a city that cannot stand."""
    check_identifier("city", city.city)
    if city.province:
        check_identifier("province", city.province)
    if city.mode not in MODES:
        raise InvalidSensor("mode", f"{city.mode!r}: use one of {', '.join(MODES)}")
    try:
        ZoneInfo(city.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidSensor(
            "time_zone", f"{city.time_zone[:64]!r} is no IANA time zone; write it like Asia/Shanghai"
        ) from None


def check_identifier(field: str, text: str) -> None:
    """Raise InvalidSensor unless the text is 1 to 64 of A-Z a-z 0-9 _ -."""
    if not IDENTIFIER.fullmatch(text):
        raise InvalidSensor(field, f"{text[:80]!r} is not 1 to 64 of A-Z a-z 0-9 _ -")


def _check_place(sensor: Sensor) -> None:
    try:
        refuse_shifted(sensor.crs)
    except ShiftedCoordinates as error:
        raise InvalidSensor("crs", str(error)) from None
    for field, limit in (("longitude", 180.0), ("latitude", 90.0)):
        value = getattr(sensor, field)
        if value is not None and not -limit <= value <= limit:
            raise InvalidSensor(field, f"{value} is not between -{limit:g} and {limit:g} degrees")
    if (sensor.longitude is None) != (sensor.latitude is None):
        raise InvalidSensor("latitude", "longitude and latitude are given together or both left empty")
