"""Second, different values for a key that is taken: kept, while the first value stands."""

import numpy as np
from numpy.typing import NDArray

from model.instant import to_datetime
from store.pool import Connection

_WEEK_MS = 7 * 86_400_000
# The limit keeps the planner at one look into the key for each reading.
_CONFLICTS = (
    "insert into conflict (sensor_key, time, value, quality, batch)"
    " select distinct on (s.sensor_key, s.time, s.value) s.sensor_key, s.time, s.value, s.quality, s.batch"
    " from pg_temp.staging s cross join lateral (select r.value from reading r"
    " where r.sensor_key = s.sensor_key and r.time = s.time and r.time >= $1 and r.time < $2 limit 1) as r"
    " where s.time >= $1 and s.time < $2 and r.value <> s.value and not exists (select from conflict c where"
    " c.sensor_key = s.sensor_key and c.time = s.time and c.value = s.value)"
    " order by s.sensor_key, s.time, s.value, s.position"
)


async def store_conflicts(connection: Connection, times: NDArray[np.int64]) -> int:
    """Keep the staged readings of these times that differ in value from the stored one, unless kept; return how many.

    Week by week, because a look at one reading passes over every chunk that the bounds leave.
    """
    kept = 0
    for week in np.unique(times // _WEEK_MS).tolist():
        status = await connection.execute(_CONFLICTS, to_datetime(week * _WEEK_MS), to_datetime((week + 1) * _WEEK_MS))
        kept += int(status.rsplit(" ", 1)[1])
    return kept
