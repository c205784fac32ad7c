"""The audit's words and hashes: what may stand in it, and what breaks a chain."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.audit import DETAILS_MAX, TEXT_CHARACTERS_MAX, Action, Entry, canonical, details_text, plain
from model.chain import GENESIS, Chain, hash_of

TEXTS = [
    ("desk-1", "desk-1"),
    ("嘉峪关\n", "嘉峪关�"),
    ("a\x00b\ud800", "a�b�"),
    ("lk_abcdefghijklmnopqrstuvwxyz", "lk_…"),
    ("typed lk_0123456789-_ by mistake", "typed lk_… by mistake"),
    ("x" * 600, "x" * (TEXT_CHARACTERS_MAX - 1) + "…"),
]


@pytest.mark.parametrize(("given_text", "kept"), TEXTS)
def test_texts_as_they_are_kept(given_text: str, kept: str) -> None:
    assert plain(given_text) == kept


def test_details_have_one_form() -> None:
    facts = {"role": "operator", "areas": None, "minutes": 5, "share": 0.5, "name": "王", "done": True}
    text = '{"areas":null,"done":true,"minutes":5,"name":"\\u738b","role":"operator","share":0.5}'
    assert details_text(facts) == text


FALLS: list[tuple[dict[str, Any], str]] = [
    ({"password": "x"}, "'password' is the name of one"),
    ({"totp_secret": "x"}, "'totp_secret' is the name of one"),
    ({"Token": "x"}, "'Token' is the name of one"),
    ({"areas": ["jiayuguan"]}, "'areas' is list"),
    ({"before": {"role": "viewer"}}, "'before' is dict"),
    ({"share": float("nan")}, "JSON"),
    ({"share": float("inf")}, "JSON"),
    ({str(number): number for number in range(DETAILS_MAX + 1)}, f"at most {DETAILS_MAX} fit"),
]


@pytest.mark.parametrize(("details", "why"), FALLS)
def test_details_that_cannot_stand(details: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        details_text(details)


def test_an_action_is_a_few_plain_words() -> None:
    for action in Action:
        assert action.value == action.name.lower().replace("_", "-")


def chain_of(*actors: str) -> list[Entry]:
    rows: list[Entry] = []
    for number, actor in enumerate(actors, 1):
        previous = rows[-1].hash if rows else GENESIS
        time = f"2026-11-22T08:00:00.{number:03}Z"
        row = Entry(number, time, actor, "key", None, "key-created", "desk", None, "done", "{}", previous, "")
        rows.append(row._replace(hash=hash_of(row)))
    return rows


def test_a_chain_that_holds() -> None:
    chain = Chain((0, GENESIS))
    assert chain.follow(chain_of("wang", "li", "zhao")) is None
    assert chain.verdict()[:3] == (3, 1, 3)


@given(st.data())
def test_whatever_is_changed_in_a_row_breaks_the_chain_at_it(data: st.DataObject) -> None:
    rows = chain_of("wang", "li", "zhao")
    place = data.draw(st.integers(0, 2))
    column = data.draw(st.sampled_from([name for name in Entry._fields if name != "sequence"]))
    value = data.draw(st.none() | st.text(st.characters(codec="utf-8")))
    if value == getattr(rows[place], column):
        return
    rows[place] = rows[place]._replace(**{column: value})
    broken = Chain((0, GENESIS)).follow(rows)
    assert broken is not None
    assert broken.number == place + 1


def test_parts_do_not_flow_into_one_another() -> None:
    (row,) = chain_of("ab")
    one, other = row._replace(actor="ab", subject="c"), row._replace(actor="a", subject="bc")
    assert hash_of(one) != hash_of(other)
    assert hash_of(row._replace(city=None)) != hash_of(row._replace(city="-"))


FACTS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.sampled_from("abcdef"), FACTS | st.text(st.characters(codec="utf-8"))))
def test_details_come_back_from_json_in_the_same_form(details: dict[str, Any]) -> None:
    text = canonical(details)
    assert canonical(msgspec.json.decode(text)) == text
