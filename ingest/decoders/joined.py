"""Many messages of one JSON object each, joined into one array and decoded by one call.

Joining must not let the bytes of one message change the meaning of another's. With n payloads, each beginning with `{`
and ending with `}`, joined by commas between brackets:

1. The whole decodes as an array of n readings. Each reading is an object that stands directly in the array, so n
   braces `{` open one of them.
2. The whole holds exactly n bytes `{` that do not follow a `%`. Each payload's first byte is one of them, as it follows
   a comma or the bracket. Each brace that opens an object is one of them too, as no `%` stands outside of texts. So the
   payloads' first bytes are just the braces that open the n readings, no reading holds an object, and no text a brace,
   other than in units like `%{LEL}`.
3. The i-th reading begins at the i-th payload's first byte and ends before the next payload's first byte. After its
   end only white space and the comma may follow until there, so the payload's last byte `}` is that end.

So the i-th reading is the i-th payload, all of it and nothing else. `1},{"time":…` fails at 2, as does a payload with
an object of its own in it, which is then decoded alone.
"""

import msgspec

from ingest.decoders.plain import PlainEntry, columns_of
from ingest.message import Columns

JOINED_MESSAGES_MAX = 500
JOINED_BYTES_MAX = 2_048  # a longer payload gains nothing by being joined, and would be decoded twice where one is bad

_ENTRIES = msgspec.json.Decoder(list[PlainEntry])
_OPEN, _CLOSE = b"{}"


def is_joinable(payload: bytes) -> bool:
    """Whether the payload looks like one object, short enough to be joined."""
    return 2 <= len(payload) <= JOINED_BYTES_MAX and payload[0] == _OPEN and payload[-1] == _CLOSE


def decode_joined(payloads: list[bytes], sensors: list[str | None]) -> Columns | None:
    """Return one reading a payload, in order; None where one of them, or more, is not a plain reading.

    Each payload `is_joinable`. `sensors` has the topic's sensor for each payload, None on a gateway's topic.
    """
    joined = b"[" + b",".join(payloads) + b"]"
    try:
        entries = _ENTRIES.decode(joined)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return columns_of(entries, sensors, joined, objects=len(payloads)) if len(entries) == len(payloads) else None
