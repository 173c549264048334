"""What an order costs, and the command that prints it."""
