"""Chromium and fonts for the tests of the console: the machine's own, or Debian's, fetched beside the other programs.

Nothing is installed on the machine. Fonts are always the fetched ones: pictures and line breaks hang on no machine, and
Chinese is drawn where the machine has no Chinese font.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from app.embedded.debian import fetch, fetch_what_lacks
from app.embedded.lock import exclusive
from app.embedded.programs import INSTALL_WAIT_S, building, publish

NAMES = ("chromium", "chromium-browser")  # on the PATH
PACKAGES = ("chromium", "chromium-common")
RECIPE = 3  # raise it when the way of building changes: new folders are made
FONT_SUITE = "bookworm"
FONT_PACKAGES = ("fonts-open-sans", "fonts-noto-cjk", "fonts-dejavu-core")  # the third has what both others lack
FONTS = ("OpenSans-Regular.ttf", "OpenSans-Bold.ttf",
         "NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf",
         "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")  # fmt: skip
FONT_CONFIGURATION = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{folder}</dir>
  <cachedir>{folder}/cache</cachedir>
  {families}
  <match target="pattern"><edit name="family" mode="append_last"><string>Open Sans</string></edit></match>
</fontconfig>
"""
FAMILIES = {
    "sans": ("Open Sans", "Noto Sans CJK SC", "DejaVu Sans"),
    "sans-serif": ("Open Sans", "Noto Sans CJK SC", "DejaVu Sans"),
    "serif": ("Open Sans", "Noto Sans CJK SC", "DejaVu Sans"),
    "monospace": ("DejaVu Sans Mono", "Noto Sans Mono CJK SC"),
}
_NOT_NEEDED = shutil.ignore_patterns("doc", "man", "locale", "icons", "systemd", "perl*", "python*", "modules")


@dataclass(frozen=True)
class Chromium:
    """The program, and what its environment needs beside the caller's."""

    program: Path
    environment: dict[str, str]

    @property
    def options(self) -> list[str]:
        """What it is started with: nothing of its own goes over the network, and no display is needed."""
        return ["--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
                "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
                "--enable-unsafe-swiftshader", "--autoplay-policy=user-gesture-required"]  # fmt: skip

    @property
    def sandboxed(self) -> bool:
        """Whether its sandbox is used: root has none, nor has who may not make a user namespace."""
        if os.geteuid() == 0:
            return False
        tried = ["unshare", "--user", "true"]
        return bool(shutil.which("unshare")) and subprocess.run(tried, capture_output=True).returncode == 0


async def chromium(programs: Path, progress: Callable[[str], None], path: str | None = None) -> Chromium:
    """Return a Chromium from `path` (the environment's PATH), else Debian's, kept under `programs`.

    Of the libraries that Debian's needs, those that the machine does not have installed are fetched with it.

    Raises:
        DebianUnavailable: there is none on the path, and Debian's packages cannot be had.
    """
    fonts = await _kept(programs / f"fonts-{FONT_SUITE}-{RECIPE}", _build_fonts, progress)
    environment = {"FONTCONFIG_FILE": str(fonts / "fonts.conf")}
    for name in NAMES:
        if found := shutil.which(name, path=path):
            return Chromium(Path(found), environment)
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "none")
    folder = await _kept(programs / f"chromium-{suite}-{RECIPE}", _build_chromium, progress)
    stamp = json.loads((folder / "stamp.json").read_text())
    if libraries := [str(folder / library) for library in stamp["libraries"]]:
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
    return Chromium(folder / stamp["program"], environment)


@contextmanager
def launched(found: Chromium) -> Iterator[Browser]:
    """The running browser, for the thread that asks."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.program,
            args=found.options,
            chromium_sandbox=found.sandboxed,
            env={**os.environ, **found.environment},
        )
        try:
            yield browser
        finally:
            browser.close()


Build = Callable[[Path, Path, Callable[[str], None]], Awaitable[None]]


async def _kept(folder: Path, build: Build, progress: Callable[[str], None]) -> Path:
    """Return the folder, made where it is missing: built in another and renamed, so that it is whole or not there."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        async with exclusive(
            folder.parent, wait_s=INSTALL_WAIT_S, on_wait=lambda _: progress("waiting for another installation …")
        ):
            if not folder.exists():
                with building(folder.parent) as work:
                    built = work / "built"
                    built.mkdir()
                    await build(work / "debian", built, progress)
                    (built / "fonts.conf").exists() and _configure(built, folder)
                    await publish(built, folder)
    return folder


async def _build_chromium(fetched: Path, built: Path, progress: Callable[[str], None]) -> None:
    versions = await fetch_what_lacks(PACKAGES, fetched, progress)
    shutil.copytree(fetched, built, ignore=_NOT_NEEDED, dirs_exist_ok=True, symlinks=True)
    program = Path("usr/lib/chromium/chromium")
    libraries = [*built.glob("lib/**/lib*.so*"), *built.glob("usr/lib/**/lib*.so*")]
    folders = sorted({library.parent.relative_to(built) for library in libraries} - {program.parent})
    stamp = {"program": str(program), "libraries": [str(folder) for folder in folders], "packages": versions}
    (built / "stamp.json").write_text(json.dumps(stamp, indent=2) + "\n")


async def _build_fonts(fetched: Path, built: Path, progress: Callable[[str], None]) -> None:
    await fetch(FONT_PACKAGES, FONT_SUITE, fetched, progress)
    for name in FONTS:
        (font,) = fetched.glob(f"usr/share/fonts/**/{name}")
        shutil.copy2(font, built)
    (built / "fonts.conf").touch()


def _configure(built: Path, folder: Path) -> None:
    families = "".join(
        f"<alias binding='same'><family>{name}</family><prefer>"
        + "".join(f"<family>{one}</family>" for one in preferred)
        + "</prefer></alias>"
        for name, preferred in FAMILIES.items()
    )
    (built / "fonts.conf").write_text(FONT_CONFIGURATION.format(folder=folder.absolute(), families=families))
