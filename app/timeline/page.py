"""The timeline of an incident as one page that stands alone, to read, keep and print."""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from zoneinfo import ZoneInfo

from app.printed import page, table
from app.timeline import words
from app.timeline.charts import chart
from app.timeline.readings import Course
from app.timeline.scene import Entry
from app.timeline.timeline import Timeline
from model.alarm import LABELS_WITH_NONE
from model.bilingual import MODES, SEVERITIES, SYSTEMS, Language, Words, said
from model.instant import to_datetime, to_milliseconds
from model.writing import clock, offset, quantity, span


def timeline_html(timeline: Timeline, language: Language) -> str:
    """Return a timeline as a page without scripts that loads nothing, times in the city's zone."""
    row, zone = timeline.row, timeline.scene.zone

    def t(pair: Words) -> str:
        return said(pair, language)

    cause = timeline.scene.cause(row.cause)[language]
    mode = "" if row.mode == "operational" else f"{t(MODES[row.mode])} · "
    title = f"{mode}{t(words.TITLE)} · {cause} · {clock(to_milliseconds(row.opened_at), zone)}"
    parts = [
        f'<p><span class="mode">{escape(t(MODES[row.mode]))}</span> {escape(t(words.TITLE))}</p>',
        f"<h1>{escape(_capital(cause))}</h1>",
        _head(timeline, language),
        *(f'<p class="missed">{escape(text)}</p>' for text in _not_shown(timeline, language)),
        f"<h2>{escape(t(words.ORDER))}</h2>",
        _entries(timeline, language),
        f"<h2>{escape(t(words.COURSES))}</h2>",
        _courses(timeline, language),
        f"<h2>{escape(t(words.PEOPLE))}</h2>",
        _people(timeline, language),
    ]
    body = "\n".join(part for part in parts if part)
    return page(title, f'<main class="incident">\n{body}\n</main>', language, in_file=True)


def _head(timeline: Timeline, language: Language) -> str:
    row, city, zone = timeline.row, timeline.city, timeline.scene.zone

    def t(pair: Words) -> str:
        return said(pair, language)

    named = (city.name_zh, city.name) if language == "zh" else (city.name, city.name_zh)
    districts = sorted({member.district for member in timeline.members if member.district})
    state = "merged" if row.merged_into is not None else "open" if row.closed_at is None else "closed"
    severity = LABELS_WITH_NONE[row.severity]
    alarms = sum(member.kind == "alarm" for member in timeline.members)
    facts = [
        (words.PLACE, " · ".join([named[0] or named[1] or city.city, *districts])),
        (words.SYSTEMS, " · ".join(t(SYSTEMS[system]) for system in row.systems if system in SYSTEMS)),
        (words.SINCE, clock(to_milliseconds(row.opened_at), zone)),
        (words.STATE, t(words.STATES[state])),
        (words.CLOSED, "" if row.closed_at is None else clock(to_milliseconds(row.closed_at), zone)),
        (words.MERGED_INTO, row.merged_into or ""),
        (words.SEVERITY, "–" if severity is None else f"{words.SHAPES[severity]} {t(SEVERITIES[severity])}"),
        (words.ALARMS, t(words.COUNT).format(alarms, row.standing)),
        (words.INCIDENT, row.incident),
    ]
    pairs = "".join(f"<div><dt>{escape(t(name))}</dt><dd>{escape(text)}</dd></div>" for name, text in facts if text)
    known = t(words.AS_KNOWN).format(clock(timeline.known_at, zone))
    zone_text = t(words.ZONE).format(city.time_zone, offset(timeline.known_at, zone))
    return f'<dl class="facts">{pairs}</dl>\n<p class="note">{escape(known)} · {escape(zone_text)}</p>'


def _not_shown(timeline: Timeline, language: Language) -> Iterator[str]:
    """Yield what the page has to say of what is missing in it."""
    if timeline.cut_at is not None:
        yield said(words.CUT, language).format(clock(timeline.cut_at, timeline.scene.zone))
    if timeline.left_out:
        parts = (said(words.LEFT_OUT_PARTS[part], language) for part in timeline.left_out)
        yield said(words.LEFT_OUT, language).format(("；" if language == "zh" else "; ").join(parts))
    if timeline.sensors_total > len(timeline.courses):
        yield said(words.SENSORS_CUT, language).format(timeline.sensors_total, len(timeline.courses))


def _entries(timeline: Timeline, language: Language) -> str:
    zone = timeline.scene.zone
    heads = (words.KNOWN, words.WHAT, words.SUBJECT, words.HAPPENED, words.BY)
    rows = []
    day = ""
    for entry in timeline.entries:
        moment = to_datetime(entry.known_at).astimezone(zone)
        if f"{moment:%Y-%m-%d}" != day:
            day = f"{moment:%Y-%m-%d}"
            rows.append(f'<tr class="day"><th colspan="{len(heads)}">{day}</th></tr>')
        rows.append(_row(entry, timeline, language, f"{moment:%H:%M:%S}"))
    head = "".join(f'<th scope="col">{escape(said(name, language))}</th>' for name in heads)
    lines = "\n".join(rows)
    return f'<table class="timeline">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>'


def _row(entry: Entry, timeline: Timeline, language: Language, time_of_day: str) -> str:
    scene = timeline.scene
    subject = entry.subject if entry.what in ("report", "warning") else ""
    if entry.sensor is not None:
        name = scene.name(entry.sensor, language)
        subject = escape(name) + ("" if name == entry.sensor else f' <span class="note">{escape(entry.sensor)}</span>')
    else:
        subject = escape(subject)
    chip = ""
    if entry.severity is not None and entry.what == "transition":
        chip = f'<span class="chip">{words.SHAPES[entry.severity]}</span> '
    return (
        f'<tr class="{entry.what}"><td class="number">{time_of_day}</td>'
        f"<td>{escape(said(words.WHATS[entry.what], language))}</td><td>{subject}</td>"
        f"<td>{chip}{escape(entry.words[language])}{_when(entry, scene.zone, language)}</td>"
        f"<td>{escape(entry.actor or '')}</td></tr>"
    )


def _when(entry: Entry, zone: ZoneInfo, language: Language) -> str:
    """Return when it happened, where that is another second than when it became known, and how late a reading came."""
    parts = []
    if entry.time is not None and entry.time // 1000 != entry.known_at // 1000:
        parts.append(said(words.HAPPENED_AT, language).format(clock(entry.time, zone, entry.known_at)))
    if entry.late_ms is not None:
        late = said(words.LATE, language).format(span(entry.late_ms, language))
        parts.append(f"<strong>{escape(late)}</strong>")
    return f' <span class="note">{" · ".join(parts)}</span>' if parts else ""


def _courses(timeline: Timeline, language: Language) -> str:
    figures = []
    for course in timeline.courses:
        lines = [line for line in timeline.lines if line.sensor == course.sensor.sensor]
        picture = chart(course, lines, timeline.scene, language)
        name = timeline.scene.name(course.sensor.sensor, language)
        told = picture or f"<p>{escape(said(words.NOTHING, language))}</p>"
        caption = " · ".join(dict.fromkeys([name, course.sensor.sensor, *_limits(course)]))
        figures.append(f"<figure>{told}<figcaption>{escape(caption)}</figcaption></figure>")
    if not figures:
        return f"<p>{escape(said(words.NOTHING, language))}</p>"
    legend = f'<p class="note">{escape(said(words.LEGEND, language))}</p>'
    return f'{legend}\n<div class="courses">\n' + "\n".join(figures) + "\n</div>"


def _limits(course: Course) -> Iterator[str]:
    if course.ladder is not None:
        for severity, limit in course.ladder.levels:
            label = LABELS_WITH_NONE[severity]
            if label is not None:
                yield f"{words.SHAPES[label]} {quantity(limit, course.unit)}"


def _people(timeline: Timeline, language: Language) -> str:
    zone = timeline.scene.zone
    acts: dict[str, list[Entry]] = {}
    for entry in timeline.entries:
        if entry.actor is not None:
            acts.setdefault(entry.actor, []).append(entry)
    heads = [said(name, language) for name in (words.PERSON, words.ACTS, words.FIRST, words.LAST)]
    rows = [
        [actor, _acts(done, language), clock(done[0].known_at, zone), clock(done[-1].known_at, zone)]
        for actor, done in sorted(acts.items(), key=lambda item: (item[1][0].known_at, item[0]))
    ]
    return table(heads, rows) or f"<p>{escape(said(words.NOBODY, language))}</p>"


def _acts(entries: Sequence[Entry], language: Language) -> str:
    def name(entry: Entry) -> str:
        action = words.ACTIONS.get(str(entry.facts.get("action") or entry.facts.get("act")))
        return said(words.WHATS[entry.what] if action is None else action, language)

    counted = Counter(map(name, entries))
    return " · ".join(what if count == 1 else f"{what} ×{count}" for what, count in counted.items())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
