"""Checks that stock, its movements and the orders agree, and the command for it."""
