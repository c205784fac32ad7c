"""A real MQTT broker for one machine: the NATS server's MQTT 3.1.1 listener, sessions and messages on disk.

    async with embedded_broker(home, "127.0.0.1", 1883, print) as broker:
        client = aiomqtt.Client(...)

See docs/decisions/0002-embedded-broker.md for what it does and what it cannot do.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import sys
import sysconfig
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from app.embedded.errors import (
    CredentialsMissing,
    DirectoryUnusable,
    PortInUse,
    ProgramMissing,
    ServerEnded,
    SettingRefused,
)
from app.embedded.lock import exclusive
from app.embedded.ports import answers_mqtt, free_port, is_loopback, mqtt_url, refused_port
from app.embedded.process import Child, ready, run, said, start, stop

LEFTOVER_WAIT_S = 15.0
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
# The server delivers again what is not acknowledged within this time, at first after a client has come back only then.
ACK_WAIT_S = 4.0
MAX_ACK_PENDING_MAX = 65535 // 2  # a session's subscriptions share 65,535 packet identifiers; `#` makes two consumers
PAYLOAD_BYTES_MAX = 8 * 1024 * 1024
STORE_BYTES_MAX = 8 * 1024 * 1024 * 1024
MEMORY_STORE_BYTES_MAX = 64 * 1024 * 1024
_PORT_TRIES = 5


@dataclass(frozen=True)
class EmbeddedBroker:
    """The running broker: `url` for clients of this machine, and what it is in words."""

    url: str
    host: str
    port: int
    edition: str
    sync_interval: str
    store_directory: Path
    child: Child

    @property
    def pid(self) -> int:
        """The server's process number."""
        return self.child.pid


@asynccontextmanager
async def embedded_broker(
    home: Path,
    host: str,
    port: int,
    progress: Callable[[str], None],
    *,
    sync_interval: str = "100ms",
    max_ack_pending: int = 10_000,
    ack_wait_s: float = ACK_WAIT_S,
    nats_bin: Path | None = None,
    user: str | None = None,
    password: str | None = None,
    payload_bytes_max: int = PAYLOAD_BYTES_MAX,
    store_bytes_max: int = STORE_BYTES_MAX,
) -> AsyncIterator[EmbeddedBroker]:
    """Start the broker of `home` on `host` and `port` (0: a free one); stop it in order at the end.

    `sync_interval` is how long an acknowledged message may be in the system's memory only (`always`: not at all, at a
    twentieth of the rate). `ack_wait_s` is when a message that was not acknowledged is delivered again. `nats_bin`, the
    server's program or its folder, replaces the wheel's. On another host than loopback `user` and `password` are
    required of every client.

    Raises:
        PortInUse: another process listens on the port.
        EmbeddedError: it cannot be had; each subtype says why and what to do.
    """
    _check(host, sync_interval, max_ack_pending, user, password)
    program = _program(nats_bin)
    version = (await run("nats-server --version", [str(program), "--version"], timeout_s=20.0)).split(":")[-1].strip()
    place = home.absolute() / "broker"
    try:
        home.mkdir(mode=0o711, parents=True, exist_ok=True)
        place.mkdir(mode=0o700, exist_ok=True)
        place.chmod(0o700)
    except OSError as error:
        raise DirectoryUnusable(place, error.strerror or str(error)) from error

    def tell_wait(pid: int | None) -> None:
        progress(f"waiting for process {pid or 'another process'} to let go of the broker's files …")

    async with exclusive(place, wait_s=LEFTOVER_WAIT_S, on_wait=tell_wait) as lock:
        progress("starting the broker …")
        configuration = {
            "server_name": "lifeline",
            # Clients of NATS's own protocol are not wanted; it cannot be without, so: loopback, any port, no key to it.
            "listen": "127.0.0.1:-1",
            "max_payload": payload_bytes_max,
            "jetstream": {
                "store_dir": str(place / "store"),
                "sync_interval": sync_interval,
                "max_file_store": store_bytes_max,
                "max_memory_store": MEMORY_STORE_BYTES_MAX,
            },
            "mqtt": {"host": host, "ack_wait": f"{round(ack_wait_s * 1000)}ms", "max_ack_pending": max_ack_pending},
        }
        child, chosen = await _start(place, program, lock, configuration, (host, port), (user, password))
        try:
            yield EmbeddedBroker(
                url=mqtt_url(host, chosen),
                host=host,
                port=chosen,
                edition=f"NATS server {version}, MQTT 3.1.1 only",
                sync_interval=sync_interval,
                store_directory=place / "store",
                child=child,
            )
        finally:
            await stop(child, timeout_s=STOP_TIMEOUT_S)


def _check(host: str, sync_interval: str, max_ack_pending: int, user: str | None, password: str | None) -> None:
    if not is_loopback(host) and not (user and password):
        raise CredentialsMissing(host)
    if (user is None) != (password is None):
        raise SettingRefused("user and password", str(user), "both or neither")
    for name, value in (("user", user), ("password", password)):
        # The server takes what begins so for the hash of a password.
        if value is not None and (not value.isprintable() or value.startswith("$2")):
            raise SettingRefused(name, "…", "printable characters that do not begin with $2")
    if not re.fullmatch(r"always|[1-9][0-9]{0,5}(ms|s)", sync_interval):
        raise SettingRefused("sync_interval", sync_interval, "always, or a time such as 100ms or 2s")
    if not 1 <= max_ack_pending <= MAX_ACK_PENDING_MAX:
        raise SettingRefused("max_ack_pending", str(max_ack_pending), f"1 to {MAX_ACK_PENDING_MAX}")


def _program(nats_bin: Path | None) -> Path:
    """The server's program: the one named, or the wheel's, which lies beside the environment's Python."""
    if nats_bin is not None:
        nats_bin = nats_bin / "nats-server" if nats_bin.is_dir() else nats_bin
        if not os.access(nats_bin, os.X_OK):
            raise ProgramMissing("nats-server", str(nats_bin), "name the program or its folder")
        return nats_bin.absolute()
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        program = Path(folder) / "nats-server"
        if os.access(program, os.X_OK):
            return program
    raise ProgramMissing("nats-server", sysconfig.get_path("scripts"), "install the locked requirements again")


async def _start(
    place: Path,
    program: Path,
    lock: int,
    configuration: dict[str, Any],
    listen: tuple[str, int],
    credentials: tuple[str | None, str | None],
) -> tuple[Child, int]:
    """Start the server, again on another port where port 0 was asked for and the free one was taken meanwhile."""
    host, port = listen
    for last in [False] * (_PORT_TRIES - 1) + [True]:
        chosen = free_port(host, port)
        _write(place / "nats.json", configuration, chosen, credentials)
        child = await start(
            "the embedded broker",
            [str(program), "--config", str(place / "nats.json")],
            log=place / "nats.log",
            stop_signal=signal.SIGTERM,
            directory=place,
            hold=[lock],
        )
        try:
            await ready(child, partial(_answers, child, host, chosen, credentials), timeout_s=READY_TIMEOUT_S)
        except ServerEnded as error:
            if not refused_port(error.words):
                raise
            if port or last:
                raise PortInUse(host, chosen) from error
        except BaseException:
            await stop(child, timeout_s=STOP_TIMEOUT_S)
            raise
        else:
            return child, chosen
    raise AssertionError("the last try returns or raises")


async def _answers(child: Child, host: str, port: int, credentials: tuple[str | None, str | None]) -> bool:
    # Its own word first: who answers on the port might be another broker, at which ours is just failing.
    return "Server is ready" in said(child) and await answers_mqtt(host, port, *credentials)


def _write(path: Path, configuration: dict[str, Any], port: int, credentials: tuple[str | None, str | None]) -> None:
    """The server's configuration, which may be JSON; for our user alone, because it holds the password."""
    user, password = credentials
    mqtt = {**configuration["mqtt"], "port": port}
    if user is None:
        user, password = "anonymous", secrets.token_urlsafe(32)
        mqtt["no_auth_user"] = user
    client = {"user": user, "password": password, "allowed_connection_types": ["MQTT"]}
    whole = {**configuration, "mqtt": mqtt, "authorization": {"users": [client]}}
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=2, ensure_ascii=False)  # the server's own parser knows no \\u
