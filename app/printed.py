"""Pages for paper and screen in Chinese or English: no scripts, style from this server or, in a file, within it."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib import resources

from model.bilingual import Language

STYLE_SHEET = "report.css"


def page(title: str, body: str, language: Language, *, in_file: bool) -> str:
    """Return a whole HTML page; `in_file`: it must do without a server, so that the style stands in it."""
    style = f"<style>{_style()}</style>" if in_file else f'<link rel="stylesheet" href="/static/{STYLE_SHEET}">'
    tag = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{tag}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title>{style}</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def style_source() -> str:
    """Return how a content security policy names the style that stands in a page with `in_file`."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()}'"


@cache
def _style() -> str:
    return (resources.files("app") / "static" / STYLE_SHEET).read_text("utf-8")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int] = ()) -> str:
    """Return a table of plain texts; columns of `numbers` are set to the right. Empty where there is no row."""
    right = set(numbers)

    def cells(tag: str, texts: Sequence[str]) -> str:
        marks = (' class="number"' if place in right else "" for place in range(len(texts)))
        return "".join(f"<{tag}{mark}>{escape(text)}</{tag}>" for mark, text in zip(marks, texts, strict=True))

    lines = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table>\n<tr>{cells('th', heads)}</tr>\n{lines}\n</table>\n" if lines else ""


def bars(counts: Sequence[int], label: str, above: float | None = None) -> str:
    """Return a small picture of counts, with a line at `above` and what is over it marked."""
    if not counts or not max(counts):
        return ""
    top = max(max(counts), above or 0)
    parts = []
    for place, count in enumerate(counts):
        if count:
            height = 100 * count / top
            over = ' class="above"' if above is not None and count > above else ""
            parts.append(f'<rect{over} x="{place}" y="{100 - height:.2f}" width="0.85" height="{height:.2f}"/>')
    line = ""
    if above is not None:
        y = 100 - 100 * above / top
        line = f'<line x1="0" x2="{len(counts)}" y1="{y:.2f}" y2="{y:.2f}"/>'
    return (
        f'<svg viewBox="0 0 {len(counts)} 100" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{''.join(parts)}{line}</svg>\n"
    )
