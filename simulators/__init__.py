"""Simulated cities: platforms, physics and scenarios with a known truth; publishing, recording and replaying."""
