"""Entries of journal lines, changes of the incident, messages, warnings and reports, with their words; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from alerts.incidents.words import reason_words
from app.timeline import words
from app.timeline.scene import Entry, Scene, colon, comma, in_both, joined, quoted
from model.alarm import JournalLine, State
from model.bilingual import SEVERITIES, STATES, Language, Words, said
from model.cause_codes import CAUSE_CODES
from model.incident import Member
from model.instant import parse_instant, to_milliseconds
from model.report import KINDS, report_id
from model.severity import severity_of
from model.writing import clock, quantity, span
from store.incident_search import ChangeRow
from store.timeline import MessageRow, ReportStepRow, WarningStepRow

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


def change_entry(row: ChangeRow, number: int, incident: str, members: Mapping[str, Member], scene: Scene) -> Entry:
    """Return what happened to the incident as an entry; `members` are those that belong to it now."""

    def sentence(language: Language) -> str:
        template = said(words.CHANGES[row.what], language)
        names = "、".join(row.members) if language == "zh" else ", ".join(row.members)
        if row.what == "joined":
            reasons = [_why(members[name], members, scene)[language] for name in row.members if name in members]
            template = template.format(_called(row.members, members, scene, language), joined(reasons, language))
        elif row.what == "cause_revised" and row.cause is not None:
            template = template.format(scene.cause(row.cause)[language])
        elif row.what in ("merged", "split"):
            template = template.format(row.other or names)
        return joined([template, "" if row.note is None else quoted(row.note)], language)

    first = members.get(row.members[0]) if len(row.members) == 1 else None
    return Entry(
        known_at=to_milliseconds(row.time),
        what="incident",
        subject=incident,
        number=number,
        sensor=None if first is None or not first.sensor else first.sensor,
        actor=row.actor,
        words=in_both(sentence),
        facts={"change": row.what, "members": row.members, "other": row.other, "version": row.version},
    )


def _called(names: Sequence[str], members: Mapping[str, Member], scene: Scene, language: Language) -> str:
    told = []
    for name in names:
        member = members.get(name)
        if member is None:
            told.append(name)
        elif member.kind == "report":
            told.append(_report_kind(member.rule, language))
        else:
            told.append(scene.rule_name(member.rule, language))
    return ("、" if language == "zh" else ", ").join(told)


def _why(member: Member, members: Mapping[str, Member], scene: Scene) -> dict[str, str]:
    other = members.get(member.reason.to)
    return reason_words(member.reason, None if other is None else scene.called(other.sensor))


def message_entry(row: MessageRow, sensor: str | None) -> Entry:
    """Return a notification as an entry: known when it was sent or given up, until then when it was written."""
    written, finished = to_milliseconds(row.enqueued_at), row.finished_at
    known_at = written if finished is None else to_milliseconds(finished)

    def sentence(language: Language) -> str:
        state = said(words.MESSAGE_STATES[row.state], language).format(row.attempts)
        kind = said(words.MESSAGES[row.kind], language)
        if row.step is not None:
            awaited, _, number = row.step.rpartition("_")  # `not_acknowledged_2`: the second that is told of it
            told = words.REASONS.get(f"{awaited}_in_time")
            kind += f"{comma(language)}{row.step if told is None else f'{said(told, language)} ({number})'}"
        return said(words.MESSAGE, language).format(kind=kind, channel=row.channel, state=state)

    return Entry(
        known_at=known_at,
        time=None if known_at == written else written,
        what="notification",
        subject=str(row.notification),
        number=row.notification,
        sensor=sensor,
        words=in_both(sentence),
        facts={"channel": row.channel, "kind": row.kind, "alarm": row.alarm, "state": row.state,
               "attempts": row.attempts, "late": row.late},
    )  # fmt: skip


def warning_entry(row: WarningStepRow, number: int) -> Entry:
    """Return a step of a warning as an entry."""

    def sentence(language: Language) -> str:
        parts = [
            act_words(row.act, language),
            said(words.SCOPES[row.scope], language),
            "" if row.comment is None else quoted(row.comment),
        ]
        return joined(parts, language)

    return Entry(
        known_at=to_milliseconds(row.acted_at),
        what="warning",
        subject=row.warning,
        number=number,
        actor=row.actor,
        words=in_both(sentence),
        facts={"act": row.act, "state": row.state, "scope": row.scope, "version": row.version},
    )


def report_entries(row: ReportStepRow) -> list[Entry]:
    """Return a report from people as an entry and, where somebody has looked, what was found as another."""

    def reported(language: Language) -> str:
        told = f"{_report_kind(row.kind, language)}{comma(language)}{said(words.SOURCES[row.source], language)}"
        return joined([told, "" if row.text is None else quoted(row.text)], language)

    received, time = to_milliseconds(row.received_at), to_milliseconds(row.time)
    entries = [
        Entry(
            known_at=received,
            time=None if time == received else time,
            what="report",
            subject=report_id(row.report),
            number=row.report,
            actor=row.actor,
            words=in_both(reported),
            facts={"kind": row.kind, "source": row.source},
        )
    ]
    found = row.found
    if found is not None and row.verified_at is not None:
        note = "" if row.note is None else quoted(row.note)
        entries.append(
            Entry(
                known_at=to_milliseconds(row.verified_at),
                what="report",
                subject=report_id(row.report),
                number=row.report,
                actor=row.verified_by,
                words=in_both(lambda language: joined([said(words.FOUND[found], language), note], language)),
                facts={"kind": row.kind, "found": found},
            )
        )
    return entries


def _report_kind(kind: str, language: Language) -> str:
    found = KINDS.get(kind)
    return kind if found is None else found.zh if language == "zh" else found.en
