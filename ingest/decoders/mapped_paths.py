"""Paths, templates and topic filters of a mapping, taken apart once, to be followed for every message."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from ingest.decoders.faults import kind_of
from ingest.decoders.mapping import PLACEHOLDER, steps_of
from ingest.reasons import Fault, Reason

Captures: TypeAlias = dict[str, str]


class Missing:
    """What a path finds where nothing stands."""


MISSING = Missing()
Find = Callable[[Any, Any], Any]
Render = Callable[[Any, Any, Captures], str | Fault]


def topic_pattern(filter_text: str) -> re.Pattern[str]:
    """Return the pattern of an MQTT filter with captures."""
    parts = []
    for level in filter_text.split("/"):
        if level == "+":
            parts.append("[^/]+")
        elif level == "#":
            parts.append(".+")
        elif level.startswith("{"):
            parts.append(f"(?P<{level[1:-1]}>[^/]+)")
        else:
            parts.append(re.escape(level))
    return re.compile("/".join(parts), re.DOTALL)


def finder(path: str) -> Find:
    """Return the function that finds what stands at the path, given message and reading; MISSING for nothing."""
    from_message, steps = steps_of(path)
    return (lambda message, _: follow(message, steps)) if from_message else (lambda _, entry: follow(entry, steps))


def follow(value: Any, steps: tuple[str, ...]) -> Any:
    """Return what stands at the end of the steps; MISSING for nothing."""
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, list) and step.isdecimal() and len(step) < 7 and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


def template(text: str, captures: list[str]) -> Render:
    """Return the function that fills the template, given message, reading and what the topic captured."""
    parts = PLACEHOLDER.split(text)
    finders = {inner: finder(inner) for inner in parts[1::2] if inner not in captures}

    def render(message: Any, entry: Any, captured: Captures) -> str | Fault:
        said = []
        for place, part in enumerate(parts):
            if place % 2 == 0:
                said.append(part)
            elif part in finders:
                found = finders[part](message, entry)
                if isinstance(found, bool) or not isinstance(found, str | int):
                    what = "nothing" if found is MISSING else kind_of(found)
                    return Fault(Reason.NO_SENSOR, f"{what} at {part!r}, of which the mapping makes a name")
                said.append(word_of(found))
            else:
                said.append(captured[part])
        return "".join(said)

    return render


def word_of(sent: str | int) -> str:
    """Return a JSON text, number, true or false as a mapping file writes it."""
    if isinstance(sent, bool):
        return "true" if sent else "false"
    return str(sent)[:300]
