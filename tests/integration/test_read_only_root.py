"""The whole service where nothing but its home can be written: as in a container with a read-only root."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.integration.service import LIFELINE, Service

# A file system of this process alone: what is mounted here nobody else sees, and it goes with the process.
ROOT_READ_ONLY = """
set -e
mount -t tmpfs -o size=2g,mode=755 tmpfs "$LIFELINE_HOME"
mount -o remount,bind,ro /
if touch / "$(dirname "$LIFELINE_HOME")/written" 2>/dev/null; then echo "the root can be written"; exit 99; fi
exec "$@"
"""


class InReadOnlyRoot(Service):
    """`lifeline up` in a file system of its own."""

    def launch(self) -> None:
        """Start, and wait for nothing."""
        command = ["unshare", "--mount", "sh", "-c", ROOT_READ_ONLY, "sh", str(LIFELINE), *self.command]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)


def test_it_writes_nowhere_but_in_its_home(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root may make a file system read-only for a process; this needs unshare")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("no file system of its own can be made here")
    service = InReadOnlyRoot(tmp_path / "home")
    service.log = tmp_path / "service.log"
    try:
        service.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/healthz", timeout=10) as answer:
            assert answer.status == 200
        assert service.stop() == 0, service.said()
    finally:
        if service.process is not None and service.process.poll() is None:
            service.stop()
    assert list((tmp_path / "home").iterdir()) == []  # all of it was in the file system of its own
