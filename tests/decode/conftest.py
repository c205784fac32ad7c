"""A small registry that every golden case is decoded against."""

from __future__ import annotations

import pytest

from model.registry import Registry
from model.sensor import City, Sensor, check_sensor

SENSORS = (
    Sensor(sensor="gas-1", city="jiayuguan", system="gas", property="combustible_gas", unit="%{LEL}", interval_s=60),
    Sensor(sensor="gas-2", city="jiayuguan", system="gas", property="combustible_gas", unit="[ppm]", interval_s=60),
    Sensor(sensor="pipe-1", city="jiayuguan", system="water", property="water_pressure", unit="MPa", interval_s=60),
    Sensor(sensor="pipe-2", city="jiayuguan", system="water", property="water_pressure", unit="kPa", interval_s=60),
    Sensor(sensor="dam-1", city="jinchang", system="displacement", property="displacement", unit="mm", interval_s=3600),
)


@pytest.fixture(scope="session")
def registry() -> Registry:
    for sensor in SENSORS:
        check_sensor(sensor)
    cities = {name: City(city=name, mode="test") for name in ("jiayuguan", "jinchang")}
    return Registry(1, dict(enumerate(SENSORS, start=1)), cities)
