"""The names of what probes make: `orders doctor --clean` takes away what is named so, and nothing else."""

import secrets
from datetime import UTC, datetime


def make_mark(what: str) -> str:
    """Name an order, an item or a message of a probe: `doctor-20260131T235959Z-3f2a-what`, the moment in UTC."""
    return f"doctor-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}-{what}"
