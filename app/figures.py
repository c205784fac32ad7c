"""The counters of ingest, evaluator and publishers as metrics: a help text for each, base units in the names."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from app.settings import Settings

# By field: whether it only rises, and what it says. A field without an entry fails the test of the metrics.
COUNTERS = {
    "acknowledgements": "Messages acknowledged to the broker",
    "batches": "Batches of the log with readings",
    "changes_refused": "Changes of conditions that did not fit an alarm's state; should stay 0",
    "conflicts": "Readings that contradict one that stands",
    "connections": "Sessions made with the broker",
    "consequences_failed": "Incidents, folding, messages or deadlines that failed for alarms that are journalled",
    "duplicates": "Readings that came again",
    "failures": "Sends that failed, by channel",
    "given_up": "Messages given up after all attempts",
    "heartbeats": "Heartbeats that were taken",
    "late_readings": "Readings older than what was evaluated of their sensor",
    "lines": "Journal lines published",
    "messages": "Messages committed",
    "messages_ignored": "Messages of our own, heard because of a wide subscription",
    "messages_redelivered": "Messages dropped because the first delivery is still in hand",
    "queue_full": "How often the queue pushed back on the broker",
    "readings": "Readings stored or evaluated",
    "rejections": "Messages and readings put into quarantine, by reason",
    "sent": "Messages that reached their channel",
    "statuses": "Statuses of cities published",
    "store_retries": "Batches written again after an error",
    "ticks": "Batches without readings that move the log's clock",
    "transitions": "Alarm transitions",
}
GAUGES = {
    "bindings_unset": "Rules that do not watch a sensor because it lacks the attribute with the limit",
    "connected": "Whether the session with the broker stands",
    "cursor": "The newest batch that is evaluated",
    "dead": "Messages that will not be sent any more",
    "event": "The newest journal event that the target has acknowledged",
    "gathering": "Messages that wait to be told together",
    "last_sequence": "The newest batch",
    "pending": "Messages that wait to be sent",
    "queue_bytes": "Bytes in the queue between broker and store",
    "queue_messages": "Messages in the queue between broker and store",
    "ready": "Whether the evaluator follows the log",
    "store_failures": "Tries in a row to write a batch that failed",
}
TIMES = {  # field: name, seconds in one of its units, help
    "heartbeat_succeeded_at": ("heartbeat_succeeded_timestamp_seconds", 1.0, "When a heartbeat was last taken"),
    "last_commit_clock": ("last_commit_timestamp_seconds", 0.001, "The log's clock at the newest batch"),
}
LABELS = {"failures": "channel", "rejections": "reason"}


def families(part: str, counters: Any) -> Iterator[Metric]:
    """Yield a metric for each field of a dataclass of numbers, `lifeline_{part}_{field}`; a Counter by its words."""
    for field in fields(counters):
        value = getattr(counters, field.name)
        name = f"lifeline_{part}_{field.name}"
        if isinstance(value, Counter):
            counted = CounterMetricFamily(name, COUNTERS[field.name], labels=[LABELS[field.name]])
            for word, count in sorted(value.items()):
                counted.add_metric([word], count)
            yield counted
        elif field.name in COUNTERS:
            yield CounterMetricFamily(name, COUNTERS[field.name], value)
        elif field.name in TIMES:
            written, unit_s, text = TIMES[field.name]
            yield GaugeMetricFamily(f"lifeline_{part}_{written}", text, value * unit_s)
        else:
            yield GaugeMetricFamily(name, GAUGES[field.name], float(value))


def setting_family(settings: Settings) -> Metric:
    """Return one gauge with every setting that is a number, by its name; none of them is a secret."""
    told = GaugeMetricFamily("lifeline_setting", "Settings that are numbers, the unit in the name", labels=["setting"])
    for name, value in settings:
        if isinstance(value, int | float) and not isinstance(value, bool):
            told.add_metric([name], value)
    return told


def limit_families(part: str, limits: dict[str, float]) -> Iterator[Metric]:
    """Yield a gauge for each limit of a part, by its name."""
    for name, value in limits.items():
        yield GaugeMetricFamily(f"lifeline_{part}_{name}", f"The limit {name}", value)
