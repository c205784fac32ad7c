"""Payload forms: one module a form, each from bytes to columns of readings and refused entries."""
