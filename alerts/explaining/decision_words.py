"""What decided, in one sentence: a value and a limit, a delay, a silence, a date, or what a combination counted."""

from typing import Any

from alerts.explaining import sentences
from alerts.explaining.explanation import Decisive, Explanation, Told, View
from alerts.explaining.voice import Voice
from model.writing import number

SEVERAL = ("combination", "gateway_silent", "expression")
"""Kinds that look at the readings of several sensors."""
_DIGITS_MAX = 12


def decision_words(explanation: Explanation, voice: Voice) -> str:
    """Return what decided as it was known then."""
    view, kind = explanation.then, explanation.kind
    decisive = view.decisive
    what: str = decisive.what
    if what == "silent" and (decisive.passed_s or 0) < (decisive.needed_s or 0):
        what = "heard_again"
    level = level_of(explanation, decisive.level, voice)
    signal = _signal(explanation, voice)
    facts: dict[str, Any] = {
        "level": level or "",
        "of_level": voice.say(sentences.OF_LEVEL, level=level) if level else "",
        "signal": signal,
        "Signal": signal[0].upper() + signal[1:],
        "time": "" if decisive.time is None else voice.time(decisive.time),
        "since": "" if decisive.since is None else voice.time(decisive.since),
        "needed": "" if decisive.needed_s is None else voice.span(decisive.needed_s),
        "passed": "" if decisive.passed_s is None else voice.span(decisive.passed_s),
    }
    if decisive.reached is not None:
        facts |= {"reached": decisive.reached, "of": decisive.of, "needed": decisive.needed}
    if kind == "due":
        measure = explanation.subject.measure or ""
        facts["date"] = voice.say(sentences.DATES.get(measure) or sentences.DATES[""], measure=measure)
        facts["time"] = "" if decisive.time is None else voice.whole_time(decisive.time)
    elif kind in ("range", "stuck"):
        newest = own_readings(explanation, view)[-1:]
        facts["value"] = "".join(voice.quantity(one.value, one.unit) for one in newest)
        facts["quality"] = voice.qualities([name for one in newest for name in one.quality])
    elif decisive.limit is not None:
        what = _finer(what, explanation, decisive.value, decisive.limit)
        facts |= _comparison(explanation, decisive, level, voice)
    if view.counting is not None:
        facts["terms"] = _terms(view, voice)
    return voice.say(sentences.DECIDED_OF_KIND.get((what, kind)) or sentences.DECIDED[what], **facts)


def level_of(explanation: Explanation, level: str | None, voice: Voice) -> str | None:
    """Return a level as it stands within a sentence, None where the rule's alarms have no severity."""
    return None if level is None or explanation.alarm_class != "process" else voice.level(level)


def own_readings(explanation: Explanation, view: View) -> list[Told]:
    """Return the sensor's own readings; of a kind that looks at several sensors those of all of them."""
    if explanation.kind in SEVERAL:
        return view.readings
    return [one for one in view.readings if one.sensor == explanation.sensor]


def _signal(explanation: Explanation, voice: Voice) -> str:
    subject, kind = explanation.subject, explanation.kind
    form = sentences.SIGNALS.get(subject.measure or "" if kind == "displacement" else kind)
    direction = "" if subject.direction is None else voice.say(sentences.DIRECTIONS[subject.direction])
    span = voice.span(subject.span_s or 0)
    return voice.say(form or sentences.SIGNALS["threshold"], direction=direction, span=span)


def _finer(what: str, explanation: Explanation, value: float | None, limit: float) -> str:
    """Tell full scale from a value at a limit, and from a value below it one that is 0 because nothing stands out."""
    if what == "limit_reached" and value is not None and not _is_beyond(explanation, value, limit):
        return "full_scale"
    if what == "limit_not_reached" and value == 0 and explanation.kind in sentences.NOTHING:
        return "nothing_stood_out"
    return what


def _is_beyond(explanation: Explanation, value: float, limit: float) -> bool:
    return value <= limit if explanation.then.decisive.direction == "below" else value >= limit


def _comparison(explanation: Explanation, decisive: Decisive, level: str | None, voice: Voice) -> dict[str, str]:
    value, limit, unit = decisive.value, decisive.limit or 0.0, explanation.subject.unit
    direction = decisive.direction or "above"
    clears = next((one.clears for one in explanation.then.limits if one.level == decisive.level), limit)
    digits = 4  # as many as it takes to tell the value from what it is compared with
    while value is not None and digits < _DIGITS_MAX and any(
        value != one and number(value, digits) == number(one, digits) for one in (limit, clears)
    ):  # fmt: skip
        digits += 1
    written = voice.quantity(limit, unit, digits)
    is_beyond = value is None or decisive.what == "delay_running" or _is_beyond(explanation, value, limit)
    nothing = sentences.NOTHING.get(explanation.kind)
    return {
        "value": "" if value is None else voice.quantity(value, unit, digits),
        "limit": voice.say(sentences.LIMIT_OF if level else sentences.LIMIT, level=level, limit=written),
        "relation": voice.say(sentences.RELATIONS[is_beyond, direction]),
        "leaves": voice.say(sentences.RELATIONS[False, direction]),
        "clears": voice.quantity(clears, unit, digits),
        "ends": voice.say(sentences.ENDS_OF if level else sentences.ENDS, level=level),
        "nothing": voice.say(nothing) if nothing else "",
    }


def _terms(view: View, voice: Voice) -> str:
    assert view.counting is not None
    told = []
    for term in view.counting.terms:
        around, _, attribute = term.around.partition(".")
        where = voice.say(sentences.AROUND[around], within=number(term.within_m or 0), attribute=attribute)
        told.append(
            voice.say(
                sentences.TERM_NEGATED if term.negated else sentences.TERM, rule=term.name[voice.language],
                level=voice.level(term.at_least), where=where, count=term.count, of=term.of, needed=term.needed,
            )
        )  # fmt: skip
    return voice.say(sentences.JOINED[view.counting.joined]).join(told)
