"""What the engine is measured with: rules, sensors, readings, and engines that have seen hours of them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alerts.checkpoint import saved_arrays
from alerts.engine import Engine
from alerts.rules import Pack
from model.reading import ReadingBatch
from model.registry import Registry
from model.sensor import City, Sensor

START_MS = 1_760_000_000_000
INTERVAL_MS = 60_000
WARM_SENSORS = 1_000
WARM_ROUNDS = 240  # readings of each sensor, so that every window is full: it is then that a reading costs most

_TEXT = {"en": "measured", "zh": "测量"}
_PRESSURE = {"property": "water_pressure"}
CONDITIONS: dict[str, dict[str, Any]] = {
    "threshold": {
        "kind": "threshold", "unit": "MPa", "limits": {"blue": 0.8, "yellow": 0.9, "orange": 1.0, "red": 1.1},
        "deadband": 0.05, "off_delay_s": 1200,
    },
    "rate": {"kind": "rate", "unit": "MPa/h", "window_s": 2880, "limits": {"blue": 0.1, "yellow": 0.2}},
    "forecast": {
        "kind": "forecast", "unit": "MPa", "window_s": 1440, "horizon_s": 900, "noise_floor": 0.01,
        "limits": {"blue": 0.7, "yellow": 0.8},
    },
    "shift": {"kind": "shift", "unit": "%", "window_s": 3600, "limits": {"blue": 10, "yellow": 20}},
    "drift": {"kind": "drift", "unit": "%", "smooth_s": 600, "usual_s": 7200, "limits": {"blue": 10, "yellow": 20}},
    "noisy": {"kind": "noisy", "usual_s": 7200, "limits": {"blue": 4}, "deadband": 2},
    "rain": {"kind": "rain", "window_s": 3600, "limits": {"blue": 20, "yellow": 40}},
    "antecedent_rain": {
        "kind": "rain", "window_s": 259_200, "antecedent_s": 1_296_000, "antecedent_weight": 0.67,
        "limits": {"blue": 89},
    },
}  # fmt: skip
TRENDS = ("rate", "forecast", "shift", "drift", "noisy")
"""The kinds that a sensor of the case `trend` has all at once."""


@dataclass(frozen=True, slots=True)
class Load:
    """An engine that has seen hours of readings, and batches that follow them; `rules` watch each reading."""

    engine: Engine
    batches: Sequence[ReadingBatch]
    rules: int


def load(kinds: Sequence[str], sensors: int, size: int, readings: int) -> Load:
    """Return a load of rules of these kinds at each of `sensors` sensors, `readings` in batches of `size`.

    The engine is bound to all of them; what it remembers of each is that of one of WARM_SENSORS after WARM_ROUNDS
    readings, so that its memory is as full and as scattered as after hours of service.
    """
    pack = _pack(kinds)
    few = Engine([pack], registry(kinds[0], WARM_SENSORS))
    for batch in _stream(kinds[0], WARM_SENSORS, 10_000, 0, WARM_SENSORS * WARM_ROUNDS):
        few.evaluate(batch)
    engine = few if sensors == WARM_SENSORS else Engine([pack], registry(kinds[0], sensors))
    if engine is not few:
        repeat(few, engine)
    first = sensors * WARM_ROUNDS
    return Load(engine, list(_stream(kinds[0], sensors, size, first, first + readings)), len(kinds))


def repeat(few: Engine, many: Engine) -> None:
    """Give each sensor of `many` the state of one of `few`, which have the same rules and a multiple of the sensors.

    Both registries begin at the same key and have none left out. Groups that stand for several sensors are left alone.
    """
    begin = min(few.registry.sensors)
    many.sensors[begin:] = np.resize(few.sensors[begin:], len(many.sensors) - begin)
    known = saved_arrays(few)
    for name, array in saved_arrays(many).items():
        if len(known[name]) and name not in ("sensors", "inputs", "combination"):
            array[:] = np.resize(known[name], array.shape)
    many.clock, many.begun = few.clock, few.begun
    many.states_were_put_in()


def batches_of(minute: int, keys: Sequence[int], size: int) -> Iterator[ReadingBatch]:
    """Yield one reading of each of the sensors within a minute of the log, in an order that changes every minute."""
    chance = np.random.default_rng(minute)
    sensor = chance.permutation(np.array(keys, np.int32))
    value = chance.normal(0.5, 0.01, len(keys))
    time = START_MS + minute * INTERVAL_MS + np.arange(len(keys)) * INTERVAL_MS // len(keys)
    quality = np.zeros(len(keys), np.uint16)
    for first in range(0, len(keys), size):
        part = slice(first, first + size)
        clock = int(time[part][-1])
        arrived = np.full(len(time[part]), clock)
        yield ReadingBatch(first // size + 1, clock, sensor[part], time[part], value[part], quality[part], arrived)


def registry(kind: str, sensors: int) -> Registry:
    """Return a registry of that many sensors, each speaking once a minute."""
    observed, unit = ("rainfall", "mm") if "rain" in kind else ("water_pressure", "MPa")
    system = "weather" if "rain" in kind else "water"
    made = {
        key: Sensor(
            sensor=f"s{key}", city="bench", system=system, property=observed, unit=unit, interval_s=INTERVAL_MS / 1000
        )
        for key in range(sensors)
    }
    return Registry(1, made, {"bench": City(city="bench", mode="test")})


def _stream(kind: str, sensors: int, size: int, begin: int, end: int) -> Iterator[ReadingBatch]:
    """Yield readings number `begin` to `end`: every sensor once a minute, each minute in another order.

    Values are noise about 0.5; a sensor in a hundred rises and falls by a quarter over some hours, and one reading in a
    thousand lies far above, so that trends are found, alarms come and go, and what they cost is in the figure.
    """
    for first in range(begin, end, size):
        number = np.arange(first, min(first + size, end))
        minute, place = np.divmod(number, sensors)
        # A permutation without a table: each minute steps through the sensors with another stride and offset.
        key = ((place * _stride(sensors) + minute * 7_919) % sensors).astype(np.int32)
        chance = np.random.default_rng(first)
        value = chance.normal(0.5, 0.01, len(number))
        value += np.where(key % 100 == 0, 0.12 * np.sin(2 * np.pi * minute / 300.0), 0.0)
        value = np.where(chance.random(len(number)) < 0.001, chance.uniform(0.7, 1.2, len(number)), value)
        if "rain" in kind:
            value = np.where(value > 0.505, value - 0.5, 0.0)
        time = START_MS + minute * INTERVAL_MS + place * INTERVAL_MS // sensors
        quality = np.zeros(len(number), np.uint16)
        yield ReadingBatch(first // size + 1, int(time[-1]), key, time, value, quality, time)


def _stride(sensors: int) -> int:
    """A number near the golden section of `sensors` that shares no factor with it."""
    stride = round(sensors * 0.618) | 1
    while np.gcd(stride, sensors) != 1:
        stride += 2
    return stride


def _pack(kinds: Sequence[str]) -> Pack:
    rules = [_rule(kind) for kind in kinds]
    content = json.dumps({"pack": "bench", "description": _TEXT, "rules": rules})
    return Pack.model_validate_json(content, strict=True)


def _rule(kind: str) -> dict[str, Any]:
    instrument = kind == "noisy"
    return {
        "rule": kind.replace("_", "-"),
        "name": _TEXT,
        "class": "instrument" if instrument else "process",
        "select": {"property": "rainfall"} if "rain" in kind else _PRESSURE,
        "condition": CONDITIONS[kind],
        "priority": "low",
        "basis": [] if instrument else [{"mark": "P", "source": "measured"}],
        "guidance": {"cause": _TEXT, "consequence": _TEXT, "response": _TEXT, "time_to_respond_s": 60},
    }
