"""New York's floods through broker, store and evaluator with kill -9 on the way: the journal is the back-test's.

Without kills, and with six other records beside it: test_data_sets.
"""

import asyncio
import gzip
import json
import os
import random
import subprocess
import time
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.integration.service import Service, judged, settled

DATA = Path(os.environ.get("LIFELINE_DATA", Path(__file__).parents[3] / "shared" / "data"))
READINGS = DATA / "floodnet" / "readings.csv.gz"
SENSORS = str(DATA / "floodnet" / "sensors.csv")
ROWS = 60_000  # of 141,985: two kills find their moment in them

pytestmark = [
    pytest.mark.skipif(
        not (DATA / "floodnet").is_dir(),
        reason=f"the data set floodnet is not in {DATA}; name its folder in LIFELINE_DATA",
    ),
    pytest.mark.timeout(400),
]


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with the first readings of the record."""
    path = tmp_path_factory.mktemp("record") / "readings.csv"
    with gzip.open(READINGS, "rt", encoding="utf-8", newline="") as record:
        path.write_text("".join(islice(record, 1 + ROWS)), "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, readings: str) -> list[dict[str, Any]]:
    """What the back-test says."""
    out = tmp_path_factory.mktemp("backtest") / "journal.ndjson"
    service = Service(out.parent)
    service.run(
        "backtest", "--readings", readings, "--sensors", SENSORS, "--acknowledge-after", "never", "--out", str(out)
    )
    return judged([json.loads(line) for line in out.read_text().splitlines()])


async def _query(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def stored(service: Service) -> dict[str, int]:
    """Rows by table, of the running service."""
    url = service.note["database_url"]
    tables = ("reading", "conflict", "late_reading", "rejection")
    return {table: asyncio.run(_query(url, f"select count(*) from {table}")) for table in tables}


def wait_for_rows(service: Service, rows: int, wait_s: float = 60.0) -> None:
    deadline = time.monotonic() + wait_s
    while stored(service)["reading"] < rows and time.monotonic() < deadline:
        time.sleep(0.5)


def test_killed_twice_in_the_middle_nothing_is_lost_doubled_or_different(
    tmp_path: Path, readings: str, expected: list[dict[str, Any]]
) -> None:
    seed = int(os.environ.get("LIFELINE_SEED", "7"))
    print(f"seed {seed}")
    moments = random.Random(seed)
    service = Service(tmp_path / "home")
    service.start()
    try:
        replay = service.background("replay", readings, "--sensors", SENSORS, "--speed", "max")
        for _ in range(2):
            target = stored(service)["reading"] + moments.randint(5_000, 20_000)
            while (found := stored(service)["reading"]) < target:
                time.sleep(0.05)
            assert found < ROWS, "all was stored before the kill; the kill proves nothing"
            service.kill()
            print(f"up again after {service.start():.1f} s")
        output, _ = replay.communicate(timeout=240)
        assert replay.returncode == 0, output
        wait_for_rows(service, ROWS)
        assert stored(service) == {"reading": ROWS, "conflict": 0, "late_reading": 0, "rejection": 0}
        assert judged(settled(service)) == expected
    finally:
        if service.process is not None and service.process.poll() is None:
            service.stop()
    assert service.process is not None
    assert subprocess.Popen.poll(service.process) == 0
