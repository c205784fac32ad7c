"""A water loop with faults: the default packs beat the published score, sample by sample, with nothing trained."""

import pytest

from benchmarks.detection import skab
from benchmarks.detection.occurrences import data_folder, load, read_truth, run

FOLDER = data_folder() / "skab"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the data set skab is not in {FOLDER.parent}; name its folder in LIFELINE_DATA"
)


def test_faults_are_found_better_than_by_t2_and_q_with_few_false_alarms() -> None:
    registry, recording = load(FOLDER)
    truth = read_truth(FOLDER)
    alarms = run(registry, recording)
    found = skab.score(registry, recording, truth, alarms)
    assert found.f1 > skab.PUBLISHED_F1
    assert found.false_alarm_rate < 0.05
    assert all(delay is not None and delay < 120 for delay in found.delay_s)
    assert sum(alarm.alarm_class == "process" for alarm in alarms) <= 1.25 * len(truth)
