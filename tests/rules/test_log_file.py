"""A back-test that reads its batches from files: the journal is the one of the same batches in memory."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from alerts.backtest import backtest
from app import log_file
from app.log_file import LogFile, LogFileWriter
from model.alarm import encode_line
from model.reading import ReadingBatch
from tests.rules.streams import batch, engine, threshold, tick

HOUR = 3_600


def written(folder: Path, batches: list[ReadingBatch], known: list[bool]) -> LogFile:
    with LogFileWriter(folder) as writer:
        for one in batches:
            writer.write([one], np.array(known))
    log = LogFile(folder)
    assert writer.readings == sum(len(one) for one in log)
    return log


def test_batches_come_back_as_they_were(tmp_path: Path) -> None:
    built = engine(threshold())
    batches = [
        batch(built, [("a", 0, 5.5), ("b", 1, 7, 4)], sequence=7),
        tick(5, 8),
        batch(built, [("c", 9, 1)], sequence=9),
    ]
    for before, after in zip(batches, written(tmp_path, batches, [True] * 3), strict=True):
        for name in ("sequence", "clock", "listening"):
            assert getattr(before, name) == getattr(after, name)
        for name in ("sensor", "time", "value", "quality", "arrived"):
            one, other = getattr(before, name), getattr(after, name)
            assert (one.dtype, one.tolist()) == (other.dtype, other.tolist())


def test_readings_of_other_sensors_are_left_out_and_their_batches_stay(tmp_path: Path) -> None:
    built = engine(threshold())
    batches = [batch(built, [("a", 0, 5), ("b", 1, 7), ("c", 2, 8)]), batch(built, [("c", 9, 1)], sequence=2)]
    log = written(tmp_path, batches, [False, True])  # c is behind the last that is known
    assert [(one.sequence, one.value.tolist()) for one in log] == [(1, [7]), (2, [])]


def test_nothing_written_is_nothing_read(tmp_path: Path) -> None:
    assert list(written(tmp_path, [], [True])) == []
    assert [one.sequence for one in written(tmp_path, [tick(5, 8)], [True])] == [8]


readings = some.lists(
    some.tuples(
        some.sampled_from("abc"), some.integers(0, 40 * HOUR), some.integers(0, 50), some.integers(0, 30 * HOUR)
    ),
    max_size=40,
    unique_by=lambda row: row[:2],
)


@pytest.mark.parametrize("block", [1, 4, 65_536])
@settings(max_examples=40, deadline=None)
@given(rows=readings)
def test_late_readings_find_what_came_before_them(block: int, rows: list[tuple[str, int, int, int]]) -> None:
    batches: list[ReadingBatch] = []
    for came in sorted({time + late for _, time, _, late in rows}):
        part = [(sensor, time, value) for sensor, time, value, late in rows if time + late == came]
        built = engine(threshold())
        batches.append(batch(built, part, sequence=len(batches) + 1, arrived=[came] * len(part)))
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(log_file, "BLOCK", block)
        log = written(Path(folder), batches, [True] * 3)
        from_files = list(map(encode_line, backtest(engine(threshold()), log, earlier=log.earlier)))
    assert from_files == list(map(encode_line, backtest(engine(threshold()), batches)))
