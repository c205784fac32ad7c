"""JSON payloads: one object, or an array of objects, `{"time": …, "value": …}` with optional unit, quality, sensor."""

import re
from datetime import datetime
from typing import Annotated

import msgspec

from ingest.decoders.elements import split_elements
from ingest.decoders.faults import explain_entry, parse_pairs, repeated_field
from ingest.message import Columns, Refused
from ingest.reasons import Fault, Reason, printable
from model.instant import parse_instant, to_milliseconds
from model.reading import Quality

QUALITY_WORDS = {
    "good": int(Quality.GOOD),
    "uncertain": int(Quality.REPORTED_UNCERTAIN),
    "bad": int(Quality.REPORTED_BAD),
}

# Seven digits and more would be rounded into the next millisecond by msgspec, where we cut.
_ROUNDED_UP = re.compile(rb"\.[0-9]{3}999[5-9]")


class Entry(msgspec.Struct, gc=False):
    """One reading as it is sent. Fields beyond these are let pass; `sequence` is not used yet."""

    time: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[datetime, msgspec.Meta(tz=True)]
    value: float
    unit: str | None = None
    quality: str | None = None
    sensor: str | None = None


_MESSAGE = msgspec.json.Decoder(Entry | list[Entry])
_ENTRY = msgspec.json.Decoder(Entry)
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_DECODER_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode_json(payload: bytes, sensor: str | None, readings_max: int) -> tuple[Columns, list[Refused]]:
    """Return the readings of a payload and its entries that could not be used; never raises.

    `sensor` is the topic's; None where every entry names its own (a gateway). One decode for the whole message where
    all is well; otherwise each entry on its own, so that a bad one costs only itself.
    """
    try:
        found = _MESSAGE.decode(payload)
    except _DECODER_ERRORS:
        return _decode_one_by_one(payload, sensor, readings_max)
    entries = found if isinstance(found, list) else [found]
    if len(entries) > readings_max:
        detail = f"the array holds {len(entries)} readings; at most {readings_max} are taken: send several messages"
        return Columns([], [], [], []), [Refused(payload, Fault(Reason.TOO_MANY_READINGS, detail))]
    columns = None if _is_doubtful(payload, len(entries)) else _columns(entries, sensor)
    return (columns, []) if columns is not None else _decode_one_by_one(payload, sensor, readings_max)


def split_payload(payload: bytes, readings_max: int) -> list[bytes]:
    """Return the bytes of each entry of a payload that decoded: those of the array's elements, or of the object."""
    elements = _split(payload, readings_max)
    return [payload] if isinstance(elements, Fault) else elements


def _is_doubtful(payload: bytes, entries: int) -> bool:
    """Whether a field may stand twice in one entry (msgspec would take the last), or a fraction was rounded up.

    Names can also be written with escapes, so any backslash is reason enough to look closely.
    """
    return (
        payload.count(b'"value"') != entries
        or payload.count(b'"time"') != entries
        or payload.count(b'"unit"') > entries
        or payload.count(b'"quality"') > entries
        or payload.count(b'"sensor"') > entries
        or b"\\" in payload
        or (b"999" in payload and _ROUNDED_UP.search(payload) is not None)
    )


def _columns(entries: list[Entry], sensor: str | None) -> Columns | None:
    """Return the entries as columns; None where one of them is not as it should be."""
    if sensor is None:
        sensors = [entry.sensor for entry in entries if entry.sensor is not None]
        if len(sensors) != len(entries):
            return None
    else:
        if any(entry.sensor is not None and entry.sensor != sensor for entry in entries):
            return None
        sensors = [sensor] * len(entries)
    quality = [0 if entry.quality is None else _quality_bits(entry.quality) for entry in entries]
    if -1 in quality:
        return None
    units = [entry.unit for entry in entries]
    return Columns(
        sensors,
        [entry.time if isinstance(entry.time, int) else to_milliseconds(entry.time) for entry in entries],
        [entry.value for entry in entries],
        quality,
        units if any(unit is not None for unit in units) else None,
    )


def _quality_bits(word: str) -> int:
    bits = QUALITY_WORDS.get(word)
    return QUALITY_WORDS.get(word.lower(), -1) if bits is None else bits


def _decode_one_by_one(payload: bytes, sensor: str | None, readings_max: int) -> tuple[Columns, list[Refused]]:
    columns = Columns([], [], [], [], [], [])
    assert columns.unit is not None
    assert columns.position is not None
    elements = _split(payload, readings_max)
    if isinstance(elements, Fault):
        return columns, [Refused(payload, _not_utf8(payload) or elements, sensor)]
    is_array = payload.lstrip().startswith(b"[")
    refused = []
    for position, raw in enumerate(elements):
        entry = _decode_entry(raw, sensor)
        if isinstance(entry, Refused):
            where = f"entry {position + 1} of {len(elements)}: " if is_array else ""
            fault = Fault(entry.fault.reason, where + entry.fault.detail)
            refused.append(Refused(raw, fault, entry.sensor))
            continue
        taken, time = entry
        columns.sensor.append(taken.sensor or "")
        columns.time.append(time)
        columns.value.append(taken.value)
        columns.quality.append(0 if taken.quality is None else _quality_bits(taken.quality))
        columns.unit.append(taken.unit)
        columns.position.append(position)
    return columns, refused


def _split(payload: bytes, readings_max: int) -> list[bytes] | Fault:
    if not payload.lstrip().startswith(b"["):
        return [payload]
    try:
        elements = [bytes(raw) for raw in _ELEMENTS.decode(payload)]
    except _DECODER_ERRORS:
        return split_elements(payload, readings_max)
    if len(elements) > readings_max:
        detail = f"the array holds {len(elements)} entries; at most {readings_max} are taken: send several messages"
        return Fault(Reason.TOO_MANY_READINGS, detail)
    return elements


def _decode_entry(raw: bytes, sensor: str | None) -> tuple[Entry, int] | Refused:
    """Return one reading, its sensor filled in, and its time in epoch milliseconds; or why it cannot be used."""
    try:
        entry = _ENTRY.decode(raw)
    except _DECODER_ERRORS as error:
        fault, named = explain_entry(raw, str(error))
        return Refused(raw, fault, sensor or named)
    if _is_doubtful(raw, 1):
        pairs = parse_pairs(raw)
        if isinstance(pairs, Fault):
            return Refused(raw, pairs, sensor or entry.sensor)
        repeated = repeated_field(pairs)
        if repeated is not None:
            return Refused(raw, repeated, sensor or entry.sensor)
        # The text of the time, not msgspec's rounding of it, is what is cut to the millisecond.
        text = next(value for name, value in pairs if name == "time")
        time = parse_instant(text) if isinstance(text, str) else int(text)
    else:
        time = entry.time if isinstance(entry.time, int) else to_milliseconds(entry.time)
    unfit = _entry_fault(entry, sensor)
    if unfit is not None:
        return Refused(raw, unfit, sensor or entry.sensor)
    entry.sensor = sensor or entry.sensor
    return entry, time


def _entry_fault(entry: Entry, sensor: str | None) -> Fault | None:
    if sensor is None and entry.sensor is None:
        return Fault(Reason.NO_SENSOR, "no field 'sensor'; on a gateway's topic every reading names its sensor")
    if sensor is not None and entry.sensor is not None and entry.sensor != sensor:
        return Fault(
            Reason.SENSOR_MISMATCH,
            f"the reading names sensor {printable(entry.sensor, 64)!r}, the topic {printable(sensor, 64)!r}; a device "
            "publishes for itself alone, a gateway on lifeline/{city}/gateway/{gateway}",
        )
    if entry.quality is not None and _quality_bits(entry.quality) < 0:
        return Fault(
            Reason.QUALITY_UNKNOWN,
            f"quality {printable(entry.quality, 40)!r} is not known; use good, uncertain or bad, or leave it out",
        )
    return None


def _not_utf8(payload: bytes) -> Fault | None:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        return Fault(Reason.NOT_UTF8, f"byte {error.start} is not UTF-8 ({error.reason}); send JSON in UTF-8")
    return None
