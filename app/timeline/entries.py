"""What else a timeline tells of: changes of the incident, messages, warnings and reports, as entries; pure."""

from collections.abc import Mapping, Sequence

from alerts.incidents.words import reason_words
from app.timeline import words
from app.timeline.line_entries import act_words
from app.timeline.scene import Entry, Scene
from app.timeline.writing import comma, in_both, joined, quoted
from model.bilingual import Language, said
from model.incident import Member
from model.instant import to_milliseconds
from model.report import KINDS, report_id
from store.incident_search import ChangeRow
from store.timeline import MessageRow, ReportStepRow, WarningStepRow


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
