"""Texts that people give (names, places, notes): normalised, bounded, and without characters that hide or disguise."""

import unicodedata

NAME_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 2_000

# Marks that change the direction in which the following is shown, that cannot be seen, or that end a line for some
# readers. A name with one of them looks like another name.
_INVISIBLE = frozenset(
    chr(code)
    for code in (
        0x061C, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF,
        *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080),
    )
)  # fmt: skip


class InvalidText(ValueError):
    """A text that cannot stand; `field` names it, the message says how to mend it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


def clean_text(field: str, text: str, length_max: int = NAME_LENGTH_MAX) -> str:
    """Return the text in Unicode's composed form (NFC), so that what looks the same is the same. Raises InvalidText.

    Markup and what a spreadsheet takes for a formula may stand: they are shown as text, and written out guarded.
    """
    if len(text) > length_max:
        raise InvalidText(field, f"{len(text)} characters; at most {length_max} are taken")
    if text.isascii() and text.isprintable():
        return text
    for place, character in enumerate(text, 1):
        if character in _INVISIBLE or unicodedata.category(character) in ("Cc", "Cs"):
            name = unicodedata.name(character, "a control character")
            raise InvalidText(
                field, f"character {place} is U+{ord(character):04X} ({name}), which cannot be seen; type it anew"
            )
    return unicodedata.normalize("NFC", text)


def guard_formula(text: str) -> str:
    """Return the text as it is written to CSV: with an apostrophe before what a spreadsheet would run as a formula."""
    return "'" + text if _is_formula(text) else text


def unguard_formula(text: str) -> str:
    """Return the text without the apostrophe that guard_formula set."""
    return text[1:] if text[:1] == "'" and _is_formula(text[1:]) else text


def _is_formula(text: str) -> bool:
    start = text.lstrip("'")[:1]
    if start not in ("=", "+", "-", "@"):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False  # a negative number is one
