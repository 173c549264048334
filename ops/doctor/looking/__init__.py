"""Probes that look, and change nothing."""
