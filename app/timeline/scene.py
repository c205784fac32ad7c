"""What a timeline is made of, its entries, and what they are told with: zone, sensors, rules, sentences; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from alerts.incidents.words import cause_words
from alerts.rules import Rule
from model.alarm import JournalLine
from model.bilingual import Language, shown_unit
from model.incident import Cause
from model.sensor import Sensor

What = Literal["reading", "transition", "notification", "action", "report", "warning", "incident"]
WHATS: tuple[What, ...] = ("reading", "transition", "report", "incident", "notification", "warning", "action")
"""In the order in which what became known at one time is told: the cause before what follows of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that became known. Times are epoch milliseconds; `words` is a sentence by language.

    `time` is when it happened, None where that is when it became known or several readings are told together.
    `subject` is the id of what it is about, `number` its place among those of its kind. `late_ms`: by how much a
    reading came late.
    """

    known_at: int
    what: What
    subject: str
    number: int
    words: Mapping[str, str]
    time: int | None = None
    sensor: str | None = None
    actor: str | None = None
    severity: str | None = None
    late_ms: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> tuple[int, int, int, str]:
        """Where it stands in the timeline."""
        return self.known_at, WHATS.index(self.what), self.number, self.subject


@dataclass(frozen=True)
class Scene:
    """What entries are told with: the city's zone, member sensors by id, and rules as they are and were in force.

    Of one rule the versions stand in the order in which they are looked at: those in force first.
    """

    zone: ZoneInfo
    sensors: Mapping[str, Sensor]
    rules: Sequence[Rule]

    @cached_property
    def _by_version(self) -> dict[tuple[str, str], Rule]:
        return {(rule.rule, rule.version): rule for rule in self.rules}

    def rule(self, name: str, version: str) -> Rule | None:
        """Return a rule as it was at a version, None where that is not kept."""
        return self._by_version.get((name, version))

    def rule_name(self, name: str, language: Language) -> str:
        """Return how people call a rule, its id where it has no name."""
        found = next((rule.name for rule in self.rules if rule.rule == name), None)
        return name if found is None else (found.zh if language == "zh" else found.en) or name

    def unit(self, line: JournalLine) -> str:
        """Return the unit of a line's value and limit as people read it."""
        rule = self.rule(line.rule, line.rule_version)
        if rule is None:
            rule = next((one for one in self.rules if one.rule == line.rule), None)
        unit = None if rule is None else getattr(rule.condition, "unit", None)
        sensor = self.sensors.get(line.sensor)
        return shown_unit(line.kind, unit, None if sensor is None else sensor.property)

    def name(self, sensor: str, language: Language) -> str:
        """Return how people call a sensor, its id where it has no name."""
        found = self.sensors.get(sensor)
        if found is None:
            return sensor
        names = (found.name_zh, found.name) if language == "zh" else (found.name, found.name_zh)
        return names[0] or names[1] or sensor

    def cause(self, text: str) -> dict[str, str]:
        """Return a probable cause (JSON of model.incident.Cause) in words by language."""
        cause = msgspec.json.decode(text, type=Cause)
        return cause_words(cause, self.called(cause.subject))

    def called(self, sensor: str) -> dict[str, str] | None:
        """Return how people call a sensor by language, None for what is no sensor of the incident."""
        return in_both(lambda language: self.name(sensor, language)) if sensor in self.sensors else None


LANGUAGES: tuple[Language, ...] = ("en", "zh")


def in_both(sentence: Callable[[Language], str]) -> dict[str, str]:
    """Return a sentence by language, `en` and `zh`."""
    return {language: sentence(language) for language in LANGUAGES}


def joined(parts: list[str], language: Language) -> str:
    """Return those of the parts that are not empty as one sentence."""
    return ("；" if language == "zh" else "; ").join(part for part in parts if part)


def quoted(text: str) -> str:
    """Return what a person wrote, as their words."""
    return f"“{text}”"


def colon(language: Language) -> str:
    """Return what stands between a name and what is said of it."""
    return "：" if language == "zh" else ": "


def comma(language: Language) -> str:
    """Return what stands between parts of a clause."""
    return "，" if language == "zh" else ", "
