"""An explanation in plain sentences, in English or Chinese: what an operator and an inquiry both read."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import msgspec

from alerts.explaining import sentences
from alerts.explaining.changes import Change, Edit
from alerts.explaining.decision_words import decision_words, level_of, own_readings
from alerts.explaining.explanation import Explanation, Limit, View
from alerts.explaining.voice import Voice
from model.bilingual import Language
from model.instant import parse_instant
from model.severity import LABELS
from model.writing import number


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """What kept the alarm from being annunciated at the explanation's time; times in epoch milliseconds.

    `kind` is that of a suppression, `by` then a person; or `rule`, and `by` the rule whose alarm did it by design.
    """

    kind: str
    by: str
    since: int
    until: int | None = None
    reason: str = ""


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """Who put the rule's version into force, and when (epoch milliseconds)."""

    time: int
    by: str
    approved_by: str | None = None


def words_of(
    explanation: Explanation, language: Language, quiet: Sequence[Quiet] = (), activation: Activation | None = None
) -> list[str]:
    """Return an explanation as some three to nine sentences, with times in the time zone of the sensor's city."""
    voice = Voice(language, ZoneInfo(explanation.subject.time_zone), explanation.time)
    found = [
        _outcome(explanation, voice),
        decision_words(explanation, voice),
        *_about_the_rule(explanation, voice),
        *_delays(explanation, voice),
        *_readings(explanation, voice),
        *(_quiet(one, voice) for one in quiet),
        *_otherwise(explanation, voice),
        *_now(explanation, voice),
        _version(explanation, activation, voice),
    ]
    return [sentence[0].upper() + sentence[1:] for sentence in found]


def _outcome(explanation: Explanation, voice: Voice) -> str:
    facts = {
        "time": voice.whole_time(explanation.time),
        "zone": voice.offset(),
        "rule": explanation.subject.rule[voice.language],
        "sensor": explanation.subject.sensor[voice.language],
    }
    if explanation.then.raised is None:
        return voice.say(sentences.DID_NOT_HOLD, **facts)
    level, since = _standing(explanation, explanation.then, voice)
    return voice.say(sentences.HELD if level else sentences.HELD_WITHOUT_LEVEL, **facts, level=level, since=since)


def _standing(explanation: Explanation, view: View, voice: Voice) -> tuple[str | None, str]:
    """Return the level of a condition that held, and since when."""
    return level_of(explanation, LABELS[view.severity - 1], voice), voice.time(view.raised or view.clock)


def _about_the_rule(explanation: Explanation, voice: Voice) -> Iterator[str]:
    """Tell what its figure means, where its limit comes from, and from when on it was evaluated."""
    decisive, subject = explanation.then.decisive, explanation.subject
    if subject.measure == "failure_forecast" and decisive.value:
        yield voice.say(sentences.FAILURE, days=number(1 / decisive.value, 2))
    if explanation.kind == "expression":
        yield voice.say(sentences.FORMULA, measure=subject.measure)
    for limit in explanation.then.limits:
        if limit.level == decisive.level:
            yield _origin(limit, voice)
    if explanation.begins is not None:
        yield voice.say(sentences.BEGINS, time=voice.time(explanation.begins))


def _origin(limit: Limit, voice: Voice) -> str:
    mark, source = limit.basis[0] if limit.basis else ("", "")
    if limit.origin == "temporary":
        place, _, until = source.removeprefix("temporary limit ").partition(", until ")
        source = voice.say(sentences.TEMPORARY, number=place, until=voice.time(parse_instant(until)))
        mark = ""
    told = voice.say(sentences.ORIGINS[limit.origin], attribute=limit.attribute, source=source)
    return told + voice.say(sentences.MARKS[mark])


def _delays(explanation: Explanation, voice: Voice) -> Iterator[str]:
    """Tell of the delays of other levels than that which decided."""
    decisive = explanation.then.decisive
    for timer in explanation.then.timers:
        is_told = timer.level == decisive.level or timer.since == decisive.since
        if timer.kind == "on_delay" and timer.level is not None and not is_told:
            yield voice.say(
                sentences.TIMER, level=voice.level(timer.level), since=voice.time(timer.since),
                passed=voice.span(timer.passed_s), needed=voice.span(timer.needed_s),
            )  # fmt: skip


def _readings(explanation: Explanation, voice: Voice) -> Iterator[str]:
    """Tell which of the last readings were held back, in doubt or late, unless that is what the rule looks for."""
    last = own_readings(explanation, explanation.then)[-sentences.LAST_READINGS :]
    looked_for = {"range": "held_back", "stuck": "doubtful"}.get(explanation.kind)
    for use, form in sentences.READINGS.items():
        those = [one for one in last if one.use == use]
        if those and use != looked_for:
            yield voice.say(
                form, count=len(those), of=len(last), time=voice.time(those[-1].time),
                arrived=voice.time(those[-1].arrived),
                quality=voice.qualities([name for one in those for name in one.quality]),
            )  # fmt: skip


def _quiet(one: Quiet, voice: Voice) -> str:
    until = "" if one.until is None else voice.say(sentences.UNTIL, time=voice.time(one.until))
    reason = voice.say(sentences.REASON, reason=one.reason) if one.reason else ""
    return voice.say(sentences.QUIET[one.kind], by=one.by, since=voice.time(one.since), until=until, reason=reason)


def _otherwise(explanation: Explanation, voice: Voice) -> Iterator[str]:
    if explanation.smallest:
        yield change_words(explanation, explanation.smallest, voice)
    elif explanation.none_found is not None:
        form = sentences.NONE_FOUND[explanation.none_found]
        if explanation.none_found in ("not_found", "ended"):
            form = sentences.NOT_FOUND_OF_KIND.get(explanation.kind, form)
        yield voice.say(form)


def change_words(explanation: Explanation, changes: Sequence[Change], voice: Voice) -> str:
    """Return one sentence of changes that would have decided otherwise, each of which is enough."""
    fired = explanation.then.raised is not None
    joined = voice.say(sentences.OR_IF).join(_change(explanation, change, voice) for change in changes)
    return voice.say(sentences.WOULD_NOT_HAVE if fired else sentences.WOULD_HAVE, ifs=joined)


def _change(explanation: Explanation, change: Change, voice: Voice) -> str:
    return voice.say(sentences.AND).join(_edit(explanation, change.kind, edit, voice) for edit in change.edits)


def _edit(explanation: Explanation, kind: str, edit: Edit, voice: Voice) -> str:
    is_own = edit.sensor == explanation.sensor
    at = "" if is_own else voice.say(sentences.AT, sensor=edit.sensor)
    seconds = voice.span(abs(edit.seconds or 0.0))
    if kind in ("heard", "silent", "date"):
        forms = {
            "heard": sentences.HEARD,
            "silent": sentences.SILENT,
            "date": sentences.DATE_LATER if (edit.seconds or 0.0) > 0 else sentences.DATE_EARLIER,
        }
        time = voice.time(edit.times[-1]) if edit.times else ""
        what = voice.say(sentences.IT) if is_own else edit.sensor
        return voice.say(forms[kind], what=what, time=time, seconds=seconds)
    which = voice.say(
        sentences.ONE_READING if len(edit.times) == 1 else sentences.READINGS_FROM, count=len(edit.times),
        first=voice.time(edit.times[0]), last=voice.time(edit.times[-1]), at=at,
    )  # fmt: skip
    if kind == "in_time":
        return voice.say(sentences.IN_TIME, which=which)
    parts = []
    unit = next(
        (one.unit for one in reversed(explanation.then.readings) if one.sensor == edit.sensor),
        explanation.subject.reading_unit,
    )
    if edit.by is not None:
        form = sentences.BY[edit.shape]
        more = sentences.HIGHER if edit.by > 0 else sentences.LOWER
        parts.append(voice.say(form, by=voice.quantity(abs(edit.by), unit), more=voice.say(more)))
    if edit.to is not None:
        parts.append(voice.say(sentences.TO, to=voice.quantity(edit.to, unit)))
    if edit.quality is not None:
        bad = voice.qualities(edit.quality)
        parts.append(voice.say(sentences.HAD_BEEN, quality=bad) if bad else voice.say(sentences.GOOD))
    if edit.seconds is not None:
        parts.append(voice.say(sentences.LONGER, seconds=seconds))
    return voice.say(sentences.IF_READING, which=which, what=voice.say(sentences.AND).join(parts))


def _now(explanation: Explanation, voice: Voice) -> Iterator[str]:
    """Tell whether what is known now decides otherwise, and by which readings."""
    then, now = explanation.then, explanation.now
    since = [one for one in now.readings if one.use == "not_yet_here"]
    late = [one for one in then.readings if one.use == "late"]
    if since:
        first = min(since, key=lambda one: (one.arrived, one.time))
        more = voice.say(sentences.MORE, count=len(since) - 1) if len(since) > 1 else ""
        yield voice.say(sentences.CAME_SINCE, time=voice.time(first.time), arrived=voice.time(first.arrived), more=more)
    differs = then.severity != now.severity
    if differs and late and not since:
        yield voice.say(sentences.JUDGED_NOW, time=voice.time(late[-1].time))
    elif differs and not since:
        yield voice.say(sentences.BY_RULES_NOW)
    level, raised = _standing(explanation, now, voice)
    between = [one.raised for one in now.changes if one.raised not in {known.raised for known in then.changes}]
    if differs and now.raised is None:
        yield voice.say(sentences.NOW_DID_NOT_HOLD)
    elif differs:
        yield voice.say(sentences.NOW_HELD if level else sentences.NOW_HELD_WITHOUT_LEVEL, level=level, since=raised)
    elif not since and not late:
        yield voice.say(sentences.NOTHING_SINCE)
    elif now.raised is not None and now.raised != then.raised:
        yield voice.say(sentences.NOW_SINCE, since=raised)
    elif now.raised is None and between:
        yield voice.say(sentences.NOW_BETWEEN, since=voice.time(between[-1]))
    else:
        yield voice.say(sentences.NOW_THE_SAME)


def _version(explanation: Explanation, activation: Activation | None, voice: Voice) -> str:
    version = explanation.rule_version
    if activation is None:
        return voice.say(sentences.VERSION, version=version)
    approved = voice.say(sentences.APPROVED, by=activation.approved_by) if activation.approved_by else ""
    return voice.say(
        sentences.ACTIVATED, version=version, time=voice.time(activation.time), by=activation.by, approved=approved
    )
