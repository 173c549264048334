"""The state machine, run by an interpreter and held against its policy."""
