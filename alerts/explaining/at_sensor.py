"""What would have flipped a decision at one sensor: values, how long they stood, what is known of them."""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from alerts.conditions.learning import resolution
from alerts.explaining.changes import Change, ChangeKind, Edit, Shape
from alerts.explaining.least import fewest, fewest_readings, least_amount, least_seconds, rounded_up, sizes_up_to
from alerts.explaining.trials import Readings, Trials

READINGS_CHANGED_MAX = 4_096
COUNT_CLOSE_MAX = 64
"""Of readings changed together, up to which amounts are tried by a factor of 4: trials of more cost more."""
LEAST = 2.0**-30
"""Of the largest amount, the least that is tried: a billionth."""
BESIDE = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
"""Of an amount that flips, what is tried with other readings."""
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
"""In which several readings are changed, by kind of condition; all by as much where not named. What stands makes no
signal of these kinds."""
FLAGS = {"range": "reported_bad", "stuck": "stuck"}


def at_sensor(trials: Trials, sensor: str) -> Iterator[Change | None]:
    """Yield what flips the decision by a sensor's own readings, from the plainest on; None for what does not."""
    if not len(trials.readings(sensor).row):
        return
    if trials.rule.condition.kind in FLAGS:
        yield from _by_flags(trials, sensor)
    elif not len(trials.usable(sensor).row):
        yield _better(trials, sensor)
    else:
        yield from _by_values(trials, sensor)


def _by_flags(trials: Trials, sensor: str) -> Iterator[Change | None]:
    """Yield changes of what is known of the readings, where that is what the rule looks at."""
    flagged = _flagged(trials, sensor)
    longer = _longer(trials, "longer", Edit(sensor=sensor, times=_newest(trials.readings(sensor))))
    is_plain = flagged is not None and len(flagged.edits[0].times) == 1
    yield from (flagged, longer) if is_plain else (longer, flagged)
    if longer is None and not is_plain:
        yield _flagged_longer(trials, sensor)


def _by_values(trials: Trials, sensor: str) -> Iterator[Change | None]:
    """Yield changes of values that the rule looks at, of how long they stood, and of what is known of them."""
    readings, kind = trials.usable(sensor), trials.rule.condition.kind
    # Where what is in doubt keeps an alarm, it is the doubt that has to go first.
    is_doubt = trials.fired and not readings.clean[-1]
    better = _better(trials, sensor) if is_doubt else None
    yield better
    newest = _by(trials, sensor) if better is None else None
    yield newest
    longer = _longer(trials, "longer", Edit(sensor=sensor, times=_newest(readings)))
    yield longer
    if not is_doubt:
        yield _better(trials, sensor)
    if newest is not None or better is not None:
        return
    if longer is None and kind not in SHAPES:
        yield _value_longer(trials, sensor)
    # What has been raised by a signal ends where the readings come back to what they were.
    is_back = trials.fired and kind != "threshold"
    steady = _steady(trials, sensor) if is_back else None
    if steady is not None and len(steady.edits[0].times) <= COUNT_PLAIN_MAX:
        yield steady
        return
    several = _several(trials, sensor)
    if several is None and not is_back:
        steady = _steady(trials, sensor)
    ways = [one for one in (several, steady) if one is not None]
    yield min(ways, key=lambda one: len(one.edits[0].times), default=None)


def _newest(readings: Readings) -> list[int]:
    return [int(time) for time in readings.time[-1:]]


def _by(
    trials: Trials,
    sensor: str,
    count: int = 1,
    shape: Shape = "all",
    *,
    seconds: float | None = None,
    beside: float | None = None,
    closely: bool = True,
) -> Change | None:
    """Return the newest `count` readings changed by the least amount that flips, not far from `beside` where given.

    Where it is not looked for `closely`, some amount.
    """
    registry, readings = trials.registry, trials.usable(sensor)
    key, times = registry.keys[sensor], readings.time[-count:].tolist()
    # Danger is not lowered by what is in doubt: lower values have to be good ones too.
    quality: list[str] | None = [] if trials.fired and not readings.clean[-count:].all() else None
    others = [] if seconds is None else _others(trials, sensor, seconds)

    def made(amount: float) -> Change:
        edit = Edit(sensor=sensor, times=times, by=amount, shape=shape, quality=quality, seconds=seconds)
        return Change(kind="value" if seconds is None else "value_longer", edits=[edit, *others])

    def flips(amount: float) -> bool:
        return trials.flips(made(amount))

    span = float(registry.high[key] - registry.low[key])
    told = max(resolution(registry.sensors[key]), SHARE_TOLD * abs(float(readings.value[-1])))
    if beside is not None:
        sizes, signs = [min(abs(beside) * part, span) for part in BESIDE], [math.copysign(1.0, beside)]
    else:
        least = max(LEAST * span, min(told, span) if count > 1 else 0.0)
        sizes = sizes_up_to(span, least, 4.0 if count <= COUNT_CLOSE_MAX else 16.0)
        direction = getattr(trials.rule.condition, "direction", "above")
        sign = -1.0 if (direction == "below") != trials.fired else 1.0
        signs = [sign, -sign] if shape == "all" or direction == "either" else [sign]
    amount = least_amount(flips, sizes, signs, closely=closely)
    if amount is None:
        return None
    more = math.copysign(rounded_up(told), amount)
    return made(more if abs(amount) < told and flips(more) else amount)


def _several(trials: Trials, sensor: str) -> Change | None:
    """Return as few of the newest readings as flip, all changed by one amount, in the plainest shape."""

    def at(count: int, known: Change | None) -> Change | None:
        if known is not None:
            edit = known.edits[0]
            return _by(trials, sensor, count, edit.shape, beside=edit.by, closely=False)
        shapes = SHAPES.get(trials.rule.condition.kind, ("all",))
        ways = (_by(trials, sensor, count, shape, closely=False) for shape in shapes)
        return next((found for found in ways if found is not None), None)

    found = fewest_readings(min(len(trials.usable(sensor).row), READINGS_CHANGED_MAX), at, known=1)
    if found is None:
        return None
    edit = found.edits[0]
    return _by(trials, sensor, len(edit.times), edit.shape, beside=edit.by) or found


def _steady(trials: Trials, sensor: str) -> Change | None:
    """Return as few of the newest readings as flip where they stand at a value before them.

    That is the one just before them or, for what has been raised, one from a while before it was.
    """
    readings = trials.usable(sensor)
    raised = trials.raised
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
            if trials.flips(change):
                return change
        return None

    return fewest_readings(min(len(readings.row) - 1, READINGS_CHANGED_MAX), at)


def _longer(trials: Trials, kind: ChangeKind, edit: Edit) -> Change | None:
    """Return the edit with the newest of its readings standing longer, by as few seconds as flip."""
    sensor = trials.registry.sensors[trials.registry.keys[edit.sensor]]
    delay = _delays(trials)[trials.fired]
    longest = max(math.ceil(64 * sensor.interval_s), *(2 * math.ceil(one) for one in _delays(trials)))

    def made(seconds: int) -> Change:
        others = _others(trials, edit.sensor, float(seconds))
        return Change(kind=kind, edits=[msgspec.structs.replace(edit, seconds=float(seconds)), *others])

    seconds = least_seconds(lambda one: trials.flips(made(one)), longest)
    if seconds is None:
        return None
    if not delay:  # then it is one more reading that is wanted, which comes when its interval is over
        begin = max(trials.case.time, edit.times[-1])
        next_one = math.ceil((edit.times[-1] - begin) / 1000 + sensor.interval_s)
        if seconds < next_one and trials.flips(made(next_one)):
            return made(next_one)
    return made(seconds)


def _others(trials: Trials, sensor: str, seconds: float) -> list[Edit]:
    """The other sensors of an expression, standing as long, so that it goes on being told."""
    others = [name for name in trials.sensors if name != sensor and len(trials.usable(name).row)]
    return [Edit(sensor=name, times=_newest(trials.usable(name)), seconds=seconds) for name in others]


def _delays(trials: Trials) -> tuple[float, float]:
    """On-delay and off-delay where the rule is bound, in seconds."""
    condition = trials.rule.condition
    overrides = [(o.on_delay_s, o.off_delay_s) for o in trials.rule.overrides]
    own = (getattr(condition, "on_delay_s", 0.0), getattr(condition, "off_delay_s", 0.0))
    on, off = zip(own, *overrides, strict=True)
    return max(one or 0.0 for one in on), max(one or 0.0 for one in off)


def _value_longer(trials: Trials, sensor: str) -> Change | None:
    """Return the newest reading changed, and standing for as long as the delay asks for, or for some intervals."""
    delay = _delays(trials)[trials.fired]
    interval = trials.registry.sensors[trials.registry.keys[sensor]].interval_s
    # An expression is made of the next reading of its own sensor, an interval later.
    spans = (delay, delay + 2 * interval) if delay else [interval * count for count in (2, 8, 32, 128, 512)]
    for seconds in spans:
        found = _by(trials, sensor, seconds=float(math.ceil(seconds)))
        if found is not None:
            return found
    return None


def _better(trials: Trials, sensor: str) -> Change | None:
    """Return as few readings as flip that had been good, of those held back or, for a return, in doubt."""
    readings = trials.readings(sensor)
    doubted = ~readings.clean if trials.fired or trials.rule.condition.kind != "threshold" else ~readings.good
    times = readings.time[doubted][-READINGS_CHANGED_MAX:].tolist()

    def made(some: Sequence[int]) -> Change:
        return Change(kind="quality", edits=[Edit(sensor=sensor, times=list(some), quality=[])])

    if not times or not trials.flips(made(times)):
        return None
    return made(fewest(times, lambda some: trials.flips(made(some))))


def _flagged(trials: Trials, sensor: str) -> Change | None:
    """Return as few of the newest readings as flip where they had been good, or bad or stuck."""
    readings = trials.readings(sensor)
    quality = [] if trials.fired else [FLAGS[trials.rule.condition.kind]]

    def at(count: int, _beside: Change | None) -> Change | None:
        edit = Edit(sensor=sensor, times=readings.time[-count:].tolist(), quality=quality)
        change = Change(kind="quality", edits=[edit])
        return change if trials.flips(change) else None

    return fewest_readings(min(len(readings.row), READINGS_CHANGED_MAX), at)


def _flagged_longer(trials: Trials, sensor: str) -> Change | None:
    quality = [] if trials.fired else [FLAGS[trials.rule.condition.kind]]
    times = _newest(trials.readings(sensor))
    return _longer(trials, "quality_longer", Edit(sensor=sensor, times=times, quality=quality))
