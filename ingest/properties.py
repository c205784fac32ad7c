"""The properties of an MQTT 5 PUBLISH packet, as far as they matter here: how long they are, and the content type."""

CONTENT_TYPE = 0x03
# Length of each property's value (2.2.2.2, 3.3.2.3); 0: a length in two bytes before it; -1: a variable byte integer.
_VALUE_BYTES = {
    0x01: 1,  # payload format indicator
    0x02: 4,  # message expiry interval
    CONTENT_TYPE: 0,
    0x08: 0,  # response topic
    0x09: 0,  # correlation data
    0x0B: -1,  # subscription identifier
    0x23: 2,  # topic alias
    0x26: 0,  # user property: a name, then a value
}
_USER_PROPERTY = 0x26


def variable_integer(data: bytes, place: int, end: int) -> tuple[int, int]:
    """Return where the integer ends and its value (1.5.5); beyond `end` where bytes are missing, -1 if malformed."""
    value = 0
    for shift in (0, 7, 14, 21):
        if place >= end:
            return end + 1, -1
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return place, value
    return place, -1


def content_type(data: bytes, place: int, end: int) -> tuple[int, str | None] | None:
    """Return where the properties that begin at `place` end, and the content type; None where they are malformed.

    `end` is the packet's. A content type that is not UTF-8 is as if it were not there.
    """
    place, length = variable_integer(data, place, end)
    if length < 0 or place + length > end:
        return None
    end, kind = place + length, None
    while place < end:
        identifier = data[place]
        size = _VALUE_BYTES.get(identifier)
        place += 1
        if size is None:
            return None
        if size < 0:
            place, size = variable_integer(data, place, end)
            if size < 0:
                return None
            continue
        for _ in range(2 if identifier == _USER_PROPERTY else 1):
            if not _VALUE_BYTES[identifier]:
                if place + 2 > end:
                    return None
                size = data[place] << 8 | data[place + 1]
                place += 2
            place += size
        if place > end:
            return None
        if identifier == CONTENT_TYPE:
            kind = _text(data[place - size : place])
    return end, kind


def _text(value: bytes) -> str | None:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None
