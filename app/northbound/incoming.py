"""What comes in from partners: journal lines and statuses of cities, checked, or the reason why one cannot be used."""

from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec

from ingest.message import Message
from ingest.reasons import Fault, Reason
from model.alarm import AlarmClass, Condition
from model.instant import parse_instant
from model.sensor import City, InvalidSensor, check_city

LINE_BYTES_MAX = 65_536
STATUS_BYTES_MAX = 1_048_576
DISTRICTS_MAX = 1_000

Mode = Literal["operational", "exercise", "test"]
SeverityLabel = Literal["blue", "yellow", "orange", "red"]
Identifier = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
AlarmId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.-]{1,192}\Z")]
Word = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.:-]{0,128}\Z")]
StateWord = Annotated[str, msgspec.Meta(pattern=r"\A[a-z_]{1,40}\Z")]  # a newer city may know more states than we do
Text = Annotated[str, msgspec.Meta(max_length=200)]
Count = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
Sequence = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Checked = TypeVar("Checked")


class Unusable(Exception):
    """A message that goes to quarantine; `fault` says why."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(reason, detail)


class PartnerLine(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from", "class_": "class"}):
    """What of a partner's journal line is looked at; the rest is kept as it came."""

    city: Identifier
    system: Word
    district: Text
    alarm: AlarmId
    sequence: Sequence
    rule: Word
    kind: Word
    sensor: Word
    time: str
    known_at: str
    from_: StateWord
    to: StateWord
    severity: SeverityLabel | None
    severity_from: SeverityLabel | None
    peak_severity: SeverityLabel | None
    class_: AlarmClass
    condition: Condition
    mode: Mode


class Freshness(msgspec.Struct, frozen=True):
    """Sensors by freshness."""

    fresh: Count
    silent: Count
    never_heard: Count


class Quality(msgspec.Struct, frozen=True):
    """Sensors by quality."""

    good: Count
    bad: Count
    unknown: Count


class PartnerSystem(msgspec.Struct, frozen=True):
    """The sensors of one system in one district, and its alarms by severity or class and by state."""

    system: Word
    sensors: Count
    freshness: Freshness
    quality: Quality
    alarms: dict[Word, dict[Word, Count]]


class PartnerDistrict(msgspec.Struct, frozen=True):
    """One district."""

    district: Text
    systems: list[PartnerSystem]


class EvaluatedThrough(msgspec.Struct, frozen=True):
    """The last evaluated batch of the city's log, and the log's clock there."""

    batch: int
    clock: str | None


class PartnerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What of a partner's status is looked at."""

    city: Identifier
    name: Text
    name_zh: Text
    mode: Mode
    time_zone: Text
    published_at: str
    behind: bool
    evaluated_through: EvaluatedThrough
    districts: Annotated[list[PartnerDistrict], msgspec.Meta(max_length=DISTRICTS_MAX)]

    @property
    def registered(self) -> City:
        """The city as a registry would have it."""
        return City(city=self.city, name=self.name, name_zh=self.name_zh, time_zone=self.time_zone, mode=self.mode)

    @property
    def open_alarms(self) -> int:
        """How many alarms are not normal, by the city's own count."""
        systems = (system for district in self.districts for system in district.systems)
        return sum(sum(states.values()) for system in systems for states in system.alarms.values())


class Incoming(NamedTuple):
    """A usable message: what it says, and its text as it came."""

    content: PartnerLine | PartnerStatus
    text: str


def read_message(message: Message) -> Incoming:
    """Return what a message says. Raises Unusable."""
    match message.topic.split("/"):
        case ["lifeline", city, "alarm", alarm]:
            line = _decoded(message, _line_decoder, LINE_BYTES_MAX)
            _check_times(line.time, line.known_at)
            _check_same("city", city, line.city)
            _check_same("alarm", alarm, line.alarm)
            _check_texts(line.district)
            return Incoming(line, message.payload.decode())
        case ["lifeline", city, "status"]:
            status = _decoded(message, _status_decoder, STATUS_BYTES_MAX)
            _check_times(status.published_at)
            _check_same("city", city, status.city)
            _check_texts(status.name, status.name_zh, *(district.district for district in status.districts))
            try:
                check_city(status.registered)
            except InvalidSensor as error:
                raise Unusable(Reason.FORM_UNKNOWN, str(error)) from None
            return Incoming(status, message.payload.decode())
    raise Unusable(Reason.TOPIC_UNKNOWN, "expected lifeline/{city}/alarm/{alarm} or lifeline/{city}/status")


def read_line(text: str) -> PartnerLine:
    """Return a line that was kept."""
    return _line_decoder.decode(text)


def read_status(text: str) -> PartnerStatus:
    """Return a status that was kept."""
    return _status_decoder.decode(text)


_line_decoder = msgspec.json.Decoder(PartnerLine)
_status_decoder = msgspec.json.Decoder(PartnerStatus)


def _decoded(message: Message, decoder: msgspec.json.Decoder[Checked], bytes_max: int) -> Checked:
    if message.payload_bytes > bytes_max:
        raise Unusable(Reason.PAYLOAD_TOO_LARGE, f"{message.payload_bytes} bytes; at most {bytes_max} are taken")
    try:
        message.payload.decode()
        msgspec.json.decode(message.payload)  # what is not looked at has to be readable too
        return decoder.decode(message.payload)
    except UnicodeDecodeError as error:
        raise Unusable(Reason.NOT_UTF8, str(error)) from None
    except msgspec.ValidationError as error:
        raise Unusable(Reason.FORM_UNKNOWN, f"{error}; send what Lifeline publishes on this topic") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unusable(Reason.NOT_JSON, str(error)) from None


def _check_times(*times: str) -> None:
    for text in times:
        try:
            parse_instant(text)
        except ValueError as error:
            raise Unusable(Reason.TIME_MALFORMED, str(error)) from None


def _check_same(field: str, of_topic: str, of_payload: str) -> None:
    if of_topic != of_payload:
        raise Unusable(
            Reason.WRONG_CITY_OR_SYSTEM,
            f"{field}: the topic says {of_topic!r}, the payload {of_payload!r}; publish on the city's own topic",
        )


def _check_texts(*texts: str) -> None:
    for text in texts:
        if not text.isprintable():
            raise Unusable(Reason.FORM_UNKNOWN, f"{text[:80]!r} holds characters that are not visible; leave them out")
