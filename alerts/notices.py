"""The words of a notification, Chinese and English: what, where, how much, since when and what to do. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from model.alarm import JournalLine
from model.bilingual import CLASSES, SEVERITIES, STATES, SYSTEMS, Language, said, shown_unit
from model.instant import parse_instant, to_datetime
from model.sensor import Sensor

DIGEST_LINES_SHOWN = 20

# Kinds whose value is a number of sensors: those, the group's own among them, at which a rule that is looked at holds.
_COUNTS_SENSORS = ("combination",)

_KINDS = {
    "risen": ("severity rose", "等级上升"),
    "released": ("no longer suppressed", "解除抑制"),
    "returned": ("returned to normal", "已恢复正常"),
    "escalated": ("escalation", "升级提醒"),
}
_WORDS = {
    "zh": {
        "test": "测试",
        "late": "迟到数据补报",
        "where": "地点",
        "value": "数值",
        "sensors": "满足条件的传感器",
        "of_sensors": " 个",
        "limit": "限值",
        "since": "起始",
        "expected": "预计",
        "do": "处置",
        "step": "事由",
        "gathered": "条消息汇总",
        "more": "另有 {} 条，详见系统",
        "channel_test": "Lifeline 通知测试：收到本条说明该通道可用。",
    },
    "en": {
        "test": "TEST",
        "late": "late, told by readings that came late",
        "where": "Where",
        "value": "Value",
        "sensors": "Sensors at which its conditions hold",
        "of_sensors": "",
        "limit": "limit",
        "since": "Since",
        "expected": "Expected",
        "do": "What to do",
        "step": "Why",
        "gathered": "messages gathered",
        "more": "and {} more; see the alarm list",
        "channel_test": "Lifeline notification test: this channel works.",
    },
}
# Of escalations, by the beginning of their step; others are told as they are written.
_STEPS = {
    "not_acknowledged": ("not acknowledged in time", "未按时确认"),
    "not_assigned": ("not assigned in time", "未按时派单"),
    "not_accepted": ("not accepted in time", "未按时接单"),
    "not_arrived": ("not arrived in time", "未按时到场"),
    "not_resolved": ("not resolved in time", "未按时处置完毕"),
    "not_verified": ("not verified in time", "未按时核验"),
}


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a message tells of. `rule` is the rule as its pack has it, None where it is not known any more.

    `raised` is epoch milliseconds, `state` that of the alarm now. `step` is that of an escalation.
    """

    kind: str
    line: JournalLine
    raised: int
    state: str
    city: str
    city_name: str
    city_name_zh: str
    district: str
    system: str
    time_zone: str
    sensor: Sensor | None
    rule: Mapping[str, Any] | None
    late: bool = False
    step: str | None = None


class Message(msgspec.Struct, frozen=True):
    """A title of one line, and a text of several; the text does not repeat the title."""

    title: str
    text: str


def message(notice: Notice, language: Language, link: str | None = None) -> Message:
    """Return the words for one notice; `link` is the alarm's address, if there is a public one."""
    words, line = _WORDS[language], notice.line
    colon, comma = ("：", "，") if language == "zh" else (": ", ", ")
    lines = [f"{words['where']}{colon}{comma.join(_where(notice, language))}"]
    if notice.step is not None:
        lines.insert(0, f"{words['step']}{colon}{_step(notice.step, language)}")
    if line.value is not None and line.kind in _COUNTS_SENSORS:
        lines.append(f"{words['sensors']}{colon}{line.value:.0f}{words['of_sensors']}")
    elif line.value is not None:
        unit = _unit(notice)
        limit = "" if line.limit is None else f"{comma}{words['limit']} {_number(line.limit)}{unit}"
        lines.append(f"{words['value']}{colon}{_number(line.value)}{unit}{limit}")
    zone = notice.time_zone
    lines.append(f"{words['since']}{colon}{_local(to_datetime(notice.raised), zone)} ({zone})")
    if isinstance(line.expected_from, str) and isinstance(line.expected_to, str):
        first, last = (_local(to_datetime(parse_instant(t)), zone) for t in (line.expected_from, line.expected_to))
        lines.append(f"{words['expected']}{colon}{first} – {last}")
    response = None if notice.rule is None else notice.rule.get("guidance", {}).get("response", {}).get(language)
    if response and notice.kind != "returned":
        lines.append(f"{words['do']}{colon}{response}")
    if link:
        lines.append(link)
    return Message(_plain(_title(notice, language)), "\n".join(map(_plain, lines)))


def digest_message(notices: Sequence[Notice], total: int, language: Language, link: str | None = None) -> Message:
    """Return the words for several notices of one city, most severe first; `total` counts those not given too."""
    words = _WORDS[language]
    first = notices[0]
    city = _city(first, language)
    title = f"{_mark(first, language)}{city}{' ' if language == 'en' else ''}{total} {words['gathered']}"
    lines = [
        f"{_title(notice, language)} · {_local(to_datetime(parse_instant(notice.line.time)), notice.time_zone)}"
        f" · {said(STATES[notice.state], language)}"
        for notice in notices[:DIGEST_LINES_SHOWN]
    ]
    if total > len(lines):
        lines.append(words["more"].format(total - len(lines)))
    if link:
        lines.append(link)
    return Message(_plain(title), "\n".join(map(_plain, lines)))


def test_message(language: Language) -> Message:
    """Return the words that try a channel out."""
    return Message(_WORDS[language]["channel_test"], "Lifeline")


def both(chinese: Message, english: Message) -> Message:
    """Return one message in both languages."""
    return Message(f"{chinese.title} / {english.title}", f"{chinese.text}\n\n{english.text}")


def _title(notice: Notice, language: Language) -> str:
    line = notice.line
    severity = line.severity or (line.severity_from if notice.kind == "returned" else line.peak_severity)
    kind = said(_KINDS[notice.kind], language) if notice.kind in _KINDS else None
    name = None if notice.rule is None else notice.rule.get("name", {}).get(language)
    place = _name(notice, language) or line.sensor
    what = said(SEVERITIES[severity], language) if severity and line.class_ == "process" else ""
    system = said(SYSTEMS.get(notice.system, (notice.system, "")), language)
    named = said(CLASSES[line.class_], language)
    if language == "zh":
        told = f"【{what}{system}{named}{f'·{kind}' if kind else ''}】{place} {name or line.rule}"
    else:
        told = f"[{what}{' ' if what else ''}{system} {named}{f', {kind}' if kind else ''}] {place}: "
        told += name or line.rule
    late = f" ({_WORDS[language]['late']})" if notice.late else ""
    return f"{_mark(notice, language)}{told}{late}"


def _mark(notice: Notice, language: Language) -> str:
    """What tells a message of a test city apart at first sight (invariant I8)."""
    if notice.line.mode == "operational":
        return ""
    return f"〔{_WORDS['zh']['test']}〕" if language == "zh" else f"{_WORDS['en']['test']} "


def _where(notice: Notice, language: Language) -> list[str]:
    sensor = notice.sensor
    found = [_name(notice, language), notice.line.sensor, _city(notice, language), notice.district]
    if sensor is not None and sensor.longitude is not None and sensor.latitude is not None:
        found.append(f"{sensor.longitude:.5f} {sensor.latitude:.5f}")
    return list(dict.fromkeys(filter(None, found)))


def _name(notice: Notice, language: Language) -> str:
    sensor = notice.sensor
    if sensor is None:
        return ""
    return (sensor.name_zh or sensor.name) if language == "zh" else (sensor.name or sensor.name_zh)


def _city(notice: Notice, language: Language) -> str:
    names = (notice.city_name_zh, notice.city_name) if language == "zh" else (notice.city_name, notice.city_name_zh)
    return names[0] or names[1] or notice.city


def _unit(notice: Notice) -> str:
    condition_unit = (notice.rule or {}).get("condition", {}).get("unit")
    unit = shown_unit(notice.line.kind, condition_unit, None if notice.sensor is None else notice.sensor.property)
    return f" {unit}" if unit else ""


def _step(step: str, language: Language) -> str:
    for beginning, words in _STEPS.items():
        if step.startswith(beginning):
            number = step.removeprefix(beginning).strip("_")
            return f"{said(words, language)} ({number})" if number else said(words, language)
    return step.replace("_", " ")


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def _local(moment: datetime, time_zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M:%S}"


def _plain(text: str) -> str:
    """Names may hold anything; nothing in a message may look like another line or hide."""
    return "".join(c if c.isprintable() else " " for c in text)
