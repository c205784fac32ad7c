"""A machine's temperature: an alarm in every labelled window, few outside."""

import pytest

from benchmarks.detection import nab
from benchmarks.detection.occurrences import data_folder, load, read_truth, run

FOLDER = data_folder() / "nab"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the data set nab is not in {FOLDER.parent}; name its folder in LIFELINE_DATA"
)


def test_every_window_has_its_alarm_and_few_stand_outside() -> None:
    found = nab.score(read_truth(FOLDER), run(*load(FOLDER)))
    assert found.found == len(found.delay_s)
    assert found.false <= 1
