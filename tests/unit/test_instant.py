"""Times as texts."""

from __future__ import annotations

import pytest

from model.instant import format_instant, parse_instant

TEXTS = (
    "0001-01-01T00:00:00.000Z", "0681-05-27T06:40:40.000Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z",
    "2026-11-22T08:00:00.123Z", "9999-12-31T23:59:59.999Z",
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_a_time_is_written_as_it_was_read(text: str) -> None:
    assert format_instant(parse_instant(text)) == text
