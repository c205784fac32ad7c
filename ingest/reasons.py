"""Why a message or a reading could not be used: the fixed words, and text that is safe to store and to show."""

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """The word that stands in a rejection; its sentence says what, where and how to mend it."""

    TOPIC_UNKNOWN = "topic_unknown"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    TOO_MANY_READINGS = "too_many_readings"
    TOO_DEEP = "too_deep"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_PROTOBUF = "not_protobuf"
    NOT_AN_ARRAY = "not_an_array"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATE_KEY = "duplicate_key"
    FORM_UNKNOWN = "form_unknown"
    VERSION_UNKNOWN = "version_unknown"
    FIELD_UNKNOWN = "field_unknown"
    NO_BIRTH = "no_birth"
    ALIAS_UNKNOWN = "alias_unknown"
    MESSAGES_MISSED = "messages_missed"
    BASE_UNKNOWN = "base_unknown"
    READINGS_NOT_FOUND = "readings_not_found"
    NO_SENSOR = "no_sensor"
    SENSOR_MALFORMED = "sensor_malformed"
    SENSOR_MISMATCH = "sensor_mismatch"
    UNKNOWN_SENSOR = "unknown_sensor"
    WRONG_CITY_OR_SYSTEM = "wrong_city_or_system"
    NO_VALUE = "no_value"
    VALUE_NOT_A_NUMBER = "value_not_a_number"
    VALUE_NOT_FINITE = "value_not_finite"
    UNIT_UNKNOWN = "unit_unknown"
    UNIT_MISMATCH = "unit_mismatch"
    QUALITY_UNKNOWN = "quality_unknown"
    NO_TIME = "no_time"
    TIME_MALFORMED = "time_malformed"
    TIME_RELATIVE = "time_relative"
    TIME_BEFORE_2000 = "time_before_2000"
    TIME_AFTER_2100 = "time_after_2100"
    TIME_AHEAD = "time_ahead"
    RATE_LIMITED = "rate_limited"
    STORE_REFUSED = "store_refused"
    DECODER_FAILED = "decoder_failed"


class Fault(NamedTuple):
    """What is wrong with a message or an entry of it: the word, and the sentence."""

    reason: Reason
    detail: str


def printable(text: str, characters_max: int = 200) -> str:
    """Return the text with everything that is not plainly visible as backslash escapes, cut at `characters_max`.

    NUL and lone surrogates would be refused by PostgreSQL, marks that turn the writing direction would deceive a
    reader.
    """
    if len(text) > characters_max:
        text = text[:characters_max] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
