"""A burst of orders through the deployed stack, and an account of where every message went: `make load`."""
