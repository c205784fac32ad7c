"""One run of a tool: a load that waits in the broker, or comes at a steady rate, is taken and its rows are counted."""

import asyncio
import contextlib
import re
import secrets
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from app.embedded.process import Child, said, start, stop
from benchmarks.ingest import Place, empty
from benchmarks.peers.tables import SCHEMA, last_reading
from benchmarks.peers.tools import Tool
from benchmarks.preload import SENSORS, Load, end_session, open_session, publish
from ingest.settings import MqttSettings

POLL_S = 0.02
COUNT_S = 0.5
CONNECT_S_MAX = 30.0
FIRST_ROW_S_MAX = 30.0  # a broker that is busy with the disk takes its time to resume a session
QUIET_S = 10.0  # without a new row: nothing comes any more; above the 4 s after which NATS delivers again
STOP_S_MAX = 5.0
STEADY_READINGS_S = 2_000
STEADY_KILL_S = 2.0
_ESTABLISHED = "01"  # include/net/tcp_states.h
_SOCKET = re.compile(r"socket:\[(\d+)\]")


class ToolFailed(Exception):
    """A tool did not do what it was started for; with its last words."""

    def __init__(self, tool: str, what: str, child: Child) -> None:
        super().__init__(f"{tool} {what}; its last words: {said(child)[-2_000:].strip() or 'none'}")


@dataclass(frozen=True, slots=True)
class Loss:
    """What two kills cost: readings published and acknowledged, rows at each kill and in the end, doubles."""

    published: int
    rows_at_kills: tuple[int, ...]
    rows: int
    doubles: int

    @property
    def lost(self) -> int:
        """Readings that the broker had acknowledged to the publisher and that are in no row."""
        return self.published - self.rows


async def seconds(tool: Tool, place: Place, load: Load) -> float:
    """Return the seconds from the tool's connection to the last committed reading of a load that waits in the broker.

    Raises ToolFailed where readings are missing in the end.
    """
    async with _session(tool, place) as client_id, _home() as home:
        await publish(place.url, load)
        async with _running(tool, place, client_id, home) as (child, began):
            rows, ended = await _settled(tool, place, load)
            if rows != load.messages:
                raise ToolFailed(tool.name, f"stored {rows} of {load.messages} readings without being killed", child)
            return ended - began


async def loss_of_backlog(tool: Tool, place: Place, load: Load, kill_after_s: float) -> Loss:
    """Kill the tool twice, each time `kill_after_s` after it has connected, while a load waits in the broker."""
    async with _session(tool, place) as client_id, _home() as home:
        await publish(place.url, load)
        return await _killed_twice(tool, place, client_id, home, load, kill_after_s)


async def loss_at_steady_rate(tool: Tool, place: Place, load: Load) -> Loss:
    """Kill the tool twice while readings come at a steady rate, each time it has been connected for STEADY_KILL_S."""
    async with _session(tool, place) as client_id, _home() as home:
        publishing = asyncio.create_task(_publish_steadily(place.url, load))
        try:
            return await _killed_twice(tool, place, client_id, home, load, STEADY_KILL_S, publishing)
        finally:
            publishing.cancel()


async def _killed_twice(
    tool: Tool,
    place: Place,
    client_id: str,
    home: Path,
    load: Load,
    kill_after_s: float,
    publishing: Awaitable[None] | None = None,
) -> Loss:
    at_kills = [await _killed(tool, place, client_id, home, kill_after_s) for _ in range(2)]
    async with _running(tool, place, client_id, home):
        if publishing is not None:
            await publishing
        rows, _ = await _settled(tool, place, load)
    return Loss(load.messages, tuple(at_kills), rows, await tool.table.doubles(place.pool))


async def _killed(tool: Tool, place: Place, client_id: str, home: Path, after_s: float) -> int:
    """Start the tool, kill it after it has been connected for a while, and return the rows then."""
    async with _running(tool, place, client_id, home) as (child, began):
        await asyncio.sleep(max(began + after_s - time.perf_counter(), 0))
        if child.process.returncode is not None:
            raise ToolFailed(tool.name, "ended before it was killed", child)
        child.process.send_signal(signal.SIGKILL)
        await child.wait()
    return await tool.table.rows(place.pool)


async def _publish_steadily(url: str, load: Load) -> None:
    """Publish in chunks of one reading a sensor, whose times go on from chunk to chunk."""
    began = time.perf_counter()
    for chunk in range(load.messages // SENSORS):
        await asyncio.sleep(max(began + chunk * SENSORS / STEADY_READINGS_S - time.perf_counter(), 0))
        await publish(url, Load(SENSORS, 1, load.start_ms + chunk * 1_000))


@asynccontextmanager
async def _session(tool: Tool, place: Place) -> AsyncIterator[str]:
    """A session of the tool's own that readings wait in, and empty tables."""
    await empty(place.pool)
    await place.pool.execute(SCHEMA)
    settings = MqttSettings(
        url=place.url,
        protocol=place.protocol,
        client_id=f"{tool.name}-{secrets.token_hex(4)}",
        subscriptions=tool.filters,
        status_topic=None,
    )
    await open_session(settings)
    try:
        yield settings.client_id
    finally:
        await end_session(settings)


@asynccontextmanager
async def _home() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lifeline-peer-") as home:
        yield Path(home)


@asynccontextmanager
async def _running(tool: Tool, place: Place, client_id: str, home: Path) -> AsyncIterator[tuple[Child, float]]:
    """The tool, and the moment at which it connected to the broker (time.perf_counter). Raises ToolFailed."""
    command = tool.command(place, client_id, home)
    child = await start(
        tool.name,
        command.arguments,
        log=home / "log",
        stop_signal=signal.SIGTERM,
        directory=home,
        environment=command.environment,
    )
    try:
        await _connected(child, urlsplit(place.url).port or 0)
        yield child, time.perf_counter()
    finally:
        await stop(child, timeout_s=STOP_S_MAX)


async def _connected(child: Child, port: int) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CONNECT_S_MAX):
            while child.process.returncode is None:
                if established(Path("/proc/net/tcp").read_text(), port) & _sockets(child.pid):
                    return
                await asyncio.sleep(POLL_S)
    raise ToolFailed(child.name, "does not connect to the broker", child)


def established(table: str, port: int) -> set[int]:
    """Return the inodes of the connections to `port` that the text of /proc/net/tcp lists as established (proc(5))."""
    rows = (line.split() for line in table.splitlines()[1:])
    return {int(row[9]) for row in rows if row[3] == _ESTABLISHED and int(row[2].rpartition(":")[2], 16) == port}


def _sockets(process: int) -> set[int]:
    inodes = set()
    with contextlib.suppress(OSError):  # it ended, or closed one, meanwhile
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            if link := _SOCKET.fullmatch(str(descriptor.readlink())):
                inodes.add(int(link[1]))
    return inodes


async def _settled(tool: Tool, place: Place, load: Load) -> tuple[int, float]:
    """Wait until all readings are there, or none comes any more; return the rows and when the last one was seen."""
    last = last_reading(load)
    rows, moved, counted, last_is_there = -1, time.perf_counter(), 0.0, False
    while rows < load.messages and time.perf_counter() - moved < (QUIET_S if rows > 0 else FIRST_ROW_S_MAX):
        await asyncio.sleep(POLL_S)
        last_is_there = last_is_there or await tool.table.holds(place.pool, *last)
        # Counting reads the whole table: often only when the end is near.
        if last_is_there or time.perf_counter() - counted > COUNT_S:
            found, counted = await tool.table.rows(place.pool), time.perf_counter()
            if found != rows:
                rows, moved = found, counted
    return rows, moved
