"""The timeline of an incident: what became known of it when, and who did what."""
