"""Limits of the way in and the settings of the MQTT session, each with its unit in its name."""

import ssl
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from model.reading import READINGS_PER_BATCH_MAX

SUBSCRIPTIONS = ("lifeline/+/+/+",)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestLimits:
    """Limits of queue, payload, batch and clock; the defaults suit 12,000 sensors on two cores.

    Raises ValueError where a full batch could exceed what the store takes.
    """

    payload_bytes_max: int = 262_144
    rejected_payload_bytes_max: int = 65_536  # of a payload that is too large, this much is kept
    readings_per_message_max: int = 5_000
    queue_messages_max: int = 40_000  # above what a broker sends unacknowledged, so that only a flood reaches it
    queue_bytes_max: int = 64 * 1024 * 1024
    batch_readings_max: int = 5_000
    batch_bytes_max: int = 8 * 1024 * 1024
    batch_age_ms_max: int = 50
    tick_s: float = 5.0
    clock_ahead_s_max: float = 60.0
    delayed_s_min: float = 900.0
    retry_s_min: float = 0.1
    retry_s_max: float = 10.0

    def __post_init__(self) -> None:
        # A batch closes with the message that fills it, so it may hold one message more than its limit.
        if self.batch_readings_max + self.readings_per_message_max > READINGS_PER_BATCH_MAX:
            raise ValueError(
                f"batch_readings_max {self.batch_readings_max} and readings_per_message_max "
                f"{self.readings_per_message_max} may be {READINGS_PER_BATCH_MAX} together; lower one"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """Where the broker is and how the session is kept. The url may hold a password, so it is left out of `repr`.

    A broker that keeps to the specification delivers what was not acknowledged at once when the session is resumed,
    before anything else: `redelivery_s` 0. The NATS server does so only after its `ack_wait` and sends newer ones
    meanwhile: with `redelivery_s` a second more than that, a session is taken up only when the order is right again.
    `session_is_new` says that there is no earlier session to wait for.
    """

    url: str = field(repr=False)
    client_id: str = "lifeline-ingest"
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    subscriptions: tuple[str, ...] = SUBSCRIPTIONS
    session_expiry_s: int = 7 * 86_400
    receive_maximum: int = 20_000  # at least one batch, or the broker waits for acknowledgements and we for messages
    keepalive_s: int = 30
    connect_s_max: float = 10.0
    redelivery_s: float = 0.0
    session_is_new: bool = False
    reconnect_s_min: float = 0.2
    reconnect_s_max: float = 30.0


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """The parts of `mqtt://user:password@host:port`; `mqtts` means TLS with the system's certificates."""

    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def broker_address(url: str) -> BrokerAddress:
    """Return the parts of a broker's url. Raises ValueError, without the password, for any other form."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == -1:
        raise ValueError("the broker's url is not of the form mqtt://user:password@host:port; check LIFELINE_MQTT_URL")
    tls = ssl.create_default_context() if parts.scheme == "mqtts" else None
    return BrokerAddress(
        parts.hostname,
        port or (8883 if tls else 1883),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        tls,
    )
