"""Batches of the log in files: a trial of rules reads them from there, so that no span is too long for the memory."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from model.reading import ReadingBatch

Kinds = Mapping[str, type[np.generic]]
READINGS: Kinds = {"sensor": np.int32, "time": np.int64, "value": np.float64, "quality": np.uint16, "arrived": np.int64}
BATCHES: Kinds = {"sequence": np.int64, "clock": np.int64, "behind": np.int64, "listening": np.bool_}
BLOCK = 65_536  # readings that are looked at together when one is late


class LogFileWriter:
    """Writes batches, each column to a file of a folder, as long as it is open; `readings` counts what was written."""

    def __init__(self, folder: Path) -> None:
        self.readings = 0
        self._files = {name: (folder / name).open("wb") for name in (*READINGS, *BATCHES)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with ExitStack() as stack:
            for file in self._files.values():
                stack.callback(file.close)

    def write(self, batches: Iterable[ReadingBatch], known: NDArray[np.bool_]) -> None:
        """Write batches without the readings of other sensors than those that are known, shape (registry keys,)."""
        for batch in batches:
            kept = np.zeros(len(batch), np.bool_)
            inside = batch.sensor < len(known)
            kept[inside] = known[batch.sensor[inside]]
            for name, kind in READINGS.items():
                self._files[name].write(getattr(batch, name)[kept].astype(kind, copy=False).tobytes())
            self.readings += int(kept.sum())
            heads = (batch.sequence, batch.clock, self.readings, batch.listening)
            for (name, kind), value in zip(BATCHES.items(), heads, strict=True):
                self._files[name].write(np.array(value, kind).tobytes())


class LogFile:
    """The batches of a folder that LogFileWriter wrote, in order, as often as they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._readings = {name: _mapped(folder / name, kind) for name, kind in READINGS.items()}
        self._batches = {name: _mapped(folder / name, kind) for name, kind in BATCHES.items()}

    def __iter__(self) -> Iterator[ReadingBatch]:
        start = 0
        for sequence, clock, behind, listening in zip(*self._batches.values(), strict=True):
            columns: dict[str, Any] = {name: column[start:behind] for name, column in self._readings.items()}
            yield ReadingBatch(int(sequence), int(clock), **columns, listening=bool(listening))
            start = behind

    def earlier(self, batch: ReadingBatch, sensors: NDArray[np.int32], time: int) -> Iterator[ReadingBatch]:
        """Yield those sensors' readings from `time` on of the batches before one, in order (alerts.backtest.Earlier).

        They come as batches without a sequence and a clock of their own.
        """
        place = int(np.searchsorted(self._batches["sequence"], batch.sequence))
        behind = int(self._batches["behind"][place - 1]) if place else 0
        for block in np.flatnonzero(self._newest[: -(-behind // BLOCK)] >= time).tolist():
            rows = slice(block * BLOCK, min((block + 1) * BLOCK, behind))
            wanted = np.isin(self._readings["sensor"][rows], sensors) & (self._readings["time"][rows] >= time)
            columns: dict[str, Any] = {name: column[rows][wanted] for name, column in self._readings.items()}
            yield ReadingBatch(0, 0, **columns)

    @cached_property
    def _newest(self) -> NDArray[np.int64]:
        time = self._readings["time"]
        newest: NDArray[np.int64] = np.maximum.reduceat(time, np.arange(0, len(time), BLOCK))
        return newest


def _mapped(path: Path, kind: type[np.generic]) -> NDArray[Any]:
    if not path.stat().st_size:
        return np.empty(0, kind)  # nothing cannot be mapped
    # Copy on write: the kernels are compiled for arrays that may be written to.
    return np.memmap(path, kind, "c").view(np.ndarray)
