"""Alarms between deployments over MQTT: a city publishes its journal and status, a province (or city) takes them."""
