"""An Atom 1.0 feed (RFC 4287) of the CAP messages that were sent, newest first."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from datetime import UTC, datetime

from app.warnings.sending import message_path
from model.cap import MEDIA_TYPE as CAP_MEDIA_TYPE
from model.cap import NAMESPACE as CAP_NAMESPACE
from model.cap import writable
from store.warnings import SentMessage

MEDIA_TYPE = "application/atom+xml"
NAMESPACE = "http://www.w3.org/2005/Atom"
TITLE = "Lifeline: warnings in force and ended / 预警信息"
_EMPTY_SINCE = datetime(2026, 1, 1, tzinfo=UTC)  # an Atom feed was updated at some time, also where nothing is in it


def write_feed(
    messages: Sequence[SentMessage], *, sender: str, base: str, own_link: str, next_link: str | None
) -> bytes:
    """Return the feed as XML (UTF-8).

    Links are absolute where `base` is the address from which this Lifeline is reached, and paths where it is "". Ids
    are tag URIs (RFC 4151) of the sender, an address or a domain. Each entry names in CAP's own elements what a reader
    chooses by, as feeds of weather services do.
    """
    feed = ElementTree.Element("feed", {"xmlns": NAMESPACE, "xmlns:cap": CAP_NAMESPACE})
    _add(feed, "id", f"tag:{sender},2026:lifeline/cap")
    _add(feed, "title", TITLE)
    _add(feed, "updated", _written(messages[0].sent_at if messages else _EMPTY_SINCE))
    _add(ElementTree.SubElement(feed, "author"), "name", sender)
    ElementTree.SubElement(feed, "link", {"rel": "self", "type": MEDIA_TYPE, "href": base + own_link})
    if next_link is not None:
        ElementTree.SubElement(feed, "link", {"rel": "next", "type": MEDIA_TYPE, "href": base + next_link})
    for message in messages:
        _add_entry(feed, message, sender, base)
    ElementTree.indent(feed)
    written: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _add_entry(feed: ElementTree.Element, message: SentMessage, sender: str, base: str) -> None:
    infos = message.content.infos
    entry = ElementTree.SubElement(feed, "entry")
    _add(entry, "id", f"tag:{sender},2026:{message.identifier}")
    _add(entry, "title", " / ".join(info.headline for info in infos))
    _add(entry, "updated", _written(message.sent_at))
    _add(ElementTree.SubElement(entry, "author"), "name", " / ".join(info.sender_name for info in infos))
    link = base + message_path(message.identifier)
    ElementTree.SubElement(entry, "link", {"rel": "alternate", "type": CAP_MEDIA_TYPE, "href": link})
    _add(entry, "summary", "\n".join(info.description for info in infos))
    first = infos[0]
    words = {
        "status": message.content.status,
        "msgType": message.message_type,
        "scope": message.scope,
        "urgency": first.urgency,
        "severity": first.severity,
        "certainty": first.certainty,
    }
    for name, word in words.items():
        _add(entry, f"cap:{name}", word)
    if first.area is not None:
        _add(entry, "cap:areaDesc", first.area.description)


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = writable(text)
