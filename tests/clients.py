"""The functions' clients of AWS, as tests need them."""

from typing import Any

from functions.shared import aws


def forget_clients() -> None:
    """Make the functions make their clients anew; that they are kept, `client`'s overloads hide from its type."""
    kept: Any = aws.client
    kept.cache_clear()
