"""Messages that could not be used, read back within a caller's areas."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from store.conditions import Conditions
from store.pool import Connection, Pool


class RejectionRow(NamedTuple):
    """A quarantined message, or one reading of it; `payload` is cut at the limit of `payload_bytes` in all."""

    rejection: int
    arrived_at: datetime
    batch: int
    topic: str
    payload: bytes
    payload_bytes: int
    reason: str
    detail: str
    sensor: str | None


async def find_rejections(
    connection: Connection | Pool,
    areas: Sequence[str],
    rows_max: int,
    *,
    reason: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
) -> list[RejectionRow]:
    """Return rejections, newest first, below the id `before`.

    A key bound to cities sees what came on their topics, unless the message names another city's sensor; what came
    on no city's topic is seen by keys for all areas alone.
    """
    conditions = Conditions()
    if "*" not in areas:
        conditions.add(
            "split_part(topic, '/', 1) = 'lifeline' and split_part(topic, '/', 2) = any(?::text[]) and not exists"
            " (select from sensor s where s.sensor = rejection.sensor and s.city <> all(?::text[]))",
            list(areas),
            list(areas),
        )
    conditions.add_equal("reason", reason)
    if since is not None:
        conditions.add("arrived_at >= ?", since)
    if before is not None:
        conditions.add("rejection < ?", before)
    limit = conditions.bind(rows_max)
    rows = await connection.fetch(
        "select rejection, arrived_at, batch, topic, payload, payload_bytes, reason, detail, sensor from rejection"
        f" where {conditions} order by rejection desc limit {limit}",
        *conditions.values,
    )
    return [RejectionRow(*row) for row in rows]
