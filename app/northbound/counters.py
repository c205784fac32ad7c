"""What the publishers and the receiver have done so far, for the metrics."""

from dataclasses import dataclass, field

from ingest.counters import IngestCounters


@dataclass(slots=True)
class PublisherCounters:
    """Running totals since start, and how far the target has come."""

    lines: int = 0
    statuses: int = 0
    connections: int = 0
    connected: bool = False
    event: int = 0  # all up to it is acknowledged


@dataclass(slots=True)
class PartnerCounters:
    """Our own broker, the northbound one, and what partners published to us."""

    own: PublisherCounters = field(default_factory=PublisherCounters)
    northbound: PublisherCounters = field(default_factory=PublisherCounters)
    received: IngestCounters = field(default_factory=IngestCounters)
