"""OGC SensorThings API 1.1, read access: addresses and query options in, entities with their links out."""
