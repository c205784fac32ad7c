"""Vendor JSON by a mapping file: finds the readings, whose they are, and turns their values and times into ours."""

import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from ingest.decoders.entry import QUALITY_WORDS
from ingest.decoders.faults import kind_of
from ingest.decoders.mapped_paths import MISSING, Captures, finder, follow, template, topic_pattern, word_of
from ingest.decoders.mapped_time import time_reader
from ingest.decoders.mapping import MappedQuality, MappedValue, Mapping, steps_of
from ingest.decoders.refusals import REFUSED_ONE_BY_ONE_MAX, Refusals
from ingest.message import Columns, Refused
from ingest.reasons import Fault, Reason, printable
from model.sensor import IDENTIFIER

_CONTAINERS_MAX = 40_000  # objects and arrays of a message; so many are built before its readings can be counted
_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NUMBER = re.compile(r"[-+]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?")

_Row: TypeAlias = tuple[str, int, float, int, str | None, int]  # sensor, time, value, quality, unit, place
_Wrong: TypeAlias = tuple[int, Fault, str | None]  # place, fault, sensor


class MappedForm:
    """A mapping made ready: its topic matched, its paths and templates taken apart once."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self._topic = topic_pattern(mapping.topic)
        self._steps = () if mapping.readings is None else steps_of(mapping.readings)[1]
        self._find_time = finder(mapping.time.path)
        self._read_time = time_reader(mapping.time)
        self._values = [_Value(value, mapping) for value in mapping.values]
        self._city = None if mapping.city is None else template(mapping.city, mapping.captures)

    def match(self, topic: str) -> Captures | None:
        """Return what the topic captures; None where the mapping is not for it."""
        found = self._topic.fullmatch(topic)
        return None if found is None else found.groupdict()

    def decode(
        self, payload: bytes, captures: Captures, readings_max: int
    ) -> tuple[Columns, list[Refused], str | None]:
        """Return the readings, the entries that could not be used, and the city the mapping says; never raises."""
        nothing = Columns((), (), (), ())
        message = _parse(payload)
        if isinstance(message, Fault):
            return nothing, [Refused(payload, message)], None
        city = None if self._city is None else self._city(message, message, captures)
        if isinstance(city, Fault):
            return nothing, [Refused(payload, city)], None
        found = follow(message, self._steps)
        if found is MISSING:
            path = self.mapping.readings
            fault = Fault(
                Reason.READINGS_NOT_FOUND, f"nothing at {path!r}, where mapping {self._name} has its readings"
            )
            return nothing, [Refused(payload, fault)], city
        entries = found if isinstance(found, list) else [found]
        if len(entries) * len(self._values) > readings_max:
            detail = f"{len(entries)} readings of {len(self._values)} values; at most {readings_max} are taken in all"
            return nothing, [Refused(payload, Fault(Reason.TOO_MANY_READINGS, detail))], city
        rows: list[_Row] = []
        faults: list[_Wrong] = []
        for place, entry in enumerate(entries):
            self._take(message, entry, captures, place, rows, faults)
            if not rows and len(faults) > REFUSED_ONE_BY_ONE_MAX:  # then the rest is hardly better
                return nothing, self._refused(payload, faults, len(entries), place + 1), city
        return _columns(rows), self._refused(payload, faults, len(entries), len(entries)), city

    def split(self, payload: bytes) -> list[bytes]:
        """Return the bytes of each reading of a payload that decoded."""
        raw = msgspec.Raw(payload)
        for step in self._steps:
            raw = _ARRAY.decode(raw)[int(step)] if _is_array(raw) else _OBJECT.decode(raw)[step]
        return [bytes(one) for one in _ARRAY.decode(raw)] if _is_array(raw) else [bytes(raw)]

    @property
    def _name(self) -> str:
        return self.mapping.mapping

    def _take(
        self,
        message: Any,
        entry: Any,
        captures: Captures,
        place: int,
        rows: list[_Row],
        faults: list[_Wrong],
    ) -> None:
        """Append the values of one entry to the rows, and what is wrong with it to the faults."""
        if not isinstance(entry, dict | list):
            said = f"{kind_of(entry)} in place of a reading; see mapping {self._name}"
            faults.append((place, Fault(Reason.NOT_AN_OBJECT, said), None))
            return
        sent = self._find_time(message, entry)
        if sent is MISSING or sent is None:
            said = f"no time at {self.mapping.time.path!r}; see mapping {self._name}"
            faults.append((place, Fault(Reason.NO_TIME, said), None))
            return
        time = self._read_time(sent)
        if isinstance(time, Fault):
            faults.append((place, time, None))
            return
        for value in self._values:
            taken = value.take(message, entry, captures)
            if taken is None:
                continue
            if isinstance(taken[1], Fault):
                faults.append((place, taken[1], taken[0]))
                continue
            rows.append((taken[0] or "", time, taken[1], taken[2], value.unit, place))

    def _refused(self, payload: bytes, faults: list[_Wrong], count: int, taken: int) -> list[Refused]:
        """Return the faulty ones of `count` entries, of which those from `taken` on were not looked into."""
        if not faults:
            return []
        raw = self.split(payload)
        refusals = Refusals(count)
        for place, fault, sensor in faults[:REFUSED_ONE_BY_ONE_MAX]:
            refusals.add(place, raw[place], fault, sensor)
        others = sorted({place for place, _, _ in faults[REFUSED_ONE_BY_ONE_MAX:]})
        refusals.add_unexplained([*(raw[place] for place in others), *raw[taken:]])
        return refusals.all()


class _Value:
    """One value of a mapping made ready."""

    def __init__(self, value: MappedValue, mapping: Mapping) -> None:
        self.unit = value.unit
        self._value = value
        self._sensors = mapping.sensors
        self._find = finder(value.value)
        self._sensor = template(value.sensor, mapping.captures)
        self._quality = None if value.quality is None else _quality_reader(value.quality)

    def take(
        self, message: Any, entry: Any, captures: Captures
    ) -> tuple[str | None, Fault] | tuple[str, float, int] | None:
        """Return (sensor, value, quality bits), or (sensor, fault); None where nothing was measured."""
        sent = self._find(message, entry)
        if (sent is MISSING or sent is None) and self._value.absent == "skip":
            return None
        sensor = self._sensor(message, entry, captures)
        if isinstance(sensor, Fault):
            return None, sensor
        sensor = self._sensors.get(sensor, sensor)
        if not IDENTIFIER.fullmatch(sensor):
            said = f"{printable(sensor, 64)!r} is no sensor id (1 to 64 of A-Z a-z 0-9 _ -); name it in the mapping"
            return sensor, Fault(Reason.SENSOR_MALFORMED, said)
        if sent is MISSING:
            return sensor, Fault(Reason.NO_VALUE, f"nothing at {self._value.value!r}; see mapping, or set absent: skip")
        number = self._number(sent)
        if isinstance(number, Fault):
            return sensor, number
        number = self._value.scale * number + self._value.offset
        if not math.isfinite(number):
            return sensor, Fault(Reason.VALUE_NOT_FINITE, "value is not a finite number; send nothing in its place")
        bits = 0 if self._quality is None else self._quality(message, entry)
        return (sensor, bits) if isinstance(bits, Fault) else (sensor, number, bits)

    def _number(self, sent: Any) -> float | Fault:
        if isinstance(sent, str | bool) and word_of(sent) in self._value.words:
            return self._value.words[word_of(sent)]
        if isinstance(sent, str) and self._value.numbers == "text" and _NUMBER.fullmatch(sent):
            return float(sent)
        if isinstance(sent, bool) or not isinstance(sent, int | float):
            said = f"value is {kind_of(sent)}; send a number, or say in the mapping what it means"
            return Fault(Reason.VALUE_NOT_A_NUMBER, said)
        try:
            return float(sent)
        except OverflowError:
            return math.inf


def _parse(payload: bytes) -> Any | Fault:
    """Return the message; a name that stands twice in an object is a fault, as it would hide a value."""
    if payload.count(b"{") + payload.count(b"[") > _CONTAINERS_MAX:
        detail = f"the message holds more than {_CONTAINERS_MAX} objects and arrays; send several messages"
        return Fault(Reason.TOO_MANY_READINGS, detail)
    try:
        message = msgspec.json.decode(payload)
    except RecursionError:
        return Fault(Reason.TOO_DEEP, "nested too deep; send flat objects")
    except UnicodeDecodeError as error:
        return Fault(Reason.NOT_UTF8, f"byte {error.start} is not UTF-8 ({error.reason}); send JSON in UTF-8")
    except msgspec.DecodeError as error:
        return Fault(Reason.NOT_JSON, f"not JSON ({error}); send JSON")
    return _repeated_name(payload, message) or message


def _repeated_name(payload: bytes, message: Any) -> Fault | None:
    """Return the fault of a message in which a name stands twice in an object."""
    # Written again, the message has as many quotation marks as before, unless a name stood twice.
    if b"\\" not in payload:
        try:
            if payload.count(b'"') == msgspec.json.encode(message).count(b'"'):
                return None
        except (OverflowError, RecursionError):
            pass  # an integer of more than 64 bits; look closely
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        if not repeated and len(dict(pairs)) != len(pairs):
            seen: set[str] = set()
            repeated.extend(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]

    try:
        json.loads(payload, object_pairs_hook=note, parse_int=float)
    except (ValueError, RecursionError):
        return Fault(Reason.NOT_JSON, "not JSON; send JSON")
    if repeated:
        return Fault(Reason.DUPLICATE_KEY, f"{printable(repeated[0], 40)!r} stands twice in an object; say it once")
    return None


def _columns(rows: list[_Row]) -> Columns:
    if not rows:
        return Columns((), (), (), ())
    sensor, time, value, quality, unit, position = zip(*rows, strict=True)
    return Columns(sensor, time, value, quality, unit, position)


def _quality_reader(quality: MappedQuality) -> Callable[[Any, Any], int | Fault]:
    find = finder(quality.path)

    def read(message: Any, entry: Any) -> int | Fault:
        sent = find(message, entry)
        word = quality.words.get(word_of(sent), quality.otherwise) if isinstance(sent, str | int) else quality.otherwise
        if word is None:
            what = "nothing" if sent is MISSING else kind_of(sent)
            return Fault(
                Reason.QUALITY_UNKNOWN, f"quality is {what} at {quality.path!r}; add it to the mapping's words"
            )
        return QUALITY_WORDS[word]

    return read


def _is_array(raw: msgspec.Raw) -> bool:
    return bytes(raw).lstrip()[:1] == b"["
