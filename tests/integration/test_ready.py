"""When all is said to be up: as soon as whoever publishes is heard, and no later than a broker that is away allows."""

import asyncio
import secrets
from pathlib import Path

import pytest

from app import runtime
from app.runtime import Running
from app.settings import load_settings
from store.batches import write_batch
from store.pool import open_pool
from tests.integration.test_store import NOON, readings

AWAY = "mqtt://127.0.0.1:1"
# whether the broker is there, whether the log has a batch, for how long a session is left alone (s): whether it is
# listened to by then, and what is said
CASES = {
    "who reads that it is up is heard": (True, False, 0.0, True, False),
    "also at the first start of a session that is left alone later": (True, False, 60.0, True, False),
    "a session that is left alone holds nobody up": (True, True, 60.0, False, False),
    "a broker that is away holds nobody up for long": (False, False, 0.0, False, True),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_up_when_the_broker_is_listened_to(
    case: str, database_url: str, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, logged, redelivery_s, listened_to, told = CASES[case]
    # Where it is away the wait runs out; where it is there, no machine is too slow for it.
    monkeypatch.setattr(runtime, "BROKER_WAIT_S", 60.0 if there else 0.1)
    for name, value in {
        "HOME": tmp_path, "DATABASE_URL": database_url, "MQTT_URL": broker_url if there else AWAY,
        "MQTT_PROTOCOL": "3.1.1", "MQTT_CLIENT_ID": f"ready-{secrets.token_hex(4)}",
        "MQTT_REDELIVERY_S": redelivery_s,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"LIFELINE_{name}", str(value))
    said: list[str] = []
    found: list[bool] = []

    async def on_ready(running: Running) -> None:
        found.append(running.ingest.connected)
        running.stop.set()

    async def scenario() -> None:
        if logged:
            pool = await open_pool(database_url)
            await write_batch(pool, NOON, readings())
            await pool.close()
        async with asyncio.timeout(120):
            await runtime.run(load_settings(), ("ingest",), said.append, on_ready)

    asyncio.run(scenario())
    assert found == [listened_to]
    assert any("the broker does not answer yet" in one for one in said) == told
