"""What must not stand in a report: telephone and identity numbers and dwellings, however they are written."""

from __future__ import annotations

import pytest

from model.report import KINDS, personal_data, personal_reference
from model.vocabulary import SYSTEMS

PERSONAL = [
    ("ring 13912345678", "a mobile number"),
    ("联系人电话139-1234-5678", "a mobile number"),
    ("139 1234 5678", "a mobile number"),
    ("+86 139 1234 5678", "a mobile number"),
    ("8613912345678", "a mobile number"),
    ("１３９１２３４５６７８", "a mobile number"),
    ("(0937) 6226789", "a telephone number"),
    ("0937-6226789", "a telephone number"),
    ("座机6226789。", "a telephone number"),
    ("400-820-8820", "a telephone number"),
    ("身份证620201199003071234", "an identity number"),
    ("62020119900307123X", "an identity number"),
    ("3号楼2单元", "a home address"),
    ("在502室闻到", "a home address"),
]
PLAIN = [
    "smell of gas at the corner by the market, 20 m from the bus stop",
    "井盖缺失，新华路与建设路交叉口东50米",
    "20261122 08:00 看到路面积水约30厘米",
    "2026-11-22",
    "gauge reads 0.118 MPa, 98.2891, 39.7732",
    "pole 1248, manhole 7519",
    "室外积水10厘米",
    "",
]


@pytest.mark.parametrize(("text", "what"), PERSONAL)
def test_what_looks_personal_is_found(text: str, what: str) -> None:
    assert personal_data(text) == what


@pytest.mark.parametrize("text", PLAIN)
def test_what_describes_the_place_is_not(text: str) -> None:
    assert personal_data(text) is None


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ("20261122000417", None),
        ("TS-2026-000417", None),
        ("620201199003071234", None),  # the last digit does not fit
        ("11010519491231002X", "an identity number"),  # the example of GB 11643
        ("13912345678", "a mobile number"),
    ],
)
def test_a_ticket_number_is_no_persons(reference: str, what: str | None) -> None:
    assert personal_reference(reference) == what


def test_every_kind_has_a_system_and_two_names() -> None:
    for kind in KINDS.values():
        assert kind.system in SYSTEMS
        assert kind.en.isascii()
        assert not kind.zh.isascii()
