"""Daily GNSS through an earthquake: a step at each station's second day, and hardly an alarm besides."""

import pytest

from benchmarks.detection import gnss
from benchmarks.detection.occurrences import data_folder, load, read_truth, run

FOLDER = data_folder() / "gnss"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the data set gnss is not in {FOLDER.parent}; name its folder in LIFELINE_DATA"
)


@pytest.fixture(scope="module")
def found() -> gnss.Steps:
    registry, recording = load(FOLDER)
    return gnss.score(registry, recording, read_truth(FOLDER), run(registry, recording))


def test_every_station_alarms_within_one_sample_of_the_step(found: gnss.Steps) -> None:
    assert len(found.delays) == 9
    assert all(delay is not None and delay <= 1 for delay in found.delays)


def test_no_single_outlier_is_a_step(found: gnss.Steps) -> None:
    assert found.at_outliers == 0


def test_there_is_less_than_one_other_alarm_a_station_and_year(found: gnss.Steps) -> None:
    assert found.stations == 9
    assert found.years > 9
    assert found.others_per_station_and_year < 0.5
    assert found.others_of_the_worst_station < 1


def test_ground_that_did_not_fail_is_never_red(found: gnss.Steps) -> None:
    assert found.red == 0
