"""Orders: their rows and executions, what can be done with them, and the commands for it."""
