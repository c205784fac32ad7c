"""Well-kept hydraulic solvers behind plain functions: networks and events in, arrays out."""
