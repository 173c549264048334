"""Orders' rows, made from the message."""

from collections.abc import Mapping
from typing import Any

from functions.shared.order import Line
from ops.tables.order_row import OrderRow


def order_row(message: Mapping[str, Any], status: str, email_status: str | None = None) -> OrderRow:
    lines = tuple(Line(**item) for item in message["items"])
    return OrderRow(message["order_id"], status, 1, message["customer_email"], lines, email_status)
