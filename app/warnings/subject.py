"""What is warned of, and what somebody asks of the warning."""

from typing import Literal, NamedTuple

import msgspec

from alerts.rules import Rule
from model.alarm import Alarm
from model.bilingual import Language
from model.cap import Certainty, Point, ResponseType, Urgency
from model.cap_terms import OTHER, EventTerm, event_term
from model.sensor import City, Sensor
from model.severity import Severity
from model.warning_level import CityWarnings, WarningLevel, level_for

VALID_S = 21_600
RESTRICTION = (
    "仅供政府部门及相关单位使用，不得对外发布。 For government and the utilities concerned; not for publication."
)


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """A person's own words in one language; what is empty is written from the alarm."""

    headline: str = ""
    description: str = ""
    instruction: str = ""


class AreaAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Where: a circle round the sensor, a ring that somebody drew, or round a district's or an incident's sensors."""

    kind: Literal["circle", "polygon", "district", "incident"] = "circle"
    radius_m: float | None = None
    polygon: tuple[Point, ...] = ()
    description_zh: str = ""
    description_en: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks of a warning; None where the tables decide."""

    level: str | None = None
    valid_s: int = VALID_S
    restriction: str = RESTRICTION
    area: AreaAsked = AreaAsked()
    texts: dict[Language, Texts] | None = None
    urgency: Urgency | None = None
    certainty: Certainty | None = None
    response_types: tuple[ResponseType, ...] | None = None


class Shape(NamedTuple):
    """The area as it was worked out: a ring or a circle (centre, kilometres), or neither."""

    ring: tuple[Point, ...] | None = None
    circle: tuple[Point, float] | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is warned of: an alarm as it stands, and what is known of its place, sensor and rule."""

    alarm: Alarm
    city: City
    system: str
    district: str
    sensor: Sensor | None
    rule: Rule | None
    doubtful: bool
    warnings: CityWarnings
    incident: str | None = None

    @property
    def returned(self) -> bool:
        """Whether the alarm's condition has returned to normal."""
        return self.alarm.condition == "normal"

    @property
    def severity(self) -> int:
        """The alarm's severity, its highest where it has returned; none for an alarm about an instrument."""
        if self.alarm.alarm_class != "process":
            return Severity.NONE
        return self.alarm.peak_severity if self.returned else self.alarm.severity

    @property
    def term(self) -> EventTerm:
        """The event."""
        if self.alarm.alarm_class != "process":
            return OTHER
        return event_term(self.system, self.sensor.property if self.sensor is not None else None)

    def proposed_level(self) -> WarningLevel | None:
        """Return the level that was proposed when the alarm was judged, else that of its severity, never below it."""
        judged = self.alarm.judgement
        severity = judged.proposed_severity if judged is not None and judged.proposed_severity else self.severity
        return level_for(self.warnings.levels, severity)
