"""An order's row as an operator reads it: any row can be read, also one that no step of the workflow would write."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from functions.shared.order import Line
from functions.shared.row import CANCELLED, Row
from ops.tables import attributes
from ops.tables.attributes import Item, Problem

# The attributes of an order's row, each with its rule.
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


@dataclass(frozen=True, slots=True)
class OrderRow(Row):
    """An order's row, with what only a person reads; what it lacks, or what is odd about it, is None or empty.

    `problems` are what no step of the workflow writes so.
    """

    created_at: datetime | None = None
    updated_at: datetime | None = None
    status_reason: str | None = None
    email_error: str | None = None
    problems: tuple[Problem, ...] = ()

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Read a row as DynamoDB returns it, whatever it holds."""
        found: dict[str, Any] = {name: attributes.read_text(item.get(name)) for name in _TEXTS}
        found |= {name: attributes.read_moment(item.get(name)) for name in _MOMENTS}
        found |= {
            "attempt": attributes.read_positive(item.get("attempt")),
            "items": attributes.read_lines(item.get("items")),
        }
        needed = () if found["status"] == CANCELLED else ("attempt", "items")
        problems = tuple(
            Problem(name, _RULES[name])
            for name, value in found.items()
            if value in (None, ()) and (name in item or name in needed)
        )
        return cls(order_id=item["order_id"]["S"], lines=found.pop("items"), **found, problems=problems)


def changed_at(found: OrderRow) -> datetime:
    """Give when a row changed last, to sort by; one that does not tell comes before all others."""
    return found.updated_at or datetime.min.replace(tzinfo=UTC)


def items_in_words(lines: tuple[Line, ...]) -> str:
    """Name an order's items as the mail does: 2 × item001, 1 × item002."""
    return ", ".join(map(line_in_words, lines))


def line_in_words(line: Line) -> str:
    """Name one of them."""
    return f"{line.quantity} × {line.item_id}"
