"""CAP messages on their way out: who sends them, how they are numbered, kept, and made of an alarm that stands."""

from dataclasses import dataclass

import msgspec

from app.warnings.subject import Subject
from app.warnings.text import timed
from model.cap import Message, MessageType, Reference, shortened, write_message
from model.instant import to_datetime
from model.warning import Content, Warned, WarningRefused
from store.pool import Connection
from store.sensors import load_cities
from store.warnings import SentMessage, insert_message

DRAFT_NOTE = (
    "由告警自动生成，未经研判批准，不得作为预警发布。"
    " Written from an alarm as it stands; nobody has approved it, and it is no warning."
)
_UNISSUED = {"zh-CN": "草稿，尚未发布：", "en-US": "Draft, not issued: "}


@dataclass(frozen=True, slots=True, kw_only=True)
class CapSettings:
    """Who sends, where this Lifeline is reached from outside (or ""), and whether the public reads without a key."""

    sender: str = "lifeline@localhost"
    public_url: str = ""
    public_without_key: bool = False


def message_path(identifier: str) -> str:
    """Return the path at which a message can be read."""
    return f"/api/v1/feeds/cap/messages/{identifier}.xml"


def reference_of(warned: Warned, now: int, cap: CapSettings) -> Reference:
    """Return sender, identifier and time of the warning's next message, sent at `now` (epoch milliseconds)."""
    return Reference(cap.sender, f"{warned.warning}-{len(warned.issued) + 1}", now)


async def send_message(
    connection: Connection,
    before: Warned,
    after: Warned,
    content: Content,
    message_type: MessageType,
    public_url: str,
) -> str:
    """Keep the newest message of a warning, from where the feeds give it out, and return its identifier.

    Raises WarningRefused where the city has changed its mode since the draft (invariant I8).
    """
    city = (await load_cities(connection))[after.city]
    if message_type != "Cancel" and city.mode != before.mode:
        raise WarningRefused(
            f"city {city.city!r} was in mode {before.mode} when this was drafted and is in mode {city.mode} now",
            "draft a new warning",
        )
    reference = after.issued[-1]
    web = public_url.rstrip("/") + message_path(reference.identifier) if public_url else ""
    message = Message(
        identifier=reference.identifier,
        sender=reference.sender,
        sent=reference.sent,
        time_zone=city.time_zone,
        status=content.status,
        message_type=message_type,
        scope=after.scope,
        restriction=content.restriction,
        references=before.issued,
        incidents=content.incidents,
        infos=tuple(msgspec.structs.replace(info, web=web) for info in timed(content, reference.sent, after.expires)),
    )
    await insert_message(
        connection,
        SentMessage(
            identifier=reference.identifier,
            warning=after.warning,
            message_type=message_type,
            scope=after.scope,
            city=after.city,
            mode=after.mode,
            alarm=after.alarm,
            sent_at=to_datetime(reference.sent),
            content=content,
            document=write_message(message).decode(),
        ),
    )
    return reference.identifier


def draft_document(subject: Subject, content: Content, known_at: int, sender: str) -> bytes:
    """Return the document of an alarm of which no warning was issued; `known_at` is the arrival of its newest line.

    It is Restricted, says that nobody approved it and, in an operational city, bears the status `Draft`, which CAP has
    for what is not to be acted on; in the others the city's own, so that an exercise stays one (decision 0015).
    """
    alarm = subject.alarm
    expires = alarm.expected_to
    return write_message(
        Message(
            identifier=f"{alarm.alarm}.{alarm.sequence}",
            sender=sender,
            sent=known_at,
            time_zone=subject.city.time_zone,
            status=content.status,
            message_type="Alert",
            scope="Restricted",
            restriction=content.restriction,
            note=DRAFT_NOTE,
            infos=tuple(
                msgspec.structs.replace(info, headline=shortened(_UNISSUED[info.language] + info.headline))
                for info in timed(content, known_at, expires if expires is not None and expires > known_at else None)
            ),
        )
    )
