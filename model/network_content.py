"""What a network file comes to, whatever its form: nodes, links, errors by line; and the checks of fields."""

from collections.abc import Iterable
from typing import NamedTuple

from model.coordinates import ShiftedCoordinates, is_degrees, refuse_shifted, usual_name
from model.network import Link, Node, Position
from model.plain_text import InvalidText, clean_text
from model.sensor import InvalidSensor
from model.sensor_file import number

ID_LENGTH_MAX = 64


class Placed(NamedTuple):
    """Nodes and links of one medium as a file has them."""

    nodes: dict[str, Node]
    links: dict[str, Link]


class NetworkFile(NamedTuple):
    """What a network file holds, by medium, as far as it is good; what is wrong; and what is worth knowing."""

    media: dict[str, Placed]
    problems: list[tuple[int, str]]
    notes: list[str]
    lines: dict[tuple[str, str], int]  # (medium, link) to its line
    implied: set[tuple[str, str]]  # (medium, node) of which the file knows nothing but the ends of lines

    def part(self, medium: str) -> Placed:
        """The nodes and links of a medium."""
        return self.media.setdefault(medium, Placed({}, {}))


def identifier(field: str, text: str) -> str:
    """Return the id of a node or link as registered. Raises InvalidText; utilities use any script in them."""
    if not text:
        raise InvalidText(field, "is empty")
    return clean_text(field, text, ID_LENGTH_MAX)


def crs_name(text: str) -> str:
    """Return the name of a coordinate system as it is kept. Raises InvalidText, and InvalidSensor for a shifted one."""
    try:
        refuse_shifted(text)
    except ShiftedCoordinates as error:
        raise InvalidSensor("crs", str(error)) from None
    return usual_name(clean_text("crs", text))


def position(field: str, pair: Iterable[str], crs: str) -> Position:
    """Return a position of two texts, checked against the globe where they are degrees. Raises InvalidSensor."""
    x, y = (number(field, text) for text in pair)
    if is_degrees(crs) and not (-180 <= x <= 180 and -90 <= y <= 90):
        raise InvalidSensor(
            field, f"{x:g} {y:g} is no longitude and latitude; convert them, or name their system with --crs"
        )
    return x, y


def not_negative(field: str, text: str) -> float:
    """Return a length or diameter. Raises InvalidSensor."""
    value = number(field, text)
    if value < 0:
        raise InvalidSensor(field, f"{value:g} is negative")
    return value
