"""Sends the confirmation mail, at most once automatically."""
