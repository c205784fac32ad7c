"""Range: the sensor's readings are bad (out of range, a sentinel, or bad by the device's own word)."""

from typing import Literal

from alerts.words import Part, Seconds


class Range(Part):
    """An instrument alarm while readings are bad, walked as a threshold on "is the reading bad", 0 or 1."""

    kind: Literal["range"]
    on_delay_s: Seconds = 0.0
    off_delay_s: Seconds = 0.0
