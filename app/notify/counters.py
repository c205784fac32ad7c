"""What was sent out of the house so far, for the metrics endpoint."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class NotifyCounters:
    """What was sent since the start, and what waits; `heartbeat_succeeded_at` is in epoch seconds, 0 for never."""

    sent: int = 0
    failures: Counter[str] = field(default_factory=Counter)  # by channel
    given_up: int = 0
    pending: int = 0
    gathering: int = 0
    dead: int = 0
    heartbeats: int = 0
    heartbeat_succeeded_at: float = 0.0
