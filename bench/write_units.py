"""What DynamoDB charges for a write, from the rows it writes.

The rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from decimal import Decimal
from math import ceil
from typing import Any

StoredRow = dict[str, Any]

UNIT = 1024  # bytes


def item_size(row: StoredRow) -> int:
    """Give a row's size in bytes: its attributes' names and values."""
    return sum(_size_text(name) + _size_value(value) for name, value in row.items())


def _size_value(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return _size_text(content)
        case "N":
            digits = len(Decimal(content).normalize().as_tuple().digits)
            return ceil(digits / 2) + 1 + str(content).startswith("-")
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _size_value(element) for element in content)
        case "M":
            return 3 + sum(1 + _size_text(name) + _size_value(element) for name, element in content.items())
    raise ValueError(f"attribute value of type {kind}")


def _size_text(text: str) -> int:
    return len(text.encode())


def list_written_rows(operation: str, parameters: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name the rows a call writes, by table and key, one entry an action."""
    if operation == "UpdateItem":
        return [(parameters["TableName"], parameters["Key"])]
    if operation == "TransactWriteItems":
        actions = (action["Update"] for action in parameters["TransactItems"])  # KeyError: of no other kind yet
        return [(action["TableName"], action["Key"]) for action in actions]
    raise ValueError(f"the benchmark does not know what dynamodb:{operation} costs")


def write_units(operation: str, before: list[StoredRow | None], after: list[StoredRow | None]) -> int:
    """Give a call's write units: for every row the larger of before and after, in a transaction twice."""
    sizes = (max(item_size(old or {}), item_size(new or {})) for old, new in zip(before, after, strict=True))
    units = sum(max(1, ceil(size / UNIT)) for size in sizes)
    return units * 2 if operation == "TransactWriteItems" else units
