"""Orders' rows as the local stack's tools read them, made from the message."""

from collections.abc import Mapping
from typing import Any

from functions.shared.order import Line
from ops.tables.order_row import OrderRow


def order_row(message: Mapping[str, Any], status: str, email_status: str | None = None) -> OrderRow:
    fields: dict[str, Any] = dict.fromkeys(OrderRow.__dataclass_fields__) | {
        "order_id": message["order_id"],
        "status": status,
        "attempt": 1,
        "customer_email": message["customer_email"],
        "lines": tuple(Line(**item) for item in message["items"]),
        "email_status": email_status,
        "problems": (),
    }
    return OrderRow(**fields)
