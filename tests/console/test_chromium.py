"""The browser of these tests on a machine that has none: Debian's, fetched and run without being installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Background
from tests.console.chromium import Chromium, chromium, launched


def test_without_chromium_on_the_path_debians_is_fetched_and_runs(
    background: Background, programs: Path, tmp_path: Path
) -> None:
    fetched = background.run(chromium(programs.absolute(), print, path=str(tmp_path)))
    assert fetched.program.is_relative_to(programs.absolute())
    assert _drawn(fetched)


@pytest.mark.parametrize("family", ["system-ui", "sans-serif", "serif"])
def test_fonts_are_the_same_on_every_machine_and_have_chinese(chromium_program: Chromium, family: str) -> None:
    configuration = Path(chromium_program.environment["FONTCONFIG_FILE"])
    assert {path.suffix for path in configuration.parent.iterdir() if path.is_file()} == {".conf", ".ttc", ".ttf"}
    assert "/usr/share/fonts" not in configuration.read_text()
    with launched(chromium_program) as browser:
        page = browser.new_context().new_page()
        families = f'{family}, "Noto Sans SC", "Noto Sans CJK SC"'  # as console.css has them
        page.set_content(f"<p id=one style='font-family: {families}'>一级（红） Lifeline 2.5 %LEL</p>")
        protocol = page.context.new_cdp_session(page)
        protocol.send("DOM.enable")
        protocol.send("CSS.enable")
        root = protocol.send("DOM.getDocument")["root"]["nodeId"]
        node = protocol.send("DOM.querySelector", {"nodeId": root, "selector": "#one"})["nodeId"]
        fonts = protocol.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    assert sorted(font["familyName"] for font in fonts) == ["Noto Sans CJK SC", "Open Sans"]


def _drawn(found: Chromium) -> bool:
    """Whether the program draws a page: red where it is red."""
    with launched(found) as browser:
        page = browser.new_page()
        page.set_content("<canvas id=one></canvas>")
        red = page.evaluate(
            "() => { const pen = one.getContext('2d'); pen.fillStyle = '#ff0000'; pen.fillRect(0, 0, 9, 9);"
            " return [...pen.getImageData(4, 4, 1, 1).data]; }"
        )
        picture = page.screenshot()
    return red == [255, 0, 0, 255] and picture.startswith(b"\x89PNG")
