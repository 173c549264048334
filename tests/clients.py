"""Clients of AWS, as tests need them."""

from typing import Any

from functions.shared import aws


def forget_clients() -> None:
    """Make the functions make their clients anew; that they are kept, `client`'s overloads hide from its type."""
    kept: Any = aws.make_client
    kept.cache_clear()


def pose_as_client(double: object) -> Any:
    """Give a double where a client is asked for: it has the few operations that the test needs."""
    return double
