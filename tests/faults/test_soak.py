"""Random faults one after the other under load: some twenty seconds of `make soak`."""

import asyncio
from pathlib import Path

from tests.faults.seeds import FIRST
from tests.faults.soak import Soak, commit, run, told

FAULTS = ("service killed", "broken messages", "devices' lines cut")


def test_case_46_random_faults_under_load(tmp_path: Path) -> None:
    """Nothing is lost or double, and the journal is the one that the engine writes of the same readings alone."""
    soak = Soak(FIRST, duration_s=10, sensors=60, load=600, length=0.2, faults=FAULTS)
    print(f"seed {soak.seed}, commit {commit()}")
    asyncio.run(run(soak, tmp_path / "soak"))
    assert soak.scene is not None
    print(told(soak.report()))
    assert soak.failures == []
    assert soak.scene.broken
    assert soak.rounds[-1]["journal_lines"] > 20
