"""How a timeline puts sentences together, in English and Chinese."""

from collections.abc import Callable

from model.bilingual import Language

LANGUAGES: tuple[Language, ...] = ("en", "zh")


def in_both(sentence: Callable[[Language], str]) -> dict[str, str]:
    """Return a sentence by language, `en` and `zh`."""
    return {language: sentence(language) for language in LANGUAGES}


def joined(parts: list[str], language: Language) -> str:
    """Return those of the parts that are not empty as one sentence."""
    return ("；" if language == "zh" else "; ").join(part for part in parts if part)


def quoted(text: str) -> str:
    """Return what a person wrote, as their words."""
    return f"“{text}”"


def colon(language: Language) -> str:
    """Return what stands between a name and what is said of it."""
    return "：" if language == "zh" else ": "


def comma(language: Language) -> str:
    """Return what stands between parts of a clause."""
    return "，" if language == "zh" else ", "
