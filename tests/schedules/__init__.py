"""Schedules: the real handlers and the real state machine, one AWS call at a time, in any order a test asks for."""
