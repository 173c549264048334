"""An order's row as an operator reads it: whatever it holds, also what no step of the workflow writes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from functions.shared.order import Line
from functions.shared.row import CANCELLED
from ops.tables import attributes
from ops.tables.attributes import Item, Problem

# What an order's row may hold, and the rules it must keep.
_TEXTS: Final = (
    "status",
    "customer_email",
    "status_reason",
    "email_status",
    "email_message_id",
    "email_error",
    "email_claim",
    "email_earlier",
)
_MOMENTS: Final = ("created_at", "updated_at")
_RULES: Final = {
    **dict.fromkeys(_TEXTS, "must be a text"),
    **dict.fromkeys(_MOMENTS, "must be a moment, ISO 8601"),
    "attempt": "must be a whole number from 1",
    "items": "must be a list of item_id and quantity",
}


@dataclass(frozen=True)
class OrderRow:
    """An order's row; what it lacks, or what is odd about it, is None or empty.

    `problems` are what no step of the workflow writes so. An order that was cancelled before it was placed has neither
    attempt nor items.
    """

    order_id: str
    status: str | None
    attempt: int | None
    customer_email: str | None
    items: tuple[Line, ...]
    created_at: datetime | None
    updated_at: datetime | None
    status_reason: str | None
    email_status: str | None
    email_message_id: str | None
    email_error: str | None
    email_claim: str | None = None
    email_earlier: str | None = None
    problems: tuple[Problem, ...] = ()

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Read a row as DynamoDB returns it."""
        texts = {name: attributes.text(item.get(name)) for name in _TEXTS}
        moments = {name: attributes.moment(item.get(name)) for name in _MOMENTS}
        attempt, items = attributes.positive(item.get("attempt")), attributes.lines(item.get("items"))
        needed = () if texts["status"] == CANCELLED else ("attempt", "items")
        found = {**texts, **moments, "attempt": attempt, "items": items}
        return cls(
            order_id=item["order_id"]["S"],
            status=texts["status"],
            attempt=attempt,
            customer_email=texts["customer_email"],
            items=items,
            created_at=moments["created_at"],
            updated_at=moments["updated_at"],
            status_reason=texts["status_reason"],
            email_status=texts["email_status"],
            email_message_id=texts["email_message_id"],
            email_error=texts["email_error"],
            email_claim=texts["email_claim"],
            email_earlier=texts["email_earlier"],
            problems=tuple(
                Problem(name, _RULES[name])
                for name in found
                if found[name] in (None, ()) and (name in item or name in needed)
            ),
        )


def changed_at(found: OrderRow) -> datetime:
    """Give when a row changed last, to sort by; one that does not tell comes before all others."""
    return found.updated_at or datetime.min.replace(tzinfo=UTC)


def items_in_words(items: tuple[Line, ...]) -> str:
    """Name an order's items as the mail does: 2 × item001, 1 × item002."""
    return ", ".join(f"{line.quantity} × {line.item_id}" for line in items)
