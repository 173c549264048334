"""The costs of an order and of a month, and the command that prints them."""
