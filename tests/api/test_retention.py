"""What is kept for how long, over the API."""

from __future__ import annotations

from app.api.retention import RetentionPolicy
from store.chunks import ChunkPolicy, set_chunk_policy
from store.retention import Retention, set_retention
from tests.api.service import Service, serve


def test_what_is_in_force(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("viewer", "jiayuguan")
        default = RetentionPolicy.model_validate((await client.get("/api/v1/retention")).json())
        assert [policy.model_dump() for policy in default.policies] == [
            {"property": "*", "raw_days": None, "minute_days": None, "hour_days": None}
        ]
        assert default.summaries == "own roll-up"
        await set_retention(service.pool, Retention("vibration", 90, 730, None))
        await set_chunk_policy(service.pool, ChunkPolicy(3, None))
        changed = RetentionPolicy.model_validate((await client.get("/api/v1/retention")).json())
        assert [policy.property for policy in changed.policies] == ["*", "vibration"]
        timescale = await service.pool.fetchval(
            "select exists (select from pg_extension where extname = 'timescaledb')"
        )
        assert changed.chunk_days == (3 if timescale else None)

    serve(database_url, scenario)
