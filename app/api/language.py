"""The language of problems: which one the caller prefers, and the sentences of this code in Chinese.

The code says its sentences in English, with their facts in them. The catalogue beside this file holds each sentence as
a template whose facts are names in braces; a sentence that was said is found by its template and said anew in Chinese
with the same facts. A test reads the sentences from the source and fails where the catalogue lacks one.
"""

import re
from copy import deepcopy
from functools import cache
from importlib import resources
from typing import Any, Literal, TypeAlias, get_args

import yaml

from app.api.negotiation import weights_of

Language: TypeAlias = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
SENTENCE_CHARACTERS_MAX = 2_000  # a longer one is given as it is: patterns are not tried on what a caller can make long
_DEPTH_MAX = 3  # a fact may be a sentence itself


def language_of(accept_language: str | None) -> Language:
    """Return the language that an Accept-Language header prefers, English where it names neither."""
    weights = weights_of(accept_language)

    def weight(language: str) -> float:
        return max((given for tag, given in weights.items() if tag.split("-")[0] == language), default=0.0)

    return max(LANGUAGES, key=weight)  # the first of those that weigh the same


def in_chinese(sentence: str, depth: int = 0) -> str | None:
    """Return a sentence in Chinese with its facts as they are, None where the catalogue does not have it."""
    entry = entry_of(sentence) if depth <= _DEPTH_MAX else None
    if entry is None:
        return None
    chinese, facts = entry
    return chinese.format(**{name: in_chinese(fact, depth + 1) or fact for name, fact in facts.items()})


def entry_of(sentence: str) -> tuple[str, dict[str, str]] | None:
    """Return the catalogue's Chinese template for a sentence and the facts in it by name, None where it has none."""
    if len(sentence) > SENTENCE_CHARACTERS_MAX:
        return None
    for template, chinese in _catalogue():
        found = template.fullmatch(sentence)
        if found is not None:
            return chinese, found.groupdict()
    return None


def problem_in_chinese(body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a problem's body with title, detail, remedy and the details of `errors` in Chinese, and whether all is.

    `type`, `field` and the facts beside them are for programs and stay as they are.
    """
    spoken = deepcopy(body)
    whole = True
    for member in ("title", "detail", "remedy"):
        if member in spoken:
            chinese = _after_field(spoken[member], body.get("field") if member == "detail" else None)
            whole = whole and chinese is not None
            spoken[member] = chinese or spoken[member]
    for one in spoken.get("errors") or ():
        if isinstance(one, dict) and "detail" in one:
            one["detail"] = in_chinese(one["detail"]) or one["detail"]
    return spoken, whole


def _after_field(sentence: str, field: str | None) -> str | None:
    """Return the Chinese of a sentence that may begin with the field that it is about."""
    if field is not None and sentence.startswith(f"{field}: "):
        chinese = in_chinese(sentence.removeprefix(f"{field}: "))
        return None if chinese is None else f"{field}：{chinese}"
    return in_chinese(sentence)


@cache
def _catalogue() -> list[tuple[re.Pattern[str], str]]:
    """Return the templates, each as a pattern with its Chinese; those with the most words of their own first."""
    entries: dict[str, str] = yaml.safe_load((resources.files("app.api") / "problems.zh.yaml").read_text("utf-8"))
    templates: list[tuple[int, re.Pattern[str], str]] = []
    for english, chinese in entries.items():
        parts = re.split(r"(?<!\{)\{(\w+)\}(?!\})", english)
        words = [part.replace("{{", "{").replace("}}", "}") for part in parts[::2]]
        names = [*(f"(?P<{name}>.*?)" for name in parts[1::2]), ""]
        pattern = "".join(re.escape(word) + name for word, name in zip(words, names, strict=True))
        templates.append((sum(map(len, words)), re.compile(pattern, re.DOTALL), chinese))
    templates.sort(key=lambda entry: -entry[0])
    return [(pattern, chinese) for _, pattern, chinese in templates]
