"""Rules at a sensor: which hold there, with limits in the unit of its readings, and what the operator is to do."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.rule_file import default_packs
from app.api.sensor_rules import SensorRules
from model.sensor import City, Sensor
from store.rule_packs import StoredPack, activate
from store.sensors import import_sensors
from tests.api.service import Service, serve
from tests.api.test_temporary_limits import put_in_force

GIVEN: dict[str, Any] = {"city": "jiayuguan", "interval_s": 60, "district": "xiongguan"}
GAS: dict[str, Any] = {**GIVEN, "system": "gas", "property": "combustible_gas", "unit": "%{LEL}"}
WATER: dict[str, Any] = {**GIVEN, "system": "water", "property": "water_pressure", "unit": "MPa"}
MORE = [
    Sensor(sensor="TUNNEL", attributes={"place": "utility_tunnel"}, **GAS),
    Sensor(sensor="HEAD", attributes={"floors": "6"}, **WATER),
    Sensor(sensor="NONE", **WATER),
    Sensor(
        sensor="BRIDGE", system="bridge", property="strain", unit="um/m", attributes={"design_value": "90"}, **GIVEN
    ),
]


async def rules_at(service: Service, sensor: str) -> dict[str, dict[str, Any]]:
    client = await service.client("viewer")
    answer = (await client.get(f"/api/v1/sensors/{sensor}/rules")).json()
    SensorRules.model_validate(answer)
    return {rule["rule"]: rule for rule in answer["rules"]}


async def in_force(service: Service) -> None:
    packs = [StoredPack(pack.pack, pack.version, pack.content) for pack in default_packs()]
    await activate(service.pool, packs, "test")
    await import_sensors(service.pool, MORE, [City(city="jiayuguan", mode="test")])


def test_limits_are_those_that_hold_at_the_sensor(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await in_force(service)
        gas = (await rules_at(service, "GAS-1"))["combustible-gas"]
        assert (gas["limits"], gas["deadband"]) == ({"blue": 10, "yellow": 20, "orange": 35, "red": 50}, 2)
        assert (gas["of"], gas["direction"], gas["unit"], gas["off_delay_s"]) == ("readings", "above", "%{LEL}", 300)
        assert gas["guidance"]["cause"]["zh"].startswith("附近燃气管道")
        assert gas["guidance"]["time_to_respond_s"] == 300
        tunnel = (await rules_at(service, "TUNNEL"))["combustible-gas"]
        assert tunnel["limits"] == {"blue": 10, "orange": 20, "red": 25}
        assert tunnel["rule_version"] == gas["rule_version"]

    serve(database_url, scenario)


def test_a_limit_of_an_attribute_is_in_the_unit_of_the_readings(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await in_force(service)
        found = (await rules_at(service, "HEAD"))["service-head-low"]
        assert found["unit"] == "MPa"
        assert found["limits"] == {"yellow": pytest.approx(0.2745862)}  # 28 m of water for six floors
        assert "service-head-low" not in await rules_at(service, "NONE")  # without the attribute it does not bind

    serve(database_url, scenario)


def test_a_signals_limits_stay_in_its_unit_and_what_has_none_says_so(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await in_force(service)
        found = await rules_at(service, "WATER-9")
        signals = [rule for rule in found.values() if rule["of"] == "signal"]
        assert signals
        assert all(rule["limits"] for rule in signals)
        written = {rule.rule: rule.condition.model_dump() for pack in default_packs() for rule in pack.rules}
        bridge = await rules_at(service, "BRIDGE")
        assert {rule["samples"] and rule["samples"]["needed"] for rule in bridge.values()} == {None, 2}
        assert all(rule["samples"] == written[name].get("samples") for name, rule in (found | bridge).items())
        silent = found["sensor-silent"]
        assert (silent["of"], silent["limits"], silent["unit"]) == (None, {}, None)
        assert silent["guidance"]["response"]["en"]
        assert "combustible-gas" not in found

    serve(database_url, scenario)


def test_a_temporary_limit_counts_and_is_said(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        await in_force(service)
        before = (await rules_at(service, "GAS-1"))["combustible-gas"]
        await put_in_force(service, limits={"blue": 5})
        after = (await rules_at(service, "GAS-1"))["combustible-gas"]
        assert (before["temporary"], after["temporary"]) == (False, True)
        assert after["limits"]["blue"] == 5
        assert after["rule_version"] != before["rule_version"]
        assert (await rules_at(service, "GAS-2"))["combustible-gas"]["limits"]["blue"] == 10

    serve(database_url, scenario)
