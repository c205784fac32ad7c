"""What the way in has done so far, for the metrics endpoint and the screens."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class IngestCounters:
    """Running totals since start, and the present state of queue, session and log."""

    messages: int = 0  # taken off the queue and committed
    messages_ignored: int = 0  # our own output, heard because of a wide subscription
    messages_redelivered: int = 0  # dropped because the first delivery is still in hand
    readings: int = 0  # stored
    duplicates: int = 0
    conflicts: int = 0
    rejections: Counter[str] = field(default_factory=Counter)  # by reason
    batches: int = 0  # with messages
    ticks: int = 0
    store_retries: int = 0
    store_failures: int = 0  # tries in a row that failed
    acknowledgements: int = 0
    connections: int = 0
    connected: bool = False
    queue_messages: int = 0
    queue_bytes: int = 0
    queue_full: int = 0  # how often the queue pushed back on the broker
    last_commit_clock: int = 0  # epoch milliseconds, the log's clock
    last_sequence: int = 0
