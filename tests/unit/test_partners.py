"""Which publishers and receivers the settings ask for."""

from __future__ import annotations

from typing import Any

import pytest

from app.northbound.parts import partners_of
from app.northbound.receiver import ALL_CITIES
from app.services import Services
from app.settings import Settings, SettingsError

SERVICES = Services("postgresql://x", "mqtt://127.0.0.1:1883", "3.1.1", 5.0, "database", "broker")
PARK = ("lifeline/park-1/alarm/+", "lifeline/park-1/status")
ABOVE = {"northbound_url": "mqtts://gansu:secret@province.example"}


@pytest.mark.parametrize(
    ("settings", "own", "northbound", "heard"),
    [
        pytest.param({}, True, False, None, id="a city"),
        pytest.param(ABOVE, True, True, None, id="a city that publishes to its province"),
        pytest.param({"relay_from": "park-1"}, True, False, PARK, id="a city that relays a park"),
        pytest.param({"role": "province"}, False, False, ALL_CITIES, id="a province"),
        pytest.param({"role": "province", **ABOVE}, False, True, ALL_CITIES, id="a province with one above it"),
    ],
)
def test_a_role_and_its_parts(
    settings: dict[str, Any], own: bool, northbound: bool, heard: tuple[str, ...] | None
) -> None:
    found = partners_of(Settings(**settings), SERVICES)
    assert (found.own is not None, found.northbound is not None) == (own, northbound)
    assert (None if found.receiver is None else found.receiver[0].filters) == heard


@pytest.mark.parametrize(
    ("cities", "city", "mode", "wanted"),
    [
        (None, "baiyin", "operational", True),
        (None, "baiyin", "test", False),
        (None, "baiyin", "exercise", False),
        ("baiyin, wuwei", "wuwei", "exercise", True),
        ("baiyin, wuwei", "lanzhou", "operational", False),
    ],
)
def test_what_goes_northbound(cities: str | None, city: str, mode: str, wanted: bool) -> None:
    target = partners_of(Settings(**ABOVE, northbound_cities=cities), SERVICES).northbound
    assert target is not None
    assert target.wants(city, mode) == wanted


def test_of_a_park_that_it_relays_a_city_says_nothing_on_its_own_broker() -> None:
    own = partners_of(Settings(relay_from="park-1"), SERVICES).own
    assert own is not None
    assert [own.wants(city, "operational") for city in ("jiayuguan", "park-1")] == [True, False]


def test_each_broker_above_has_a_cursor_of_its_own() -> None:
    names = set()
    for host in ("a.example", "b.example"):
        target = partners_of(Settings(northbound_url=f"mqtt://{host}"), SERVICES).northbound
        assert target is not None
        names.add(target.name)
    assert names == {"northbound a.example:1883", "northbound b.example:1883"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"northbound_url": "http://user:secret@x"}, "LIFELINE_NORTHBOUND_URL"),
        ({"northbound_url": "mqtt://x", "northbound_cities": "a b"}, "LIFELINE_NORTHBOUND_CITIES: 'a b'"),
        ({"relay_from": "a/b"}, "LIFELINE_RELAY_FROM: 'a/b'"),
        ({"northbound_url": "mqtts://x", "northbound_ca_file": "/nowhere"}, "/nowhere"),
    ],
)
def test_settings_that_cannot_stand_are_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        partners_of(Settings(**settings), SERVICES)
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)


def test_an_evaluator_without_a_broker_publishes_nothing_of_its_own(tmp_path: Any) -> None:
    nowhere = Services("postgresql://x", "", "3.1.1", 0.0, "database", "none")
    assert partners_of(Settings(home=tmp_path), nowhere).own is None
    assert partners_of(Settings(home=tmp_path, mqtt_url="mqtt://y"), nowhere).own is not None
