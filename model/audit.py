"""The audit: privileged actions by name, and what may stand in its rows, which are a chain (model.chain)."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

TEXT_CHARACTERS_MAX = 500
DETAILS_MAX = 32
_KEY = re.compile(r"lk_[A-Za-z0-9_-]{8,}")
_SECRET = re.compile(r"password|passwd|secret|token|recovery_code|api_key", re.IGNORECASE)

Outcome: TypeAlias = Literal["done", "refused"]
Fact: TypeAlias = str | int | float | bool | None


class ActorKind(StrEnum):
    """What an actor is: a person who logged in, an API key, an account at the machine, Lifeline, or not known yet."""

    USER = "user"
    KEY = "key"
    COMMAND = "command"
    SERVICE = "service"
    UNKNOWN = "unknown"


class Action(StrEnum):
    """Every action that is recorded. A new one is added here; nothing is ever renamed, because old rows bear it."""

    REQUEST_DENIED = "request-denied"  # a caller who is known, without the role or the area

    LOG_IN = "log-in"
    LOG_IN_FAILED = "log-in-failed"
    LOG_IN_LOCKED = "log-in-locked"
    LOG_IN_UNLOCKED = "log-in-unlocked"
    LOG_OFF = "log-off"
    SESSIONS_ENDED = "sessions-ended"
    PASSWORD_CHANGED = "password-changed"
    PASSWORD_RESET = "password-reset"
    SECOND_FACTOR_ENROLLED = "second-factor-enrolled"
    SECOND_FACTOR_REMOVED = "second-factor-removed"
    USER_CREATED = "user-created"
    USER_CHANGED = "user-changed"
    USER_DISABLED = "user-disabled"
    USER_ENABLED = "user-enabled"
    KEY_CREATED = "key-created"
    KEY_ROTATED = "key-rotated"
    KEY_REVOKED = "key-revoked"

    AREAS_IMPORTED = "areas-imported"
    CITIES_IMPORTED = "cities-imported"
    SENSORS_IMPORTED = "sensors-imported"
    SENSOR_EVENTS_RECORDED = "sensor-events-recorded"
    NETWORK_IMPORTED = "network-imported"
    NETWORK_READ = "network-read"
    DATA_EXPORTED = "data-exported"
    EVIDENCE_TAKEN = "evidence-taken"

    EXERCISE_STARTED = "exercise-started"
    EXERCISE_STEERED = "exercise-steered"
    EXERCISE_ENDED = "exercise-ended"

    RULES_ACTIVATED = "rules-activated"
    TEMPORARY_LIMIT_APPLIED = "temporary-limit-applied"
    TEMPORARY_LIMIT_ENDED = "temporary-limit-ended"
    REQUEST_APPROVED = "request-approved"
    REQUEST_REJECTED = "request-rejected"
    REQUEST_WITHDRAWN = "request-withdrawn"
    SUPPRESSION_MADE = "suppression-made"
    SUPPRESSION_ENDED = "suppression-ended"
    UNSHELVED_FOR_ANOTHER = "unshelved-for-another"
    POSITION_SET = "position-set"
    POSITION_DELETED = "position-deleted"
    ROSTERS_IMPORTED = "rosters-imported"
    WARNING_LEVELS_SET = "warning-levels-set"
    WARNING_APPROVED = "warning-approved"
    WARNING_REJECTED = "warning-rejected"
    WARNING_CANCELLED = "warning-cancelled"

    NOTIFICATIONS_IMPORTED = "notifications-imported"
    NOTIFICATION_RETRIED = "notification-retried"
    CHANNEL_TESTED = "channel-tested"
    REJECTIONS_REPLAYED = "rejections-replayed"
    REJECTIONS_DISCARDED = "rejections-discarded"

    RETENTION_SET = "retention-set"
    RETENTION_UNSET = "retention-unset"
    RETENTION_APPLIED = "retention-applied"
    AUDIT_REMOVED = "audit-removed"
    AUDIT_EXPORTED = "audit-exported"
    BACKED_UP = "backed-up"
    RESTORED = "restored"


class Entry(NamedTuple):
    """A row of the audit as it is told and hashed: hashes in hexadecimal, `recorded_at` RFC 3339 in milliseconds."""

    sequence: int
    recorded_at: str
    actor: str
    actor_kind: str
    address: str | None
    action: str
    subject: str
    city: str | None
    outcome: str
    details: str  # as details_text writes it
    previous: str
    hash: str


def plain(text: str) -> str:
    """Return a text as it may stand in the audit: no control characters, no API key, not longer than the limit."""
    text = _KEY.sub("lk_…", "".join(c if c.isprintable() else "�" for c in text))
    return text if len(text) <= TEXT_CHARACTERS_MAX else text[: TEXT_CHARACTERS_MAX - 1] + "…"


def details_text(details: Mapping[str, Fact]) -> str:
    """Return details as they are kept and hashed: a flat JSON object, keys sorted, no spaces, ASCII.

    Raises ValueError for names of secrets, nested values, numbers that JSON has not, and more than DETAILS_MAX facts.
    """
    if len(details) > DETAILS_MAX:
        raise ValueError(f"{len(details)} details; at most {DETAILS_MAX} fit")
    kept: dict[str, Fact] = {}
    for name, value in details.items():
        if _SECRET.search(name):
            raise ValueError(f"details of the audit hold no secret, and {name!r} is the name of one")
        if not (value is None or isinstance(value, str | int | float)):
            raise ValueError(f"details of the audit are flat, and {name!r} is {type(value).__name__}")
        kept[name] = plain(value) if isinstance(value, str) else value
    return canonical(kept)


def canonical(details: Mapping[str, Fact]) -> str:
    """Return details in the one form that is hashed: keys sorted, no spaces, ASCII. Raises ValueError for NaN."""
    return json.dumps(details, sort_keys=True, separators=(",", ":"), allow_nan=False)
