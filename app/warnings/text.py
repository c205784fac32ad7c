"""What a warning says: from an alarm, its place and its rule's guidance to the `info` of a CAP message; pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from app.warnings.subject import Asked, Shape, Subject, Texts
from model.bilingual import Language, shown_unit
from model.cap import Area, Info, MessageType, Scope, Status, shortened
from model.cap_area import public_circle
from model.cap_terms import EVENT_CODE_LIST, RESPONSES, SEVERITIES, certainty_of, urgency_of
from model.instant import to_datetime
from model.severity import Severity
from model.warning import Content
from model.warning_level import WarningLevel

_TAGS: dict[Language, str] = {"zh": "zh-CN", "en": "en-US"}


def compose(
    subject: Subject, asked: Asked, shape: Shape, message_type: MessageType, scope: Scope, status: Status
) -> Content:
    """Return what a message says. `asked.level`, where given, is one of the city's colours.

    A public message names neither sensor nor chamber, its circle points at no single house (invariants I9, I10), and
    what to do stands in it only where somebody wrote it: a rule's guidance speaks to operators.
    """
    levels = {level.colour: level for level in subject.warnings.levels}
    level = levels[asked.level] if asked.level is not None else subject.proposed_level()
    if shape.circle is not None and scope == "Public":
        shape = Shape(circle=public_circle(*shape.circle))
    infos = tuple(_info(subject, asked, shape, message_type, scope, level, language) for language in _TAGS)
    return Content(
        status=status,
        colour=None if level is None else level.colour,
        valid_s=asked.valid_s,
        restriction=asked.restriction if scope == "Restricted" else "",
        incidents=() if subject.incident is None or scope == "Public" else (subject.incident,),
        infos=infos,
        own_texts=asked.texts is not None,
        asked=msgspec.to_builtins(asked),
    )


def timed(content: Content, effective: int, expires: int | None) -> tuple[Info, ...]:
    """Return the infos with their times (epoch milliseconds)."""
    return tuple(msgspec.structs.replace(info, effective=effective, expires=expires) for info in content.infos)


def _info(
    subject: Subject,
    asked: Asked,
    shape: Shape,
    message_type: MessageType,
    scope: Scope,
    level: WarningLevel | None,
    language: Language,
) -> Info:
    severity = Severity.NONE if level is None else Severity[level.colour.upper()]
    over = message_type == "Cancel" or subject.returned
    own = (asked.texts or {}).get(language, Texts())
    guidance = ""
    if subject.rule is not None and scope == "Restricted" and not over:
        guidance = getattr(subject.rule.guidance.response, language)  # written for operators and crews
    return Info(
        language=_TAGS[language],
        categories=subject.term.categories,
        event=getattr(subject.term, language),
        response_types=("AllClear",) if over else asked.response_types or RESPONSES[severity],
        urgency="Past" if over else asked.urgency or urgency_of(severity, subject.alarm.kind, returned=over),
        severity=SEVERITIES[severity],
        certainty=asked.certainty or certainty_of(subject.alarm.kind, doubtful=subject.doubtful),
        event_codes=((EVENT_CODE_LIST, subject.term.code),),
        onset=subject.alarm.expected_from or subject.alarm.raised,
        sender_name=_sender_name(subject, language),
        headline=own.headline or shortened(_headline(subject, level, message_type, language)),
        description=own.description or _description(subject, message_type, scope, language),
        instruction=own.instruction or guidance,
        parameters=_parameters(subject, level, language),
        area=_area(subject, asked, shape, scope, language),
    )


def _headline(subject: Subject, level: WarningLevel | None, message_type: MessageType, language: Language) -> str:
    what: str = getattr(subject.term, language)
    who = _sender_name(subject, language)
    if language == "zh":
        verb = {"Alert": "发布", "Update": "更新", "Cancel": "解除"}[message_type]
        return f"{who}{verb}{what}{'' if level is None else level.label_zh}预警"
    word = {"Alert": "Warning", "Update": "Updated warning", "Cancel": "Warning ended"}[message_type]
    return f"{word}: {what}{'' if level is None else f', {level.label_en}'}, {_city_name(subject, 'en')}"


def _description(subject: Subject, message_type: MessageType, scope: Scope, language: Language) -> str:
    alarm, where = subject.alarm, _place(subject, scope, language)
    rule: str = alarm.rule if subject.rule is None else getattr(subject.rule.name, language)
    since = to_datetime(alarm.raised).astimezone(ZoneInfo(subject.city.time_zone))
    unit = _unit(subject)
    value, limit = _number(alarm.value, unit), _number(alarm.limit, unit)
    if language == "zh":
        if message_type == "Cancel":
            return f"{where}：{rule}，预警解除。"
        parts = [f"{where}：{rule}", f"自{_written(since, language)}起"]
        parts += [f"当前值{value}"] if value else []
        parts += [f"限值{limit}"] if limit else []
        parts += [f"预计{_expected(subject, language)}"] if alarm.expected_from else []
        return "，".join(parts) + ("。目前已恢复正常。" if subject.returned else "。")
    if message_type == "Cancel":
        return f"{where}: {rule}. The warning has ended."
    parts = [f"{where}: {rule}", f"since {_written(since, language)}"]
    parts += [f"value {value}"] if value else []
    parts += [f"limit {limit}"] if limit else []
    parts += [f"expected {_expected(subject, language)}"] if alarm.expected_from else []
    return ", ".join(parts) + (". It has returned to normal." if subject.returned else ".")


def _expected(subject: Subject, language: Language) -> str:
    zone = ZoneInfo(subject.city.time_zone)
    times = [subject.alarm.expected_from, subject.alarm.expected_to]
    written = [_written(to_datetime(time).astimezone(zone), language) for time in times if time is not None]
    return ("至" if language == "zh" else " to ").join(written)


def _written(moment: datetime, language: Language) -> str:
    if language == "zh":
        return f"{moment.year}年{moment.month}月{moment.day}日{moment:%H}时{moment:%M}分"
    return f"{moment:%Y-%m-%d %H:%M}"


def _parameters(subject: Subject, level: WarningLevel | None, language: Language) -> tuple[tuple[str, str], ...]:
    alarm = subject.alarm
    found: list[tuple[str, str]] = []
    if level is not None:
        found += [("color", level.colour), ("level", getattr(level, f"label_{language}"))]
    found.append(("rule", alarm.rule))
    for name, number in (("value", alarm.value), ("limit", alarm.limit)):
        if number is not None:
            found.append((name, f"{number:.6g}"))
    unit = _unit(subject)
    return (*found, ("unit", unit)) if unit else tuple(found)


def _area(subject: Subject, asked: Asked, shape: Shape, scope: Scope, language: Language) -> Area:
    written: str = getattr(asked.area, f"description_{language}")
    if not written:
        written = _place(subject, scope if asked.area.kind == "circle" else "Public", language)
        if shape.circle is not None:
            radius = f"{shape.circle[1]:g}"
            written += f"，半径{radius}公里" if language == "zh" else f", within {radius} km"
    return Area(
        description=written,
        polygons=() if shape.ring is None else (shape.ring,),
        circle=shape.circle,
        geocodes=subject.warnings.geocodes,
    )


def _place(subject: Subject, scope: Scope, language: Language) -> str:
    parts = [_city_name(subject, language), subject.district]
    if scope == "Restricted":
        sensor = subject.sensor
        named = "" if sensor is None else (sensor.name_zh if language == "zh" else sensor.name)
        parts.append(named or subject.alarm.sensor)
    return " ".join(part for part in parts if part)


def _city_name(subject: Subject, language: Language) -> str:
    city = subject.city
    return (city.name_zh if language == "zh" else city.name) or city.name or city.city


def _sender_name(subject: Subject, language: Language) -> str:
    given = subject.warnings.sender_name_zh if language == "zh" else subject.warnings.sender_name
    return given or subject.warnings.sender_name or _city_name(subject, language)


def _unit(subject: Subject) -> str:
    condition_unit = None if subject.rule is None else getattr(subject.rule.condition, "unit", None)
    return shown_unit(subject.alarm.kind, condition_unit, None if subject.sensor is None else subject.sensor.property)


def _number(number: float | None, unit: str) -> str:
    return "" if number is None else f"{number:.6g} {unit}".strip()
