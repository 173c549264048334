"""Sends the confirmation mail, at most once by itself."""
