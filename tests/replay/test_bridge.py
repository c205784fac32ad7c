"""A test bridge: one alarm for a support that is lowered in stages, none for vehicles that cross or stand."""

import pytest

from benchmarks.detection import bridge
from benchmarks.detection.occurrences import data_folder, load, run

FOLDER = data_folder() / "bridge"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the data set bridge is not in {FOLDER.parent}; name its folder in LIFELINE_DATA"
)


def test_a_lowering_is_one_alarm_and_a_crossing_none() -> None:
    found = bridge.score(bridge.lowered_sensors(FOLDER), run(*load(FOLDER)))
    assert found.at_offsets == [1]
    assert found.at_crossings == 0
