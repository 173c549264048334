"""Probes of a deploy that a person starts beside them."""
