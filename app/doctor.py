"""What is configured and reachable, of which version, and what to do where something is missing."""

import asyncio
import platform
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import aiomqtt

from app.api.context import CONSOLE
from app.services import running_services
from app.settings import Settings
from ingest.settings import broker_address
from migrations.runner import migration_files
from model.instant import to_datetime
from store.aggregates import Refresh, read_refreshes
from store.capabilities import STORE_MIGRATION, StoreState, Versions, read_store_state, read_versions
from store.chunks import ChunkPolicy, read_chunk_policy
from store.notification_files import file_in_force
from store.notification_search import count_by_channel
from store.pool import DatabaseUnreachable, Pool, open_pool
from store.retention import Retention

BATCHES_BEHIND_MAX = 10_000  # the views stay right beyond it, but grow slow
REFRESH_AGE_MAX = timedelta(hours=3)  # of the job that refreshes the hours; it runs once an hour
CHUNK_MIGRATION = "0022_chunks.sql"  # from here on a database has a policy of chunks
NOTIFICATION_MIGRATION = "0032_notification.sql"  # from here on a database has an outbox


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
    console = settings.console or CONSOLE
    built = (console / "index.html").is_file()
    text = f"built, in {console}" if built else "not built: the API is served without it; make setup builds it"
    findings.append(Finding("console", True, text))
    findings += await _database(database) if database else [
        Finding("database", True, "the embedded one, not running now; it starts with lifeline up")
    ]  # fmt: skip
    findings.append(
        await _broker(broker, protocol, *_certificates(settings))
        if broker
        else Finding("broker", True, "the embedded NATS server, not running now; it starts with lifeline up")
    )
    if settings.northbound_url:
        files = (settings.northbound_ca_file, settings.northbound_certificate_file, settings.northbound_key_file)
        found = await _broker(settings.northbound_url, settings.northbound_protocol, *files)
        remedy = "" if found.good else "start it, or correct LIFELINE_NORTHBOUND_URL or LIFELINE_NORTHBOUND_PROTOCOL"
        findings.append(found._replace(subject="northbound", remedy=remedy))
    heartbeat = "set" if settings.heartbeat_url else "none: nobody outside notices when Lifeline is silent"
    findings.append(Finding("heartbeat", True, f"LIFELINE_HEARTBEAT_URL: {heartbeat}"))
    return findings


async def _database(url: str) -> list[Finding]:
    try:
        pool = await open_pool(url, connections_max=1)
    except DatabaseUnreachable as error:
        return [Finding("database", False, str(error), "start it, or unset LIFELINE_DATABASE_URL for the embedded one")]
    try:
        versions = await read_versions(pool)
        state = await read_store_state(pool) if STORE_MIGRATION in versions.migrations else None
        continuous = state is not None and state.summaries == "continuous aggregates"
        refreshes = await read_refreshes(pool) if continuous else []
        chunks = await read_chunk_policy(pool) if CHUNK_MIGRATION in versions.migrations else None
        messages = [await _messages(pool)] if NOTIFICATION_MIGRATION in versions.migrations else []
    finally:
        await pool.close()
    extension = versions.timescaledb
    findings = [
        Finding("database", True, f"PostgreSQL {versions.postgres}"),
        Finding(
            "timescaledb",
            extension is not None,
            f"TimescaleDB {extension}, {versions.edition} edition"
            if extension
            else "missing: readings stand in a plain table",
            "" if extension else "install TimescaleDB: without it large histories become slow",
        ),
        _schema(versions.migrations),
    ]
    if state is not None:
        findings += _store(state, refreshes)
    if chunks is not None:
        findings.insert(-1, _chunks(chunks, versions))
    return findings + messages


async def _messages(pool: Pool) -> Finding:
    if await file_in_force(pool) is None:
        return Finding("messages", True, "none leave the house; lifeline notifications import FILE says who is told")
    dead = {channel: states["dead"] for channel, states in (await count_by_channel(pool, ("*",))).items()
            if states.get("dead")}  # fmt: skip
    if dead:
        text = ", ".join(f"{channel} {count}" for channel, count in sorted(dead.items()))
        return Finding("messages", False, f"given up: {text}", "lifeline notifications list --state dead says why")
    return Finding("messages", True, "a notification file is in force; none was given up")


def _schema(applied: Sequence[str]) -> Finding:
    wanted = [name for name, _ in migration_files()]
    missing, unknown = sorted(set(wanted) - set(applied)), sorted(set(applied) - set(wanted))
    text = f"{len(wanted) - len(missing)} of {len(wanted)} migrations"
    if unknown:
        text += f", and {len(unknown)} of a newer Lifeline ({', '.join(unknown)})"
        return Finding("schema", False, text, "bring this Lifeline up to the version that made them")
    if missing:
        return Finding("schema", False, f"{text}; {missing[0]} is missing", "run lifeline migrate")
    return Finding("schema", True, text)


def _store(state: StoreState, refreshes: Sequence[Refresh]) -> list[Finding]:
    largest = ", ".join(f"{name} {_size(size)}" for name, size in list(state.bytes_by_table.items())[:4])
    return [
        _summaries(state, refreshes),
        Finding("retention", True, "; ".join(_kept(rule) for rule in state.retention)),
        Finding("sizes", True, f"{_size(state.bytes_in_all)} in all: {largest}"),
    ]


def _summaries(state: StoreState, refreshes: Sequence[Refresh]) -> Finding:
    text = f"by minute and hour: {state.summaries}"
    if state.summaries == "own roll-up":
        late = state.batches_behind > BATCHES_BEHIND_MAX
        if state.batches_behind:
            text += f", {state.batches_behind} batches behind"
        remedy = "start lifeline up or lifeline evaluate: its maintenance rolls them up"
        return Finding("summaries", not late, text, remedy if late else "")
    long_ago = to_datetime(time.time_ns() // 1_000_000) - REFRESH_AGE_MAX
    for refresh in refreshes:
        at = refresh.last_success_at
        text += f"; {refresh.view} refreshed {'never' if at is None else f'{at:%Y-%m-%d %H:%M:%S} UTC'}"
    idle = [r.view for r in refreshes if not r.scheduled or r.last_success_at is None or r.last_success_at < long_ago]
    good = len(refreshes) == 2 and not idle
    remedy = (
        "let TimescaleDB's jobs run (timescaledb.max_background_workers); timescaledb_information.job_errors has why"
    )
    return Finding("summaries", good, text, "" if good else remedy)


def _chunks(policy: ChunkPolicy, versions: Versions) -> Finding:
    if versions.timescaledb is None:
        return Finding("chunks", True, "none: readings stand in a plain table")
    compressed = f"compressed after {policy.compress_after_days} days"
    if policy.compress_after_days is None or versions.edition != "Community":
        compressed = "not compressed" + ("" if versions.edition == "Community" else " (Community edition only)")
    return Finding("chunks", True, f"of {policy.chunk_days} days, {compressed}")


def _kept(rule: Retention) -> str:
    days = (("readings", rule.raw_days), ("minutes", rule.minute_days), ("hours", rule.hour_days))
    limits = ", ".join(f"{name} {limit} days" for name, limit in days if limit is not None)
    return f"{'all properties' if rule.property == '*' else rule.property}: {limits or 'everything is kept'}"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1_000:
            return f"{size:.3g} {unit}"
        size /= 1_000
    return f"{size:.3g} TB"


def _certificates(settings: Settings) -> tuple[Path | None, ...]:
    """Those for the broker, where the settings name one."""
    if settings.mqtt_url is None:
        return ()
    return settings.mqtt_ca_file, settings.mqtt_certificate_file, settings.mqtt_key_file


async def _broker(url: str, protocol: str, *certificates: Path | None) -> Finding:
    try:
        address = broker_address(url, *certificates)
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
