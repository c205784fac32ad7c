"""Committed batches handed to the evaluator in the same process, so that it need not read them back."""

import asyncio
from collections import deque

from model.reading import ReadingBatch

HANDED_READINGS_MAX = 200_000


class HandOver:
    """A bounded queue of committed batches. What does not fit is forgotten: the log has it."""

    def __init__(self) -> None:
        self.committed = asyncio.Event()
        self._batches: deque[ReadingBatch] = deque()
        self._readings = 0

    def put(self, batch: ReadingBatch) -> None:
        """Hand over a committed batch and wake the evaluator."""
        self._batches.append(batch)
        self._readings += len(batch)
        while self._readings > HANDED_READINGS_MAX:
            self._readings -= len(self._batches.popleft())
        self.committed.set()

    def take(self, after: int, readings_max: int) -> list[ReadingBatch]:
        """Return the batches that follow sequence `after` without a hole, about `readings_max` readings in all."""
        while self._batches and self._batches[0].sequence <= after:
            self._readings -= len(self._batches.popleft())
        taken: list[ReadingBatch] = []
        total = 0
        while self._batches and self._batches[0].sequence == after + len(taken) + 1 and total < readings_max:
            batch = self._batches.popleft()
            self._readings -= len(batch)
            total += len(batch)
            taken.append(batch)
        return taken
