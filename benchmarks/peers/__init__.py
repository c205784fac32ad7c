"""Lifeline beside what a user would pick instead: the same load, broker, database and key, in one run."""
