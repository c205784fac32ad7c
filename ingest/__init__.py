"""The way in: MQTT messages are decoded, checked against the registry, gathered, stored, and only then acknowledged."""
