"""The figures of /province/status: sensors by what each city says, alarms by the lines that came."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from app.api.parameters import written_or_none
from app.api.status_figures import city_form, totals
from app.northbound.incoming import PartnerStatus, read_status
from model.sensor import City
from store.province_search import OwnCounts, PartnerCity
from store.status import AlarmCounts, SensorCounts


class CityItem(NamedTuple):
    """A city as a total needs it, and its form."""

    city: City
    silent: bool
    sensors: list[SensorCounts]
    form: dict[str, Any]


def city_item(partner: PartnerCity, alarms: Sequence[OwnCounts]) -> CityItem:
    """Return a city in the form of PartnerCityStatus."""
    status = None if partner.status is None else read_status(partner.status)
    city = _city(partner, status)
    silent = status is None or partner.silent_since is not None
    sensors = [] if status is None else _sensor_counts(status, silent=silent)
    its = [one for one in alarms if one.counts.city == city.city]
    form = city_form(city, sensors, [one.counts for one in its]) | {
        "registered_mode": partner.mode,
        "heard_at": written_or_none(partner.heard_at),
        "published_at": written_or_none(partner.published_at),
        "silent": silent,
        "silent_since": written_or_none(partner.silent_since),
        "behind": None if status is None else status.behind,
        "evaluated_through": None if status is None else status.evaluated_through.clock,
        "alarms_here": city_form(city, [], _own(its))["alarms"],
        "alarms_reported": None if status is None else status.open_alarms,
        "lines_missing": partner.missing,
    }
    return CityItem(city, silent, sensors, form)


def mode_totals(mode: str, items: Sequence[CityItem], alarms: Sequence[OwnCounts]) -> dict[str, Any]:
    """Return the cities of a mode together in the form of PartnerModeTotals."""
    cities = [item.city for item in items]
    sensors = [counts for item in items for counts in item.sensors]
    return totals(mode, cities, sensors, [one.counts for one in alarms]) | {
        "cities_silent": sum(item.silent for item in items if item.city.mode == mode),
        "alarms_here": totals(mode, cities, [], _own(alarms))["alarms"],
    }


def _city(partner: PartnerCity, status: PartnerStatus | None) -> City:
    """The mode is the city's own word: it stands on its alarms too."""
    said = City(city=partner.city) if status is None else status.registered
    mode = said.mode if status is not None or partner.mode is None else partner.mode
    return City(
        city=partner.city,
        name=partner.name or said.name,
        name_zh=partner.name_zh or said.name_zh,
        time_zone=partner.time_zone or said.time_zone,
        mode=mode,
    )


def _own(alarms: Sequence[OwnCounts]) -> list[AlarmCounts]:
    return [one.counts._replace(state=one.own_state) for one in alarms]


def _sensor_counts(status: PartnerStatus, *, silent: bool) -> list[SensorCounts]:
    return [
        SensorCounts(
            city=status.city,
            district=district.district,
            system=system.system,
            sensors=system.sensors,
            never_heard=system.freshness.never_heard,
            silent=system.sensors - system.freshness.never_heard if silent else system.freshness.silent,
            bad=system.quality.bad,
        )
        for district in status.districts
        for system in district.systems
    ]
