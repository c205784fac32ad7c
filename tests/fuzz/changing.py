"""Makes bad input out of good: bytes changed anywhere, trees and tables changed where their meaning lies.

Everything is drawn from the `chance` that is handed in, so that the same chance makes the same input again.
"""

import copy
import json
import math
import random
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

Form: TypeAlias = Literal["bytes", "tree", "table"]
"""What good input is: any bytes, JSON (which YAML reads as well), or lines of cells with commas between them."""

TEXTS = (
    "", " ", "0", "-1", "1e5", "1e999", "nan", "Infinity", "true", "null", "~", "x" * 300, "é" * 70, "\0", "\x07", "\n",
    "\u202e", "\u200b", "e\u0301", "\U0001f6a8", "\ud800", "=cmd()", "'=1", "<b>", "{", "}", "{a}", "{a", "a.b", "..",
    "$.",
    "+", "#", "/", "//", "%", "%s", "%{LEL}", "kPa", "\\", '"', "'", ",", ";", "!!int", "&a", "*a", "<<",
    "2026-11-22T08:00:00Z",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:60Z", "2026-02-30", "24:00", "08:00", "Asia/Shanghai", "../../etc/x",
    "EPSG:4326", "gcj02", "999999999999999999999", "-0", "0x10", "1_000", "१२३", "١", "on", "=", "[", "]", "()",
)  # fmt: skip
NUMBERS = (
    0, -0.0, 1, -1, 2, 60, 1e-320, 0.1, 1e15, 1e308, -1e308, math.nan, math.inf, -math.inf, 2**31, 2**31 - 1,
    -(2**31), 2**32, 2**53, 2**63, 2**63 - 1, -(2**63), 2**64, 10**30, 10**400, 1795334340000, 1795334340, 1e300,
    86_400_000, 999_999_999,
)  # fmt: skip
NESTED, DIGITS = "@nested@", "@digits@"
"""Stand in a tree for what json does not write: very deep lists, numbers of very many digits."""
_FORMLESS: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"": None}, [None, {}], NESTED, DIGITS)
_NUMERAL = re.compile(rb"-?\d+(?:\.\d+)?")


def changed(good: Sequence[bytes], form: Form, words: Sequence[bytes], chance: random.Random, bytes_max: int) -> bytes:
    """Return an input of at most `bytes_max` bytes, mostly made of a good one; `words` mean something in it."""
    seed = chance.choice(good)
    kind = chance.random()
    if kind < 0.04:
        return _made_of_words(words, chance)[:bytes_max]
    if kind < 0.6 and form == "tree":
        seed = _changed_tree(seed, good, chance)
    elif kind < 0.6 and form == "table":
        seed = _changed_table(seed, words, chance)
    if kind > 0.5 or form == "bytes":
        seed = _changed_bytes(seed, good, words, chance, bytes_max)
    return seed[:bytes_max]


def _made_of_words(words: Sequence[bytes], chance: random.Random) -> bytes:
    if chance.random() < 0.2:
        return chance.randbytes(chance.randrange(200))
    return b"".join(chance.choices(words, k=chance.randrange(40))) if words else b""


def _changed_bytes(
    seed: bytes, good: Sequence[bytes], words: Sequence[bytes], chance: random.Random, bytes_max: int
) -> bytes:
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 6))):
        place = chance.randrange(len(seed) + 1)
        end = min(len(seed), place + chance.choice((1, 1, 2, 4, 16, 64)))
        match chance.randrange(9):
            case 0:
                seed = seed[:place] + bytes((chance.randrange(256),)) + seed[end:]
            case 1:
                seed = seed[:place] + seed[end:]
            case 2:
                seed = seed[:end] + seed[place:]
            case 3 | 4:
                seed = seed[:place] + _word(words, chance) + seed[chance.choice((place, end)) :]
            case 5:
                found = _NUMERAL.search(seed, place)
                if found:
                    number = json.dumps(chance.choice(NUMBERS)).encode()
                    seed = seed[: found.start()] + number + seed[found.end() :]
            case 6:
                other = chance.choice(good)
                seed = seed[:place] + other[chance.randrange(len(other) + 1) :]
            case 7:
                seed = seed[:place] if chance.random() < 0.5 else seed[place:]
            case _:
                seed = seed[:place] + seed[place:end] * _times(end - place, bytes_max, chance) + seed[end:]
    return seed


def _word(words: Sequence[bytes], chance: random.Random) -> bytes:
    if words and chance.random() < 0.7:
        return chance.choice(words)
    return chance.choice(TEXTS).encode("utf-8", "surrogatepass")


def _times(size: int, bytes_max: int, chance: random.Random) -> int:
    """How often a part is repeated: mostly seldom, now and then until the input is as large as may be."""
    most = bytes_max // max(size, 1)
    return min(most, chance.choice((2, 3, 10, 100)) if chance.random() < 0.95 else most)


def _changed_tree(seed: bytes, good: Sequence[bytes], chance: random.Random) -> bytes:
    try:
        tree = json.loads(seed)
    except (ValueError, RecursionError):
        return seed
    holder = {"": tree}
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        _change_a_place(holder, good, chance)
    text = json.dumps(holder[""], ensure_ascii=chance.random() < 0.5)
    if NESTED in text:
        depth = chance.choice((10, 100, 300, 900, 950, 980, 1_000, 3_000))
        opening, closing = chance.choice((("[", "]"), ('{"a":', "}")))
        text = text.replace(f'"{NESTED}"', opening * depth + "1" + closing * depth)
    if DIGITS in text:
        text = text.replace(f'"{DIGITS}"', "9" * chance.choice((20, 310, 4_299, 4_301, 9_000)))
    return text.encode("utf-8", "surrogatepass")


def _change_a_place(holder: dict[Any, Any], good: Sequence[bytes], chance: random.Random) -> None:
    places = _places(holder)
    node, key = chance.choice(places)
    match chance.randrange(8):
        case 0 | 1 | 2:
            node[key] = _odd(chance)
        case 3 if node is not holder:
            del node[key]
        case 4:
            node[key] = [node[key]] * chance.choice((1, 2, 2, 30))
        case 5:
            other, its_key = chance.choice(places)
            node[key] = json.loads(json.dumps(other[its_key]))  # a copy: a tree has no rings
        case 6 if isinstance(node, dict) and node is not holder:
            name = key if chance.random() < 0.3 else chance.choice(TEXTS)
            node[name] = node.pop(key)
        case _:
            value = node[key]
            if isinstance(value, list) and value:
                node[key] = value + value * chance.choice((1, 3, 50))
            elif isinstance(value, str):
                cut = chance.randrange(len(value) + 1)
                node[key] = value[:cut] + chance.choice(TEXTS) + value[cut:]
            elif isinstance(value, int | float):
                node[key] = chance.choice(
                    (-value, value * 10, value + 1, value - 0.5 if abs(value) < 1e300 else 0, str(value)[:50])
                )


def _places(holder: dict[Any, Any]) -> list[tuple[Any, Any]]:
    """Every (list or dict, index or key) in a tree."""
    found: list[tuple[Any, Any]] = []
    todo: list[Any] = [holder]
    while todo:
        node = todo.pop()
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            found.append((node, key))
            if isinstance(value, dict | list):
                todo.append(value)
    return found


def _odd(chance: random.Random) -> Any:
    pick: Callable[[Sequence[Any]], Any] = chance.choice
    return copy.deepcopy(pick(pick((TEXTS, NUMBERS, _FORMLESS))))  # it may be changed again


def _changed_table(seed: bytes, words: Sequence[bytes], chance: random.Random) -> bytes:
    rows = [line.split(b",") for line in seed.split(b"\n")]
    for _ in range(chance.choice((1, 1, 2, 3))):
        row = chance.choice(rows)
        column = chance.randrange(len(row))
        match chance.randrange(8):
            case 0 | 1 | 2:
                row[column] = _word(words, chance)
            case 3:
                row[column] = str(chance.choice(NUMBERS)).encode()
            case 4:
                rows.insert(chance.randrange(len(rows) + 1), list(row))
            case 5:
                row.insert(column, _word(words, chance))
            case 6:
                row.pop(column)
                if not row:
                    row.append(b"")
            case _:
                row[column] = b'"' + row[column] + chance.choice((b'"', b'"","', b"\n", b""))
    return b"\n".join(b",".join(row) for row in rows)
