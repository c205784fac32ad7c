"""What documents say of tests holds: those named exist, and each threat names one or says that there is none."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted((ROOT / "docs").rglob("*.md"))
THREATS = ROOT / "docs" / "threat-model.md"
_NAMED = re.compile(r"`(?:[\w./]+::)?(test_\w+)`")
_FILE = re.compile(r"`(tests/[\w./-]+\.py)(?:::\w+)?`")


@cache
def _existing() -> set[str]:
    texts = (path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT / "docs")))
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    assert {name for name in _NAMED.findall(text) if name not in _existing()} == set()
    assert {name for name in _FILE.findall(text) if not (ROOT / name).is_file()} == set()


def test_each_threat_names_the_test_that_shows_what_meets_it_or_says_that_there_is_none() -> None:
    rows = [line.strip("| ").split(" | ") for line in THREATS.read_text("utf-8").splitlines() if line.startswith("| ")]
    threats = [row for row in rows if row[0] != "Threat"]
    assert len(threats) > 25
    assert [row[0] for row in threats if len(row) != 3 or not (_NAMED.search(row[2]) or "none:" in row[2])] == []
