"""The words of a notification, Chinese and English: what, where, how much, since when and what to do. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from model.alarm import JournalLine
from model.instant import parse_instant, to_datetime
from model.sensor import Sensor
from model.vocabulary import PROPERTIES

Language = Literal["zh", "en"]
DIGEST_LINES_SHOWN = 20

_SEVERITIES = {
    "zh": {"red": "一级（红）", "orange": "二级（橙）", "yellow": "三级（黄）", "blue": "四级（蓝）"},
    "en": {
        "red": "Level I (red)",
        "orange": "Level II (orange)",
        "yellow": "Level III (yellow)",
        "blue": "Level IV (blue)",
    },
}
_CLASSES = {
    "zh": {"process": "报警", "instrument": "仪表报警", "system": "系统报警"},
    "en": {"process": "alarm", "instrument": "instrument alarm", "system": "system alarm"},
}
_SYSTEMS_ZH = {
    "gas": "燃气",
    "water": "供水",
    "drainage": "排水",
    "displacement": "位移",
    "heating": "供热",
    "bridge": "桥梁",
    "weather": "气象",
    "lighting": "照明",
}
_KINDS = {
    "zh": {"risen": "等级上升", "released": "解除抑制", "returned": "已恢复正常", "escalated": "升级提醒"},
    "en": {
        "risen": "severity rose",
        "released": "no longer suppressed",
        "returned": "returned to normal",
        "escalated": "escalation",
    },
}
_STATES = {
    "zh": {
        "normal": "已恢复",
        "unacknowledged": "未确认",
        "acknowledged": "已确认",
        "returned_unacknowledged": "已恢复未确认",
        "latched_unacknowledged": "已锁定未确认",
        "latched_acknowledged": "已锁定已确认",
        "shelved": "已搁置",
        "suppressed_by_design": "按设计抑制",
        "out_of_service": "停用",
    },
    "en": {},
}
_WORDS = {
    "zh": {
        "test": "测试",
        "late": "迟到数据补报",
        "where": "地点",
        "value": "数值",
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
    "zh": {
        "not_acknowledged": "未按时确认",
        "not_assigned": "未按时派单",
        "not_accepted": "未按时接单",
        "not_arrived": "未按时到场",
        "not_resolved": "未按时处置完毕",
        "not_verified": "未按时核验",
    },
    "en": {
        "not_acknowledged": "not acknowledged in time",
        "not_assigned": "not assigned in time",
        "not_accepted": "not accepted in time",
        "not_arrived": "not arrived in time",
        "not_resolved": "not resolved in time",
        "not_verified": "not verified in time",
    },
}
_UNITS = {"%{LEL}": "%LEL", "%{vol}": "%vol", "[ppm]": "ppm", "[NTU]": "NTU", "Cel": "℃", "m3/h": "m³/h",
          "mg/m3": "mg/m³", "m/s2": "m/s²", "um/m": "µm/m", "deg": "°", "1": ""}  # fmt: skip


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
    if line.value is not None:
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
        f" · {_STATES[language].get(notice.state, notice.state.replace('_', ' '))}"
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
    kind = _KINDS[language].get(notice.kind)
    name = None if notice.rule is None else notice.rule.get("name", {}).get(language)
    place = _name(notice, language) or line.sensor
    if language == "zh":
        system = _SYSTEMS_ZH.get(notice.system, "")
        what = f"{_SEVERITIES['zh'][severity]}{system}" if severity and line.class_ == "process" else system
        told = f"【{what}{_CLASSES['zh'][line.class_]}{f'·{kind}' if kind else ''}】{place} {name or line.rule}"
    else:
        what = f"{_SEVERITIES['en'][severity]} " if severity and line.class_ == "process" else ""
        told = f"[{what}{notice.system} {_CLASSES['en'][line.class_]}{f', {kind}' if kind else ''}] {place}: "
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
    """The unit of value and limit: a threshold's is the property's, a signal's its own."""
    unit = ""
    if notice.line.kind not in ("threshold", "range"):
        unit = str((notice.rule or {}).get("condition", {}).get("unit", ""))
    elif notice.sensor is not None and notice.sensor.property in PROPERTIES:
        unit = PROPERTIES[notice.sensor.property].unit
    unit = _UNITS.get(unit, unit)
    return f" {unit}" if unit else ""


def _step(step: str, language: Language) -> str:
    for beginning, told in _STEPS[language].items():
        if step.startswith(beginning):
            number = step.removeprefix(beginning).strip("_")
            return f"{told} ({number})" if number else told
    return step.replace("_", " ")


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def _local(moment: datetime, time_zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M:%S}"


def _plain(text: str) -> str:
    """Names may hold anything; nothing in a message may look like another line or hide."""
    return "".join(c if c.isprintable() else " " for c in text)
