"""Lines of the journal as entries of a timeline: what alarms did and what people did to them; pure."""

from typing import Any

import msgspec
from msgspec import UNSET

from app.timeline import words
from app.timeline.scene import Entry, Scene
from app.timeline.writing import colon, comma, in_both, joined, quoted
from model.alarm import JournalLine, State
from model.bilingual import SEVERITIES, STATES, Language, Words, said
from model.cause_codes import CAUSE_CODES
from model.instant import parse_instant
from model.severity import severity_of
from model.writing import clock, quantity, span

_SPANS = ("stale", "gateway_silent")  # kinds whose value is a time in seconds
# The states that an act says already.
_STATE_OF = {
    "acknowledge": State.ACKNOWLEDGED, "shelve": State.SHELVED, "suppress": State.SUPPRESSED_BY_DESIGN,
    "out-of-service": State.OUT_OF_SERVICE,
}  # fmt: skip


def line_entry(line: JournalLine, number: int, scene: Scene) -> Entry:
    """Return a journal line as an entry: what a person did as an action, else the alarm's transition."""
    known_at, time = parse_instant(line.known_at), parse_instant(line.time)
    details = {} if line.details is UNSET else line.details
    if "acted_at" in details:
        time = parse_instant(str(details["acted_at"]))
    by_person = line.actor is not UNSET
    sentence = _acted if by_person else _moved
    return Entry(
        known_at=known_at,
        time=None if time == known_at else time,
        what="action" if by_person else "transition",
        subject=line.alarm,
        number=number,
        sensor=line.sensor,
        actor=None if line.actor is UNSET else line.actor,
        severity=line.severity or line.severity_from,
        words=in_both(lambda language: sentence(line, scene, language)),
        facts=msgspec.to_builtins(line),
    )


def _moved(line: JournalLine, scene: Scene, language: Language) -> str:
    parts = [_verb(line, language), _reason(line, language)]
    if line.value is not None:
        parts.append(_measured(line, scene, language))
    if line.retroactive:
        parts.append(said(words.RETROACTIVE, language))
    if isinstance(line.expected_from, str) and isinstance(line.expected_to, str):
        times = (clock(parse_instant(text), scene.zone) for text in (line.expected_from, line.expected_to))
        parts.append(said(words.EXPECTED, language).format(*times))
    if line.from_ is not line.to:
        parts.append(said(STATES[line.to], language))
    return f"{scene.rule_name(line.rule, language)}{colon(language)}{joined(parts, language)}"


def _verb(line: JournalLine, language: Language) -> str:
    before, after = severity_of(line.severity_from), severity_of(line.severity)
    verb = None
    if line.sequence == 1:
        verb = words.RAISED
    elif before != after:
        verb = words.RETURNED if after == 0 else words.ROSE if after > before else words.FELL
    level = f"{comma(language)}{said(SEVERITIES[line.severity], language)}" if line.severity and before != after else ""
    return "" if verb is None else f"{said(verb, language)}{level}"


def _reason(line: JournalLine, language: Language) -> str:
    found = words.REASONS.get(line.reason)
    return line.reason.replace("_", " ") if found is None else said(found, language)


def _measured(line: JournalLine, scene: Scene, language: Language) -> str:
    def written(value: float) -> str:
        if line.kind in _SPANS:
            return span(round(value * 1000), language)
        if line.kind == "combination":
            return said(words.SENSORS, language).format(f"{value:.0f}")
        return quantity(value, scene.unit(line))

    assert line.value is not None
    limit = "" if line.limit is None else said(words.LIMIT, language).format(written(line.limit))
    return f"{written(line.value)}{comma(language) if limit else ''}{limit}"


def _acted(line: JournalLine, scene: Scene, language: Language) -> str:
    parts = [act_words("" if line.action is UNSET else line.action, language)]
    if line.details is not UNSET:
        details = line.details
        for name, template in words.DETAILS.items():
            if name in details:
                parts.append(said(template, language).format(_value(details[name], language)))
        if isinstance(details.get("passed"), bool):
            parts.append(said(words.PASSED[bool(details["passed"])], language))
        if "value" in details and "unit" in details:
            parts.append(said(words.MEASURED, language).format(f"{details['value']} {details['unit']}"))
    if line.until is not UNSET:
        until = clock(parse_instant(line.until), scene.zone, parse_instant(line.time))
        parts.append(said(words.UNTIL, language).format(until))
    if line.from_ is not line.to and _STATE_OF.get(str(line.action)) is not line.to:
        parts.append(said(STATES[line.to], language))
    if line.comment is not UNSET and line.comment:
        parts.append(quoted(line.comment))
    return f"{scene.rule_name(line.rule, language)}{colon(language)}{joined(parts, language)}"


def _value(value: Any, language: Language) -> str:
    if value in CAUSE_CODES:
        cause = CAUSE_CODES[value]
        return cause.name_zh if language == "zh" else cause.name
    found: Words | None = words.VALUES.get(str(value)) or SEVERITIES.get(str(value))
    return str(value) if found is None else said(found, language)


def act_words(action: str, language: Language) -> str:
    """Return what an act is called, of a journal line or a warning."""
    found = words.ACTIONS.get(action)
    return action if found is None else said(found, language)
