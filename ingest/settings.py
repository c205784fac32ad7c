"""Limits of the way in and the settings of the MQTT session, each with its unit in its name."""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from ingest.topics import READING_FILTER, SPARKPLUG, SPARKPLUG_FILTER, without_covered
from model.reading import READINGS_PER_BATCH_MAX

SUBSCRIPTIONS = (READING_FILTER, SPARKPLUG_FILTER)
TURN_MESSAGES_MAX = 500  # that are decoded in one go; then other tasks of the loop have their turn
TURN_BYTES_MAX = 64_000  # of their payloads, unless one message is larger
READING_BYTES_MIN = 6  # of a reading in the tightest form, a Sparkplug metric
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


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
    batch_readings_max: int = 10_000
    batch_bytes_max: int = 8 * 1024 * 1024
    batch_age_ms_min: int = 10
    batch_age_ms_max: int = 50
    tick_s: float = 5.0
    clock_ahead_s_max: float = 60.0
    delayed_s_min: float = 900.0
    retry_s_min: float = 0.1
    retry_s_max: float = 2.0

    def __post_init__(self) -> None:
        # A batch closes with the messages that fill it, so it may hold one message, or one turn's, above its limit.
        turn = TURN_BYTES_MAX // READING_BYTES_MIN
        if self.batch_readings_max + max(self.readings_per_message_max, turn) > READINGS_PER_BATCH_MAX:
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

    `share_group` divides the load between the workers of that name (MQTT 5, 4.8.2); a sensor's readings then come in no
    order, which `reorder_s_max` has to allow for. Sparkplug is not divided: each worker hears all of it, as a node's
    births and data have to reach the same one; what several store is stored once. `status_topic` holds, retained,
    whether the worker is connected; the broker itself says that it was lost. `reader` is `frames`, or `paho` for the
    library's own, slower one.

    Raises ValueError where the settings contradict each other.
    """

    url: str = field(repr=False)
    client_id: str = "lifeline-ingest"
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    subscriptions: tuple[str, ...] = SUBSCRIPTIONS
    share_group: str | None = None
    status_topic: str | None = "lifeline/worker/{client_id}"
    ca_file: Path | None = None  # in place of the system's certificates
    certificate_file: Path | None = None  # of this client, with its chain
    key_file: Path | None = None  # where the certificate's file does not hold it
    reader: Literal["frames", "paho"] = "frames"
    coalesce_ms: float = 10.0  # after a read that emptied the socket
    session_expiry_s: int = 7 * 86_400
    receive_maximum: int = 20_000  # at least one batch, or the broker waits for acknowledgements and we for messages
    keepalive_s: int = 30
    connect_s_max: float = 10.0
    redelivery_s: float = 0.0
    unheard_s: float = 10.0  # where nothing came for so long, a session that should be subscribed is subscribed again
    session_is_new: bool = False
    reconnect_s_min: float = 0.2
    reconnect_s_max: float = 30.0

    def __post_init__(self) -> None:
        if self.share_group is not None and self.protocol != "5":
            raise ValueError("a shared subscription needs MQTT 5; set the protocol to 5, or leave the group out")
        if self.share_group is not None and not _NAME.fullmatch(self.share_group):
            raise ValueError(f"the group {self.share_group!r} may hold letters, digits, '_', '.' and '-' only")
        if self.status_topic is not None and not _NAME.fullmatch(self.client_id):
            raise ValueError(
                f"the client id {self.client_id!r} is part of a topic: letters, digits, _ . - only; or set no "
                "status topic"
            )

    @property
    def filters(self) -> tuple[str, ...]:
        """The subscriptions as they are sent: none that another one covers, or its messages could come twice."""
        return tuple(
            f"$share/{self.share_group}/{topic}" if self.share_group and not topic.startswith(SPARKPLUG) else topic
            for topic in without_covered(self.subscriptions)
        )


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """The parts of `mqtt://user:password@host:port`; `mqtts` means TLS."""

    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def broker_address(
    url: str, ca_file: Path | None = None, certificate_file: Path | None = None, key_file: Path | None = None
) -> BrokerAddress:
    """Return the parts of a broker's url, with the TLS that its scheme and the files ask for.

    Raises ValueError, without the password, for any other form, and for files that cannot be used.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == -1:
        raise ValueError("the broker's url is not of the form mqtt://user:password@host:port; check LIFELINE_MQTT_URL")
    files = (ca_file, certificate_file, key_file)
    if parts.scheme == "mqtt" and any(files):
        raise ValueError("certificates need TLS; write the broker's url as mqtts://host:port")
    tls = _tls(*files) if parts.scheme == "mqtts" else None
    return BrokerAddress(
        parts.hostname,
        port or (8883 if tls else 1883),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        tls,
    )


def _tls(ca_file: Path | None, certificate_file: Path | None, key_file: Path | None) -> ssl.SSLContext:
    if key_file is not None and certificate_file is None:
        raise ValueError(f"the key {key_file} has no certificate with it; name the certificate's file too")
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ValueError(f"the certificates of {ca_file} cannot be used ({error}); name a PEM file") from None
    if certificate_file is not None:
        try:
            context.load_cert_chain(certificate_file, key_file, password=_no_password)
        except OSError as error:
            raise ValueError(
                f"the client's certificate {certificate_file} cannot be used with its key ({error}); name PEM files "
                "that belong together, the key without a password"
            ) from None
    return context


def _no_password() -> str:
    return ""  # or OpenSSL would ask at the terminal
