"""Which modes a list holds: exercises never stand among what is real unless they are asked for (decision 0015)."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias, get_args

from pydantic import Field

from app.api.lines import Mode
from app.api.parameters import Several

MODES: tuple[Mode, ...] = get_args(Mode)
REAL_AND_TEST: tuple[Mode, ...] = ("operational", "test")

ModeFilter: TypeAlias = Annotated[
    Several[Mode] | None,
    Field(description="Of the city, one or several; without it no exercise, unless one is named"),
]


def modes_of(asked: Sequence[Mode] | None, *, named: bool) -> Sequence[Mode]:
    """Return the modes that a list holds: those asked for; else all where a city or sensor is named, or no exercise."""
    if asked is not None:
        return asked
    return MODES if named else REAL_AND_TEST
