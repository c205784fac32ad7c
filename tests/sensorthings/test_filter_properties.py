"""Properties of $filter: it finds what a plain evaluation finds, and no text makes the service fail."""

from __future__ import annotations

import asyncio
import math
import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sensorthings.filters import parse_filter
from model.expression import Call, Expression, Negation, Operation, Path, QueryRefused, Value
from tests.sensorthings.city import PRESSURES, ROOT, Town, hour, in_town, written

STREAM = f"{ROOT}/Datastreams('WATER-10')/Observations"
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
}  # fmt: skip

numbers = st.integers(-3, 7).map(float) | st.sampled_from([0.3, 0.31, 0.355, 6.4, 1e3])
times = st.sampled_from([hour(number) for number in range(-1, 11, 2)])
qualities = st.sampled_from(["good", "bad", "uncertain", "", "it's"])


def _value(kind: str) -> Callable[[Any], Value]:
    return lambda value: Value(kind, value)  # type: ignore[arg-type]


number_terms = st.recursive(
    st.just(Path(("result",))) | numbers.map(_value("number")),
    lambda inner: (
        st.builds(Operation, st.sampled_from(["add", "sub", "mul", "div", "mod"]), inner, inner)
        | st.builds(lambda one: Call("length", (one,)), st.just(Path(("resultQuality", "quality"))))
    ),
    max_leaves=4,
)
text_terms = (
    st.just(Path(("resultQuality", "quality")))
    | qualities.map(_value("text"))
    | st.builds(lambda one: Call("toupper", (one,)), st.just(Path(("resultQuality", "quality"))))
)
time_terms = st.just(Path(("phenomenonTime",))) | times.map(_value("time"))
leaves = (
    st.builds(Operation, st.sampled_from(sorted(COMPARE)), number_terms, number_terms)
    | st.builds(Operation, st.sampled_from(sorted(COMPARE)), text_terms, text_terms)
    | st.builds(Operation, st.sampled_from(sorted(COMPARE)), time_terms, time_terms)
    | st.builds(lambda one, two: Call("startswith", (one, two)), text_terms, text_terms)
)
conditions = st.recursive(
    leaves,
    lambda inner: st.builds(Operation, st.sampled_from(["and", "or"]), inner, inner) | st.builds(Negation, inner),
    max_leaves=8,
)


def _text(expression: Expression) -> str:
    """The expression as a client writes it, with all brackets."""
    match expression:
        case Value("number", value):
            return repr(value)
        case Value("time", datetime() as value):
            return written(value)
        case Value(_, value):
            return "'" + str(value).replace("'", "''") + "'"
        case Path(names):
            return "/".join(names)
        case Call(name, arguments):
            return f"{name}({', '.join(map(_text, arguments))})"
        case Negation(operand):
            return f"not ({_text(operand)})"
        case Operation(sign, left, right):
            return f"({_text(left)}) {sign} ({_text(right)})"
    raise AssertionError(expression)


def _worth(expression: Expression, row: dict[str, Any]) -> Any:
    """What the expression is worth for an observation; None for what cannot be reckoned, of which nothing is true but
    that it is another than a value."""
    match expression:
        case Value(_, value):
            return value
        case Path(names):
            return row["/".join(names)]
        case Call(name, arguments):
            given = [_worth(argument, row) for argument in arguments]
            return {"length": lambda a: float(len(a)), "toupper": str.upper, "startswith": str.startswith}[name](*given)
        case Negation(operand):
            return not _worth(operand, row)
        case Operation("and", left, right):
            return _worth(left, row) and _worth(right, row)
        case Operation("or", left, right):
            return _worth(left, row) or _worth(right, row)
        case Operation(sign, left, right):
            a, b = _worth(left, row), _worth(right, row)
            if sign in COMPARE:
                return COMPARE[sign](a, b) if a is not None and b is not None else sign == "ne" and a is not b
            if a is None or b is None or (b == 0 and sign in ("div", "mod")):
                return None
            return {
                "add": lambda: a + b, "sub": lambda: a - b, "mul": lambda: a * b, "div": lambda: a / b,
                "mod": lambda: a - b * math.trunc(a / b),
            }[sign]()  # fmt: skip
    raise AssertionError(expression)


def test_a_filter_finds_what_a_plain_evaluation_finds(database_url: str) -> None:
    rows = [
        {
            "result": value,
            "phenomenonTime": hour(number),
            "resultQuality/quality": {3: "uncertain", 4: "bad"}.get(number, "good"),
        }
        for number, value in enumerate(PRESSURES)
    ]

    async def scenario(town: Town) -> None:
        headers = dict(town.client.headers)

        @settings(max_examples=150)
        @given(conditions)
        def same(expression: Expression) -> None:
            answer = client.get(STREAM, params={"$filter": _text(expression), "$select": "result"})
            assert answer.status_code == 200, answer.text
            expected = [row["result"] for row in rows if _worth(expression, row)]
            assert [found["result"] for found in answer.json()["value"]] == expected

        @settings(max_examples=250)
        @given(st.lists(st.sampled_from(FRAGMENTS), max_size=12), st.sampled_from(["$filter", "$orderby", "$expand"]))
        def never_fails(fragments: list[str], option: str) -> None:
            for entity in ("Datastreams", "Locations"):
                answer = client.get(f"{ROOT}/{entity}", params={option: " ".join(fragments)})
                assert answer.status_code in (200, 400, 501), answer.text

        with httpx.Client(base_url=town.service.address, headers=headers, timeout=20) as client:
            await asyncio.to_thread(same)
            await asyncio.to_thread(never_fails)

    in_town(database_url, scenario, sensorthings_filter_words_max=1_000)


FRAGMENTS = [
    "(", ")", ",", "/", ";", "=", "$top=1", "$filter=", "'", "''", "'x'", "name", "@iot.id", "Thing", "Datastreams",
    "Datastream", "Observations", "location", "properties", "city", "/name", "/properties/city", "eq", "ne", "gt", "le",
    "and", "or", "not", "add", "sub", "mul", "div", "mod", "1", "-1", "0", "1e308", "true", "null", "now()",
    "2026-11-22", "2026-11-22T08:00:00Z", "duration'P1D'", "duration'P99999D'", "contains(", "length(", "indexof(",
    "round(", "year(", "date(", "st_within(", "geo.distance(", "geography'POINT(1 2)'", "desc",
    "geography'POLYGON((0 0,1 0,1 1,0 0))'", "name eq 'x'", "length(name) gt 1", "$expand", "Locations",
]  # fmt: skip


@given(st.text(max_size=60) | st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(" ".join))
def test_a_text_is_read_or_refused(text: str) -> None:
    refused = _refusal_of(text)
    assert refused is None or (refused.field == "$filter" and refused.remedy)


def _refusal_of(text: str) -> QueryRefused | None:
    try:
        parse_filter(text, words_max=50, levels_max=5)
    except QueryRefused as refused:
        return refused
    return None


@pytest.mark.parametrize(("text", "brackets"), [
    ("a or b and c", "(a) or ((b) and (c))"),
    ("not a eq b and c", "(not ((a) eq (b))) and (c)"),
    ("a add b mul c eq d sub e sub f", "((a) add ((b) mul (c))) eq (((d) sub (e)) sub (f))"),
    ("a gt b or not (c or d)", "((a) gt (b)) or (not ((c) or (d)))"),
    ("a div b mod c lt d", "(((a) div (b)) mod (c)) lt (d)"),
])  # fmt: skip
def test_precedence(text: str, brackets: str) -> None:
    assert parse_filter(text, words_max=50, levels_max=9) == parse_filter(brackets, words_max=50, levels_max=9)
