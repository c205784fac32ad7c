"""New York's street floods through log, evaluator and database: evidence of every alarm, verified after its export."""

import asyncio

import numpy as np
import pytest

from benchmarks.detection.occurrences import data_folder, load
from benchmarks.evidence import Exported, export_all, fill
from store.pool import open_pool

DATA = data_folder() / "floodnet"
SENSORS = 6
"""Of 116; `python -m benchmarks.evidence` takes all."""

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the data set floodnet is not in {DATA.parent}; name its folder in LIFELINE_DATA"
)


def test_evidence_of_every_alarm_holds_and_does_not_with_a_byte_altered(database_url: str) -> None:
    async def scenario() -> list[Exported]:
        pool = await open_pool(database_url)
        registry, recording = load(DATA)
        counts = np.bincount(np.concatenate([batch.sensor for batch in recording.batches(20_000)]))
        middling = [registry.sensors[key].sensor for key in np.argsort(counts)[60 : 60 + SENSORS].tolist()]
        await fill(pool, "floodnet", middling)
        found = await export_all(pool)
        await pool.close()
        return found

    found = asyncio.run(scenario())
    assert not [(one.alarm, one.fault) for one in found if one.fault is not None]
    assert all(one.altered is not None and one.altered.startswith("line ") for one in found)
    assert {one.kind for one in found} >= {"threshold", "forecast"}
    assert sum(one.made for one in found) >= 2 * len(found)
