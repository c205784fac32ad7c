"""The scenarios by name: what happens in a simulated city, and how fast its clock runs against the stream's."""

from collections.abc import Callable
from dataclasses import dataclass

from simulators.events import Burst, Creep, Event, Leak, Silence, Storm
from simulators.instruments import Instrument, Site
from simulators.physics.drainage import LowPoint, keifer_chu, rain_blocks
from simulators.physics.gas import Chamber
from simulators.physics.ground import Episode, Slope
from simulators.physics.hydraulics import Inflow, Node
from simulators.platforms import Platform

MINUTE_S, HOUR_S, DAY_S = 60.0, 3_600.0, 86_400.0


class UnknownScenario(ValueError):
    """A scenario that does not exist; the text names those that do."""


@dataclass(frozen=True)
class Scenario:
    """A named course of events.

    `events(platform, seed, start, end)` returns at least the events that matter between start and end (seconds of the
    city's own clock). That clock runs `haste` times as fast as the stream's: an event of an hour, with honest physics,
    passes in three minutes of readings at haste 20.
    """

    name: str
    summary: str
    haste: float
    events: Callable[[Platform, int, float, float], list[Event]]


def load_scenario(name: str) -> Scenario:
    """Return the scenario of that name. Raises UnknownScenario."""
    scenario = SCENARIOS.get(name)
    if scenario is None:
        raise UnknownScenario(f"there is no scenario {name!r}; use one of: {', '.join(SCENARIOS)}")
    return scenario


def _quiet_day(platform: Platform, seed: int, start_s: float, end_s: float) -> list[Event]:
    """A drizzle of an hour, 3 mm, every afternoon: water moves, nothing reaches a limit."""
    days = range(int(max(0.0, start_s) // DAY_S), int(end_s // DAY_S) + 1)
    return [_storm(platform, seed, day * DAY_S + 6 * HOUR_S, HOUR_S, 3.0) for day in days]


def _gas_leak(platform: Platform, seed: int, start_s: float, end_s: float) -> list[Event]:
    """An old pipe leaks into three chambers from the fifth minute; it is shut off after an hour."""
    near, middle, far = (_pick(platform, Chamber, seed + i).sensor.asset for i in range(3))
    shut_s = 65 * MINUTE_S
    return [
        Leak(near, 5 * MINUTE_S, 25 * MINUTE_S, 28.0),
        Leak(near, 25 * MINUTE_S, shut_s, 68.0),
        Leak(middle, 12 * MINUTE_S, shut_s, 31.0),
        Leak(far, 20 * MINUTE_S, shut_s, 14.0),
    ]


def _cloudburst(platform: Platform, seed: int, start_s: float, end_s: float) -> list[Event]:
    """45 mm in an hour from the tenth minute, heaviest over one underpass."""
    return [_storm(platform, seed, 10 * MINUTE_S, HOUR_S, 45.0)]


DEMO_CYCLE_S = 200 * MINUTE_S  # ten minutes of readings at haste 20


def _demo(platform: Platform, seed: int, start_s: float, end_s: float) -> list[Event]:
    """Every ten minutes of readings leaks, a burst main and a silent sensor, each elsewhere than the last time.

    A cloudburst comes every half hour and a moving slope every hour, so that their alarms, which wait longest before
    they return, have returned. The cycle before is kept too, for what still drains away; older ones are forgotten, and
    with them the millimetre at most that a point of the slope moved.
    """
    first = max(0, int(start_s // DEMO_CYCLE_S) - 1)
    last = int(end_s // DEMO_CYCLE_S)
    return [event for cycle in range(first, last + 1) for event in _demo_cycle(platform, seed, cycle)]


def _demo_cycle(platform: Platform, seed: int, cycle: int) -> list[Event]:
    begin = cycle * DEMO_CYCLE_S
    turn = seed + cycle

    def at(minutes: float) -> float:  # of the city's clock: 3 s of readings each
        return begin + minutes * MINUTE_S

    leaking = _pick(platform, Chamber, 2 * turn).sensor.asset
    seeping = _pick(platform, Chamber, 2 * turn + 5).sensor.asset
    broken = _pick(platform, Node, turn).sensor
    events: list[Event] = [
        Leak(leaking, at(1), at(35), 32.0),
        Leak(leaking, at(35), at(66), 78.0),
        Leak(seeping, at(20), at(70), 17.0),
        Burst(*_place(broken.longitude, broken.latitude), 1_100.0, at(40), at(95), 1.6),
        Silence(_pick(platform, Inflow, turn).sensor.sensor, at(50), at(110)),
    ]
    if cycle % 3 == 0:
        events.append(_storm(platform, turn, at(12), 60 * MINUTE_S, 45.0))
    if cycle % 6 == 0:
        points = sorted({i.sensor.asset for i in platform.instruments if isinstance(i.site, Slope)})
        half = len(points) // 2
        moving = points[:half] if (seed + cycle // 6) % 2 == 0 else points[half:]
        peaks = (36.0, 13.0, 6.5)
        events += [Creep(point, _episode(at(8), at(80), peak)) for point, peak in zip(moving, peaks, strict=False)]
    return events


def _episode(start_s: float, failure_s: float, peak_mm_d: float) -> Episode:
    """Acceleration towards failure that is held at a peak for 16 min and dies away: the toe was loaded in time."""
    return Episode(start_s, failure_s, 0.8, peak_mm_d, held_s=16 * MINUTE_S, decay_s=12 * MINUTE_S)


def _storm(platform: Platform, turn: int, start_s: float, duration_s: float, depth_mm: float) -> Storm:
    """A Chicago storm in twelve blocks over one of the underpasses, the deepest low points of the platform."""
    deepest = max(i.site.catchment_m2 for i in platform.instruments if isinstance(i.site, LowPoint))
    underpasses = [
        i.sensor for i in platform.instruments if isinstance(i.site, LowPoint) and i.site.catchment_m2 == deepest
    ]
    centre = underpasses[turn % len(underpasses)]
    blocks = rain_blocks(start_s, duration_s, keifer_chu(depth_mm, duration_s, 12))
    return Storm(*_place(centre.longitude, centre.latitude), 2_000.0, tuple(blocks))


def _pick(platform: Platform, kind: type[Site], turn: int) -> Instrument:
    """The instrument whose turn it is among those on that kind of site."""
    candidates = [i for i in platform.instruments if isinstance(i.site, kind)]
    return candidates[turn % len(candidates)]


def _place(longitude: float | None, latitude: float | None) -> tuple[float, float]:
    return longitude or 0.0, latitude or 0.0


SCENARIOS = {
    s.name: s
    for s in (
        Scenario("quiet-day", "a day on which nothing reaches a limit", 1.0, _quiet_day),
        Scenario("demo", "all four systems within minutes, again and again", 20.0, _demo),
        Scenario("gas-leak", "an old pipe leaks into three chambers for an hour", 1.0, _gas_leak),
        Scenario("cloudburst", "45 mm of rain in an hour over the low points", 1.0, _cloudburst),
    )
}
