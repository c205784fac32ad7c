"""The table of all that is fuzzed, each with its share of the inputs: those that take longest have the smallest."""

from tests.fuzz import files, messages, texts
from tests.fuzz.target import Make

TARGETS: dict[str, tuple[int, Make]] = {
    "JSON readings": (140, messages.json_readings),
    "SenML readings": (120, messages.senml_readings),
    "mapped readings": (100, messages.mapped_readings),
    "Sparkplug": (100, messages.sparkplug_life),
    "MQTT frames": (80, messages.mqtt_frames),
    "topics": (50, messages.topics),
    "partners' messages": (40, messages.partners_messages),
    "instants": (60, texts.instants),
    "units": (20, texts.units),
    "expressions": (60, texts.expressions),
    "areas": (20, texts.areas),
    "SensorThings queries": (50, texts.sensorthings_queries),
    "SensorThings addresses": (20, texts.sensorthings_addresses),
    "rule files": (12, files.rule_files),
    "rule test files": (8, files.rule_test_files),
    "mapping files": (12, files.mapping_files),
    "notification files": (8, files.notification_files),
    "roster files": (8, files.roster_files),
    "identity provider mappings": (8, files.oidc_mappings),
    "sensors CSV": (20, files.sensors_csv),
    "sensors GeoJSON": (12, files.sensors_geojson),
    "cities CSV": (12, files.cities_csv),
    "readings CSV": (10, files.readings_csv),
    "readings NDJSON": (10, files.readings_ndjson),
    "readings packed": (2, files.readings_gzip),
    "networks GeoJSON": (12, files.networks_geojson),
    "networks INP": (12, files.networks_inp),
    "evidence files": (6, files.evidence_files),
    "audit files": (12, files.audit_files),
}


def shares(inputs: int) -> dict[str, int]:
    """Return how many of the inputs each target gets."""
    whole = sum(share for share, _ in TARGETS.values())
    return {name: -(-inputs * share // whole) for name, (share, _) in TARGETS.items()}
