"""A dead letter as a test needs it."""

from datetime import UTC, datetime
from typing import Any

from ops.dead_letters.dead_letter import ORDERS, DeadLetter


def dead_letter(
    body: str = "{}", error_type: str | None = None, error_message: str | None = None, **fields: Any
) -> DeadLetter:
    """Make one that is about order 12345, in the orders' queue."""
    plain = {
        "queue": ORDERS,
        "message_id": "abcdef12-1",
        "sent_at": datetime(2026, 1, 1, tzinfo=UTC),
        "receive_count": 1,
        "order_id": "12345",
    }
    return DeadLetter(body=body, error_type=error_type, error_message=error_message, **{**plain, **fields})
