"""The timeline of an incident: what became known of it when, and who did what.

`timeline` gathers and orders it, of entries that `readings` and `entries` make; `page` shows it, with `charts`.
"""
