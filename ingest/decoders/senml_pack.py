"""A SenML pack in which something is amiss, read record by record, so that a bad record costs only itself."""

from typing import Any

import msgspec

from ingest.decoders.elements import split_elements
from ingest.decoders.faults import parse_pairs
from ingest.decoders.refusals import Refusals
from ingest.decoders.senml_faults import base_fault, pack_fault, record_fault, repeated_senml_field
from ingest.decoders.senml_record import (
    VERSION_MAX,
    Record,
    SenmlReading,
    has_known_version,
    rebase,
    resolve,
)
from ingest.message import Refused
from ingest.reasons import Fault, Reason

_RECORD = msgspec.json.Decoder(Record)
_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NAMES = tuple((name, f'"{name}"'.encode()) for name in Record.__struct_fields__)
# Where a record may mean something to others: base values, what must be understood, and any of it written with escapes.
_BEYOND_ITSELF = (b'"bn"', b'"bt"', b'"bu"', b'"bv"', b'"bver"', b'_"', b"\\")


def read_closely(
    payload: bytes, sensor: str | None, records_max: int
) -> tuple[list[SenmlReading], list[int], list[Refused]]:
    """Return the readings of a pack, their places in it, and its records that could not be used; never raises.

    `sensor` is the topic's; None where the records name their sensors (a gateway).
    """
    records = _split(payload, records_max)
    if isinstance(records, Fault):
        return [], [], [Refused(payload, records, sensor)]
    pack = _Pack(sensor)
    readings: list[SenmlReading] = []
    position: list[int] = []
    refusals = Refusals(len(records))
    for place, raw in enumerate(records):
        reading = pack.take_plain(raw)
        if reading is None and refusals.full:
            if not readings:
                refusals.add_unexplained(records[place:])
                break
            pack.pass_over(place, raw)
            refusals.add_unexplained([raw])
        elif reading is None:
            try:
                found = pack.take(place, raw)
            except _PackUnreadable as error:
                fault = Fault(error.fault.reason, f"entry {place + 1} of {len(records)}: {error.fault.detail}")
                return [], [], [Refused(payload, fault, sensor)]
            if isinstance(found, Fault):
                refusals.add(place, raw, found, pack.named)
            else:
                reading = found
        if reading is not None:
            readings.append(reading)
            position.append(place)
    return readings, position, refusals.all()


class _PackUnreadable(Exception):
    """No record of the pack may be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class _Pack:
    """A pack that is read record by record, with the base values that hold so far.

    A record that cannot be read may have changed them: those after it, up to the pack's end, are refused. `named` is
    the sensor of the record taken last, as far as it is known.
    """

    def __init__(self, sensor: str | None) -> None:
        self.named: str | None = None
        self._sensor = sensor
        self._base = Record()
        self._lost: int | None = None

    def take_plain(self, raw: bytes) -> SenmlReading | None:
        """Return the reading of a record in which nothing is amiss; None for any other."""
        record = None if self._lost is not None else _plain_record(raw)
        if record is None or record.v is None or not has_known_version(record):
            return None
        rebase(self._base, record)
        reading = resolve(self._base, record, self._sensor)
        return None if isinstance(reading, Fault) else reading

    def take(self, place: int, raw: bytes) -> SenmlReading | Fault | None:
        """Return what any record gives, None for one of base values alone. Raises _PackUnreadable."""
        self.named = self._sensor or self._base.bn or None
        pairs = parse_pairs(raw)
        if isinstance(pairs, Fault):
            return pairs if pairs.reason == Reason.NOT_AN_OBJECT else self._lose(place, pairs)
        fields = dict(pairs)
        unreadable = pack_fault(fields, VERSION_MAX)
        if unreadable is not None:
            raise _PackUnreadable(unreadable)
        fault = repeated_senml_field(pairs) or base_fault(fields)
        if fault is not None:
            return self._lose(place, fault)
        if self._lost is not None:
            detail = (
                f"entry {self._lost + 1} could not be read and may have changed the base values; mend that one first"
            )
            return Fault(Reason.BASE_UNKNOWN, detail)
        rebase(self._base, _record(fields, ("bn", "bt", "bu", "bv")))
        name = fields.get("n")
        self.named = self._sensor or (self._base.bn or "") + (name if isinstance(name, str) else "") or None
        fault = record_fault(fields)
        if fault is not None:
            return fault
        record = _record(fields, ("n", "t", "u", "v"))
        return None if record.v is None else resolve(self._base, record, self._sensor)

    def pass_over(self, place: int, raw: bytes) -> None:
        """Take note of a record that is refused without a look into it."""
        if any(mark in raw for mark in _BEYOND_ITSELF):
            self._lost = place if self._lost is None else self._lost

    def _lose(self, place: int, fault: Fault) -> Fault:
        self._lost = place if self._lost is None else self._lost
        return fault


def _plain_record(raw: bytes) -> Record | None:
    """Return the record where each of our fields stands in it just once, and none that has to be understood."""
    try:
        record = _RECORD.decode(raw)
    except _ERRORS:
        return None
    if b"\\" in raw or b'_"' in raw:
        return None
    for name, written in _NAMES:
        if raw.count(written) != (getattr(record, name) is not None):
            return None
    return record


def _record(fields: dict[str, Any], names: tuple[str, ...]) -> Record:
    """Return a record of some of the fields, which have been found sound."""
    record = Record()
    for name in names:
        value = fields.get(name)
        if value is not None:
            setattr(record, name, float(value) if name in ("v", "bv") else value)
    return record


def _split(payload: bytes, records_max: int) -> list[bytes] | Fault:
    if not payload.lstrip().startswith(b"["):
        return Fault(Reason.NOT_AN_ARRAY, "a SenML pack is an array of records; put the record between [ and ]")
    return split_elements(payload, records_max)
