"""What is configured and reachable, of which version, and what to do where something is missing."""

import asyncio
import platform
import sys
from typing import Any, NamedTuple

import aiomqtt

from app.services import running_services
from app.settings import Settings
from ingest.settings import broker_address
from migrations.runner import migration_files
from store.pool import DatabaseUnreachable, open_pool


class Finding(NamedTuple):
    """One thing looked at: whether it is well, what was found, and what to do where it is not."""

    subject: str
    good: bool
    text: str
    remedy: str = ""


async def diagnose(settings: Settings) -> list[Finding]:
    """Look at environment, database and broker; starts nothing."""
    running = running_services(settings)
    database = settings.database_url or (running and running.database_url)
    broker = settings.mqtt_url or (running and running.mqtt_url)
    protocol = settings.mqtt_protocol if settings.mqtt_url else "3.1.1"
    findings = [
        Finding("python", sys.version_info >= (3, 11), platform.python_version(), ""),
        Finding("data", True, str(settings.home)),
        Finding("service", True, "runs" if running else "does not run; lifeline up starts it"),
    ]
    findings += await _database(database) if database else [
        Finding("database", True, "the embedded one, not running now; it starts with lifeline up")
    ]  # fmt: skip
    findings.append(
        await _broker(broker, protocol)
        if broker
        else Finding("broker", True, "the embedded NATS server, not running now; it starts with lifeline up")
    )
    return findings


async def _database(url: str) -> list[Finding]:
    try:
        pool = await open_pool(url, connections_max=1)
    except DatabaseUnreachable as error:
        return [Finding("database", False, str(error), "start it, or unset LIFELINE_DATABASE_URL for the embedded one")]
    try:
        version = await pool.fetchval("show server_version")
        extension = await pool.fetchval("select extversion from pg_extension where extname = 'timescaledb'")
        licence = await pool.fetchval("select current_setting('timescaledb.license', true)")
        migrated = await pool.fetchval("select to_regclass('public.lifeline_migration') is not null")
        applied = await pool.fetchval("select count(*) from lifeline_migration") if migrated else 0
    finally:
        await pool.close()
    wanted = len(migration_files())
    edition = f"TimescaleDB {extension}, {'Apache' if licence == 'apache' else 'Community'} edition"
    return [
        Finding("database", True, f"PostgreSQL {version}"),
        Finding(
            "timescaledb",
            extension is not None,
            edition if extension else "missing: readings stand in a plain table",
            "" if extension else "install TimescaleDB: without it large histories become slow",
        ),
        Finding(
            "schema",
            applied == wanted,
            f"{applied} of {wanted} migrations",
            "" if applied == wanted else "run lifeline migrate",
        ),
    ]


async def _broker(url: str, protocol: str) -> Finding:
    try:
        address = broker_address(url)
        version = aiomqtt.ProtocolVersion.V5 if protocol == "5" else aiomqtt.ProtocolVersion.V311
        more: dict[str, Any] = {} if protocol == "5" else {"clean_session": True}
        async with asyncio.timeout(10), aiomqtt.Client(
            address.host, address.port, username=address.username, password=address.password, protocol=version,
            tls_context=address.tls, timeout=5, **more,
        ):  # fmt: skip
            pass
    except (aiomqtt.MqttError, OSError, TimeoutError, ValueError) as error:
        return Finding(
            "broker",
            False,
            f"does not answer ({error})",
            "start it, correct LIFELINE_MQTT_URL, or LIFELINE_MQTT_PROTOCOL",
        )
    lacks = "" if protocol == "5" else "; MQTT 3.1.1: no shared subscriptions, no user properties, no expiry"
    return Finding("broker", True, f"{address.host}:{address.port} speaks MQTT {protocol}{lacks}")
