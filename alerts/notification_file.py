"""The notification file: through which channels who is told of what, and when; YAML in, every error with its line."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from alerts.words import Level, Part
from model.alarm import AlarmClass, Priority
from model.clock_span import DAYS, ClockTime, Day
from model.vocabulary import SYSTEMS
from model.yaml_file import Fault, InForce, YamlFileError, located, parse_model, read_text, repeated

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]
Text = Annotated[str, Field(min_length=1, max_length=2_000)]
Kind = Literal["raised", "risen", "released", "returned", "escalated"]

KEY_CHARACTERS_MIN = 24
# Targets of Apprise that would go round the guard over addresses, or stay on the machine that sends.
REFUSED_SCHEMES = frozenset(
    {"apprise", "apprises", "form", "forms", "json", "jsons", "rsyslog", "syslog", "xml", "xmls"}
    | {"dbus", "glib", "gnome", "kde", "macosx", "qt", "windows"}
)


class Window(Part):
    """A span of the day in the city's time, over midnight where `to` is not after `from`; `days` it begins on."""

    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")
    days: list[Day] = Field(list(DAYS), min_length=1)

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.start == self.end:
            raise ValueError("to: is the same as from; leave the whole window out for all day, or give another time")
        return self


class Digest(Part):
    """What is not urgent, gathered for `every_min` minutes of the day and told in one message."""

    every_min: Annotated[int, Field(ge=1, le=1440)]
    priorities: list[Literal["low", "medium", "high"]] = Field(["low"], min_length=1)


class _Channel(Part):
    """What all channels have. `text: title` sends the title alone, for what is paid by length.

    No more than `per_minute` messages go through it; robots of DingTalk and WeCom take 20.
    """

    channel: Name
    language: Literal["zh", "en", "both"] = "zh"
    text: Literal["full", "title"] = "full"
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 10.0
    per_minute: Annotated[int, Field(ge=1, le=6_000)] = 600
    url: Text | None = None
    url_env: Variable | None = None

    @model_validator(mode="after")
    def _has_one_url(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("channel: give either url or url_env (the environment variable that holds it)")
        return self


class AppriseChannel(_Channel):
    """A service that Apprise knows, by Apprise's URL: DingTalk, WeCom, Feishu, e-mail, SMS gateways and others."""

    via: Literal["apprise"]

    @field_validator("url")
    @classmethod
    def _scheme_is_taken(cls, url: str | None) -> str | None:
        if url is not None and (fault := apprise_fault(url)):
            raise ValueError(fault)
        return url


class WebhookChannel(_Channel):
    """A JSON message by HTTP POST, signed with the channel's own key."""

    via: Literal["webhook"]
    key: Annotated[str, Field(min_length=KEY_CHARACTERS_MIN, max_length=400)] | None = None
    key_env: Variable | None = None

    @field_validator("url")
    @classmethod
    def _url_is_plain(cls, url: str | None) -> str | None:
        if url is not None and (fault := webhook_fault(url)):
            raise ValueError(fault)
        return url

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if (self.key is None) == (self.key_env is None):
            raise ValueError("channel: give either key or key_env (the environment variable that holds it)")
        return self


Channel = Annotated[AppriseChannel | WebhookChannel, Field(discriminator="via")]


class Person(Part):
    """Through which channels a person on the roster is reached."""

    person: Annotated[str, Field(min_length=1, max_length=128)]
    channels: list[Name] = Field(min_length=1, max_length=10)


class Route(Part):
    """Who is told of what. A field that is left out does not narrow; `severities` concern process alarms alone.

    With `on_duty` those who are on duty are told, and `channels` where nobody on duty can be reached. `quiet_hours`
    hold messages back until their end; red, priority highest and escalations are never held back.
    """

    route: Name
    channels: list[Name] = Field(min_length=1, max_length=20)
    on_duty: bool = False
    cities: list[str] | None = Field(None, min_length=1)
    districts: list[str] | None = Field(None, min_length=1)
    systems: list[str] | None = Field(None, min_length=1)
    severities: list[Level] | None = Field(None, min_length=1)
    classes: list[AlarmClass] | None = Field(None, min_length=1)
    priorities: list[Priority] | None = Field(None, min_length=1)
    kinds: list[Kind] = Field(["raised", "risen", "released", "escalated"], min_length=1)
    modes: list[Literal["operational", "test"]] = Field(["operational"], min_length=1)
    hours: Window | None = None
    quiet_hours: Window | None = None
    digest: Digest | None = None

    @field_validator("systems")
    @classmethod
    def _systems_are_known(cls, systems: list[str] | None) -> list[str] | None:
        for system in systems or ():
            if system not in SYSTEMS:
                raise ValueError(f"{system!r} is not known; use some of {', '.join(SYSTEMS)}")
        return systems


class NotificationFile(Part, InForce):
    """Channels, the people on the roster, and routes."""

    channels: list[Channel] = Field(min_length=1, max_length=50)
    people: list[Person] = Field(default_factory=list, max_length=1_000)
    routes: list[Route] = Field(min_length=1, max_length=200)

    def channels_of(self, person: str) -> list[str]:
        """Return the channels of a person; none for one that the file does not name."""
        return [channel for found in self.people if found.person == person for channel in found.channels]


def read_notification_file(path: Path) -> NotificationFile:
    """Return the file at `path`. Raises YamlFileError."""
    return parse_notification_file(str(path), read_text(path))


def parse_notification_file(file: str, text: str) -> NotificationFile:
    """Return the file of a YAML text. Raises YamlFileError with the problems, each with line and remedy."""
    found = parse_model(file, text, NotificationFile, "the file is empty; it needs channels and routes")
    faults = list(_faults(found))
    if faults:
        raise YamlFileError(located(file, text, faults))
    return found


@lru_cache(maxsize=4)
def stored_notification_file(content: str) -> NotificationFile:
    """Return the file that was kept as `content`."""
    return NotificationFile.model_validate_json(content)


def webhook_fault(url: str) -> str | None:
    """Return what is wrong with a webhook's URL, or None. Its address is judged when it is resolved."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "this is no URL; write it like https://alarms.example.org/lifeline"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "a webhook's URL begins with https:// (or http://) and a host"
    if parts.username is not None or parts.password is not None:
        return "a webhook's URL holds no user and password; the message is signed with the channel's key"
    if parts.fragment or any(not c.isprintable() or c.isspace() for c in url):
        return "a webhook's URL holds neither # nor blanks; leave them out or write them as %23 and %20"
    return None


def apprise_fault(url: str) -> str | None:
    """Return why a URL is not taken for Apprise, or None; whether Apprise understands it is asked elsewhere."""
    scheme, found, _ = url.partition("://")
    if not found or not scheme:
        return "this is no URL of Apprise; write it like dingtalk://… or mailto://…"
    if scheme.strip().lower() in REFUSED_SCHEMES:
        return f"{scheme}:// is not taken; use a channel with via: webhook, which is signed and guarded"
    return None


def _faults(file: NotificationFile) -> Iterator[Fault]:
    yield from repeated("channels", "channel", [channel.channel for channel in file.channels])
    yield from repeated("people", "person", [person.person for person in file.people])
    yield from repeated("routes", "route", [route.route for route in file.routes])
    known = {channel.channel for channel in file.channels}
    named: list[tuple[str, Sequence[Any]]] = [("people", file.people), ("routes", file.routes)]
    for part, entries in named:
        for place, entry in enumerate(entries):
            for position, channel in enumerate(entry.channels):
                if channel not in known:
                    told = f"there is no channel {channel!r}; use one of {', '.join(sorted(known))}"
                    yield (part, place, "channels", position), told
