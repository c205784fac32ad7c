"""What follows from an alarm must not stop it: a fault there leaves the journal whole."""

from __future__ import annotations

import pytest

from alerts.recording import counters
from tests.api.service import NOON, Service, change, journal, serve, stored_lines

ALARM = "level.GAS-1.20261122T120000000Z"


@pytest.mark.parametrize("table", ["incident_member", "flood_watch", "notification_file", "deadline"])
def test_an_alarm_is_journalled_where_what_follows_fails(
    database_url: str, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(service: Service) -> None:
        desk = await service.client()
        await service.pool.execute(f"alter table {table} rename to {table}_is_away")
        before = counters.consequences_failed
        await journal(service.pool, [change("GAS-1", 0, 4)])
        assert len(await stored_lines(service.pool, ALARM)) == 1
        assert counters.consequences_failed > before
        assert "what follows from them" in caplog.text
        # Once it is mended all goes on; a person's action does too meanwhile.
        await service.pool.execute(f"alter table {table}_is_away rename to {table}")
        body = {"seen_sequence": 1, "idempotency_key": "one"}
        assert (await desk.post(f"/api/v1/alarms/{ALARM}/acknowledge", json=body)).status_code == 200
        before = counters.consequences_failed
        await journal(service.pool, [change("GAS-2", 0, 4, NOON + 1, raised=NOON + 1)])
        assert counters.consequences_failed == before

    serve(database_url, scenario)
