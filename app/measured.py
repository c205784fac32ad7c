"""What a verification is held against: what the sensor still says, and the limits of the rules in force."""

from collections.abc import AsyncIterator, Sequence
from math import isfinite
from typing import NamedTuple

import msgspec

from alerts.binding import TOLERANCE
from alerts.conditions.threshold import Threshold
from alerts.rules import Pack, Rule, limits_of
from alerts.temporary_limits import with_temporary_limits
from app.actions import ActionRefused, InvalidField
from model.alarm import LABELS_WITH_NONE, Alarm, Details
from model.cause_codes import SENSOR_AT_FAULT
from model.instant import format_instant
from model.sensor import Sensor
from model.vocabulary import PROPERTIES, UnknownUnit, conversion
from store.alarms import alarm_lines
from store.journal import Place
from store.pool import Connection
from store.rule_packs import packs_in_force
from store.temporary_limits import limits_in_force

GASES = ("combustible_gas", "hydrogen_sulfide")
LINES_MAX = 100_000  # of one occurrence


class Measured(NamedTuple):
    """A value in a unit (UCUM) of an observed property."""

    property: str
    value: float
    unit: str


def is_gas_alarm(alarm: Alarm, place: Place, sensor: Sensor | None) -> bool:
    """Whether only a measurement verifies it: a process alarm of the gas network or about a dangerous gas."""
    return alarm.alarm_class == "process" and (
        place.system == "gas" or (sensor is not None and sensor.property in GASES)
    )


def measured_property(asked: str | None, alarm: Alarm, place: Place, sensor: Sensor | None) -> str:
    """Return which property was measured: the sensor's own where none is named. Raises InvalidField.

    Of a gas alarm it is the sensor's own, or, where that is no gas (a pressure, a cover), combustible gas at the place.
    """
    if asked is not None and asked not in PROPERTIES:
        raise InvalidField("property", f"{asked!r} is not known", "use a property of the vocabulary")
    own = None if sensor is None else sensor.property
    found = asked or own
    if found is None:
        raise InvalidField("property", "the sensor is not registered any more", "name what was measured")
    if is_gas_alarm(alarm, place, sensor):
        fitting = [own] if own in GASES else [own, "combustible_gas"]
        if found not in fitting:
            names = " or ".join(name for name in fitting if name is not None)
            raise InvalidField("property", f"{found} does not verify this alarm", f"measure {names}")
    return found


class _Resolution(msgspec.Struct):
    """What of a journal line tells the cause."""

    action: str | None = None
    details: Details = {}


async def refuse_still_active(
    connection: Connection, alarm: Alarm, sensor: Sensor | None, note: str | None, areas: Sequence[str]
) -> None:
    """Raise ActionRefused where a process alarm's condition still holds, whatever a person found at the place.

    Not where its resolution says that the sensor is at fault: then the note says how that was seen. Raises InvalidField
    without one.
    """
    if alarm.alarm_class != "process" or alarm.condition != "active":
        return
    said = f"the sensor still says {LABELS_WITH_NONE[alarm.severity] or 'active'}"
    if alarm.kind == "threshold" and alarm.value is not None and sensor is not None:
        unit, at = PROPERTIES[sensor.property].unit, format_instant(alarm.changed)
        said += f": {alarm.value:g} {unit} at {at}, and nothing since that ended it"
    if await _cause_code(connection, alarm, areas) not in SENSOR_AT_FAULT:
        raise ActionRefused(
            said,
            "make it safe and wait until the sensor returns; send passed: false with a note to send the crew back, who "
            f"resolve with cause_code {' or '.join(sorted(SENSOR_AT_FAULT))} where it is the sensor that is wrong",
        )
    if not (note or "").strip():
        raise InvalidField("note", f"is missing, and {said}", "say how the sensor was found to be at fault")


async def _cause_code(connection: Connection, alarm: Alarm, areas: Sequence[str]) -> str | None:
    """Return the cause that the alarm's last resolution names."""
    for text in reversed(await alarm_lines(connection, alarm.alarm, areas, LINES_MAX)):
        line = msgspec.json.decode(text, type=_Resolution)
        if line.action == "resolve":
            return str(line.details.get("cause_code"))
    return None


async def refuse_danger(connection: Connection, alarm: Alarm, sensor: Sensor | None, measured: Measured) -> None:
    """Raise ActionRefused where what was measured still reaches a limit.

    Raises InvalidField where the unit does not fit, or where nothing of the property can measure so.

    The limits are those of the alarm's own rule at its sensor and, for a dangerous gas, of every rule in force that
    would hold there; the lowest counts. Where none can be told, it is the limit that stands with the alarm, if the
    property is dangerous in one direction.
    """
    observed = PROPERTIES[measured.property]
    try:
        factor, offset = conversion(observed, measured.unit, gas="methane" if sensor is None else sensor.gas)
    except UnknownUnit as error:
        raise InvalidField("unit", str(error), f"give the unit as {observed.unit} or one like it") from None
    value = factor * measured.value + offset
    limits = [] if sensor is None else [one async for one in _limits(connection, alarm, sensor, measured.property)]
    same = sensor is None or measured.property == sensor.property
    if not limits and alarm.kind == "threshold" and alarm.limit is not None and same and observed.danger != "none":
        limits = [(alarm.limit, observed.danger == "high")]
    for limit, above in limits:
        if _reaches(value, limit, above):
            side = "at or above" if above else "at or below"
            raise ActionRefused(
                f"still dangerous: {measured.value:g} {measured.unit} is {side} the limit {limit:g} {observed.unit}",
                "make it safe and measure again; send passed: false to send the crew back",
            )
    if not observed.minimum <= value <= observed.maximum:
        plausible = f"{observed.minimum:g} to {observed.maximum:g} {observed.unit}"
        raise InvalidField(
            "value",
            f"{measured.value:g} {measured.unit} lies outside {plausible}",
            "measure with an instrument in order",
        )


async def _limits(
    connection: Connection, alarm: Alarm, sensor: Sensor, measured: str
) -> AsyncIterator[tuple[float, bool]]:
    """Yield the lowest limit of each rule that counts, in the property's unit, and whether danger lies above it."""
    place = sensor
    if measured != sensor.property:
        place = msgspec.structs.replace(sensor, property=measured, unit=PROPERTIES[measured].unit)
    packs = [Pack.model_validate_json(stored.content) for stored in await packs_in_force(connection)]
    temporary = await limits_in_force(connection)
    # A temporary limit counts beside the rule's own: what was loosened for a time is not safe by that.
    for pack in [*packs, *(with_temporary_limits(packs, temporary) if temporary else ())]:
        for rule in pack.rules:
            counts = rule.rule == alarm.rule or (measured in GASES and rule.annunciated)
            found = _lowest(rule, place) if counts else None
            if found is not None:
                yield found


def _lowest(rule: Rule, sensor: Sensor) -> tuple[float, bool] | None:
    if not isinstance(rule.condition, Threshold) or not rule.select.agrees(sensor):
        return None
    override = next((one for one in reversed(rule.overrides) if one.select.agrees(sensor)), None)
    above = rule.condition.direction == "above"
    limits = [limit for limit in limits_of(rule.condition, override, sensor) or () if isfinite(limit)]
    return ((min(limits) if above else max(limits)), above) if limits else None


def _reaches(value: float, limit: float, above: bool) -> bool:
    tolerance = TOLERANCE * abs(limit)
    return value >= limit - tolerance if above else value <= limit + tolerance
