"""How times, spans and quantities are written for people, in English and Chinese."""

from zoneinfo import ZoneInfo

from model.bilingual import Language
from model.instant import to_datetime

_UNITS = {"en": ("d", "h", "min", "s"), "zh": ("天", "小时", "分", "秒")}


def clock(milliseconds: int, zone: ZoneInfo, beside: int | None = None) -> str:
    """Return the time of day with seconds, with its date where that is not the date of `beside` (epoch ms)."""
    moment = to_datetime(milliseconds).astimezone(zone)
    if beside is not None and moment.date() == to_datetime(beside).astimezone(zone).date():
        return f"{moment:%H:%M:%S}"
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def offset(milliseconds: int, zone: ZoneInfo) -> str:
    """Return how far civil time is from UTC at a moment (epoch ms): `UTC+8`, `UTC+5:30`."""
    ahead = to_datetime(milliseconds).astimezone(zone).utcoffset()
    minutes = 0 if ahead is None else round(ahead.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def span(milliseconds: int, language: Language) -> str:
    """Return a span as people say it: its two largest parts, `1 h 5 min`; below a second `0 s`."""
    seconds = round(milliseconds / 1000)
    parts = (seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60, seconds % 60)
    first = next((place for place, part in enumerate(parts) if part), 3)
    gap = "" if language == "zh" else " "
    told = [
        f"{parts[k]}{gap}{_UNITS[language][k]}" for k in (first, first + 1) if k < 4 and (parts[k] or k == 3 == first)
    ]
    return gap.join(told)


def number(value: float, digits: int = 4) -> str:
    """Return a value in so many significant digits, those before the point always whole and never as a power of ten."""
    rounded = float(f"{value:.{digits}g}") if abs(value) < 10**digits else float(f"{value:.0f}")
    text = f"{rounded:.12f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def quantity(value: float, unit: str, digits: int = 4) -> str:
    """Return a value with its unit as people read it, `0.14 MPa`."""
    return f"{number(value, digits)} {unit}" if unit else number(value, digits)
