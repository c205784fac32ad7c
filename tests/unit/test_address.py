"""Addresses are told without their passwords, also those that are not of the form they should be."""

import asyncio

import pytest

from model.address import without_password
from store.pool import DatabaseUnreachable, open_pool


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://me:hidden@db.example.org:5432/lifeline", "postgresql://me@db.example.org:5432/lifeline"),
        ("mqtts://me:hid%40den@broker.example.org", "mqtts://me@broker.example.org"),
        ("mqtt://broker.example.org:1883", "mqtt://broker.example.org:1883"),
        ("postgresql://me:hid@den@db/lifeline", "postgresql://me@db/lifeline"),
        ("postgresql://me:hid/den@db/lifeline", "postgresql://me@db/lifeline"),
        ("postgresql://db/lifeline?user=me&password=hidden&ssl=on", "postgresql://db/lifeline?user=me&password=…&ssl=on"),
        ("me:hidden@broker.example.org", "me@broker.example.org"),
        ("host=db user=me password=hidden", "host=db user=me password=…"),
    ],
)  # fmt: skip
def test_what_is_told_of_an_address(url: str, told: str) -> None:
    assert without_password(url) == told


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hidden@127.0.0.1:9/lifeline", "postgresql://me:hid/den@127.0.0.1:9/lifeline",
        "me:hidden@127.0.0.1:9/lifeline", "postgresql://127.0.0.1:9/lifeline?user=me&password=hidden",
        "host=127.0.0.1 port=9 user=me password=hidden",
    ],
)  # fmt: skip
def test_a_database_that_does_not_answer_is_named_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="check LIFELINE_DATABASE_URL") as caught:
        asyncio.run(open_pool(url))
    assert "hid" not in str(caught.value)
    assert "den" not in str(caught.value)
