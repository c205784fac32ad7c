"""What a broker has granted to the session of a worker, as it was last granted."""

from collections.abc import Sequence

from store.pool import Pool

COMMAND_S_MAX = 2.0  # a connection to the broker waits for it


async def granted_filters(pool: Pool, client_id: str, broker: str) -> set[str]:
    """Return the topic filters that stand in our record of the session; none where there is no record."""
    filters = await pool.fetchval(
        "select filters from mqtt_session where client_id = $1 and broker = $2",
        client_id,
        broker,
        timeout=COMMAND_S_MAX,
    )
    return set(filters or ())


async def store_granted(pool: Pool, client_id: str, broker: str, filters: Sequence[str]) -> None:
    """Keep a record of the topic filters, in the place of the one before."""
    await pool.execute(
        "insert into mqtt_session (client_id, broker, filters) values ($1, $2, $3)"
        " on conflict (client_id, broker) do update set filters = excluded.filters, granted_at = now()",
        client_id,
        broker,
        list(filters),
        timeout=COMMAND_S_MAX,
    )
