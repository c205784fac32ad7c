"""The one clock of the process: read here and handed on, so that tests and replays hand on another."""

import time


def clock() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000
