"""Opens an order for an attempt, and closes it as rejected."""
