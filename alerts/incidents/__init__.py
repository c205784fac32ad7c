"""Incidents: alarms and reports that belong together, folded out of the journal, with their probable cause."""
