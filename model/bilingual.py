"""What people read, in English and Chinese: the words for states, severities and the like, and units."""

from typing import Literal

from model.vocabulary import PROPERTIES

Language = Literal["zh", "en"]
Words = tuple[str, str]
"""The English and the Chinese."""

MODES: dict[str, Words] = {
    "operational": ("in operation", "运行"),
    "exercise": ("EXERCISE", "演练"),
    "test": ("TEST", "测试"),
}
SEVERITIES: dict[str, Words] = {
    "red": ("Level I (red)", "一级（红）"),
    "orange": ("Level II (orange)", "二级（橙）"),
    "yellow": ("Level III (yellow)", "三级（黄）"),
    "blue": ("Level IV (blue)", "四级（蓝）"),
}
CLASSES: dict[str, Words] = {
    "process": ("alarm", "报警"),
    "instrument": ("instrument alarm", "仪表报警"),
    "system": ("system alarm", "系统报警"),
}
SYSTEMS: dict[str, Words] = {
    "gas": ("gas", "燃气"),
    "water": ("water", "供水"),
    "drainage": ("drainage", "排水"),
    "displacement": ("displacement", "位移"),
    "heating": ("heating", "供热"),
    "bridge": ("bridge", "桥梁"),
    "weather": ("weather", "气象"),
    "lighting": ("lighting", "照明"),
}
STATES: dict[str, Words] = {
    "normal": ("normal", "正常"),
    "unacknowledged": ("unacknowledged", "未确认"),
    "acknowledged": ("acknowledged", "已确认"),
    "returned_unacknowledged": ("returned, unacknowledged", "已恢复未确认"),
    "latched_unacknowledged": ("latched, unacknowledged", "已锁存未确认"),
    "latched_acknowledged": ("latched, acknowledged", "已锁存已确认"),
    "shelved": ("shelved", "已搁置"),
    "suppressed_by_design": ("suppressed by design", "设计抑制"),
    "out_of_service": ("out of service", "停用"),
}
QUALITIES: dict[str, Words] = {
    "reported_uncertain": ("uncertain by its own word", "设备报告不确定"),
    "reported_bad": ("bad by its own word", "设备报告异常"),
    "out_of_range": ("beyond the valid range", "超出有效量程"),
    "saturated": ("at the end of the range", "满量程"),
    "sentinel": ("a value that stands for no measurement", "无测量值标记"),
    "rate_exceeded": ("changed faster than possible", "变化快于可能"),
    "rate_towards_danger": ("changed faster than credible, towards danger", "向危险方向变化过快"),
    "unit_jump": ("a power of ten off", "疑似单位错误"),
    "unit_jump_towards_danger": ("a power of ten off, towards danger", "疑似单位错误，朝危险方向"),
    "stuck": ("does not move", "读数不变"),
}
"""What stands against a reading; what is not here (late, or by a clock that is behind) makes it no worse."""
_UNITS = {"Cel": "°C", "m3/h": "m³/h", "mg/m3": "mg/m³", "m/s2": "m/s²", "um/m": "µm/m", "deg": "°", "1": ""}
_UCUM_MARKS = str.maketrans("", "", "[]{}")


def said(words: Words, language: Language) -> str:
    """Return the English or the Chinese."""
    return words[language == "zh"]


def shown_unit(kind: str, condition_unit: str | None, observed: str | None) -> str:
    """Return the unit of an alarm's value and limit as people read it, "" for none or where it is not known.

    A threshold's and a range's are in the unit of the property `observed`, a signal's in its condition's own. Both are
    given as UCUM.
    """
    unit = condition_unit or ""
    if kind in ("threshold", "range"):
        unit = PROPERTIES[observed].unit if observed in PROPERTIES else ""
    return _UNITS.get(unit, unit.translate(_UCUM_MARKS))
