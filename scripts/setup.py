"""Makes the virtual environment from the lock, with nothing but the Python that runs this. Used by `make setup`.

Does nothing where the environment already is what lock and project file ask for. The console is built by `console.py`.
"""

import asyncio
import hashlib
import platform
import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

import console

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "lifeline-setup"
KERNELS = {  # by room
    "ingest": ("the checks of readings are", "some seconds"),
    "alerts": ("the rules engine is", "half a minute"),
}
PIP_WHEELS = "python3-pip-whl"  # Debian's package with pip as a wheel, where Python came without ensurepip


def main() -> int:
    """Set up, and return an exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  (whoever runs this may have an older one)
        print(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; call make PYTHON=python3.11 …")
        return 1
    wanted = hashlib.sha256(
        b"\0".join(
            [sys.version.encode(), *((ROOT / name).read_bytes() for name in ("requirements.lock", "pyproject.toml"))]
        )
    ).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        _compile_kernels()
        return console.build(_pip())
    print("setting up 1/4: environment", flush=True)
    STAMP.unlink(missing_ok=True)
    _make_environment()
    pip = _pip()
    print("setting up 2/4: locked dependencies (a minute at the most)", flush=True)
    options = ["--require-virtualenv", "--disable-pip-version-check", "--quiet", "--progress-bar", "off"]
    _run([*pip, "install", *options, "--require-hashes", "-r", str(ROOT / "requirements.lock")])
    print("setting up 3/4: lifeline", flush=True)
    _run([*pip, "install", *options, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    STAMP.write_text(wanted)
    _compile_kernels()
    return console.build(pip)


def _compile_kernels() -> None:
    """Compile a room's kernels anew where its source changed: numba looks at one file, not at what that imports."""
    for room, (what, takes) in KERNELS.items():
        sources = sorted((ROOT / room).rglob("*.py"))
        content = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
        stamp = ENVIRONMENT / f"lifeline-kernels-{room}"
        if stamp.exists() and stamp.read_text() == content:
            continue
        for compiled in (ROOT / room).rglob("__pycache__/*.nb[ci]"):
            compiled.unlink()
        print(f"setting up 4/4: {what} compiled ({takes})", flush=True)
        _run([str(PYTHON), "-m", f"{room}.kernels"])
        stamp.write_text(content)


def _make_environment() -> None:
    """Make the environment anew, with pip or with Debian's beside it."""
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    bundled = find_spec("ensurepip") is not None
    venv.create(ENVIRONMENT, with_pip=bundled, symlinks=True)
    if not bundled:
        _fetch_debian_pip()


def _pip() -> list[str]:
    """Return the command that is the environment's pip."""
    fetched = [*(ENVIRONMENT / "debian" / "usr" / "share" / "python-wheels").glob("pip-*.whl")]
    return [str(PYTHON), str(fetched[0] / "pip")] if fetched else [str(PYTHON), "-m", "pip"]


def _fetch_debian_pip() -> None:
    """Fetch pip as Debian packages it, a runnable wheel, through the machine's own apt."""
    sys.path.insert(0, str(ROOT))
    from app.embedded.debian import fetch

    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "bookworm")
    asyncio.run(fetch([PIP_WHEELS], suite, ENVIRONMENT / "debian", print))


def _run(command: list[str]) -> None:
    # Notes about package folders that this machine lacks say nothing to a reader.
    finished = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if finished.returncode != 0:
        print(finished.stdout)
        raise SystemExit(f"set-up failed: {' '.join(command[:4])} … ended with {finished.returncode}")


if __name__ == "__main__":
    sys.exit(main())
