"""How the cities stand at a glance."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.access import Reader, check_city
from app.api.context import VERSION, ApiContext, context_of
from app.api.lines import Mode, TimeText
from app.api.modes import MODES
from app.api.parameters import Parameters, Word, written_or_none
from app.api.status_figures import city_form, totals, write_zeros
from app.api.structs import encoded
from model.area import touched_cities, within_city
from model.instant import format_instant, to_milliseconds
from store.pool import Connection
from store.readings import heard_sensors
from store.sensors import registry_version
from store.status import Progress, count_alarms, count_registered, count_sensors, read_cities, read_progress
from store.status import sensor_keys as all_sensor_keys

router = APIRouter(tags=["status"])
COUNTED_AREAS_MAX = 100  # callers' areas whose sensors are kept counted; each a row for a district and system


class HeardSensors:
    """Which sensors were never heard, and how many are registered: what hardly changes between two questions.

    Whoever was heard once stays so, and only the others are looked up again; the registered are counted anew, for each
    caller's areas, when the registry's version has changed.
    """

    def __init__(self) -> None:
        self._heard: set[int] = set()
        self._never: list[int] = []
        self._looked_up: int | None = None
        self._known_version = 0
        self._registered: dict[tuple[str, ...], list[tuple[str, str, str, int]]] = {}
        self._counted_version = 0

    async def never(self, connection: Connection, now: int, check_s: float) -> list[int]:
        """Return the registry keys of sensors without any reading, as of at most `check_s` before `now` (ms)."""
        if self._looked_up is None or not 0 <= now - self._looked_up < check_s * 1000:
            version = await registry_version(connection)
            if version != self._known_version:
                keys = await all_sensor_keys(connection)
                self._never, self._known_version = [key for key in keys if key not in self._heard], version
            if self._never:
                self._heard |= await heard_sensors(connection, self._never)
                self._never = [key for key in self._never if key not in self._heard]
            self._looked_up = now
        return self._never

    async def registered(self, connection: Connection, areas: Sequence[str]) -> list[tuple[str, str, str, int]]:
        """Return how many sensors are registered within the areas, by city, district and system."""
        version = await registry_version(connection)
        if version != self._counted_version or len(self._registered) >= COUNTED_AREAS_MAX:
            self._registered, self._counted_version = {}, version
        key = tuple(areas)
        if key not in self._registered:
            self._registered[key] = await count_registered(connection, areas)
        return self._registered[key]


class Freshness(BaseModel):
    """Sensors by freshness: heard in time, silent (an active no-data alarm says so), and never heard."""

    fresh: int
    silent: int
    never_heard: int


class Quality(BaseModel):
    """Sensors by quality: `bad` has an active bad-readings alarm, `unknown` was never heard."""

    good: int
    bad: int
    unknown: int


class States(BaseModel):
    """Alarms by state."""

    unacknowledged: int = 0
    acknowledged: int = 0
    returned_unacknowledged: int = 0
    latched_unacknowledged: int = 0
    latched_acknowledged: int = 0
    shelved: int = 0
    suppressed_by_design: int = 0
    out_of_service: int = 0


class Alarms(BaseModel):
    """Alarms that are not normal: process alarms by severity (`none` has returned), the others by class."""

    red: States
    orange: States
    yellow: States
    blue: States
    none: States
    instrument: States
    system: States


class Figures(BaseModel):
    """The figures of a place."""

    sensors: int
    freshness: Freshness
    quality: Quality
    alarms: Alarms


class SystemStatus(Figures):
    """One system in a district."""

    system: str = Field(examples=["gas"])


class DistrictStatus(Figures):
    """One district; sensors without one stand under the empty name."""

    district: str
    systems: list[SystemStatus]


class CityStatus(Figures):
    """One city and whether it is in operation; for a key of some of its districts, the figures of these alone."""

    city: str = Field(examples=["jiayuguan"])
    name: str
    name_zh: str
    mode: Mode
    time_zone: str = Field(examples=["Asia/Shanghai"])
    alarms_of_other_modes: int = Field(description="Not normal, of when the city had another mode; not in its figures")
    districts: list[DistrictStatus]


class ModeTotals(Figures):
    """All cities of one mode together."""

    cities: int


class Totals(BaseModel):
    """The cities together, each mode for itself: what is real is never added to what is not."""

    operational: ModeTotals
    exercise: ModeTotals
    test: ModeTotals


class EvaluatedThrough(BaseModel):
    """The last batch of the log whose evaluation is committed, and the log's clock there."""

    batch: int
    clock: TimeText | None


class Ingest(BaseModel):
    """How far the log has come, and how far evaluation is behind it."""

    batch: int = Field(description="The newest batch")
    clock: TimeText | None = Field(description="Its arrival")
    age_s: float | None = Field(description="Since then; it stays small while ingest lives, also when nothing arrives")
    batches_behind: int = Field(description="Batches that wait for evaluation")
    behind_s: float | None = Field(description="The log's clock less that of the evaluation")


class Status(BaseModel):
    """How the cities stand. Where `behind` is true, ingest or evaluation lags and freshness and alarms are of then."""

    time: TimeText
    version: str = Field(examples=[VERSION])
    behind: bool
    evaluated_through: EvaluatedThrough
    ingest: Ingest
    totals: Totals
    cities: list[CityStatus]


class StatusFilters(Parameters):
    """Which cities."""

    city: Word | None = None


@router.get("/status", response_model=Status, summary="How the cities stand")
async def get_status(request: Request, caller: Reader, filters: Annotated[StatusFilters, Query()]) -> Response:
    """Return sensors by freshness and quality and alarms by severity and state, per city, district and system."""
    context = context_of(request)
    check_city(caller, filters.city)
    areas = caller.areas if filters.city is None else within_city(caller.areas, filters.city)
    now = context.clock()
    heard: HeardSensors = request.app.state.heard
    async with context.reading() as connection:
        never = await heard.never(connection, now, context.limits.heard_check_s)
        progress = await read_progress(connection)
        cities = await read_cities(connection, touched_cities(areas))
        sensors = await count_sensors(connection, areas, never, await heard.registered(connection, areas))
        alarms = await count_alarms(connection, areas)
    forms = [
        city_form(
            city, [row for row in sensors if row.city == city.city], [row for row in alarms if row.city == city.city]
        )
        for city in cities
    ]
    together = {mode: totals(mode, cities, sensors, alarms) for mode in MODES}
    for form in (*forms, *together.values()):
        write_zeros(form)
    beside = {"time": format_instant(now), "version": VERSION, "totals": together, "cities": forms}
    return encoded(progress_form(context, progress, now) | beside)


def progress_form(context: ApiContext, progress: Progress, now: int) -> dict[str, Any]:
    """Return evaluated_through, ingest and behind as Status has them."""
    age_s = _seconds_between(progress.newest_clock, now)
    behind_s = None
    if progress.newest_clock is not None and progress.evaluated_clock is not None:
        behind_s = (progress.newest_clock - progress.evaluated_clock).total_seconds()
    waiting = progress.newest_batch - progress.evaluated_batch
    limit = context.limits.behind_s_max
    return {
        "behind": age_s is None or age_s > limit or (waiting > 0 and (behind_s is None or behind_s > limit)),
        "evaluated_through": {"batch": progress.evaluated_batch, "clock": written_or_none(progress.evaluated_clock)},
        "ingest": {
            "batch": progress.newest_batch,
            "clock": written_or_none(progress.newest_clock),
            "age_s": age_s,
            "batches_behind": waiting,
            "behind_s": behind_s,
        },
    }


def _seconds_between(earlier: datetime | None, now: int) -> float | None:
    return None if earlier is None else max(0, now - to_milliseconds(earlier)) / 1000
