"""Builds and packages the functions' code."""
