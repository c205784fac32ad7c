"""How an explanation speaks: its language, its city's time, and units as people write them."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from model.bilingual import QUALITIES, SEVERITIES, Language, Words, said, shown_unit
from model.writing import clock, offset, quantity, span


@dataclass(frozen=True, slots=True)
class Voice:
    """Says what it is given in a language; the date of `moment` (epoch milliseconds) is not said with each time."""

    language: Language
    zone: ZoneInfo
    moment: int

    def say(self, form: Words, **facts: object) -> str:
        """Return a sentence, or a part of one, with its facts."""
        return said(form, self.language).format(**facts)

    def time(self, milliseconds: int) -> str:
        """Return a time, with its date where that is not the moment's."""
        return clock(milliseconds, self.zone, self.moment)

    def whole_time(self, milliseconds: int) -> str:
        """Return a time with its date."""
        return clock(milliseconds, self.zone)

    def offset(self) -> str:
        """Return how far the city's time is from UTC at the moment."""
        return offset(self.moment, self.zone)

    def span(self, seconds: float) -> str:
        """Return a span of seconds."""
        return span(round(seconds * 1000), self.language)

    def level(self, level: str) -> str:
        """Return a level as it stands within a sentence."""
        text = said(SEVERITIES[level], self.language)
        return text[0].lower() + text[1:]

    def quantity(self, value: float, unit: str | None, digits: int = 4) -> str:
        """Return a value with its unit (UCUM)."""
        return quantity(value, shown_unit("", unit, None), digits)

    def qualities(self, names: list[str]) -> str:
        """Return what stands against readings, each once."""
        told = [said(QUALITIES[name], self.language) for name in dict.fromkeys(names) if name in QUALITIES]
        return (", " if self.language == "en" else "、").join(told)
