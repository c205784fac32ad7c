"""Warnings to the public and to government: drafted, approved by another person, sent as CAP 1.2 messages."""
