"""What the session at the broker is subscribed to, by our own record (docs/decisions/0003).

A broker keeps a session's subscriptions. Subscribing again to the same filters is meant to disturb nothing; the NATS
server then loses hold of a message that is on its way, and delivers it some seconds later, after newer ones.
"""

import logging
from collections.abc import Sequence

from store.mqtt_sessions import granted_filters, store_granted
from store.pool import TRANSIENT_ERRORS, Pool

log = logging.getLogger(__name__)


class Subscriptions:
    """The record in the database; where that cannot be reached, a subscription is asked for once more."""

    def __init__(self, pool: Pool, client_id: str, filters: Sequence[str]) -> None:
        self._pool = pool
        self._client_id = client_id
        self._filters = set(filters)
        self._granted_by: str | None = None

    async def stand(self, broker: str) -> bool:
        """Tell whether all filters were granted by the broker (host:port) to the session that it still has."""
        if self._granted_by != broker:
            try:
                if await granted_filters(self._pool, self._client_id, broker) == self._filters:
                    self._granted_by = broker
            except TRANSIENT_ERRORS as error:
                log.warning("the record of the subscriptions cannot be read (%s)", error)
        return self._granted_by == broker

    async def granted(self, broker: str) -> None:
        """Note that they were."""
        self._granted_by = broker
        try:
            await store_granted(self._pool, self._client_id, broker, sorted(self._filters))
        except TRANSIENT_ERRORS as error:
            log.warning("the record of the subscriptions cannot be written (%s)", error)
