"""The default rules about ground on slopes that creep, slopes that fail, and antennas that are moved."""

import numpy as np
import pytest
from numpy.typing import NDArray

from alerts.engine import Engine
from alerts.rule_file import default_packs
from model.alarm import ConditionChange
from model.reading import ReadingBatch
from model.registry import Registry
from model.sensor import City
from simulators.physics.ground import GNSS_HORIZONTAL_NOISE_MM, voight_displacement
from tests.rules.streams import sensor

DAY_S, HOUR_S = 86_400.0, 3_600.0
ORANGE, RED = 3, 4
Series = tuple[NDArray[np.float64], NDArray[np.float64]]  # seconds, mm


def told(series: Series, interval_s: float) -> list[ConditionChange]:
    """What the default pack about ground tells of a point."""
    point = sensor("a", system="displacement", property="displacement", unit="mm", interval_s=interval_s)
    packs = [pack for pack in default_packs() if pack.pack == "displacement"]
    engine = Engine(packs, Registry(1, {0: point}, {"c": City(city="c", mode="test")}))
    time = np.round(series[0] * 1000).astype(np.int64)
    rows = len(time)
    readings = ReadingBatch(
        1, int(time[-1]), np.zeros(rows, np.int32), time, np.round(series[1], 2), np.zeros(rows, np.uint16), time
    )
    return engine.evaluate(readings).changes


def measured(moved: NDArray[np.float64], times: NDArray[np.float64], chance: np.random.Generator) -> Series:
    """Daily: white noise as of GNSS. More often: 1 mm, the day's course of refraction, a gross error now and then."""
    rows = len(times)
    if times[1] - times[0] >= DAY_S:
        return times, moved + GNSS_HORIZONTAL_NOISE_MM * chance.standard_normal(rows)
    day = 1.5 * np.sin(2 * np.pi * times / DAY_S)
    gross = np.where(chance.random(rows) < 0.005, 15.0 * chance.standard_normal(rows), 0.0)
    return times, moved + day + gross + chance.standard_normal(rows)


def creeping(seed: int, interval_s: float, days: float) -> Series:
    """A slope that never fails: creep that goes with the seasons, and bursts after rain that die away."""
    chance = np.random.default_rng(seed)
    times = np.arange(0.0, days * DAY_S, interval_s)
    rate = 10 ** chance.uniform(-1, 0.3) * (1 + 0.6 * np.sin(2 * np.pi * times / (365 * DAY_S)))
    for _ in range(round(days / 45)):
        since = np.maximum(times - chance.random() * times[-1], 0) / DAY_S
        rise, decay = chance.uniform(0.2, 3), chance.uniform(2, 15)
        rate += chance.uniform(1, 25) * (1 - np.exp(-since / rise)) * np.exp(-since / decay)
    moved = np.concatenate([[0.0], np.cumsum(rate[:-1]) * interval_s / DAY_S])
    return measured(moved, times, chance)


def failing(seed: int, interval_s: float, quiet_days: float, accelerating_days: float) -> tuple[Series, float]:
    """A slope or dam that creeps, then accelerates (Voight, alpha 2) from 1.5 mm/d until it fails; and when it does."""
    chance = np.random.default_rng(seed)
    fails = (quiet_days + accelerating_days) * DAY_S
    times = np.arange(0.0, fails - 0.3 * interval_s, interval_s)
    elapsed = np.maximum(times / DAY_S - quiet_days, 0.0)
    moved = 0.2 * np.minimum(times / DAY_S, quiet_days) + voight_displacement(elapsed, accelerating_days, 1.5)
    return measured(moved, times, chance), fails


def reached(changes: list[ConditionChange], severity: int) -> float:
    """When any alarm first reached a severity, in seconds; infinite where none did."""
    return min((change.time / 1000 for change in changes if change.severity >= severity), default=np.inf)


@pytest.mark.parametrize(("interval_s", "days"), [(DAY_S, 1460), (HOUR_S, 240)], ids=["daily", "hourly"])
@pytest.mark.parametrize("seed", range(4))
def test_a_slope_that_never_fails_is_never_red(seed: int, interval_s: float, days: float) -> None:
    changes = told(creeping(seed, interval_s, days), interval_s)
    assert changes, "bursts of creep are told"
    assert reached(changes, RED) == np.inf


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("interval_s", "accelerating_days", "ahead_days"),
    [(DAY_S, 60, 4), (DAY_S, 30, 2), (HOUR_S, 60, 5), (HOUR_S, 20, 2)],
    ids=["daily, two months", "daily, a month", "hourly, two months", "hourly, three weeks"],
)
def test_a_slope_that_fails_is_orange_well_before(
    seed: int, interval_s: float, accelerating_days: float, ahead_days: float
) -> None:
    series, fails = failing(seed, interval_s, 120, accelerating_days)
    changes = told(series, interval_s)
    assert 120 * DAY_S < reached(changes, ORANGE) <= fails - ahead_days * DAY_S
    if interval_s < DAY_S:
        assert reached(changes, RED) <= fails - 0.25 * DAY_S


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("size", "share"), [(12.0, 0.0), (30.0, 0.0), (30.0, 0.5), (80.0, 0.3), (500.0, 0.0), (500.0, 0.6)]
)
def test_an_antenna_that_is_moved_is_a_step_and_no_velocity(seed: int, size: float, share: float) -> None:
    """`share`: of the step in the mean of the day before, of which it takes a part."""
    chance = np.random.default_rng(seed)
    times = np.arange(300) * DAY_S
    moved = np.where(times >= 150 * DAY_S, size, 0.0)
    moved[149] = share * size
    changes = told(measured(moved, times, chance), DAY_S)
    raised = [(change.rule, change.time / 1000 / DAY_S) for change in changes if change.severity_from == 0]
    assert [rule for rule, _ in raised] == ["displacement-step"]
    assert raised[0][1] in (150, 151, 152)


def test_a_slope_that_moves_fast_and_steadily_is_orange_not_red() -> None:
    chance = np.random.default_rng(1)
    times = np.arange(0.0, 60 * DAY_S, HOUR_S)
    changes = told(measured(60.0 * times / DAY_S, times, chance), HOUR_S)
    assert max(change.severity for change in changes) == ORANGE


def test_ground_at_rest_tells_nothing() -> None:
    for interval_s in (60.0, HOUR_S, DAY_S):
        times = np.arange(6000) * interval_s
        assert told(measured(np.zeros(6000), times, np.random.default_rng(2)), interval_s) == []
