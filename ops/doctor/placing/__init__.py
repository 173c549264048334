"""Probes that place orders of their own, and what removes them."""
