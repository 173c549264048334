"""The `orders` command, by which an operator sees and repairs a deployed stack."""
