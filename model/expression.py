"""What a filter says, as a tree of values, paths, calls and operations: read in one room, answered in another. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["text", "number", "time", "span", "truth", "place", "nothing"]
Ring: TypeAlias = tuple[tuple[float, float], ...]


class QueryRefused(ValueError):
    """A query that cannot be answered: `field` names the part, the text what is wrong, `remedy` how to mend it.

    `supported` is false where the standard knows what was asked for and this service does not.
    """

    def __init__(self, field: str, detail: str, remedy: str, *, supported: bool = True) -> None:
        super().__init__(detail)
        self.field = field
        self.remedy = remedy
        self.supported = supported


@dataclass(frozen=True, slots=True)
class Spot:
    """A place: longitude and latitude in degrees, WGS-84."""

    longitude: float
    latitude: float


@dataclass(frozen=True, slots=True)
class Surface:
    """Polygons, each of an outer ring and its holes; rings of (longitude, latitude) in degrees, WGS-84."""

    polygons: tuple[tuple[Ring, ...], ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A value that stands in the text."""

    kind: Kind
    value: str | float | bool | datetime | timedelta | Spot | Surface | None


@dataclass(frozen=True, slots=True)
class Path:
    """A property, by the names on the way to it: `Datastream`, `ObservedProperty`, `name`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function by its name in lower case, and what it is given."""

    name: str
    arguments: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Operation:
    """Two operands: `and or eq ne gt ge lt le add sub mul div mod`."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite of a condition."""

    operand: "Expression"


Expression: TypeAlias = Value | Path | Call | Operation | Negation


def paths_of(expression: Expression) -> list[Path]:
    """Return every path in an expression."""
    match expression:
        case Path():
            return [expression]
        case Operation(_, left, right):
            return paths_of(left) + paths_of(right)
        case Negation(operand):
            return paths_of(operand)
        case Call(_, arguments):
            return [path for argument in arguments for path in paths_of(argument)]
        case _:
            return []
