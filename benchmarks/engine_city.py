"""A city for measuring: sensors of eleven kinds with the default rules, and an engine that has served some of them."""

from collections.abc import Iterator, Mapping, Sequence

from alerts.engine import Engine
from alerts.rules import Pack
from benchmarks.engine_load import batches_of
from model.registry import Registry
from model.sensor import City, Sensor
from model.vocabulary import PROPERTIES

FEW_SENSORS = 1_000
CITY = City(city="bench", mode="test")
# Of a hundred sensors: system, property, how many, attributes.
_MIX: tuple[tuple[str, str, int, Mapping[str, str]], ...] = (
    ("gas", "combustible_gas", 20, {}),
    ("gas", "gas_pressure", 8, {}),
    ("gas", "gas_flow", 4, {}),
    ("water", "water_pressure", 16, {}),
    ("water", "water_flow", 8, {}),
    ("drainage", "manhole_level", 18, {"depth_m": "3.5", "diameter_m": "0.8"}),
    ("drainage", "water_depth", 12, {}),
    ("displacement", "displacement", 5, {}),
    ("heating", "supply_temperature", 4, {}),
    ("bridge", "strain", 3, {}),
    ("weather", "rainfall", 2, {}),
)


def _mixed() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    for system, observed, count, attributes in _MIX:
        yield from [(system, observed, attributes)] * count


_KINDS = list(_mixed())


def sensor(number: int) -> Sensor:
    """Sensors 300 m apart on a grid, of eleven kinds in turn, in districts of a thousand."""
    system, observed, attributes = _KINDS[number * 37 % 100]
    return Sensor(
        sensor=f"s{number}",
        city=CITY.city,
        system=system,
        property=observed,
        unit=PROPERTIES[observed].unit,
        interval_s=60.0,
        name=f"{system} {number}",
        district=f"d{number // 1_000}",
        longitude=round(98.0 + number % 400 * 0.0035, 6),
        latitude=round(39.0 + number // 400 * 0.0027, 6),
        attributes=dict(attributes),
    )


def few_of(packs: Sequence[Pack], registry: Registry, minutes: int) -> Engine:
    """Return an engine of the first FEW_SENSORS sensors after so many minutes, one reading of each a minute."""
    keys = sorted(registry.sensors)[:FEW_SENSORS]
    few = Engine(packs, Registry(1, {key: registry.sensors[key] for key in keys}, registry.cities))
    for minute in range(minutes):
        for batch in batches_of(minute, keys, FEW_SENSORS):
            few.evaluate(batch)
    return few
