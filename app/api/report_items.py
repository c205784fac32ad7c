"""The form of reports from people in answers."""

from typing import Any

from pydantic import BaseModel, Field

from app.api.bodies import Coordinates
from app.api.lines import Mode, TimeText
from model.instant import format_instant
from model.report import KINDS, Source
from store.reports import ReportRow


class Place(Coordinates):
    """Where; kept to some ten metres."""


class ReportItem(BaseModel):
    """A report as it stands, and the incident that it is in."""

    report: str = Field(examples=["report.12"])
    incident: str | None
    city: str
    district: str = Field(description="Of the nearest sensor; empty where none is within 5 km")
    mode: Mode
    kind: str
    kind_names: dict[str, str] = Field(examples=[{"en": "smell of gas", "zh": "燃气异味"}])
    system: str
    source: Source
    place: Place
    time: TimeText
    received_at: TimeText
    text: str | None
    photograph: str | None
    reference: str | None
    reported_by: str = Field(description="Label of the key with which it was sent")
    found: bool | None = Field(description="null until somebody has looked")
    verified_by: str | None
    verified_at: TimeText | None
    note: str | None


def report_item(row: ReportRow) -> dict[str, Any]:
    """Return a report in the form of ReportItem."""
    report = row.report
    kind = KINDS[report.kind]
    return {
        "report": report.report,
        "incident": row.incident,
        "city": report.city,
        "district": report.district,
        "mode": report.mode,
        "kind": report.kind,
        "kind_names": {"en": kind.en, "zh": kind.zh},
        "system": report.system,
        "source": report.source,
        "place": {"longitude": report.longitude, "latitude": report.latitude},
        "time": format_instant(report.time),
        "received_at": format_instant(report.received_at),
        "text": report.text,
        "photograph": report.photograph,
        "reference": report.reference,
        "reported_by": report.actor,
        "found": report.found,
        "verified_by": report.verified_by,
        "verified_at": None if report.verified_at is None else format_instant(report.verified_at),
        "note": report.note,
    }
