"""The forms of partners' cities and alarms in answers, and the filters of their list."""

from pydantic import BaseModel, Field

from app.api.context import VERSION
from app.api.lines import Line, Mode, Severity, TimeText
from app.api.modes import ModeFilter
from app.api.parameters import Cursor, PageRows, Parameters, Several, Time, Word
from app.api.status import Alarms, CityStatus, ModeTotals
from model.alarm import AlarmClass, State


class PartnerCityStatus(CityStatus):
    """A city by its newest status, its alarms by the lines that came; `districts` are its counties.

    The sensors of a city that is silent, or never spoke, are unheard: `silent`.
    """

    registered_mode: Mode | None = Field(description="By our registry; null where it does not know the city")
    heard_at: TimeText | None = Field(description="Arrival of its newest status; null: it never sent one")
    published_at: TimeText | None = Field(description="Of its newest status, by its own clock")
    silent: bool
    silent_since: TimeText | None
    behind: bool | None = Field(description="By its own word: its ingest or evaluation lags")
    evaluated_through: TimeText | None = Field(description="By its own word")
    alarms_here: Alarms = Field(description="The same alarms by what was acknowledged here")
    alarms_reported: int | None = Field(description="Not normal, by its newest status")
    lines_missing: int = Field(description="Lines of its alarms that are known to exist and are not here")


class PartnerModeTotals(ModeTotals):
    """The cities of one mode together."""

    cities_silent: int
    alarms_here: Alarms


class PartnerTotals(BaseModel):
    """The cities together, each mode for itself."""

    operational: PartnerModeTotals
    exercise: PartnerModeTotals
    test: PartnerModeTotals


class Apart(BaseModel):
    """A city that publishes here and that the registry does not know; its alarms wait for `lifeline cities import`."""

    city: str
    name: str
    heard_at: TimeText | None


class ProvinceStatus(BaseModel):
    """How the cities stand, on three levels: all of a mode together, city, county."""

    time: TimeText
    version: str = Field(examples=[VERSION])
    totals: PartnerTotals
    cities: list[PartnerCityStatus]
    apart: list[Apart] = Field(description="For callers who see all cities")


class AcknowledgedHere(BaseModel):
    """Who acknowledged an alarm here last."""

    by: str
    at: TimeText
    comment: str | None


class PartnerAlarmItem(Line):
    """A partner's alarm as it stands: its newest line as it came, and how it stands here.

    `condition` is `unknown` where the alarm is active and its city silent.
    """

    city: str
    system: str
    district: str
    state: State = Field(description="In the city")
    own_state: State = Field(description="By what was acknowledged here; a rise un-acknowledges")
    escalated_sequence: int = Field(description="The newest line that needs a person's eyes")
    acknowledged_here: AcknowledgedHere | None
    lines_missing: int = Field(description="Lines that are known to exist and are not here")
    raised_at: TimeText
    changed_at: TimeText
    received_at: TimeText
    city_silent_since: TimeText | None


class PartnerAlarmPage(BaseModel):
    """A page of partners' alarms, last raised first."""

    alarms: list[PartnerAlarmItem]
    modes: list[Mode] = Field(description="Alarms of other modes were left out", examples=[["operational", "test"]])
    next: str | None = Field(description="`after` of the next page; null on the last")


class PartnerAlarmFilters(Parameters):
    """Which alarms; without `state` and `own_state` those not normal in their city, without `mode` no exercise's."""

    state: Several[State] | None = Field(default=None, description="In the city, one or several")
    own_state: Several[State] | None = Field(default=None, description="Here, one or several")
    severity: Several[Severity] | None = Field(default=None, description="One or several")
    system: Word | None = None
    district: Word | None = None
    city: Word | None = None
    class_: AlarmClass | None = Field(default=None, alias="class")
    mode: ModeFilter = None
    since: Time | None = Field(default=None, description="Its newest line came at or after")
    limit: PageRows = None
    after: Cursor | None = None


class AcknowledgementItem(BaseModel):
    """An acknowledgement of this deployment's own; the city does not hear of it."""

    city: str
    alarm: str
    sequence: int
    acknowledged_by: str
    acknowledged_at: TimeText
    comment: str | None
