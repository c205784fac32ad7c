"""How times, spans and quantities are written for people."""

from zoneinfo import ZoneInfo

import pytest

from model.bilingual import Language
from model.writing import clock, number, offset, span

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("Asia/Shanghai", "UTC+8"), ("Asia/Kolkata", "UTC+5:30"), ("UTC", "UTC+0"), ("America/St_Johns", "UTC-3:30")],
)
def test_how_far_civil_time_is_from_utc(zone: str, expected: str) -> None:
    assert offset(NOON, ZoneInfo(zone)) == expected


def test_a_date_is_said_where_it_is_another() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    assert clock(NOON, shanghai) == "2026-11-22 20:00:00"
    assert clock(NOON, shanghai, NOON + 3 * 3_600_000) == "20:00:00"
    assert clock(NOON, shanghai, NOON + 4 * 3_600_000) == "2026-11-22 20:00:00"


@pytest.mark.parametrize(
    ("milliseconds", "language", "expected"),
    [
        (0, "en", "0 s"), (400, "en", "0 s"), (45_000, "en", "45 s"), (60_000, "zh", "1分"), (90_000, "zh", "1分30秒"),
        (125_000, "en", "2 min 5 s"), (7_200_000, "en", "2 h"), (86_460_000, "en", "1 d"),
        (90_000_000, "zh", "1天1小时"),
    ],
)  # fmt: skip
def test_a_span_has_its_two_largest_parts(milliseconds: int, language: Language, expected: str) -> None:
    assert span(milliseconds, language) == expected


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (62.5, 4, "62.5"), (9.99996, 4, "10"), (9.99996, 6, "9.99996"), (1_234_567.8, 4, "1234568"),
        (0.0000012, 4, "0.0000012"), (-0.00000000000001, 4, "0"), (0, 4, "0"),
    ],
)  # fmt: skip
def test_a_number_is_never_a_power_of_ten(value: float, digits: int, expected: str) -> None:
    assert number(value, digits) == expected
