"""A pipeline branch: three drops of its inflow at their first samples, and hardly an alarm besides."""

import numpy as np
import pytest

from app.recording import Recording
from benchmarks.detection import waterflow
from benchmarks.detection.occurrences import data_folder, load, read_truth, run
from store.batches import IncomingReadings

FOLDER = data_folder() / "waterflow"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the data set waterflow is not in {FOLDER.parent}; name its folder in LIFELINE_DATA"
)


@pytest.mark.parametrize("factor", [1.0, 0.1, 30.0], ids=["as it is", "a tenth of the flow", "thirty times the flow"])
def test_each_drop_has_its_alarm_within_one_sample_and_few_stand_outside(factor: float) -> None:
    registry, recording = load(FOLDER)
    readings = recording.readings
    scaled = IncomingReadings(readings.sensor, readings.time, np.round(factor * readings.value, 3), readings.quality)
    recording = Recording(scaled, recording.arrived)
    found = waterflow.score(registry, recording, read_truth(FOLDER), run(registry, recording))
    assert len(found.delays) == 3
    assert found.in_time == 3
    assert found.others / found.weeks < 1
