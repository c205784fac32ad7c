"""ingest.decoders.json: what a message loses is told entry by entry, up to a number; its good readings are all kept."""

from __future__ import annotations

import msgspec
import pytest

from ingest.decoders.json import decode_json
from ingest.decoders.refusals import REFUSED_ONE_BY_ONE_MAX

GOOD = b'{"time":1795334340000,"value":5}'
BAD = [
    b"1",
    b'{"time":1795334340000,"value":tru}',
    b'{"time":1795334340000,"value":"5"}',
    b'{"time":1795334340000,"value":5,"value":6}',
    b'{"time":1795334340000,"value":5,"sensor":"other"}',
]


@pytest.mark.parametrize("bad", BAD)
def test_further_entries_are_kept_together(bad: bytes) -> None:
    entries = [GOOD, *[bad] * (REFUSED_ONE_BY_ONE_MAX + 3), GOOD]
    columns, refused = decode_json(b"[" + b",".join(entries) + b"]", "gas-1", 5_000)
    assert (list(columns.value), list(columns.position or ())) == ([5.0, 5.0], [0, len(entries) - 1])
    assert [one.payload for one in refused[:-1]] == [bad] * REFUSED_ONE_BY_ONE_MAX
    assert refused[-1].payload == b"[" + b",".join([bad] * 3) + b"]"
    assert refused[-1].fault.reason == refused[0].fault.reason
    assert refused[0].fault.detail.startswith(f"entry 2 of {len(entries)}: ")


def test_what_is_kept_together_can_be_decoded_again() -> None:
    entry = b'{"time":1795334340000,"value":5,"sensor":"other"}'
    _, refused = decode_json(b"[" + b",".join([entry] * (REFUSED_ONE_BY_ONE_MAX + 2)) + b"]", "gas-1", 5_000)
    assert len(msgspec.json.decode(refused[-1].payload)) == 2
