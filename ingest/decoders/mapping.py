"""Mapping files: what a vendor's JSON means, written in YAML without code. One file a vendor's message.

A path names fields from the outer to the inner, `data.items.0.v`; a dot within a name is written `\\.`. It begins at
the reading; with `$.` before it at the message. A template is text with `{…}` in it: a name captured from the topic,
else a path.
"""

import math
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from model.sensor import IDENTIFIER
from model.vocabulary import PROPERTIES, units_of
from model.yaml_file import YamlFileError, parse_model, read_text

MAPPINGS_MAX = 1_000
PATH_STEPS_MAX = 16
OUR_FIRST_LEVELS = ("lifeline", "spBv1.0")
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")

_CAPTURE = re.compile(r"\{([a-z_]{1,32})\}")
_EMPTY = "the file is empty; a mapping needs mapping, topic, values and time"
_DIRECTIVES = re.compile(r"%([A-Za-z%])")


def _check_path(text: str) -> str:
    if not text or len(steps_of(text)[1]) > PATH_STEPS_MAX or "" in steps_of(text)[1]:
        raise ValueError(f"a path has 1 to {PATH_STEPS_MAX} names with dots between them, like data.items.0.value")
    return text


def _check_topic(text: str) -> str:
    levels = text.split("/")
    if len(levels) > 20 or len(text) > 500 or "" in levels or "#" in levels[:-1]:
        raise ValueError("a topic has 1 to 20 levels, none of them empty, # only as the last")
    if levels[0] in OUR_FIRST_LEVELS or levels[0] in ("+", "#") or "{" in levels[0] or levels[0].startswith("$"):
        raise ValueError(f"the first level is a word of the vendor's own, none of +, #, {', '.join(OUR_FIRST_LEVELS)}")
    for level in levels:
        if level not in ("+", "#") and not _CAPTURE.fullmatch(level) and re.search(r"[+#{}]", level):
            raise ValueError(f"level {level!r}: write a word, +, # or a name to capture like {{device}}, nothing mixed")
    names = _CAPTURE.findall(text)
    if len(set(names)) != len(names):
        raise ValueError("a name is captured twice; use different names")
    return text


def _check_template(text: str) -> str:
    rest = PLACEHOLDER.sub("", text)
    if not text or "{" in rest or "}" in rest:
        raise ValueError("a template is text with {name} or {path} in it; each brace needs its partner")
    for inner in PLACEHOLDER.findall(text):
        _check_path(inner)
    return text


def _check_unit(text: str) -> str:
    if not any(text in units_of(observed) for observed in PROPERTIES.values()):
        raise ValueError(f"unit {text!r} is none that Lifeline converts; write UCUM, like kPa, Cel, %{{LEL}}")
    return text


def _check_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except Exception:  # what it raises depends on the text: a missing file, a folder, a bad key
        raise ValueError(f"{text!r} is no IANA time zone; write one like Asia/Shanghai") from None
    return text


def _check_finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("write a finite number")
    return value


PathText = Annotated[str, Field(max_length=300), AfterValidator(_check_path)]
Template = Annotated[str, Field(max_length=300), AfterValidator(_check_template)]
Finite = Annotated[float, AfterValidator(_check_finite)]
Word = Literal["good", "uncertain", "bad"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MappedQuality(_Strict):
    """Where the device says how good a reading is, and what its words (or numbers, true, false) mean."""

    path: PathText
    words: dict[str, Word] = Field(min_length=1, max_length=1_000)
    otherwise: Word | None = Field(None, description="for any other word; left out, such a reading is refused")


class MappedTime(_Strict):
    """Where the time stands and how it is written: rfc3339, epoch_s, epoch_ms, or a pattern like %Y-%m-%d %H:%M:%S."""

    path: PathText
    format: str = Field("rfc3339", max_length=60)
    zone: Annotated[str, AfterValidator(_check_zone)] | None = Field(
        None, description="IANA time zone of times that name none; without it they are refused"
    )

    @model_validator(mode="after")
    def _check_format(self) -> Self:
        if self.format in ("rfc3339", "epoch_s", "epoch_ms"):
            if self.zone is not None and self.format != "rfc3339":
                raise ValueError("epoch times have no zone; leave zone out")
            return self
        if "%" not in self.format:
            raise ValueError("format is rfc3339, epoch_s, epoch_ms or a pattern like %Y-%m-%d %H:%M:%S")
        named = "z" in _DIRECTIVES.findall(self.format)
        if not named and self.zone is None:
            raise ValueError("the pattern has no %z; name the zone of its times, like zone: Asia/Shanghai")
        for moment in (datetime(2026, 11, 22, 8, 9), datetime(2027, 1, 3, 20, 9)):
            if not _reads_back(self.format, moment.replace(tzinfo=ZoneInfo("UTC")) if named else moment):
                raise ValueError("the pattern does not give a whole time; it needs year, month, day, hour and minute")
        return self


def _reads_back(pattern: str, moment: datetime) -> bool:
    try:
        found = datetime.strptime(moment.strftime(pattern), pattern)
    except (ValueError, re.error):
        return False
    return found.replace(tzinfo=None) - moment.replace(tzinfo=None) == timedelta(0)


class MappedValue(_Strict):
    """One measured value of a reading: whose it is, where it stands, and how it becomes a number in a unit."""

    sensor: Template
    value: PathText
    unit: Annotated[str, AfterValidator(_check_unit)] | None = Field(
        None, description="UCUM; left out: the registered one"
    )
    scale: Finite = 1.0
    offset: Finite = Field(0.0, description="added after scale")
    numbers: Literal["json", "text"] = Field("json", description="text: a number may also be written in quotes")
    words: dict[str, Finite] = Field(default={}, max_length=1_000, description="texts, true and false as numbers")
    absent: Literal["refuse", "skip"] = Field("refuse", description="skip: a reading may lack this value, or have null")
    quality: MappedQuality | None = None


class Mapping(_Strict):
    """What the messages on a vendor's topics mean."""

    mapping: str = Field(pattern=rf"^{IDENTIFIER.pattern}$", description="id of the mapping")
    description: str = Field("", max_length=2_000)
    topic: Annotated[str, AfterValidator(_check_topic)] = Field(
        description="MQTT filter; {name} stands for one level and captures it"
    )
    city: Template | None = Field(None, description="the city that the sensors must be registered in")
    readings: PathText | None = Field(None, description="path of the array of readings; left out: the message itself")
    values: list[MappedValue] = Field(min_length=1, max_length=200)
    time: MappedTime
    sensors: dict[str, str] = Field(
        default={}, max_length=200_000, description="sensor ids of the vendor's names, where they are not the ids"
    )

    @property
    def subscription(self) -> str:
        """The MQTT filter to subscribe to."""
        return _CAPTURE.sub("+", self.topic)

    @property
    def captures(self) -> list[str]:
        """The names that the topic captures."""
        return _CAPTURE.findall(self.topic)


def steps_of(path: str) -> tuple[bool, tuple[str, ...]]:
    """Return whether the path begins at the message, and its names."""
    from_message = path.startswith("$.")
    names = re.split(r"(?<!\\)\.", path.removeprefix("$."))
    return from_message, tuple(name.replace("\\.", ".") for name in names)


def load_mappings(folder: Path) -> list[Mapping]:
    """Return the mappings of a folder's `*.yaml` files, by file name. Raises YamlFileError with all problems."""
    if not folder.is_dir():
        raise YamlFileError([(str(folder), 0, "no such folder; create it, or correct LIFELINE_MAPPINGS")])
    mappings: list[tuple[str, Mapping]] = []
    problems: list[tuple[str, int, str]] = []
    for path in sorted(folder.glob("*.y*ml"))[:MAPPINGS_MAX]:
        try:
            mappings.append((str(path), parse_mapping(str(path), read_text(path))))
        except YamlFileError as error:
            problems += error.problems
    for what in ("mapping", "subscription"):
        owners: dict[str, str] = {}
        for file, mapping in mappings:
            name = getattr(mapping, what)
            if name in owners:
                problems.append((file, 1, f"{name!r} stands in {owners[name]} too; a topic has one mapping"))
            owners[name] = file
    if problems:
        raise YamlFileError(problems)
    return [mapping for _, mapping in mappings]


def parse_mapping(file: str, text: str) -> Mapping:
    """Return the mapping of a file's text. Raises YamlFileError with file, line and remedy."""
    return parse_model(file, text, Mapping, _EMPTY)


def mapping_schema() -> dict[str, Any]:
    """Return the JSON schema of a mapping file, as published."""
    return Mapping.model_json_schema()
