"""Takes an order's stock, and gives it back."""
