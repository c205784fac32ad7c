"""The page at the root of SensorThings: the sets, and which requirements of the standard are met."""

from typing import Any

from store.thing_entities import ENTITIES

_REQUIREMENTS = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
# Each is shown by a test of tests/sensorthings, and no other is claimed. Not among them: built-in-query-functions
# (of places, only those that a point can answer), and all that writes.
CONFORMANCE = tuple(
    _REQUIREMENTS + name
    for name in (
        "datamodel/entity-control-information",
        "datamodel/thing/properties", "datamodel/thing/relations",
        "datamodel/location/properties", "datamodel/location/relations",
        "datamodel/historical-location/properties", "datamodel/historical-location/relations",
        "datamodel/datastream/properties", "datamodel/datastream/relations",
        "datamodel/sensor/properties", "datamodel/sensor/relations",
        "datamodel/observed-property/properties", "datamodel/observed-property/relations",
        "datamodel/observation/properties", "datamodel/observation/relations",
        "datamodel/feature-of-interest/properties", "datamodel/feature-of-interest/relations",
        "resource-path/resource-path-to-entities",
        "request-data/order", "request-data/expand", "request-data/select", "request-data/status-code",
        "request-data/query-status-code", "request-data/orderby", "request-data/top", "request-data/skip",
        "request-data/count", "request-data/filter", "request-data/built-in-filter-operations",
        "request-data/pagination",
    )
)  # fmt: skip


def landing_page(root: str) -> dict[str, Any]:
    """Return what a client reads first."""
    return {
        "value": [{"name": name, "url": f"{root}/{name}"} for name in ENTITIES],
        "serverSettings": {"conformance": list(CONFORMANCE)},
    }
