"""The newest reading of sensors and how far it can be trusted: the form that lists and single answers share."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from app.api.lines import TimeText
from app.api.parameters import written
from model.reading import HELD_BACK, UNCERTAIN, Quality
from store.pool import Connection
from store.readings import LatestRow, latest_readings
from store.sensor_search import FoundSensor

Doubt = Literal["never_heard", "silent", "bad", "uncertain"]


class Reading(BaseModel):
    """A reading. `bad` ones never move a process alarm; `flags` say why."""

    time: TimeText
    value: float = Field(examples=[62.5])
    quality: Literal["good", "uncertain", "bad"]
    flags: list[str] = Field(examples=[["saturated"]])


class Latest(NamedTuple):
    """The newest reading of a sensor, None where it was never heard, and why it is not to be trusted, if so."""

    row: LatestRow | None
    doubt: Doubt | None


async def latest_of(
    connection: Connection, found: Sequence[FoundSensor], newest_arrival: datetime | None = None
) -> dict[str, Latest]:
    """Return the newest reading of each of the sensors, by id; they were looked for with their doubts.

    `newest_arrival` is that of the newest batch, where it is known already.
    """
    if not found:
        return {}
    newest = await latest_readings(connection, [one.key for one in found], newest_arrival)
    rows = ((one, newest.get(one.key)) for one in found)
    return {one.sensor.sensor: Latest(row, _doubt(row, one.silent, one.bad)) for one, row in rows}


def reading_item(time: datetime, value: float, quality: int) -> dict[str, Any]:
    """Return a reading in the form of Reading; `quality` has the bits of model.reading.Quality."""
    word, flags = _quality(quality)
    return {"time": written(time), "value": value, "quality": word, "flags": flags}


def latest_item(row: LatestRow | None) -> dict[str, Any] | None:
    """Return a newest reading in the form of Reading, None where there is none."""
    return None if row is None else reading_item(row.time, row.value, row.quality)


def _doubt(row: LatestRow | None, silent: bool, bad: bool) -> Doubt | None:
    if row is None:
        return "never_heard"
    word = _quality(row.quality)[0]
    if silent:
        return "silent"
    if bad or word == "bad":
        return "bad"
    return "uncertain" if word == "uncertain" else None


@cache
def _quality(bits: int) -> tuple[Literal["good", "uncertain", "bad"], list[str]]:
    flags = Quality(bits)
    return "bad" if flags & HELD_BACK else "uncertain" if flags & UNCERTAIN else "good", flags.labels
