"""Two journals over the same readings compared: alarms added, removed, moved in time or changed, and the figures."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alerts.occurrences import Occurrence, occurrences
from alerts.performance import Figures, performance
from model.alarm import JournalLine


class Pair(msgspec.Struct, frozen=True):
    """An occurrence as it was before, and the one that stands for it after."""

    before: Occurrence
    after: Occurrence

    @property
    def moved_s(self) -> float:
        """By how many seconds it is raised later; negative where earlier."""
        return (self.after.raised - self.before.raised) / 1000

    @property
    def returns_otherwise(self) -> bool:
        """Whether it returns at another time, or only one of the two returns."""
        return self.after.ended != self.before.ended

    @property
    def peak_changed(self) -> bool:
        """Whether the highest severity is another."""
        return self.after.peak_severity != self.before.peak_severity


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is otherwise after than before. A pair may stand in `moved`, `changed_peak` and `changed_return` at once."""

    added: list[Occurrence]
    removed: list[Occurrence]
    moved: list[Pair]
    changed_peak: list[Pair]
    changed_return: list[Pair]
    unchanged: int
    figures_before: Figures
    figures_after: Figures


def difference(
    before: Sequence[JournalLine],
    after: Sequence[JournalLine],
    start: int,
    end: int,
    *,
    operators: int = 1,
    interval_s: Mapping[str, float] | None = None,
) -> Difference:
    """Compare two journals over start <= time < end (epoch milliseconds).

    Lines outside the span may be given, so that alarms that stood before it are known as such; what began outside it
    in both journals is not told. Raises ValueError for an empty span.
    """
    pairs, removed, added = match(occurrences(before), occurrences(after))
    pairs = [pair for pair in pairs if _within(pair.before, start, end) or _within(pair.after, start, end)]
    return Difference(
        added=[one for one in added if _within(one, start, end)],
        removed=[one for one in removed if _within(one, start, end)],
        moved=[pair for pair in pairs if pair.moved_s],
        changed_peak=[pair for pair in pairs if pair.peak_changed],
        changed_return=[pair for pair in pairs if pair.returns_otherwise],
        unchanged=sum(not (pair.moved_s or pair.peak_changed or pair.returns_otherwise) for pair in pairs),
        figures_before=performance(before, start, end, operators=operators, interval_s=interval_s),
        figures_after=performance(after, start, end, operators=operators, interval_s=interval_s),
    )


def match(
    before: Iterable[Occurrence], after: Iterable[Occurrence]
) -> tuple[list[Pair], list[Occurrence], list[Occurrence]]:
    """Return the pairs, what is left of `before`, and what is left of `after`; each occurrence stands once.

    Those of one rule and sensor that were raised at one time are a pair; of the rest, in the order of time, each with
    the first that it overlaps.
    """
    olds, news = list(before), list(after)
    exact = {(one.rule, one.sensor, one.raised): one for one in news}
    pairs, left = [], []
    for old in olds:
        same = exact.pop((old.rule, old.sensor, old.raised), None)
        if same is None:
            left.append(old)
        else:
            pairs.append(Pair(old, same))
    waiting: dict[tuple[str, str], deque[Occurrence]] = {}
    for new in sorted(exact.values(), key=_order):
        waiting.setdefault((new.rule, new.sensor), deque()).append(new)
    removed, added = [], []
    for old in sorted(left, key=_order):
        others = waiting.get((old.rule, old.sensor), deque())
        while others and others[0].until <= old.raised:
            added.append(others.popleft())
        if others and others[0].raised < old.until:
            pairs.append(Pair(old, others.popleft()))
        else:
            removed.append(old)
    for others in waiting.values():
        added += others
    return sorted(pairs, key=lambda pair: _order(pair.after)), sorted(removed, key=_order), sorted(added, key=_order)


def _within(one: Occurrence, start: int, end: int) -> bool:
    return start <= one.raised < end


def _order(one: Occurrence) -> tuple[int, str, str]:
    return one.raised, one.rule, one.sensor
