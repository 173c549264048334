"""An order as the workflow carries it, and its canonical JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from functions.shared.errors import InvalidOrder

T = TypeVar("T")

# DynamoDB allows 100 actions in a transaction, and one of them is the order's own:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MOST_ITEMS: Final = 99

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

_KINDS: Final = {str: "it as a text", int: "it as a whole number from 1", list: "a list of at least one"}


@dataclass(frozen=True, slots=True)
class Line:
    """One item of an order; `quantity` is a whole number of pieces, 1 or more."""

    item_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Order:
    """A customer's order: each item once, sorted by its id, so that equal orders compare equal."""

    order_id: str
    customer_email: str
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        distinct = len({line.item_id for line in self.lines})
        if distinct > MOST_ITEMS:
            raise InvalidOrder(f"items: must be at most {MOST_ITEMS} distinct items, not {distinct}")
        if distinct < len(self.lines):
            raise InvalidOrder("items: must hold each item once")

    @classmethod
    def from_input(cls, data: Mapping[str, Any]) -> Self:
        """Read the order out of an execution's input.

        Raises:
            InvalidOrder: the execution was started by hand with something the starter would have refused.
        """
        return cls(
            order_id=order_id_of(data),
            customer_email=_read_field(data, "customer_email", str),
            lines=tuple(
                Line(_read_field(line, "item_id", str), _read_field(line, "quantity", int))
                for line in _read_field(data, "items", list)
            ),
        )

    def to_input(self, attempt: int) -> str:
        """Render the input of this order's execution number `attempt`, byte-identical for equal orders."""
        content = {
            "attempt": attempt,
            "customer_email": self.customer_email,
            "items": [{"item_id": line.item_id, "quantity": line.quantity} for line in self.lines],
            "order_id": self.order_id,
        }
        return _encode(content)


def order_id_of(data: Mapping[str, Any]) -> str:
    """Read the order's id out of an execution's input."""
    return _read_field(data, "order_id", str)


def attempt_of(data: Mapping[str, Any]) -> int:
    """Read the number of the order's execution, from 1, out of an execution's input."""
    return _read_field(data, "attempt", int)


def _read_field(data: Any, name: str, kind: type[T]) -> T:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool) or not value or (isinstance(value, int) and value < 1):
        raise InvalidOrder(f"{name}: the execution's input must hold {_KINDS[kind]}")
    return value
