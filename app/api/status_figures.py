"""The figures of /status out of the counts: by city, district and system, and together by mode."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from model.alarm import State
from model.sensor import City
from model.severity import LABELS
from store.status import AlarmCounts, SensorCounts

_NO_ALARMS: dict[str, int] = dict.fromkeys((state.value for state in State if state is not State.NORMAL), 0)


def city_form(city: City, sensors: Sequence[SensorCounts], alarms: Sequence[AlarmCounts]) -> dict[str, Any]:
    """Return a city in the form of CityStatus from its counts; alarms of another mode are counted apart."""
    return {
        "city": city.city,
        "name": city.name,
        "name_zh": city.name_zh,
        "mode": city.mode,
        "time_zone": city.time_zone,
        "alarms_of_other_modes": sum(row.alarms for row in alarms if row.mode != city.mode),
        **_city_figures(sensors, [row for row in alarms if row.mode == city.mode]),
    }


def write_zeros(form: dict[str, Any]) -> None:
    """Put the states without alarms, which `city_form` and `totals` leave out, into a form and all within it."""
    form["alarms"] = {name: _NO_ALARMS | counts if counts else _NO_ALARMS for name, counts in form["alarms"].items()}
    for within in (*form.get("districts", ()), *form.get("systems", ())):
        write_zeros(within)


def totals(
    mode: str, cities: Sequence[City], sensors: Sequence[SensorCounts], alarms: Sequence[AlarmCounts]
) -> dict[str, Any]:
    """Return the cities of a mode together in the form of ModeTotals, with the alarms that bear that mode."""
    names = {city.city for city in cities if city.mode == mode}
    known = {city.city for city in cities}
    figures = _figures(
        [row for row in sensors if row.city in names], [row for row in alarms if row.mode == mode and row.city in known]
    )
    return {"cities": len(names), **figures}


def _city_figures(sensors: Sequence[SensorCounts], alarms: Sequence[AlarmCounts]) -> dict[str, Any]:
    systems: dict[str, dict[str, tuple[list[SensorCounts], list[AlarmCounts]]]] = defaultdict(dict)
    for of_sensors in sensors:
        systems[of_sensors.district].setdefault(of_sensors.system, ([], []))[0].append(of_sensors)
    for of_alarms in alarms:
        systems[of_alarms.district].setdefault(of_alarms.system, ([], []))[1].append(of_alarms)
    districts = [
        {
            "district": district,
            **_figures([r for s, _ in by_system.values() for r in s], [r for _, a in by_system.values() for r in a]),
            "systems": [{"system": system, **_figures(*counts)} for system, counts in sorted(by_system.items())],
        }
        for district, by_system in sorted(systems.items())
    ]
    return {**_figures(sensors, alarms), "districts": districts}


def _figures(sensors: Iterable[SensorCounts], alarms: Iterable[AlarmCounts]) -> dict[str, Any]:
    total = never = silent = bad = 0
    for row in sensors:
        total, never, silent, bad = (total + row.sensors, never + row.never_heard, silent + row.silent, bad + row.bad)
    states: dict[str, dict[str, int]] = {
        name: {} for name in ("red", "orange", "yellow", "blue", "none", "instrument", "system")
    }
    for count in alarms:
        name = count.alarm_class
        if name == "process":
            name = LABELS[count.severity - 1] or "none" if count.severity else "none"
        states[name][count.state] = states[name].get(count.state, 0) + count.alarms
    return {
        "sensors": total,
        "freshness": {"fresh": total - never - silent, "silent": silent, "never_heard": never},
        "quality": {"good": total - never - bad, "bad": bad, "unknown": never},
        "alarms": states,
    }
