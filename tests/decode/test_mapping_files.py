"""A mapping file with an error is refused with file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.decoders.mapping import load_mappings, mapping_schema, parse_mapping
from model.yaml_file import YamlFileError

GOOD = """\
mapping: acme
topic: acme/{device}/up
values:
  - sensor: "{device}"
    value: v
time:
  path: t
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("topic: acme/{device}/up", "topic: lifeline/{device}/up", 2, "first level is a word of the vendor's own"),
        ("topic: acme/{device}/up", "topic: '#'", 2, "first level"),
        ("topic: acme/{device}/up", "topic: acme/a{device}/up", 2, "nothing mixed"),
        ("topic: acme/{device}/up", "topic: acme/{device}/{device}", 2, "captured twice"),
        ("topic: acme/{device}/up", "topic: acme/#/up", 2, "# only as the last"),
        ('"{device}"', '"{device"', 4, "each brace needs its partner"),
        ("value: v", "value: a..b", 5, "names with dots between them"),
        ("value: v", "value: v\n    unit: degC", 6, "none that Lifeline converts"),
        ("value: v", "value: v\n    scale: .inf", 6, "finite"),
        ("value: v", "value: v\n    colour: red", 6, "unknown field 'colour'"),
        ("value: v", "value: v\n    value: w", 6, "stands twice"),
        ("path: t", "path: t\n  zone: Mars/Olympus", 8, "no IANA time zone"),
        ("path: t", "path: t\n  format: iso", 6, "format is rfc3339"),
        ("path: t", "path: t\n  format: '%Y-%m-%d %H:%M:%S'", 6, "name the zone"),
        ("path: t", "path: t\n  format: '%d.%m. %H:%M'\n  zone: Asia/Shanghai", 6, "a whole time"),
        ("path: t", "path: t\n  format: '%Y-%m-%d %I:%M'\n  zone: Asia/Shanghai", 6, "a whole time"),
        ("path: t", "path: t\n  format: epoch_s\n  zone: Asia/Shanghai", 6, "no zone"),
        ("mapping: acme\n", "", 1, "'mapping' is missing"),
        ("mapping: acme", "mapping: a b", 1, "pattern"),
    ],
)
def test_an_error_has_line_and_remedy(old: str, new: str, line: int, says: str) -> None:
    assert old in GOOD
    with pytest.raises(YamlFileError) as refused:
        parse_mapping("acme.yaml", GOOD.replace(old, new))
    file, at, text = refused.value.problems[0]
    assert (file, at) == ("acme.yaml", line)
    assert says in text


def test_a_folder_of_mappings(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(GOOD.replace("acme", "other"))
    (tmp_path / "a.yml").write_text(GOOD)
    assert [(one.mapping, one.subscription) for one in load_mappings(tmp_path)] == [
        ("acme", "acme/+/up"),
        ("other", "other/+/up"),
    ]
    (tmp_path / "c.yaml").write_text(GOOD)
    (tmp_path / "d.yaml").write_text("")
    with pytest.raises(YamlFileError) as refused:
        load_mappings(tmp_path)
    assert "the file is empty" in str(refused.value)
    assert "stands in" in str(refused.value)
    with pytest.raises(YamlFileError, match="LIFELINE_MAPPINGS"):
        load_mappings(tmp_path / "missing")


def test_the_schema_is_published() -> None:
    assert set(mapping_schema()["required"]) == {"mapping", "topic", "values", "time"}
