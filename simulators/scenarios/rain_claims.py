"""What rain gauges are to say of storms: the greatest sums over hours, against the limits of the rules."""

from collections.abc import Sequence

import numpy as np

from simulators.cities import SimulatedCity
from simulators.cities.sensors import SensorGroup
from simulators.events import Storm, rain_at
from simulators.physics.drainage import rain_so_far_mm
from simulators.scenarios.story import HOUR_S, MINUTE_S, Claim

_STEP_S = 60.0
_CLEAR = 0.06  # of a limit: nearer to it a tip or a shower decides, and both severities are right
_WITHIN_S = 15 * MINUTE_S
_SEVERITIES = ("blue", "yellow", "orange", "red")
# Window in hours, severity, limit in mm: the rules of the weather pack that hold everywhere.
_LIMITS = ((12.0, "blue", 50.0), (6.0, "yellow", 50.0), (3.0, "orange", 50.0), (3.0, "red", 100.0))


def rain_claims(city: SimulatedCity, storms: Sequence[Storm]) -> list[Claim]:
    """Return what is due at the gauges that storms make pass a limit; none is asked where only chance decides."""
    claims = []
    for group in city.groups:
        if group.property != "rainfall":
            continue
        limits = (*_LIMITS, *_own_limits(group))
        for name, east, north in zip(group.ids(city.plan), group.east.tolist(), group.north.tolist(), strict=True):
            found = _claim(name, rain_at([], storms, east, north), limits)
            if found is not None:
                claims.append(found)
    return claims


def _own_limits(group: SensorGroup) -> list[tuple[float, str, float]]:
    """What the city has set for an hour's rain."""
    found = []
    for severity in ("yellow", "red"):
        limit = group.columns.get(f"rain_1h_{severity}_mm")
        if isinstance(limit, str):
            found.append((1.0, severity, float(limit)))
    return found


def _claim(
    sensor: str, blocks: list[tuple[float, float, float]], limits: Sequence[tuple[float, str, float]]
) -> Claim | None:
    first, last = min(block[0] for block in blocks), max(block[1] for block in blocks)
    times = np.arange(first, last + 12 * HOUR_S, _STEP_S)
    fallen = rain_so_far_mm(times, blocks)
    passed = []  # rank, whether surely, start, end
    for hours, severity, limit in limits:
        rain = fallen - rain_so_far_mm(times - hours * HOUR_S, blocks)
        surely = bool(rain.max() > (1.0 + _CLEAR) * limit)
        over = times[rain > (limit if surely else (1.0 - _CLEAR) * limit)]
        if len(over):
            passed.append((_SEVERITIES.index(severity), surely, float(over[0]), float(over[-1])))
    if not passed:
        return None
    sure = [passage for passage in passed if passage[1]]
    ranks = {max(rank for rank, *_ in some) for some in (passed, sure) if some}
    begin, end = min(start for *_, start, _ in sure or passed), max(end for *_, end in passed)
    severity = "/".join(_SEVERITIES[rank] for rank in sorted(ranks))
    within_s = _WITHIN_S if sure else None
    return Claim(sensor, begin, end, "heavy-rain", severity, within_s, "more rain than the limit over hours")
