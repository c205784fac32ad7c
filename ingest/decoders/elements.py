"""Takes a JSON array apart into its elements' bytes, also where an element is malformed, so that it harms no other."""

import re

from ingest.reasons import Fault, Reason

# A flat object is one token, which keeps the usual array at two tokens an element. The possessive quantifiers keep
# the search linear on any input; a quote that is left over begins a string that never ends.
_TOKEN = re.compile(
    rb'\{(?:[^{}\[\]"]++|"(?:[^"\\]++|\\.)*+")*+\}|"(?:[^"\\]++|\\.)*+"|[\[{]++|[\]}]++|[,"]',
    re.DOTALL,
)
_SPACE = b" \t\r\n"

TOKENS_MAX = 15_000
DEPTH_MAX = 512


def split_elements(payload: bytes, elements_max: int) -> list[bytes] | Fault:
    """Return the bytes of each element of a JSON array, in order, or what is wrong with the array as a whole.

    `payload` begins with `[`, white space aside. The elements themselves are not looked at.
    """
    start = payload.index(b"[") + 1
    depth, deepest = 1, 1
    elements: list[bytes] = []
    for tokens, token in enumerate(_TOKEN.finditer(payload, start)):
        first = payload[token.start()]
        if first in b"[{" and payload[token.end() - 1] not in b"}":
            depth += token.end() - token.start()
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= token.end() - token.start()
            if depth <= 0:
                return _close(payload, start, token.end(), depth, elements)
        elif first in b"," and depth == 1:
            elements.append(payload[start : token.start()].strip(_SPACE))
            start = token.end()
            if len(elements) >= elements_max:
                return Fault(
                    Reason.TOO_MANY_READINGS,
                    f"the array holds more than {elements_max} readings; send them in several messages",
                )
        elif first in b'"' and token.end() - token.start() == 1:
            return Fault(Reason.NOT_JSON, f"a text that begins at byte {token.start()} never ends; send valid JSON")
        if tokens >= TOKENS_MAX and deepest <= DEPTH_MAX:
            return Fault(Reason.NOT_JSON, "malformed, and too intricate to be taken apart; send valid JSON")
        if tokens >= TOKENS_MAX:
            break
    if deepest > DEPTH_MAX:
        return Fault(Reason.TOO_DEEP, f"nested {deepest} deep; send a flat object, or an array of flat objects")
    return Fault(Reason.NOT_JSON, "the array is cut off before its closing bracket; send the whole message")


def _close(payload: bytes, start: int, end: int, depth: int, elements: list[bytes]) -> list[bytes] | Fault:
    if depth < 0 or payload[end - 1] not in b"]" or payload[end:].strip(_SPACE):
        return Fault(Reason.NOT_JSON, f"the array ends at byte {end}, but more follows; send one JSON array a message")
    last = payload[start : end - 1].strip(_SPACE)
    return [*elements, last] if last or elements else []
