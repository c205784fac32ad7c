"""OASIS CAP 1.2 messages: the parts that Lifeline writes, what the standard demands of them, and their XML."""

import re
import xml.etree.ElementTree as ElementTree
from datetime import timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from model.instant import to_datetime

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"
HEADLINE_CHARACTERS_MAX = 160  # the standard's own useful target limit, for displays that show no more
RING_POINTS_MAX = 500

Status = Literal["Actual", "Exercise", "Test", "Draft"]
MessageType = Literal["Alert", "Update", "Cancel"]
Scope = Literal["Public", "Restricted"]
Urgency = Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
CapSeverity = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
Certainty = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
ResponseType = Literal["Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"]
Point = tuple[float, float]
"""Longitude and latitude in degrees (WGS-84)."""

_WORD = re.compile(r"[^\s,<&]{1,300}")
# Whatever XML 1.0 cannot hold, production [2] Char, with U+FFFE and U+FFFF.
_UNWRITABLE = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class NoCapMessage(ValueError):
    """A message that the standard does not allow; the text says which part and why."""


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """Where: in words, and as closed rings of points or a circle (centre, radius in kilometres)."""

    description: str
    polygons: tuple[tuple[Point, ...], ...] = ()
    circle: tuple[Point, float] | None = None
    geocodes: tuple[tuple[str, str], ...] = ()


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What happens, in one language. Times are epoch milliseconds; what is empty or None is left out."""

    language: str
    categories: tuple[str, ...]
    event: str
    response_types: tuple[ResponseType, ...] = ()
    urgency: Urgency
    severity: CapSeverity
    certainty: Certainty
    event_codes: tuple[tuple[str, str], ...] = ()
    effective: int | None = None
    onset: int | None = None
    expires: int | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    area: Area | None = None


class Reference(msgspec.Struct, frozen=True):
    """An earlier message: its sender, identifier and time (epoch milliseconds)."""

    sender: str
    identifier: str
    sent: int


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message. `sent` is in epoch milliseconds, `time_zone` the zone (IANA) in which times are written."""

    identifier: str
    sender: str
    sent: int
    time_zone: str
    status: Status
    message_type: MessageType
    scope: Scope
    restriction: str = ""
    note: str = ""
    references: tuple[Reference, ...] = ()
    incidents: tuple[str, ...] = ()
    infos: tuple[Info, ...]


def check_message(message: Message) -> None:
    """Raise NoCapMessage where the message breaks a demand of CAP 1.2 (section 3.2) that its XML schema cannot state.

    Identifier and sender have no spaces, commas, `<` or `&`; Restricted has a restriction and Public none; Update and
    Cancel name what they refer to and Alert nothing; rings are closed and have four points at least.
    """
    for name, word in (("identifier", message.identifier), ("sender", message.sender)):
        if not _WORD.fullmatch(word):
            raise NoCapMessage(f"{name}: {word[:80]!r} may hold no spaces, commas, < or &")
    if (message.scope == "Restricted") != bool(message.restriction.strip()):
        raise NoCapMessage("restriction: a Restricted message says for whom it is, a Public one has none")
    if (message.message_type == "Alert") == bool(message.references):
        raise NoCapMessage("references: an Update or Cancel names the messages before it, an Alert none")
    for info in message.infos:
        if info.expires is not None and info.expires <= (info.effective or message.sent):
            raise NoCapMessage("expires: lies before the message takes effect")
        if info.area is not None:
            _check_area(info.area)


def _check_area(area: Area) -> None:
    for ring in area.polygons:
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise NoCapMessage("polygon: a closed ring has four points at least and ends where it begins")
        for point in ring:
            _check_point(point)
    if area.circle is not None:
        _check_point(area.circle[0])
        if not 0 < area.circle[1] <= 20_000:
            raise NoCapMessage(f"circle: a radius of {area.circle[1]:g} km")


def _check_point(point: Point) -> None:
    if not (-180 <= point[0] <= 180 and -90 <= point[1] <= 90):
        raise NoCapMessage(f"{point}: no longitude and latitude in degrees")


def written_time(time: int, time_zone: str) -> str:
    """Return epoch milliseconds as CAP has times: seconds with a numeric zone; UTC is `-00:00`, never `Z`."""
    local = to_datetime(time).astimezone(ZoneInfo(time_zone)).replace(microsecond=0)
    if local.utcoffset() == timedelta(0):
        return f"{local:%Y-%m-%dT%H:%M:%S}-00:00"
    return local.isoformat()


def write_message(message: Message) -> bytes:
    """Return the message as XML (UTF-8), its elements in the order of the schema.

    What XML cannot hold (control characters, unpaired surrogates) stands as U+FFFD. Raises NoCapMessage.
    """
    check_message(message)
    alert = ElementTree.Element("alert", {"xmlns": NAMESPACE})
    _add(alert, "identifier", message.identifier)
    _add(alert, "sender", message.sender)
    _add(alert, "sent", written_time(message.sent, message.time_zone))
    _add(alert, "status", message.status)
    _add(alert, "msgType", message.message_type)
    _add(alert, "scope", message.scope)
    _add_filled(alert, "restriction", message.restriction)
    _add_filled(alert, "note", message.note)
    _add_filled(alert, "references", " ".join(_written_reference(r, message.time_zone) for r in message.references))
    _add_filled(alert, "incidents", " ".join(message.incidents))
    for info in message.infos:
        _add_info(alert, info, message.time_zone)
    ElementTree.indent(alert)
    written: bytes = ElementTree.tostring(alert, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _written_reference(reference: Reference, time_zone: str) -> str:
    return f"{reference.sender},{reference.identifier},{written_time(reference.sent, time_zone)}"


def _add_info(alert: ElementTree.Element, info: Info, time_zone: str) -> None:
    element = ElementTree.SubElement(alert, "info")
    _add(element, "language", info.language)
    for category in info.categories:
        _add(element, "category", category)
    _add(element, "event", info.event)
    for response_type in info.response_types:
        _add(element, "responseType", response_type)
    _add(element, "urgency", info.urgency)
    _add(element, "severity", info.severity)
    _add(element, "certainty", info.certainty)
    _add_pairs(element, "eventCode", info.event_codes)
    for name, time in (("effective", info.effective), ("onset", info.onset), ("expires", info.expires)):
        if time is not None:
            _add(element, name, written_time(time, time_zone))
    _add_filled(element, "senderName", info.sender_name)
    _add_filled(element, "headline", shortened(info.headline))
    _add_filled(element, "description", info.description)
    _add_filled(element, "instruction", info.instruction)
    _add_filled(element, "web", info.web)
    _add_pairs(element, "parameter", info.parameters)
    if info.area is not None:
        _add_area(element, info.area)


def _add_area(info: ElementTree.Element, area: Area) -> None:
    element = ElementTree.SubElement(info, "area")
    _add(element, "areaDesc", area.description)
    for ring in area.polygons:
        _add(element, "polygon", " ".join(_written_point(point) for point in ring))
    if area.circle is not None:
        _add(element, "circle", f"{_written_point(area.circle[0])} {_written_number(area.circle[1])}")
    _add_pairs(element, "geocode", area.geocodes)


def _written_point(point: Point) -> str:
    """Latitude before longitude, as CAP has it; six digits are a tenth of a metre."""
    return f"{_written_number(point[1])},{_written_number(point[0])}"


def _written_number(number: float) -> str:
    text = f"{number:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _add_pairs(parent: ElementTree.Element, name: str, pairs: tuple[tuple[str, str], ...]) -> None:
    for value_name, value in pairs:
        element = ElementTree.SubElement(parent, name)
        _add(element, "valueName", value_name)
        _add(element, "value", value)


def _add_filled(parent: ElementTree.Element, name: str, text: str) -> None:
    if text.strip():
        _add(parent, name, text)


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = writable(text)


def writable(text: str) -> str:
    """Return the text as XML 1.0 can hold it, with line ends that a parser leaves as they are."""
    return _UNWRITABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def shortened(headline: str) -> str:
    """Return a headline of one line and at most 160 characters."""
    line = " ".join(headline.split())
    return line if len(line) <= HEADLINE_CHARACTERS_MAX else line[: HEADLINE_CHARACTERS_MAX - 1] + "…"
