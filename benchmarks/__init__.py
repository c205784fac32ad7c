"""What `lifeline bench` measures: one module a step of the way, each beside the physical limit of that step."""
