"""JSON payloads: one object, or an array of objects, `{"time": …, "value": …}` with optional unit, quality, sensor."""

import msgspec

from ingest.decoders.elements import split_elements
from ingest.decoders.entry import Entry, Unnumbered, is_rounded_up, milliseconds, quality_bits
from ingest.decoders.faults import FIELDS, explain_entry, parse_pairs, repeated_field
from ingest.decoders.plain import PlainEntry, columns_of
from ingest.decoders.refusals import Refusals
from ingest.message import Columns, Refused
from ingest.reasons import Fault, Reason, printable
from model.instant import parse_instant

_MESSAGE = msgspec.json.Decoder(PlainEntry | list[PlainEntry])
_ENTRY = msgspec.json.Decoder(Entry)
_UNNUMBERED = msgspec.json.Decoder(Unnumbered)
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_NAMES = tuple(f'"{field}"'.encode() for field in FIELDS)
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
    columns = columns_of(entries, [sensor] * len(entries), payload)
    return (columns, []) if columns is not None else _decode_one_by_one(payload, sensor, readings_max)


def split_payload(payload: bytes, readings_max: int) -> list[bytes]:
    """Return the bytes of each entry of a payload that decoded: those of the array's elements, or of the object."""
    elements = _split(payload, readings_max)
    return [payload] if isinstance(elements, Fault) else elements


def _decode_one_by_one(payload: bytes, sensor: str | None, readings_max: int) -> tuple[Columns, list[Refused]]:
    elements = _split(payload, readings_max)
    if isinstance(elements, Fault):
        return Columns([], [], [], []), [Refused(payload, _not_utf8(payload) or elements, sensor)]
    refusals = Refusals(len(elements))
    taken: list[Unnumbered] = []
    times: list[int] = []
    sequences: list[int | None] = []
    position: list[int] = []
    for place, raw in enumerate(elements):
        if refusals.full and isinstance(_typed(raw)[0], Exception):
            refusals.add_unexplained([raw])
            continue
        found = _decode_entry(raw, sensor)
        if isinstance(found, Refused):
            if refusals.full:
                refusals.add_unexplained([raw])
            else:
                refusals.add(place, raw, found.fault, found.sensor)
            continue
        entry, time, sequence = found
        taken.append(entry)
        times.append(time)
        sequences.append(sequence)
        position.append(place)
    columns = Columns(
        [entry.sensor or "" for entry in taken],
        times,
        [entry.value for entry in taken],
        [0 if entry.quality is None else quality_bits(entry.quality) for entry in taken],
        [entry.unit for entry in taken],
        position,
        sequences,
    )
    return columns, refusals.all()


def _split(payload: bytes, readings_max: int) -> list[bytes] | Fault:
    if not payload.lstrip().startswith(b"["):
        return [payload]
    try:
        elements = _ELEMENTS.decode(payload)
    except _DECODER_ERRORS:
        return split_elements(payload, readings_max)
    if len(elements) > readings_max:
        detail = f"the array holds {len(elements)} entries; at most {readings_max} are taken: send several messages"
        return Fault(Reason.TOO_MANY_READINGS, detail)
    return [bytes(raw) for raw in elements]


def _decode_entry(raw: bytes, sensor: str | None) -> tuple[Unnumbered, int, int | None] | Refused:
    """Return one reading, its sensor filled in, its time in epoch milliseconds, and its sequence; or why it is refused.

    What stands in `sequence` never costs a reading: where it is no count, there is none.
    """
    entry, sequence = _typed(raw)
    if isinstance(entry, Exception):
        fault, named = explain_entry(raw, str(entry))
        return Refused(raw, fault, sensor or named)
    if _is_doubtful_entry(raw):
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
        time = milliseconds(entry)
    unfit = _entry_fault(entry, sensor)
    if unfit is not None:
        return Refused(raw, unfit, sensor or entry.sensor)
    entry.sensor = sensor or entry.sensor
    return entry, time, sequence


def _typed(raw: bytes) -> tuple[Unnumbered, int | None] | tuple[Exception, None]:
    try:
        numbered = _ENTRY.decode(raw)
    except _DECODER_ERRORS:
        try:
            return _UNNUMBERED.decode(raw), None
        except _DECODER_ERRORS as error:
            return error, None
    return numbered, numbered.sequence


def _is_doubtful_entry(raw: bytes) -> bool:
    """Whether a field may stand twice, once perhaps written with escapes, or a fraction of a second was rounded up."""
    return b"\\" in raw or any(raw.count(name) > 1 for name in _NAMES) or is_rounded_up(raw)


def _entry_fault(entry: Unnumbered, sensor: str | None) -> Fault | None:
    if sensor is None and entry.sensor is None:
        return Fault(Reason.NO_SENSOR, "no field 'sensor'; on a gateway's topic every reading names its sensor")
    if sensor is not None and entry.sensor is not None and entry.sensor != sensor:
        return Fault(
            Reason.SENSOR_MISMATCH,
            f"the reading names sensor {printable(entry.sensor, 64)!r}, the topic {printable(sensor, 64)!r}; a device "
            "publishes for itself alone, a gateway on lifeline/{city}/gateway/{gateway}",
        )
    if entry.quality is not None and quality_bits(entry.quality) < 0:
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
