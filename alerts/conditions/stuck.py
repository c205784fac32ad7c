"""Stuck: the sensor's readings have not changed for longer than is credible for what it observes.

Which readings are stuck is found on the way in, by the property's or the sensor's own `constant_s_max` (see
ingest/course.py and docs/decisions/0009); here it becomes an alarm about the instrument.
"""

from typing import Literal

from alerts.words import Part, Seconds


class Stuck(Part):
    """An instrument alarm while readings stand still, walked as a threshold on "is the reading stuck", 0 or 1."""

    kind: Literal["stuck"]
    on_delay_s: Seconds = 0.0
    off_delay_s: Seconds = 0.0
