"""Advice for rules whose alarms people often find false: at which sensors, and which delay would have kept quiet."""

import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import msgspec

from alerts.accounts import Account

JUDGED_MIN = 5  # true or false; of fewer a share says little
FALSE_SHARE = 0.3
SENSORS_TOLD = 5
DELAYS_S = (60, 120, 300, 600, 1_200, 1_800)  # what is added to the on-delay


class AtSensor(msgspec.Struct, frozen=True):
    """How many alarms of a rule at a sensor were found false, of how many that were found true or false."""

    sensor: str
    false: int
    judged: int


class LongerDelay(msgspec.Struct, frozen=True):
    """An on-delay longer by so many seconds: the false alarms that had returned by then, and the true ones."""

    added_s: int
    false_removed: int
    true_lost: int


class FalseAdvice(msgspec.Struct, frozen=True, kw_only=True):
    """A rule whose alarms are often found false; how long they stood in the median (s), None where none returned.

    `delays` holds those that would have kept something false quiet and lost nothing true; `why_none` says why there
    are none.
    """

    rule: str
    judged: int
    false: int
    false_share: float
    sensors: list[AtSensor]
    false_stood_s: float | None
    true_stood_s: float | None
    delays: list[LongerDelay]
    why_none: str | None = None


def false_advice(accounts: Iterable[Account], at_once: Collection[str] = ()) -> list[FalseAdvice]:
    """Return advice for each rule with a high share of false alarms, the highest first.

    Only alarms that were found true or false count, five of a rule at least. `at_once` names rules that alarm at the
    first sample: what is meant to be told at once is never to be delayed.
    """
    by_rule: dict[str, list[Account]] = {}
    for one in accounts:
        if one.verdict in ("true", "false"):
            by_rule.setdefault(one.rule, []).append(one)
    found = [_advice(rule, its, rule in at_once) for rule, its in by_rule.items() if _often_false(its)]
    return sorted(found, key=lambda one: (-one.false_share, -one.false, one.rule))


def _often_false(accounts: Sequence[Account]) -> bool:
    return len(accounts) >= JUDGED_MIN and _false(accounts) / len(accounts) >= FALSE_SHARE


def _advice(rule: str, accounts: Sequence[Account], at_once: bool) -> FalseAdvice:
    wrong = [one for one in accounts if one.verdict == "false"]
    right = [one for one in accounts if one.verdict == "true"]
    delays: list[LongerDelay] = []
    why_none = None
    if at_once:
        why_none = "it alarms at the first sample, which no delay may hold back"
    else:
        for added_s in DELAYS_S:
            removed, lost = _shorter(wrong, added_s), _shorter(right, added_s)
            if removed > (delays[-1].false_removed if delays else 0) and not lost:
                delays.append(LongerDelay(added_s, removed, lost))
        if not delays:
            why_none = "false alarms stood as long as true ones; look at the limit, the sensors and their places"
    judged = Counter(one.sensor for one in accounts)
    false = Counter(one.sensor for one in wrong)
    worst = sorted(false.items(), key=lambda item: (-item[1], item[0]))[:SENSORS_TOLD]
    return FalseAdvice(
        rule=rule,
        judged=len(accounts),
        false=len(wrong),
        false_share=len(wrong) / len(accounts),
        sensors=[AtSensor(sensor, count, judged[sensor]) for sensor, count in worst],
        false_stood_s=_stood_s(wrong),
        true_stood_s=_stood_s(right),
        delays=delays,
        why_none=why_none,
    )


def _false(accounts: Iterable[Account]) -> int:
    return sum(one.verdict == "false" for one in accounts)


def _shorter(accounts: Iterable[Account], added_s: int) -> int:
    return sum(one.until - one.raised < added_s * 1_000 for one in accounts)


def _stood_s(accounts: Iterable[Account]) -> float | None:
    stood = [(one.returned - one.raised) / 1_000 for one in accounts if one.returned is not None]
    return statistics.median(stood) if stood else None
