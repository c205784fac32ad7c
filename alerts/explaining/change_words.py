"""The smallest changes that would have decided otherwise, in words."""

from collections.abc import Sequence

from alerts.explaining import sentences
from alerts.explaining.changes import Change, Edit
from alerts.explaining.explanation import Explanation
from alerts.explaining.voice import Voice


def change_words(explanation: Explanation, changes: Sequence[Change], voice: Voice) -> str:
    """Return one sentence of all the changes, each of which is enough."""
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
