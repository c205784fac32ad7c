"""Alarms: rules bound to sensors, the engine that evaluates the log, the alarm life cycle and its journal."""
