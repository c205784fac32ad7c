"""Which of CAP's words stand for what Lifeline knows: tables from systems, severities and kinds to CAP 1.2.

The words are those of OASIS CAP 1.2, section 3.2.2 (`info`); the event codes those of the OASIS Event Terms List 1.2.
That a colour is an urgency, or a kind of condition a certainty, is this project's proposal: CAP leaves it open.
"""

from typing import NamedTuple

from model.cap import CapSeverity, Certainty, ResponseType, Status, Urgency
from model.severity import Severity


class EventTerm(NamedTuple):
    """An event in words (English, Chinese), its CAP categories and its code in the OASIS Event Terms List."""

    en: str
    zh: str
    categories: tuple[str, ...]
    code: str


EVENT_CODE_LIST = "OET:v1.2"
OTHER = EventTerm("Incident of a city lifeline", "城市生命线险情", ("Infra",), "OET-114")  # infrastructure

BY_PROPERTY = {
    "combustible_gas": EventTerm("Combustible gas", "可燃气体泄漏", ("Safety", "Infra"), "OET-134"),  # natural gas
    "hydrogen_sulfide": EventTerm("Toxic gas", "有毒气体", ("Safety", "Health"), "OET-169"),  # safety
    "oxygen": EventTerm("Dangerous air", "危险空气环境", ("Safety", "Health"), "OET-169"),
    "turbidity": EventTerm("Drinking water quality", "供水水质异常", ("Health", "Infra"), "OET-144"),  # potable water
    "residual_chlorine": EventTerm("Drinking water quality", "供水水质异常", ("Health", "Infra"), "OET-144"),
    "water_depth": EventTerm("Urban flooding", "城市内涝", ("Infra", "Met"), "OET-140"),  # overland flood
    "storage_level": EventTerm("Reservoir or dam", "库坝险情", ("Infra", "Geo"), "OET-053"),  # dam issue
    "phreatic_level": EventTerm("Reservoir or dam", "库坝险情", ("Infra", "Geo"), "OET-053"),
    "seepage_flow": EventTerm("Reservoir or dam", "库坝险情", ("Infra", "Geo"), "OET-053"),
    "rainfall": EventTerm("Heavy rain", "强降雨", ("Met",), "OET-159"),  # rain
    "wind_speed": EventTerm("Strong wind", "大风", ("Met",), "OET-218"),  # wind
}
BY_SYSTEM = {
    "gas": EventTerm("Gas supply", "燃气险情", ("Infra", "Safety"), "OET-134"),  # natural gas
    "water": EventTerm("Water supply", "供水险情", ("Infra",), "OET-213"),  # water
    "drainage": EventTerm("Drainage", "排水险情", ("Infra",), "OET-178"),  # sewer
    "displacement": EventTerm("Ground movement", "地表变形险情", ("Geo", "Safety"), "OET-093"),  # geophysical issue
    "heating": EventTerm("District heating", "供热险情", ("Infra",), "OET-206"),  # utility
    "bridge": EventTerm("Bridge", "桥梁险情", ("Transport", "Infra"), "OET-114"),  # infrastructure
    "weather": EventTerm("Weather", "气象灾害", ("Met",), "OET-216"),  # weather
    "lighting": EventTerm("Street lighting", "照明设施险情", ("Infra",), "OET-206"),  # utility
}

SEVERITIES: dict[Severity, CapSeverity] = {
    Severity.RED: "Extreme",
    Severity.ORANGE: "Severe",
    Severity.YELLOW: "Moderate",
    Severity.BLUE: "Minor",
    Severity.NONE: "Unknown",
}
# Immediate: act now; Expected: within the next hour; Future: in the near future.
URGENCIES: dict[Severity, Urgency] = {
    Severity.RED: "Immediate",
    Severity.ORANGE: "Immediate",
    Severity.YELLOW: "Expected",
    Severity.BLUE: "Future",
    Severity.NONE: "Unknown",
}
# Evacuate, Shelter and Execute order people about: a person chooses them, never a table.
RESPONSES: dict[Severity, tuple[ResponseType, ...]] = {
    Severity.RED: ("Avoid",),
    Severity.ORANGE: ("Avoid",),
    Severity.YELLOW: ("Prepare",),
    Severity.BLUE: ("Monitor",),
    Severity.NONE: ("Assess",),
}
FORECAST_KINDS = frozenset({"forecast"})
UNUSUAL_KINDS = frozenset({"median_distance", "seasonal", "night_flow", "shift", "step"})
"""Conditions that find a course unusual: the readings are measured, what they are a sign of is not."""

STATUSES: dict[str, Status] = {"operational": "Actual", "exercise": "Exercise", "test": "Test"}


def event_term(system: str, observed_property: str | None) -> EventTerm:
    """Return the event that an alarm of a property in a system tells of."""
    return BY_PROPERTY.get(observed_property or "") or BY_SYSTEM.get(system, OTHER)


def urgency_of(severity: Severity, kind: str, *, returned: bool) -> Urgency:
    """Return how soon to act: `Past` where the condition has returned; a forecast's event is not there yet."""
    if returned:
        return "Past"
    urgency = URGENCIES[severity]
    return "Expected" if kind in FORECAST_KINDS and urgency == "Immediate" else urgency


def certainty_of(kind: str, *, doubtful: bool) -> Certainty:
    """Return how sure it is: measured, forecast, or unusual; no more than possible where the readings are in doubt."""
    if doubtful or kind in UNUSUAL_KINDS:
        return "Possible"
    return "Likely" if kind in FORECAST_KINDS else "Observed"


# How far round a sensor people are concerned where nobody draws an area, in metres: this project's proposal.
RADII_M = {
    "gas": 300.0,
    "water": 500.0,
    "drainage": 500.0,
    "displacement": 500.0,
    "heating": 500.0,
    "bridge": 300.0,
    "weather": 5_000.0,
    "lighting": 100.0,
}
RADIUS_M = 500.0
