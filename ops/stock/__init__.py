"""Stock and its movements, and the commands for them."""
