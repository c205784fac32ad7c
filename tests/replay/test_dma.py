"""Ten metered districts: few night-flow alarms where no leak is known, and leaks that were put in found.

The goals are 9 of 10 leaks of 5 % of the mean inflow within three nights, and of 10 % the next morning. They are not
reached: in most of these districts the least night flow rises by as much several times a year by itself, for three
nights and without a leak (docs/detection.md). What is asserted here is what holds.
"""

import pytest

from app.recording import Recording
from benchmarks.detection import dma
from benchmarks.detection.occurrences import data_folder, load, run
from model.registry import Registry

FOLDER = data_folder() / "dma"
LEAKS_PER_DISTRICT = 20
CALM = "dma-e"  # its least night flow varies by 1 % of the mean inflow

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the data set dma is not in {FOLDER.parent}; name its folder in LIFELINE_DATA"
)


@pytest.fixture(scope="module")
def districts() -> tuple[Registry, Recording]:
    return load(FOLDER)


def share_found(districts: tuple[Registry, Recording], share: float, nights: int, sensor: str | None = None) -> float:
    """The share of leaks found, in all districts or in one."""
    drawn = [
        leak
        for leak in dma.leaks(*districts, share, LEAKS_PER_DISTRICT)
        if sensor in (None, districts[0].sensors[leak.district].sensor)
    ]
    return sum(dma.found_leaks(*districts, drawn, nights)) / len(drawn)


def test_there_is_less_than_one_false_night_flow_alarm_an_area_and_year(districts: tuple[Registry, Recording]) -> None:
    false = dma.false_alarms(districts[0], run(*districts))
    assert sum(false.values()) / dma.district_years(*districts) < 1


def test_hardly_a_leak_is_found_where_there_is_none(districts: tuple[Registry, Recording]) -> None:
    assert share_found(districts, 0.0, 3) <= 0.02


def test_a_leak_of_a_tenth_is_found_within_three_nights_where_nights_are_even(
    districts: tuple[Registry, Recording],
) -> None:
    assert share_found(districts, 0.10, 3, CALM) >= 0.9


def test_most_leaks_of_a_fifth_are_found_within_three_nights(districts: tuple[Registry, Recording]) -> None:
    assert share_found(districts, 0.20, 3) > 0.5
