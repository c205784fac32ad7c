"""Severity: the level that a rule's condition reached, blue (IV) up to red (I)."""

from enum import IntEnum


class Severity(IntEnum):
    """Four levels and none; the integer orders them and is what the engine's arrays hold."""

    NONE = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4

    @property
    def label(self) -> str | None:
        """The word of the contract, or None where no level is reached."""
        return None if self is Severity.NONE else self.name.lower()


SEVERITIES = (Severity.BLUE, Severity.YELLOW, Severity.ORANGE, Severity.RED)
LABELS = tuple(level.label for level in SEVERITIES)


def severity_of(label: str | None) -> int:
    """Return the integer of a word of the contract, 0 for None. Raises ValueError for any other word."""
    return 0 if label is None else LABELS.index(label) + 1
