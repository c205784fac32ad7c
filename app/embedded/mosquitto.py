"""Mosquitto from Debian, run without installing it: the MQTT 5 broker that Lifeline is tested against.

Its own defaults drop messages that it has acknowledged (a queue of 1,000 for each client); the limits here are in bytes
and high enough that a test sees none dropped. What it has in memory is lost when it is killed: `autosave_interval`.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from app.embedded.debian import fetch
from app.embedded.errors import CredentialsMissing, DirectoryUnusable, PortInUse, ServerEnded
from app.embedded.lock import exclusive
from app.embedded.ports import answers_mqtt, free_port, is_loopback, mqtt_url, refused_port
from app.embedded.process import Child, ready, said, start, stop
from app.embedded.programs import INSTALL_WAIT_S, SUITE, add_c_library, building, publish

# Mosquitto and what it links, one by one: apt would bring half a system along to satisfy the installer's own needs.
PACKAGES = (
    "mosquitto",
    "libc6",
    "libcap2",
    "libcjson1",
    "libdlt2",
    "libssl3t64",
    "libsystemd0",
    "libwebsockets19t64",
    "libwrap0",
    "libzstd1",
    "zlib1g",
)
RECIPE = 1
LEFTOVER_WAIT_S = 15.0
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
QUEUED_BYTES_MAX = 256 * 1024 * 1024
PAYLOAD_BYTES_MAX = 8 * 1024 * 1024


@dataclass(frozen=True)
class MosquittoBroker:
    """The running broker."""

    url: str
    host: str
    port: int
    edition: str
    child: Child

    @property
    def pid(self) -> int:
        """The server's process number."""
        return self.child.pid


@asynccontextmanager
async def mosquitto_broker(
    home: Path,
    programs: Path,
    port: int,
    progress: Callable[[str], None],
    *,
    host: str = "127.0.0.1",
    queued_bytes_max: int = QUEUED_BYTES_MAX,
    session_expiry: str = "1d",
    autosave_interval_s: int = 1,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[MosquittoBroker]:
    """Start Mosquitto on loopback; sessions and messages in `home`, programs fetched once under `programs`.

    `settings` are lines of its configuration beside ours or in their place, as who may log in.

    Raises:
        PortInUse: another process listens on the port.
        DebianUnavailable: Debian's packages cannot be had.
        EmbeddedError: anything else; each subtype says why and what to do.
    """
    if not is_loopback(host):
        raise CredentialsMissing(host)
    place = home.absolute() / "mosquitto"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        programs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DirectoryUnusable(place, error.strerror or str(error)) from error
    folder, version = await _programs(programs.absolute(), progress)
    async with exclusive(
        place, wait_s=LEFTOVER_WAIT_S, on_wait=lambda _: progress("waiting for another Mosquitto to end …")
    ) as lock:
        chosen = free_port(host, port)
        lines = {
            "listener": f"{chosen} {host}",
            "allow_anonymous": "true",
            "user": "root",  # whoever starts it; it would look for an account of its own where root does
            "persistence": "true",
            "persistence_location": f"{place}/",
            "autosave_interval": str(autosave_interval_s),
            "persistent_client_expiration": session_expiry,
            "max_queued_messages": "0",
            "max_queued_bytes": str(queued_bytes_max),
            "max_inflight_messages": "0",
            "max_packet_size": str(PAYLOAD_BYTES_MAX),
            "set_tcp_nodelay": "true",
            "log_dest": "stderr",
            **settings,
        }
        (place / "mosquitto.conf").write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        loader = json.loads((folder / "stamp.json").read_text())["loader"]
        program = folder / "mosquitto"
        child = await start(
            "Mosquitto",
            [
                str(folder / "lib" / loader),
                "--inhibit-cache",
                "--library-path",
                str(folder / "lib"),
                "--argv0",
                str(program),
                str(program),
                "-c",
                str(place / "mosquitto.conf"),
            ],
            log=place / "mosquitto.log",
            stop_signal=signal.SIGTERM,
            directory=place,
            hold=[lock],
        )
        try:
            asks = lines["allow_anonymous"] == "true" and "certfile" not in lines
            await ready(child, partial(_answers, child, host, chosen, asks=asks), timeout_s=READY_TIMEOUT_S)
            yield MosquittoBroker(
                url=mqtt_url(host, chosen), host=host, port=chosen, edition=f"Mosquitto {version}, MQTT 5", child=child
            )
        except ServerEnded as error:
            if refused_port(error.words):
                raise PortInUse(host, chosen) from error
            raise
        finally:
            await stop(child, timeout_s=STOP_TIMEOUT_S)


async def _answers(child: Child, host: str, port: int, *, asks: bool) -> bool:
    # Its own word first: who answers on the port might be another broker. Where it lets nobody in that it does not
    # know, its word has to do.
    return " running" in said(child) and (not asks or await answers_mqtt(host, port))


async def _programs(programs: Path, progress: Callable[[str], None]) -> tuple[Path, str]:
    """Mosquitto's folder, made where it is missing, and its version."""
    folder = programs / f"mosquitto-{SUITE}-{RECIPE}"
    if not folder.exists():
        async with exclusive(
            programs, wait_s=INSTALL_WAIT_S, on_wait=lambda _: progress("waiting for another installation …")
        ):
            if not folder.exists():
                await _build(folder, progress)
    return folder, json.loads((folder / "stamp.json").read_text())["version"]


async def _build(folder: Path, progress: Callable[[str], None]) -> None:
    with building(folder.parent) as work:
        fetched, built = work / "debian", work / "mosquitto"
        versions = await fetch(PACKAGES, SUITE, fetched, progress)
        loader = add_c_library(fetched, built / "lib")
        for library in fetched.glob("usr/lib/*/*.so*"):
            if library.is_file():
                shutil.copy2(library, built / "lib")
        shutil.copy2(fetched / "usr/sbin/mosquitto", built)
        stamp = {"version": versions["mosquitto"], "loader": loader, "packages": versions}
        (built / "stamp.json").write_text(json.dumps(stamp, indent=2) + "\n")
        await publish(built, folder)
