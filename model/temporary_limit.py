"""A limit in place of a rule's own for a time, at some of its sensors."""

from typing import Any

import msgspec


class TemporaryLimit(msgspec.Struct, frozen=True, kw_only=True):
    """Limits by level, in the rule's unit, at the sensors of `rule` that agree with `select` (fields of a selector).

    `design` is that of the rule it was made for (alerts.temporary_limits.design_of); `ends` is in epoch milliseconds.
    """

    number: int
    rule: str
    design: str
    select: dict[str, Any]
    limits: dict[str, float]
    ends: int
