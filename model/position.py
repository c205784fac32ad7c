"""Operators' positions: which alarms one desk sees to, and files of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from model.plain_text import NAME_LENGTH_MAX, InvalidText, clean_text
from model.vocabulary import SYSTEMS
from model.yaml_file import YamlFileError, parse_model, read_text

POSITIONS_MAX = 200  # of a city
DEFAULT = ".default"  # no position's own id may hold a full stop


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A desk: the alarms of these districts and systems of a city; empty means all of them."""

    position: str
    city: str
    name: str = ""
    name_zh: str = ""
    districts: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()

    @property
    def is_default(self) -> bool:
        """Whether it is a city's own, which takes what no configured one takes."""
        return self.position.endswith(DEFAULT)

    def takes(self, city: str, system: str, district: str) -> bool:
        """Whether alarms of that place are this position's."""
        return (
            city == self.city
            and (not self.districts or district in self.districts)
            and (not self.systems or system in self.systems)
        )


def default_position(city: str) -> Position:
    """Return the position that takes what none of the city's configured positions takes."""
    return Position(position=city + DEFAULT, city=city, name="Duty desk", name_zh="值班席")


def positions_of(configured: Iterable[Position], city: str, system: str, district: str) -> list[str]:
    """Return the positions that take alarms of a place: all configured ones that do, else the city's default one."""
    taking = [one.position for one in configured if one.takes(city, system, district)]
    return sorted(taking) or [city + DEFAULT]


def _clean(text: str) -> str:
    try:
        return clean_text("text", text)
    except InvalidText as error:
        raise ValueError(str(error).removeprefix("text: ")) from None


PlainText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=NAME_LENGTH_MAX), AfterValidator(_clean)]
PositionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}\z")]
SystemName = Literal["gas", "water", "drainage", "displacement", "heating", "bridge", "weather", "lighting"]
assert SystemName.__args__ == SYSTEMS  # type: ignore[attr-defined]


class PositionWords(BaseModel):
    """What a position takes, as people write it."""

    model_config = ConfigDict(extra="forbid")

    city: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(examples=["jiayuguan"])
    name: PlainText = Field(default="", examples=["Gas desk"])
    name_zh: PlainText = Field(default="", examples=["燃气席"])
    districts: list[PlainText] = Field(default=[], max_length=200, description="Empty: all")
    systems: list[SystemName] = Field(default=[], max_length=len(SYSTEMS), description="Empty: all")

    def as_position(self, position: str) -> Position:
        """Return it as a position of this id."""
        return Position(
            position=position,
            city=self.city,
            name=self.name,
            name_zh=self.name_zh,
            districts=tuple(dict.fromkeys(self.districts)),
            systems=tuple(dict.fromkeys(self.systems)),
        )


class _Entry(PositionWords):
    position: PositionName


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    positions: list[_Entry] = Field(min_length=1, max_length=2_000)


def read_positions(path: Path) -> Sequence[Position]:
    """Return the positions of a YAML file, `positions: [{position, city, …}]`. Raises YamlFileError."""
    content = parse_model(str(path), read_text(path), _File, "it is empty; write positions: [{position: …, city: …}]")
    found: dict[str, Position] = {}
    for entry in content.positions:
        if entry.position in found:
            text = f"position {entry.position!r} stands in it twice; leave one of them out"
            raise YamlFileError([(str(path), 0, text)])
        found[entry.position] = entry.as_position(entry.position)
    return list(found.values())
