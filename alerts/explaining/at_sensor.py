"""What would have flipped a decision at one sensor: values, how long they stood, what is known of them."""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from alerts.conditions.learning import resolution
from alerts.explaining.changes import Change, ChangeKind, Edit, Shape
from alerts.explaining.least import fewest, fewest_readings, least_amount, least_seconds, rounded_up
from alerts.explaining.search import Search, sensors_of
from alerts.explaining.trials import Readings

READINGS_CHANGED_MAX = 4_096
COUNT_CLOSE_MAX = 64
"""Of readings changed together, up to which amounts are looked for closely: trials of more cost more."""
COUNT_PLAIN_MAX = 16
"""Of readings that come back: where it takes more, a change by an amount is looked for too."""
BACK = (1, 10, 100, 1_000)
"""Readings before something was raised whose values it is asked to come back to."""
SHARE_TOLD = 1e-5
"""Of a reading: less, and less than what the sensor can tell, is not told."""
SHAPES: dict[str, tuple[Shape, ...]] = {
    "noisy": ("alternating",),
    "rate": ("all", "rising"),
    "forecast": ("all", "rising"),
    "drift": ("all", "rising"),
    "displacement": ("rising", "accelerating"),
}
"""In which several readings are changed, by kind of condition; all by as much where not named."""
FLAGS = {"range": "reported_bad", "stuck": "stuck"}


def _others(search: Search, sensor: str, seconds: float) -> list[Edit]:
    """The other sensors of an expression, standing as long, so that it goes on being told."""
    others = [name for name in sensors_of(search) if name != sensor and len(search.readings(name).row)]
    return [Edit(sensor=name, times=_newest(search.readings(name)), seconds=seconds) for name in others]


def at_sensor(search: Search, sensor: str) -> Iterator[Change | None]:
    """Yield what flips the decision by a sensor's own readings, from the plainest on; None for what does not."""
    if not len(search.trials.readings(sensor).row):
        return
    if search.rule.condition.kind in FLAGS:
        flagged = _flagged(search, sensor)
        longer = _longer(search, "longer", Edit(sensor=sensor, times=_newest(search.trials.readings(sensor))))
        is_plain = flagged is not None and len(flagged.edits[0].times) == 1
        yield from (flagged, longer) if is_plain else (longer, flagged)
        if longer is None and not is_plain:
            yield _flagged_longer(search, sensor)
        return
    readings = search.readings(sensor)
    has_any = len(readings.row) > 0
    # Where what is in doubt keeps an alarm, it is the doubt that has to go first.
    is_doubt = has_any and search.fired and not readings.clean[-1]
    better = _better(search, sensor) if is_doubt else None
    yield better
    newest = longer = None
    if has_any and better is None:
        newest = _by(search, sensor)
        yield newest
    if has_any:
        longer = _longer(search, "longer", Edit(sensor=sensor, times=_newest(readings)))
        yield longer
    if not is_doubt:
        yield _better(search, sensor)
    if has_any and newest is None and better is None:
        if longer is None:
            yield _value_longer(search, sensor)
        # What has been raised by a signal ends where the readings come back to what they were.
        is_back = search.fired and search.rule.condition.kind != "threshold"
        steady = _steady(search, sensor) if is_back else None
        if steady is not None and len(steady.edits[0].times) <= COUNT_PLAIN_MAX:
            yield steady
            return
        several = _several(search, sensor)
        if several is None and not is_back:
            steady = _steady(search, sensor)
        ways = [one for one in (several, steady) if one is not None]
        yield min(ways, key=lambda one: len(one.edits[0].times), default=None)


def _newest(readings: Readings) -> list[int]:
    return [int(time) for time in readings.time[-1:]]


def _by(
    search: Search,
    sensor: str,
    count: int = 1,
    shape: Shape = "all",
    *,
    seconds: float | None = None,
    beside: float | None = None,
) -> Change | None:
    """Return the newest `count` readings changed by the least amount that flips, not far from `beside` where given."""
    registry = search.trials.registry
    readings = search.readings(sensor)
    # Danger is not lowered by what is in doubt: lower values have to be good ones too.
    quality: list[str] | None = [] if search.fired and not readings.clean[-count:].all() else None
    times = readings.time[-count:].tolist()

    others = [] if seconds is None else _others(search, sensor, seconds)

    def made(amount: float) -> Change:
        edit = Edit(sensor=sensor, times=times, by=amount, shape=shape, quality=quality, seconds=seconds)
        return Change(kind="value" if seconds is None else "value_longer", edits=[edit, *others])

    key = registry.keys[sensor]
    span = float(registry.high[key] - registry.low[key])
    condition = search.rule.condition
    sign = -1.0 if getattr(condition, "direction", "above") == "below" else 1.0
    sign = -sign if search.fired else sign
    factor = 4.0 if count <= COUNT_CLOSE_MAX else 16.0
    amount = least_amount(
        lambda one: not search.is_over and search.flips(made(one)), span, sign, factor=factor, beside=beside
    )
    if amount is None:
        return None
    told = max(resolution(registry.sensors[key]), SHARE_TOLD * abs(float(readings.value[-1])))
    more = math.copysign(rounded_up(told), amount)
    return made(more if abs(amount) < told and search.flips(made(more)) else amount)


def _several(search: Search, sensor: str) -> Change | None:
    """Return as few of the newest readings as flip, all changed by one amount, in the plainest shape."""

    def at(count: int, beside: Change | None) -> Change | None:
        if beside is not None:
            edit = beside.edits[0]
            return _by(search, sensor, count, edit.shape, beside=edit.by)
        shapes = SHAPES.get(search.rule.condition.kind, ("all",))
        return next((found for shape in shapes if (found := _by(search, sensor, count, shape)) is not None), None)

    return fewest_readings(min(len(search.readings(sensor).row), READINGS_CHANGED_MAX), at, known=1)


def _steady(search: Search, sensor: str) -> Change | None:
    """Return as few of the newest readings as flip where they stand at a value before them.

    That is the one just before them or, for what has been raised, one from a while before it was.
    """
    readings = search.readings(sensor)
    raised = search.trials.raised(search.goal)
    begun = len(readings.row) if raised is None else int(np.searchsorted(readings.time, raised))
    levels = [float(readings.value[begun - back]) for back in BACK if raised is not None and back <= begun]

    def at(count: int, known: Change | None) -> Change | None:
        if known is not None:
            values = [known.edits[0].to]
        else:
            values = [*dict.fromkeys([float(readings.value[-count - 1]), *levels])]
        times = readings.time[-count:].tolist()
        for to in values:
            change = Change(kind="steady", edits=[Edit(sensor=sensor, times=times, to=to)])
            if not search.is_over and search.flips(change):
                return change
        return None

    return fewest_readings(min(len(readings.row) - 1, READINGS_CHANGED_MAX), at)


def _longer(search: Search, kind: ChangeKind, edit: Edit) -> Change | None:
    """Return the edit with the newest of its readings standing longer, by as few seconds as flip."""
    sensor = search.trials.registry.sensors[search.trials.registry.keys[edit.sensor]]
    delay = _delays(search)[search.fired]
    longest = max(math.ceil(64 * sensor.interval_s), *(2 * math.ceil(one) for one in _delays(search)))

    def made(seconds: int) -> Change:
        others = _others(search, edit.sensor, float(seconds))
        return Change(kind=kind, edits=[msgspec.structs.replace(edit, seconds=float(seconds)), *others])

    seconds = least_seconds(lambda one: not search.is_over and search.flips(made(one)), longest)
    if seconds is None:
        return None
    if not delay:  # then it is one more reading that is wanted, which comes when its interval is over
        begin = max(search.trials.case.time, edit.times[-1])
        next_one = math.ceil((edit.times[-1] - begin) / 1000 + sensor.interval_s)
        if seconds < next_one and search.flips(made(next_one)):
            return made(next_one)
    return made(seconds)


def _delays(search: Search) -> tuple[float, float]:
    """On-delay and off-delay where the rule is bound, in seconds."""
    condition = search.rule.condition
    overrides = [(o.on_delay_s, o.off_delay_s) for o in search.rule.overrides]
    own = (getattr(condition, "on_delay_s", 0.0), getattr(condition, "off_delay_s", 0.0))
    on, off = zip(own, *overrides, strict=True)
    return max(one or 0.0 for one in on), max(one or 0.0 for one in off)


def _value_longer(search: Search, sensor: str) -> Change | None:
    """Return the newest reading changed, and standing for as long as the delay asks for, or for some intervals."""
    delay = _delays(search)[search.fired]
    interval = search.trials.registry.sensors[search.trials.registry.keys[sensor]].interval_s
    # An expression is made of the next reading of its own sensor, an interval later.
    spans = (delay, delay + 2 * interval) if delay else [interval * count for count in (2, 8, 32, 128, 512)]
    for seconds in spans:
        found = _by(search, sensor, seconds=float(math.ceil(seconds)))
        if found is not None:
            return found
    return None


def _better(search: Search, sensor: str) -> Change | None:
    """Return as few readings as flip that had been good, of those held back or, for a return, in doubt."""
    readings = search.trials.readings(sensor)
    doubted = ~readings.clean if search.fired or search.rule.condition.kind != "threshold" else ~readings.good
    times = readings.time[doubted][-READINGS_CHANGED_MAX:].tolist()

    def made(some: Sequence[int]) -> Change:
        return Change(kind="quality", edits=[Edit(sensor=sensor, times=list(some), quality=[])])

    if not times or not search.flips(made(times)):
        return None
    return made(fewest(times, lambda some: not search.is_over and search.flips(made(some))))


def _flagged(search: Search, sensor: str) -> Change | None:
    """Return as few of the newest readings as flip where they had been good, or bad or stuck."""
    readings = search.trials.readings(sensor)
    quality = [] if search.fired else [FLAGS[search.rule.condition.kind]]

    def at(count: int, _beside: Change | None) -> Change | None:
        edit = Edit(sensor=sensor, times=readings.time[-count:].tolist(), quality=quality)
        change = Change(kind="quality", edits=[edit])
        return change if not search.is_over and search.flips(change) else None

    return fewest_readings(min(len(readings.row), READINGS_CHANGED_MAX), at)


def _flagged_longer(search: Search, sensor: str) -> Change | None:
    quality = [] if search.fired else [FLAGS[search.rule.condition.kind]]
    times = _newest(search.trials.readings(sensor))
    return _longer(search, "quality_longer", Edit(sensor=sensor, times=times, quality=quality))
