"""Which of the four colours a city warns in, and what it calls them: four by default, three where it has three."""

from collections.abc import Sequence

import msgspec

from model.severity import Severity

_NUMERALS = (("I", "一"), ("II", "二"), ("III", "三"), ("IV", "四"))
_COLOURS = {Severity.RED: "红", Severity.ORANGE: "橙", Severity.YELLOW: "黄", Severity.BLUE: "蓝"}
HIGHEST_FIRST = (Severity.RED, Severity.ORANGE, Severity.YELLOW, Severity.BLUE)
GEOCODES_MAX = 20


class InvalidLevels(ValueError):
    """Levels that a city cannot warn in; the text says why."""


class WarningLevel(msgspec.Struct, frozen=True):
    """A colour that a city warns in, and its names."""

    colour: str
    label_en: str = ""
    label_zh: str = ""


class CityWarnings(msgspec.Struct, frozen=True, kw_only=True):
    """How a city warns: its levels, highest first; who sends (in both languages); its geocodes as (list, code)."""

    levels: tuple[WarningLevel, ...]
    sender_name: str = ""
    sender_name_zh: str = ""
    geocodes: tuple[tuple[str, str], ...] = ()


def named_levels(levels: Sequence[WarningLevel]) -> tuple[WarningLevel, ...]:
    """Return levels highest first, a label where none is given: 一级（红） for the first, whatever its colour.

    Raises InvalidLevels without red, because an alarm may never become a lower warning than its severity, for a colour
    twice, or for one that is none of the four.
    """
    known = [level.label for level in HIGHEST_FIRST]
    colours = [level.colour for level in levels]
    if wrong := [colour for colour in colours if colour not in known]:
        raise InvalidLevels(f"{wrong[0]!r} is none of {', '.join(filter(None, known))}")
    if len(set(colours)) < len(colours):
        raise InvalidLevels("a colour stands twice")
    if "red" not in colours:
        raise InvalidLevels("red is missing: a red alarm would become a lower warning")
    ordered = sorted(levels, key=lambda level: known.index(level.colour))
    named = []
    for level, (numeral, numeral_zh) in zip(ordered, _NUMERALS, strict=False):
        sign = _COLOURS[Severity[level.colour.upper()]]
        named.append(
            WarningLevel(
                level.colour,
                level.label_en or f"level {numeral} ({level.colour})",
                level.label_zh or f"{numeral_zh}级（{sign}）",
            )
        )
    return tuple(named)


FOUR_LEVELS = named_levels([WarningLevel(level.label or "") for level in HIGHEST_FIRST])


def level_for(levels: Sequence[WarningLevel], severity: int) -> WarningLevel | None:
    """Return the level of a severity (integer of model.severity): the lowest that is not below it; None for none."""
    if severity <= Severity.NONE:
        return None
    return min(
        (level for level in levels if Severity[level.colour.upper()] >= severity),
        key=lambda level: Severity[level.colour.upper()],
    )
