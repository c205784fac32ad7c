"""TimescaleDB: the one place that speaks SQL."""
