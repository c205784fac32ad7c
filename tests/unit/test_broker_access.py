"""The access control of the broker: who may publish and read what, and names that would be more than names."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from app.broker_access import AccessRefused, accounts_of, mosquitto_file
from model.registry import Registry
from model.sensor import City, Sensor

CITIES = {"jyg": City(city="jyg"), "drill": City(city="drill", mode="exercise")}


def sensor(name: str, gateway: str = "", city: str = "jyg") -> Sensor:
    attributes = {"gateway": gateway} if gateway else {}
    return Sensor(
        sensor=name, city=city, system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60,
        attributes=attributes,
    )  # fmt: skip


def registry(*sensors: Sensor, cities: Mapping[str, City] = CITIES) -> Registry:
    return Registry(1, dict(enumerate(sensors, 1)), cities)


def test_the_file_of_a_small_city() -> None:
    accounts = accounts_of(registry(sensor("g2", "gw.1"), sensor("g1")), readers=["map"], partners=["park"])
    assert (
        mosquitto_file(accounts).splitlines()
        == """\
# Written from the registry by `lifeline broker access`; write it anew when sensors, gateways or cities change.
# Who logs in under another name, or under none, may neither publish nor read.

# Lifeline
user lifeline
topic read lifeline/#
topic read spBv1.0/#
topic write lifeline/worker/+
topic write lifeline/+/alarm/+
topic write lifeline/+/status
topic write spBv1.0/+/NCMD/+
topic write lifeline/drill/gas/+
topic write lifeline/drill/water/+
topic write lifeline/drill/drainage/+
topic write lifeline/drill/displacement/+
topic write lifeline/drill/heating/+
topic write lifeline/drill/bridge/+
topic write lifeline/drill/weather/+
topic write lifeline/drill/lighting/+
topic write lifeline/drill/gateway/+

# reader of alarms and status
user map
topic read lifeline/+/alarm/+
topic read lifeline/+/status

# city that publishes its alarms here
user park
topic write lifeline/park/alarm/+
topic write lifeline/park/status

# gateway
user jyg.gw.1
topic read spBv1.0/jyg/NCMD/gw.1
topic read spBv1.0/jyg/DCMD/gw.1/+
topic read spBv1.0/STATE/+
topic write lifeline/jyg/gateway/gw.1
topic write lifeline/jyg/gateway/gw.1/senml
topic write lifeline/jyg/gas/g2
topic write lifeline/jyg/gas/g2/senml
topic write spBv1.0/jyg/NBIRTH/gw.1
topic write spBv1.0/jyg/NDATA/gw.1
topic write spBv1.0/jyg/NDEATH/gw.1
topic write spBv1.0/jyg/DBIRTH/gw.1/+
topic write spBv1.0/jyg/DDATA/gw.1/+
topic write spBv1.0/jyg/DDEATH/gw.1/+

# sensor
user g1
topic write lifeline/jyg/gas/g1
topic write lifeline/jyg/gas/g1/senml

# sensor
user g2
topic write lifeline/jyg/gas/g2
topic write lifeline/jyg/gas/g2/senml
""".splitlines()
    )


def test_the_order_of_registration_changes_nothing() -> None:
    sensors = [sensor("b", "gw"), sensor("a", "gw"), sensor("c")]
    assert mosquitto_file(accounts_of(registry(*sensors))) == mosquitto_file(accounts_of(registry(*sensors[::-1])))


def test_several_processes_of_ours_have_the_same_rights_and_hear_the_mapped_topics() -> None:
    first, second = accounts_of(registry(), services=["ingest", "evaluate"], mapped=["vendor/+/data"])
    assert (first.user, second.user) == ("ingest", "evaluate")
    assert first[2:] == second[2:]
    assert first.reads == ("lifeline/#", "spBv1.0/#", "vendor/+/data")


@pytest.mark.parametrize("name", ["+", "#", "$SYS", "a/b", "a b", "a\nuser lifeline", "gw\r", "網關", "x" * 65])
def test_a_gateway_whose_name_would_be_more_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(AccessRefused, match=r"gateway .* of sensor g1"):
        accounts_of(registry(sensor("g1", name)))


@pytest.mark.parametrize("name", ["", "+", "a#b", "$SYS", "a\nb", " a", "x" * 129])
@pytest.mark.parametrize("whose", ["services", "readers"])
def test_an_account_whose_name_would_be_more_than_a_name_is_refused(whose: str, name: str) -> None:
    with pytest.raises(AccessRefused, match="account"):
        accounts_of(registry(), **{whose: [name]})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["+", "a/b", "a\nuser x", "", "x" * 65])
def test_ids_are_looked_at_again_though_the_registry_did(name: str) -> None:
    with pytest.raises(AccessRefused, match="sensor"):
        accounts_of(registry(sensor(name)))
    with pytest.raises(AccessRefused, match="city"):
        accounts_of(registry(sensor("g1", city=name), cities={name: City(city=name)}))
    with pytest.raises(AccessRefused, match="city"):
        accounts_of(registry(), partners=[name])


@pytest.mark.parametrize(
    "more",
    [
        {"services": ["g1"]},
        {"readers": ["g1"]},
        {"partners": ["g1"]},
        {"services": ["x", "x"]},
        {"readers": ["jyg.gw"]},
    ],
)
def test_a_name_that_two_would_bear_is_refused(more: dict[str, list[str]]) -> None:
    with pytest.raises(AccessRefused, match="rights of both"):
        accounts_of(registry(sensor("g1", "gw")), **more)  # type: ignore[arg-type]


def test_a_topic_of_a_mapping_that_would_be_more_than_a_line_is_refused() -> None:
    with pytest.raises(AccessRefused, match="no plain text"):
        accounts_of(registry(), mapped=["vendor/a\nuser g1"])


def test_many_problems_are_told_in_part_and_counted() -> None:
    with pytest.raises(AccessRefused, match="and 30 more; nothing was written") as caught:
        accounts_of(registry(*(sensor(f"g{number}", f"gw {number}") for number in range(50))))
    assert len(caught.value.problems) == 50
