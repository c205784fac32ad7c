"""Areas as texts, and what is within them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.area import (
    Area,
    InvalidArea,
    covers,
    districts_by_city,
    parse_area,
    touched_cities,
    touches,
    within_city,
    written_areas,
)  # fmt: skip
from model.city_file import parse_city_file

IDENTIFIERS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
WRITTEN = [
    ("*", Area()),
    ("province:gansu", Area(province="gansu")),
    ("jiayuguan", Area(city="jiayuguan")),
    ("jiayuguan/xiongguan", Area(city="jiayuguan", district="xiongguan")),
    ("jiayuguan/雄关区", Area(city="jiayuguan", district="雄关区")),
    ("jiayuguan/old town/west", Area(city="jiayuguan", district="old town/west")),
]
MALFORMED = ["", "**", "Jia yu", "province:", "province:甘肃", "province:gansu/x", "/x", "jiayuguan/", "jiayuguan/ x",
             "jiayuguan/x\n", "jiayuguan/x\u200b", "x" * 65, "x/" + "y" * 65]  # fmt: skip


@pytest.mark.parametrize(("text", "area"), WRITTEN)
def test_an_area_is_read_and_written(text: str, area: Area) -> None:
    assert parse_area(text) == area
    assert str(area) == text


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_area_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(InvalidArea, match="province:gansu, jiayuguan for a city, or jiayuguan/xiongguan"):
        parse_area(text)


@given(IDENTIFIERS, IDENTIFIERS)
def test_every_area_is_read_as_it_is_written(city: str, district: str) -> None:
    for area in (Area(province=city), Area(city=city), Area(city=city, district=district)):
        assert parse_area(str(area)) == area


def test_areas_are_kept_once_and_composed() -> None:
    assert written_areas(["b", "a", "b", "a/e\u0301"]) == ["b", "a", "a/\u00e9"]


# areas, city, district, covers, touches the city
WITHIN = [
    (["*"], "a", "", True, True),
    (["a"], "a", "", True, True),
    (["a"], "a", "x", True, True),
    (["a/x"], "a", "x", True, True),
    (["a/x"], "a", "y", False, True),
    (["a/x"], "a", "", False, True),
    (["a/x"], "ab", "x", False, False),
    (["a"], "b", "", False, False),
    (["province:a"], "a", "", False, False),  # its cities stand beside it
    ([], "a", "x", False, False),
]


@pytest.mark.parametrize(("areas", "city", "district", "covered", "touched"), WITHIN)
def test_what_is_within(areas: list[str], city: str, district: str, covered: bool, touched: bool) -> None:
    assert covers(areas, city, district) is covered
    assert touches(areas, city) is touched


def test_parts_of_areas() -> None:
    areas = ["province:p", "c", "a/x", "a/y", "b"]
    assert touched_cities(areas) == ["a", "b", "c"]
    assert districts_by_city(areas) == {"a": ["x", "y"]}
    assert within_city(areas, "a") == ("a/x", "a/y")
    assert within_city(areas, "b") == ("b",)
    assert within_city(areas, "d") == ()
    assert within_city(["*"], "d") == ("d",)


def test_a_cities_file_may_name_the_province(tmp_path: Path) -> None:
    path = tmp_path / "cities.csv"
    path.write_text("city,name,province\njiayuguan,Jiayuguan,gansu\njinchang,Jinchang,\nwuwei,Wuwei,甘肃\n", "utf-8")
    found = parse_city_file(path)
    assert [row.get("province") for row in found.rows] == ["gansu", None]
    ((line, problem),) = found.problems
    assert line == 4
    assert problem.startswith("province: '甘肃' is not 1 to 64 of A-Z")
