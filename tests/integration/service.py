"""The running service as a test sees it: `lifeline up` as a process of its own, killed, restarted and asked."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LIFELINE = Path(sys.prefix) / "bin" / "lifeline"
READY_S_MAX = 90.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Service:
    """One home directory and the process that serves it."""

    def __init__(self, home: Path, command: Sequence[str] = ("up",), **environment: str) -> None:
        self.home = home
        self.command = command
        self.port = free_port()
        home.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LIFELINE_")},
            "LIFELINE_HOME": str(home),
            "LIFELINE_PORT": str(self.port),
            "LIFELINE_MQTT_PORT": str(free_port()),
            **{k: v for k, v in os.environ.items() if k == "LIFELINE_PROGRAMS"},
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.log = home / "service.log"

    def start(self) -> float:
        """Start and return the seconds until it says that it is up."""
        began = time.monotonic()
        self.launch()
        while "is up" not in self.said():
            assert self.process is not None
            assert self.process.poll() is None, self.said()
            assert time.monotonic() - began < READY_S_MAX, self.said()
            time.sleep(0.05)
        return time.monotonic() - began

    def launch(self) -> None:
        """Start, and wait for nothing."""
        with self.log.open("ab") as log:
            log.truncate(0)
            self.process = subprocess.Popen([LIFELINE, *self.command], env=self.environment, stdout=log, stderr=log)

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def kill(self) -> None:
        """The end that nobody can prepare for."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGINT) -> int:
        """Stop in order and return the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def run(self, *arguments: str, expected: int = 0) -> subprocess.CompletedProcess[str]:
        """Run another lifeline command beside the service."""
        finished = subprocess.run(
            [LIFELINE, *arguments], env=self.environment, capture_output=True, text=True, timeout=240
        )
        assert finished.returncode == expected, finished.stderr + finished.stdout
        return finished

    def background(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [LIFELINE, *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    @property
    def note(self) -> dict[str, Any]:
        """Where database and broker of the running service are."""
        found: dict[str, Any] = json.loads((self.home / "running.json").read_text())
        return found

    def family(self) -> list[str]:
        """The command lines of all processes that work for this home."""
        return processes_naming(str(self.home))


def processes_naming(text: str) -> list[str]:
    """Command lines of living processes that name the text, this test's own apart."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                home = f"LIFELINE_HOME={text}".encode() in (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if line and (text in line or home):
                found.append(line)
    return found


@contextmanager
def running(home: Path, command: Sequence[str] = ("up",), **environment: str) -> Iterator[Service]:
    """A service that is started, and stopped whatever happens."""
    service = Service(home, command, **environment)
    try:
        service.start()
        yield service
    finally:
        if service.process is not None and service.process.poll() is None:
            service.stop()


def settled(service: Service, quiet_s: float = 2.0, wait_s: float = 60.0) -> list[dict[str, Any]]:
    """The service's journal once it has not grown for a while, as dictionaries."""
    out = service.home / "journal.ndjson"
    deadline = time.monotonic() + wait_s
    before = b""
    since = time.monotonic()
    while time.monotonic() < deadline:
        service.run("journal", "--out", str(out))
        now = out.read_bytes()
        if now != before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since > quiet_s:
            break
        time.sleep(0.2)
    return [json.loads(line) for line in before.splitlines()]


def judged(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines without what hangs on arrival: silence, and when something became known."""
    return [
        {name: value for name, value in line.items() if name != "known_at"} for line in lines if line["kind"] != "stale"
    ]
