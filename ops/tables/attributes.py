"""A row's attributes as an operator's tools read them: whatever anybody wrote there, reading never fails.

The functions read their own rows strictly (`functions.shared.row`). Here an attribute that is missing or of another
kind is None, or no lines, and the row says so among its `problems`; so an odd row is named, and the others are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from functions.shared.order import Line

# Its values are one of DynamoDB's attribute values, such as {"S": "text"}; None where the row has none
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """An attribute that is not as it must be; above it is null or empty."""

    attribute: str
    """Its name"""
    rule: str
    """The rule it must follow"""

    def __str__(self) -> str:
        """Give it as a sentence."""
        return f"`{self.attribute}` {self.rule}"


def in_words(problems: tuple[Problem, ...]) -> str:
    """Name several."""
    return "; ".join(map(str, problems))


def read_text(value: Any) -> str | None:
    found = _of_kind(value, "S")
    return found if isinstance(found, str) else None


def read_whole(value: Any) -> int | None:
    """Read a whole number."""
    try:
        number = Decimal(_of_kind(value, "N"))
        return int(number) if number == number.to_integral_value() else None
    except (ArithmeticError, TypeError, ValueError):
        return None


def read_positive(value: Any) -> int | None:
    """Read a whole number from 1."""
    number = read_whole(value)
    return number if number and number > 0 else None


def read_moment(value: Any) -> datetime | None:
    """Read a moment, ISO 8601; one without an offset is UTC."""
    try:
        found = datetime.fromisoformat(read_text(value) or "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_lines(value: Any) -> tuple[Line, ...]:
    """Read an order's items: all of them or, where one is odd, none."""
    found = _of_kind(value, "L")
    read = [_read_line(_of_kind(line, "M")) for line in found] if isinstance(found, list) else []
    whole_lines = tuple(line for line in read if line)
    return whole_lines if len(whole_lines) == len(read) else ()


def _read_line(fields: Any) -> Line | None:
    if not isinstance(fields, Mapping):
        return None
    item_id, quantity = read_text(fields.get("item_id")), read_positive(fields.get("quantity"))
    return Line(item_id, quantity) if item_id and quantity else None


def _of_kind(value: Any, kind: str) -> Any:
    return value.get(kind) if isinstance(value, Mapping) else None
