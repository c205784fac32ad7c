"""SenML in JSON (RFC 8428): an array of records whose base values hold from one record to the next.

A time that is relative to now (RFC 8428 section 4.5.3, below 2**28 seconds) is refused: the same message delivered
again would get another time and become a second reading.
"""

import msgspec

from ingest.decoders.senml_pack import read_closely
from ingest.decoders.senml_record import Record, SenmlReading, has_known_version, rebase, resolve, says_nothing
from ingest.message import Columns, Refused
from ingest.reasons import Fault

_PACK = msgspec.json.Decoder(list[Record])
_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode_senml(payload: bytes, sensor: str | None, readings_max: int) -> tuple[Columns, list[Refused]]:
    """Return the readings of a pack and its records that could not be used; never raises.

    `sensor` is the topic's; None where the records name their sensors (a gateway).
    """
    # More braces, those of units aside, than readings may come: not all of that is made into records first.
    records = payload.count(b"{") - payload.count(b"%{")
    plain = _decode_plain(payload, sensor) if records <= readings_max else None
    if plain is not None:
        return plain, []
    readings, position, refused = read_closely(payload, sensor, readings_max)
    return _columns(readings, position), refused


def _decode_plain(payload: bytes, sensor: str | None) -> Columns | None:
    """Return the readings of a pack in which nothing is amiss; None where something may be."""
    try:
        records = _PACK.decode(payload)
    except _ERRORS:
        return None
    if not _is_plain(payload, records):
        return None
    base = Record()
    readings: list[SenmlReading] = []
    position: list[int] = []
    for place, record in enumerate(records):
        if not has_known_version(record):
            return None
        rebase(base, record)
        if record.v is None:
            if says_nothing(record):
                continue
            return None
        reading = resolve(base, record, sensor)
        if isinstance(reading, Fault):
            return None
        readings.append(reading)
        position.append(place)
    return _columns(readings, position)


def _is_plain(payload: bytes, records: list[Record]) -> bool:
    """Whether nothing stands in the payload but what was decoded: no other field, none twice, none null.

    Without a backslash every text has two quotation marks; as many as the decoded names and texts need leave no room.
    """
    if b"\\" in payload:
        return False
    texts = fields = 0
    for r in records:
        texts += 4 - (r.bn, r.bu, r.n, r.u).count(None)
        fields += 5 - (r.bt, r.bv, r.bver, r.t, r.v).count(None)
    return payload.count(b'"') == 4 * texts + 2 * fields


def _columns(readings: list[SenmlReading], position: list[int]) -> Columns:
    units = [reading.unit for reading in readings]
    return Columns(
        [reading.sensor for reading in readings],
        [reading.time for reading in readings],
        [reading.value for reading in readings],
        [0] * len(readings),
        None if units.count(None) == len(units) else units,
        position,
    )
