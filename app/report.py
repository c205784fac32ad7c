"""The report on the alarm system as a page to print and as CSV, in Chinese or English."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from app import report_words as words
from app.printed import bars, page, table
from app.rule_names import rule_and_name
from model.bilingual import MODES, STATES, Language, said
from model.plain_text import guard_formula

HEADER = (
    "from", "to", "city", "position", "mode", "section", "item", "detail", "value", "unit", "target", "met", "name",
    "name_zh",
)  # fmt: skip


OF_RULES = ("top_ten", "fleeting", "chattering", "standing", "judged")  # sections whose items are rules


def report_html(documents: Sequence[Mapping[str, Any]], month: str, language: Language, *, in_file: bool) -> str:
    """Return the report of documents of figures (app.performance), one for each time zone, as a page."""
    title = f"{said(words.TITLE, language)} {month}"
    sections = [_section(position, document, language) for document in documents for position in document["positions"]]
    body = "\n".join(sections) or f"<p>{escape(said(words.NOTHING, language))}</p>"
    source = f'<p class="note">{escape(said(words.SOURCE, language))}</p>'
    return page(title, f"<h1>{escape(title)}</h1>\n{source}\n{body}", language, in_file=in_file)


def report_csv(documents: Sequence[Mapping[str, Any]]) -> str:
    """Return the report as CSV, one figure a row; names are the API's.

    `name` and `name_zh` are the names of the row's rule, empty where it has none.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for document in documents:
        for position in document["positions"]:
            heading = [document["from"], document["to"], position["city"], position["position"], position["mode"]]
            for row in _rows(position):
                name = document["rules"].get(row[1], {}) if row[0] in OF_RULES else {}
                writer.writerow([*heading, *(_cell(value) for value in (*row, name.get("en"), name.get("zh")))])
    return out.getvalue()


def _section(position: Mapping[str, Any], document: Mapping[str, Any], language: Language) -> str:
    zone = ZoneInfo(document["time_zone"])

    def t(pair: tuple[str, str]) -> str:
        return said(pair, language)

    def at(text: str | None) -> str:
        return t(words.STANDS) if text is None else local(text, zone)

    def rule(one: Mapping[str, Any]) -> str:
        return rule_and_name(one["rule"], document["rules"], language)

    def counted(part: str) -> list[list[str]]:
        return [[rule(one), one["sensor"], str(one["count"]), _share(one["share"])] for one in position[part]]

    def block(title: tuple[str, str], content: str) -> str:
        return f"<h3>{escape(t(title))}</h3>\n{content}" if content else ""

    def alarms(title: tuple[str, str], rows: Sequence[Sequence[str]]) -> str:
        return block(
            title, table([t(words.RULE), t(words.SENSOR), t(words.COUNT), t(words.SHARE)], rows, numbers=(2, 3))
        )

    name = (position["name_zh"] if language == "zh" else position["name"]) or position["position"]
    span = f"{local(document['from'], zone)} – {local(document['to'], zone)} ({document['time_zone']})"
    reached = f"{span} · {written(position['hours'] * 3_600, 'seconds')}"
    short = f'<p class="note">{escape(t(words.SHORT))}</p>' if position["hours"] < 24 else ""
    periods = position["periods"]
    parts = [
        f'<section class="position">\n<h2>{escape(name)} <span class="mode">{escape(t(MODES[position["mode"]]))}</span>'
        f"</h2>\n<p>{escape(position['city'])} · {escape(position['position'])} · {escape(reached)}</p>{short}",
        _figures(position["figures"], language),
        block(words.BY_DAY, bars(periods["day"]["series"] or [], t(words.BY_DAY), above=150)),
        block(words.BY_HOUR, bars(periods["hour"]["series"] or [], t(words.BY_HOUR), above=6)),
        block(words.FLOODS, table(
            [t(words.FROM), t(words.TO), t(words.FIRST_OUT), t(words.ANNUNCIATED), t(words.FOLDED)],
            [[at(f["began_at"]), at(f["ended_at"]), f["first_out"], str(f["annunciated"]), str(f["folded"])]
             for f in position["floods"]], numbers=(3, 4))),
        alarms(words.TOP_TEN, counted("top_ten")),
        alarms(words.CHATTERING, [[rule(c), c["sensor"], str(c["raises"]), ""] for c in position["chattering"]]),
        alarms(words.FLEETING, counted("fleeting")),
        block(words.STANDING, table(
            [t(words.RULE), t(words.SENSOR), t(words.RAISED), t(words.RETURNED)],
            [[rule(s), s["sensor"], at(s["raised_at"]), at(s["returned_at"])] for s in position["standing"]])),
        block(words.JUDGED, table(
            [t(words.RULE), t(words.TRUE), t(words.FALSE), t(words.TEST), t(words.FALSE_SHARE)],
            [[rule(j), str(j["true"]), str(j["false"]), str(j["test"]), _share(j["false_share"])]
             for j in position["judged"]], numbers=(1, 2, 3, 4))),
        block(words.SUPPRESSED, table(
            [t(words.STATE), t(words.COUNT), t(words.OLDEST)],
            [[t(STATES[state]), str(s["count"]), at(s["oldest_since"])]
             for state, s in position["suppressed"].items() if s["count"]], numbers=(1,))),
        block(words.UNAUTHORISED, table(
            [t(words.ALARM), t(words.AT), t(words.WHY)],
            [[b["alarm"], at(b["at"]), t(words.WHYS[b["why"]])] for b in position["unauthorised"]])),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part) + "\n</section>"


def _figures(figures: Sequence[Mapping[str, Any]], language: Language) -> str:
    rows = []
    for one in figures:
        missed = one["met"] is False
        target = ""
        if one["target"] is not None:
            word = words.AT_LEAST if one["at_least"] else words.AT_MOST if one["target"] else words.NONE
            target = f"{said(word, language)} {written(one['target'], one['unit']) if one['target'] else ''}".strip()
            target += f" · {said(words.MISSED, language)}" if missed else ""
        mark = ' class="missed"' if missed else ""
        rows.append(
            f"<tr><td>{escape(said(words.FIGURES[one['figure']], language))}</td>"
            f'<td class="number">{escape(written(one["value"], one["unit"]))}</td><td{mark}>{escape(target)}</td></tr>'
        )
    figure, value, target = (escape(said(head, language)) for head in (words.FIGURE, words.VALUE, words.TARGET))
    heads = f'<tr><th>{figure}</th><th class="number">{value}</th><th>{target}</th></tr>'
    return f"<table>\n{heads}\n" + "\n".join(rows) + "\n</table>"


def _rows(position: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    for one in position["figures"]:
        yield "figure", one["figure"], "", one["value"], one["unit"], one["target"], one["met"]
    for name, period in position["periods"].items():
        yield "peak", name, period["peak_at"], period["peak"], "count", None, None
    for place, count in enumerate(position["periods"]["day"]["series"] or ()):
        yield "by_day", place + 1, "", count, "count", None, None
    for one in position["floods"]:
        yield "flood", one["began_at"], one["first_out"], one["annunciated"], "count", None, None
    for section in ("top_ten", "fleeting"):
        for one in position[section]:
            yield section, one["rule"], one["sensor"], one["count"], "count", None, None
    for one in position["chattering"]:
        yield "chattering", one["rule"], one["sensor"], one["raises"], "count", None, None
    for one in position["standing"]:
        yield "standing", one["rule"], one["sensor"], one["raised_at"], "since", None, None
    for one in position["judged"]:
        for verdict in ("true", "false", "test"):
            yield "judged", one["rule"], verdict, one[verdict], "count", None, None
    for state, one in position["suppressed"].items():
        yield "suppressed", state, one["oldest_since"], one["count"], "count", None, None
    for one in position["unauthorised"]:
        yield "unauthorised", one["alarm"], one["why"], one["at"], "at", None, None


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return guard_formula(value) if isinstance(value, str) else value


def _share(value: float | None) -> str:
    return "–" if value is None else "<0.1%" if 0 < value < 0.0005 else f"{value:.1%}"


def written(value: float | None, unit: str) -> str:
    """Return a figure as people read it: shares in percent, seconds as minutes or hours where they are many."""
    if value is None:
        return "–"
    if unit == "share":
        return _share(value)
    if unit == "seconds":
        return (
            f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min" if value < 7_200 else f"{value / 3_600:.1f} h"
        )
    return f"{value:g}" if value == int(value) else f"{value:.2f}"


def local(text: str, zone: ZoneInfo) -> str:
    """Return a time as Lifeline writes it as people of that zone read it, to the minute."""
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M}"
