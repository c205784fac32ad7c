"""What was built: small enough, all from here, part of the wheel, and of sources in which no text can become markup."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "console" / "src"
BYTES_MAX = {".br": 150_000, ".gz": 165_000}  # as sent: of all views without the map, in one language
VIEWS_APART = {"map_page", "wall", "shift", "engineer", "replay", "field"}  # chunks that the first one loads
WORDS = r"words-(zh|en)-[\w-]{8}\.js$"
AT_ONCE = r"""(?:\bfrom|\bimport)\s*["'`]\./([^"'`]+\.js)["'`]"""
LATER = r"""\bimport\(["'`]\./([^"'`]+\.js)["'`]\)"""
DANGEROUS = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc")


@pytest.mark.parametrize("ending", BYTES_MAX)
def test_all_views_together_are_less_than_150_kb_of_javascript_without_the_map(
    built_console: Path, ending: str
) -> None:
    every = {path for path in built_console.rglob("*.js") if not _is_map(path)}
    words = {path for path in every if re.search(WORDS, path.name)}
    assert len(words) == 2
    assert set(_imports(_first_script(built_console), LATER)) >= VIEWS_APART
    sizes = {path: _sent(path, ending) for path in every}
    assert sum(sizes[path] for path in every - words) + max(sizes[path] for path in words) < BYTES_MAX[ending], sizes


def test_what_is_packed_is_what_it_was_made_of(built_console: Path) -> None:
    files = {path.with_suffix("") for path in built_console.rglob("*.gz")}
    assert files == {path.with_suffix("") for path in built_console.rglob("*.br")}
    assert {".js", ".css", ".mjs"} <= {path.suffix for path in files}
    for path in files:
        assert gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes()) == path.read_bytes()
        assert _sent(path, ".br") < _sent(path, ".gz") < path.stat().st_size


def test_a_browser_is_sent_the_texts_of_one_language(built_console: Path) -> None:
    chinese = re.compile("[\u4e00-\u9fff]{6,}")
    texts = {path.name: path.read_text("utf-8") for path in built_console.rglob("*.js") if not _is_map(path)}
    words = {found[1]: texts.pop(name) for name in list(texts) if (found := re.search(WORDS, name))}
    assert "未确认" in words["zh"]
    assert "unacknowledged" in words["en"]
    assert [found for text in texts.values() for found in chinese.findall(text)] == []


def test_the_map_is_loaded_only_when_it_is_needed(built_console: Path) -> None:
    assert not [path for path in _reached(_first_script(built_console), AT_ONCE) if _is_map(path)]
    assert [path for path in built_console.rglob("*.js") if _is_map(path)]
    assert "maplibre" not in (built_console / "index.html").read_text()


def _first_script(built: Path) -> Path:
    (address,) = re.findall(
        r'<script[^>]* src="/static/console/(assets/[^"]+\.js)"', (built / "index.html").read_text()
    )
    return built / str(address)


def _imports(script: Path, pattern: str) -> dict[str, Path]:
    """The chunks that a script imports, by their name without the hash."""
    found = re.findall(pattern, script.read_text("utf-8"))
    return {re.sub(r"-[\w-]{8}\.js$", "", name): script.parent / name for name in found}


def _reached(script: Path, pattern: str, known: frozenset[Path] = frozenset()) -> set[Path]:
    """A script and all that it imports, and these import."""
    reached = {script}
    for path in _imports(script, pattern).values():
        if path not in known | reached:
            reached |= _reached(path, pattern, known | reached)
    return reached


def _sent(script: Path, ending: str) -> int:
    packed = script.with_name(script.name + ending)
    return (packed if packed.exists() else script).stat().st_size


def _is_map(script: Path) -> bool:
    return "maplibre" in script.read_text("utf-8", "replace")


def test_the_page_and_its_styles_name_no_other_host(built_console: Path) -> None:
    names = ("http://www.w3.org/",)  # of forms, which nobody fetches
    for path in [*built_console.rglob("*.html"), *built_console.rglob("*.css"), *built_console.rglob("*.webmanifest"),
                 *built_console.rglob("*.svg")]:  # fmt: skip
        addresses = [url for url in re.findall(r"(?:https?:)?//[\w.-]+/?", path.read_text("utf-8"))]
        assert not [url for url in addresses if not url.startswith(names)], path
    page = (built_console / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|<script(?![^>]* src=)|\son\w+=", page)
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address.startswith("/"), address
        if address.startswith("/static/console/"):
            assert (built_console / address.removeprefix("/static/console/")).is_file(), address


def test_no_source_makes_markup_of_text() -> None:
    sources = [path for path in SOURCES.rglob("*.ts*") if "generated" not in path.parts and ".test." not in path.name]
    assert len(sources) > 20
    for path in sources:
        text = path.read_text("utf-8")
        assert not [word for word in (*DANGEROUS, "dangerouslySetInnerHTML") if word in text], path
        assert not re.search(r"https?://(?!www\.w3\.org/)[\w-]+\.\w", text), path


def test_the_wheel_holds_the_console(built_console: Path, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    for room in {package.split(".")[0] for package in project["packages"]}:
        left_out = shutil.ignore_patterns("__pycache__", "console")
        shutil.copytree(ROOT / room, source / room, ignore=left_out)
    shutil.copytree(built_console, source / "app" / "static" / "console")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(tmp_path / "wheels"), str(source)]
    subprocess.run(command, check=True, timeout=120, cwd=tmp_path)
    (wheel,) = (tmp_path / "wheels").glob("lifeline-*.whl")
    inside = "app/static/console/"
    with zipfile.ZipFile(wheel) as archive:
        held = {name.removeprefix(inside): archive.read(name) for name in archive.namelist() if name.startswith(inside)}
        assert {"app/static/docs.html", "app/static/docs.js", "app/static/report.css"} <= set(archive.namelist())
    built = {
        str(path.relative_to(built_console)): path.read_bytes() for path in built_console.rglob("*") if path.is_file()
    }
    assert "index.html" in built
    assert any(name.startswith("assets/") and name.endswith(".js") for name in built)
    assert held == built
