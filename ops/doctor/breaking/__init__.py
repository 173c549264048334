"""Probes that break something on purpose, and repair it."""
