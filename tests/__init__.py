"""The project's tests, in folders that mirror what they test."""
