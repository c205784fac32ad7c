"""Settings from the environment, each `LIFELINE_…`, with defaults that suit one city on two cores."""

import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """An environment variable that cannot stand; the text names it and the remedy."""


def _beside_the_environment() -> Path:
    """The data of a checkout lives in it, beside its virtual environment; else in the user's own data directory."""
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix).parent / ".lifeline"
    return Path.home() / ".local" / "share" / "lifeline"


class Settings(BaseSettings):
    """Everything that can be set. Times carry their unit in the name."""

    model_config = SettingsConfigDict(env_prefix="LIFELINE_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=_beside_the_environment, description="where the embedded services keep data")
    programs: Path = Field(
        default_factory=lambda: Path(sys.prefix) / "lifeline-programs",
        description="where fetched programs of the embedded services are kept",
    )
    database_url: str | None = Field(
        None, repr=False, description="a TimescaleDB; without it the embedded one is started"
    )
    mqtt_url: str | None = Field(None, repr=False, description="an MQTT broker; without it the embedded one is started")
    mqtt_protocol: Literal["3.1.1", "5"] = Field("5", description="spoken to the broker that mqtt_url names")
    mqtt_redelivery_s: float = Field(
        0.0, ge=0, description="a second more than a NATS server's ack_wait; 0 where the broker delivers again at once"
    )
    mqtt_client_id: str = Field("lifeline-ingest", description="names the persistent session; one worker each")
    mqtt_host: str = Field("127.0.0.1", description="where the embedded broker listens")
    mqtt_port: int = Field(0, ge=0, le=65_535, description="of the embedded broker; 0: 1883, or a free one")
    mqtt_user: str | None = Field(None, description="of the embedded broker, where it listens beyond this machine")
    mqtt_password: str | None = Field(None, repr=False)
    mqtt_sync_interval: str = Field("100ms", description="how often the embedded broker syncs to disk, or `always`")
    postgres_bin: Path | None = Field(None, description="a directory with postgres and initdb in place of the wheel's")
    nats_bin: Path | None = Field(None, description="a nats-server in place of the wheel's")
    host: str = Field("127.0.0.1", description="where the API listens")
    port: int = Field(8000, ge=1, le=65_535, description="of the API")
    tick_s: float = Field(5.0, gt=0, le=60, description="an empty batch is logged after this long without readings")
    settle_s: float = Field(10.0, ge=0, description="an on-delay is announced this long after its deadline")
    mqtt_ca_file: Path | None = Field(None, description="certificates of the broker's authority, for mqtts://")
    mqtt_certificate_file: Path | None = Field(None, description="this client's certificate, with its chain")
    mqtt_key_file: Path | None = Field(None, description="its key, where the certificate's file does not hold it")
    mqtt_share_group: str | None = Field(None, description="divides the load between workers of that name (MQTT 5)")
    mqtt_reader: Literal["frames", "paho"] = Field(
        "frames", description="how the socket is read: fast, or by the library"
    )
    mappings: Path | None = Field(None, description="a directory of mapping files for vendors' payloads")
    sparkplug_commands: bool = Field(True, description="whether edge nodes whose birth is missing are asked for it")
    batch_readings_max: int = Field(10_000, ge=1, le=22_000)
    batch_age_ms_max: int = Field(50, ge=1, le=10_000)
    clock_ahead_s_max: float = Field(60.0, ge=0, description="a reading from further ahead is refused")
    role: Literal["city", "province"] = Field(
        "city", description="a province takes what all cities publish on its broker, and publishes nothing there itself"
    )
    status_interval_s: float = Field(30.0, ge=1, le=60, description="each city's status is published at least so often")
    northbound_url: str | None = Field(
        None, repr=False, description="a broker of the province, or of a park's city, that gets alarms and status too"
    )
    northbound_protocol: Literal["3.1.1", "5"] = Field("5", description="spoken to that broker")
    northbound_cities: str | None = Field(
        None, description="what it gets: ids with commas between; without them all cities in operation"
    )
    northbound_client_id: str | None = Field(None, description="our name there; without it the broker gives one")
    northbound_ca_file: Path | None = Field(None, description="certificates of its authority, for mqtts://")
    northbound_certificate_file: Path | None = Field(None, description="our certificate there, with its chain")
    northbound_key_file: Path | None = Field(None, description="its key, where the certificate's file does not hold it")
    relay_from: str | None = Field(
        None, description="parks that publish to this deployment's broker: ids with commas between"
    )
    register_unknown_cities: bool = Field(
        False, description="a city that publishes here is registered by what it says of itself, not kept apart"
    )
    city_silence_s: float = Field(
        180.0, ge=2, description="a city that publishes here is silent where no status of it came for so long"
    )
    cap_sender: str = Field(
        "lifeline@localhost",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(@[A-Za-z0-9][A-Za-z0-9.-]*)?$",
        max_length=200,
        description="who sends CAP messages: an address or domain of the house",
    )
    cap_public_without_key: bool = Field(False, description="whether Public warnings may be read without a key")
    public_url: str | None = Field(None, description="where people reach Lifeline, for the links in messages")
    trusted_proxies: str = Field(
        "",
        description="addresses or networks of proxies whose X-Forwarded-For and -Proto are believed, with commas "
        "between; without them none is, and waits after failed log-ins count by the address that connects",
    )
    session_idle_minutes_max: float = Field(
        30.0, ge=1, le=1_440, description="a session without any request or open stream ends after so long"
    )
    session_hours_max: float = Field(12.0, ge=0.1, le=168, description="a session ends after so long, used or not")
    second_factor_roles: str = Field(
        "",
        description="roles that may do nothing before they have enrolled a second factor, with commas between; "
        "recommended: supervisor,system_administrator,security_administrator,auditor",
    )
    oidc_issuer: str | None = Field(
        None, pattern="^https?://", description="the city's own identity provider (OpenID Connect), for people's log-in"
    )
    oidc_client_id: str = Field("lifeline", description="our name there")
    oidc_client_secret: str | None = Field(None, repr=False, description="our secret there, where it gave one")
    oidc_mappings: Path | None = Field(None, description="a YAML file: which claim gives which role and areas")
    webhook_networks_allowed: str = Field(
        "", description="inner networks that webhooks may reach, with commas between, like 10.1.0.0/16,10.2.3.4/32"
    )
    heartbeat_url: str | None = Field(
        None,
        pattern="^https?://",
        repr=False,
        description="an address that is told every heartbeat_s while Lifeline works; silence is alarm",
    )
    heartbeat_s: float = Field(60.0, ge=5, le=3_600)
    gcj02_display: bool = Field(
        False, description="whether GeoJSON may be asked for in GCJ-02, for display on Chinese web maps alone"
    )
    console: Path | None = Field(
        None, description="a folder with the console's built files, in place of those that come with Lifeline"
    )
    exercises_max: int = Field(1, ge=0, le=4, description="exercises that are played at one time, by /replay")
    recordings: Path | None = Field(
        None, description="a folder of recordings to exercise: NAME.csv.gz with NAME.sensors.csv beside it"
    )
    rules_two_persons: bool = Field(
        False, description="whether `rules activate` asks for a second person instead of activating at once"
    )
    connections_max: int = Field(7, ge=5, le=50, description="to the database, of ingest and evaluator")
    api_connections_max: int = Field(8, ge=4, le=200, description="to the database, of the API")
    command_s_max: float = Field(30.0, gt=0, description="time limit of a database command")

    @field_validator("webhook_networks_allowed", "trusted_proxies")
    @classmethod
    def _networks_are_networks(cls, text: str) -> str:
        for part in filter(None, (part.strip() for part in text.split(","))):
            ip_network(part)
        return text


def load_settings() -> Settings:
    """Return the settings. Raises SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "LIFELINE_" + str(first["loc"][0]).upper()
        raise SettingsError(f"{name}: {first['msg']}; correct or unset it") from None
