"""The stock and its ledger: every restock or correction is one transaction that leaves a dated movement behind.

Σ change over an item's movements = what is available + what CONFIRMED orders hold; `ops.check` proves it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self, TypeVar

from functions.shared.aws import TransactionCancelled, call
from functions.shared.row import CONFIRMED, number, text
from ops.errors import Refused
from ops.stack import Stack

T = TypeVar("T")

# Between reading a row and writing it an order may come in between; this often in a row it does not.
_TRIES: Final = 10
OPENING: Final = "opening balance: stock that was put there without a movement"


@dataclass(frozen=True)
class StockItem:
    """An item's row; `movements` is the number of its newest movement, 0 if no movement put it there."""

    item_id: str
    available: int
    movements: int


@dataclass(frozen=True)
class Movement:
    """One restock or correction; `number` counts an item's movements from 1, without a gap."""

    item_id: str
    number: int
    change: int
    moved_at: datetime
    moved_by: str
    reason: str


class _ChangedMeanwhile(Exception):
    """Somebody else wrote the row in between."""


class Stock:
    """The inventory and the movements, as an operator reads and writes them."""

    def __init__(self, dynamodb: Any, *, orders: str, inventory: str, movements: str, moved_by: str) -> None:
        self._dynamodb = dynamodb
        self._orders = orders
        self._inventory = inventory
        self._movements = movements
        self._moved_by = moved_by

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Give the stock of a deployed stack; its movements bear the caller's name."""
        return cls(
            stack.client("dynamodb"),
            orders=stack["OrdersTableName"],
            inventory=stack["InventoryTableName"],
            movements=stack["StockMovementsTableName"],
            moved_by=stack.caller,
        )

    def items(self) -> list[StockItem]:
        """Return every item, by its id."""
        pages = self._pages("scan", TableName=self._inventory, ConsistentRead=True)
        return sorted((_item(row) for row in pages), key=lambda item: item.item_id)

    def item(self, item_id: str) -> StockItem | None:
        """Return one item; None if nothing is known of it."""
        answer = self._dynamodb.get_item(TableName=self._inventory, Key=_key(item_id), ConsistentRead=True)
        return _item(answer["Item"]) if "Item" in answer else None

    def movements(self, item_id: str) -> list[Movement]:
        """Return an item's movements, the first first."""
        rows = self._pages(
            "query",
            TableName=self._movements,
            KeyConditionExpression="item_id = :item",
            ExpressionAttributeValues={":item": text(item_id)},
            ConsistentRead=True,
        )
        return [_movement(row) for row in rows]

    def add(self, item_id: str, change: int, reason: str) -> Movement:
        """Add pieces, or take some away if `change` is below zero.

        Raises:
            Refused: fewer are available than are to be taken away, or orders kept moving the item.
        """
        return self._until_written(item_id, lambda item: self._move(item, item_id, change, reason))

    def set(self, item_id: str, available: int, reason: str) -> Movement | None:
        """Make it `available` pieces, as counted; None if that many are there already.

        Raises:
            Refused: orders kept moving the item.
        """

        def correct(item: StockItem | None) -> Movement | None:
            change = available - (item.available if item else 0)
            if item and item.movements and not change:
                return None
            return self._move(item, item_id, change, reason, only_from=item.available if item else None)

        return self._until_written(item_id, correct)

    def reconcile(self, item_id: str, reason: str) -> Movement | None:
        """Write a movement for what no movement accounts for; what is available stays. None if it adds up.

        Raises:
            Refused: nothing is known of the item, or orders kept moving it.
        """

        def account(item: StockItem | None) -> Movement | None:
            if item is None:
                raise Refused(f"unknown: {item_id}")
            moved = sum(movement.change for movement in self.movements(item_id))
            missing = item.available + self._held(item_id) - moved
            return self._write(item, item_id, 0, missing, reason, only_from=item.available) if missing else None

        return self._until_written(item_id, account)

    def _held(self, item_id: str) -> int:
        """Add up what CONFIRMED orders hold of an item."""
        return sum(_quantity(row, item_id) for row in self._confirmed())

    def _until_written(self, item_id: str, write: Callable[[StockItem | None], T]) -> T:
        for _ in range(_TRIES):
            try:
                return write(self._opened(item_id))
            except _ChangedMeanwhile:
                continue
        raise Refused(f"{item_id}: orders moved it each of the {_TRIES} times it was tried; nothing was changed")

    def _opened(self, item_id: str) -> StockItem | None:
        """Read an item; one that was stocked without a movement gets its opening balance first."""
        item = self.item(item_id)
        if item is None or item.movements:
            return item
        self._write(item, item_id, 0, item.available + self._held(item_id), OPENING, only_from=item.available)
        return self.item(item_id)

    def _confirmed(self) -> Iterator[dict[str, Any]]:
        return self._pages(
            "scan",
            TableName=self._orders,
            FilterExpression="#status = :confirmed",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":confirmed": text(CONFIRMED)},
            ConsistentRead=True,
        )

    def _move(
        self, item: StockItem | None, item_id: str, change: int, reason: str, *, only_from: int | None = None
    ) -> Movement:
        if change < -(item.available if item else 0):
            raise Refused(f"{item_id}: {-change} cannot be taken away, {item.available if item else 0} are available")
        return self._write(item, item_id, change, change, reason, only_from=only_from)

    def _write(
        self,
        item: StockItem | None,
        item_id: str,
        change: int,
        recorded: int,
        reason: str,
        *,
        only_from: int | None,
    ) -> Movement:
        """Change the row and put the movement, both or neither; `only_from` is the count the row must still have."""
        movement = Movement(
            item_id, (item.movements if item else 0) + 1, recorded, datetime.now(UTC), self._moved_by, reason
        )
        try:
            call(
                self._dynamodb.transact_write_items,
                TransactItems=[
                    {"Update": self._update(item, movement, change, only_from)},
                    {"Put": self._put(movement)},
                ],
            )
        except TransactionCancelled as cancelled:
            raise _ChangedMeanwhile from cancelled
        return movement

    def _update(self, item: StockItem | None, movement: Movement, change: int, only_from: int | None) -> dict[str, Any]:
        values = {":change": number(change), ":number": number(movement.number)}
        conditions = ["attribute_not_exists(movements)" if movement.number == 1 else "movements = :before"]
        if movement.number > 1:
            values[":before"] = number(movement.number - 1)
        if item is None:
            conditions.append("attribute_not_exists(available)")
        if change < 0:
            conditions.append("available >= :least")
            values[":least"] = number(-change)
        if only_from is not None:
            conditions.append("available = :found")
            values[":found"] = number(only_from)
        return {
            "TableName": self._inventory,
            "Key": _key(movement.item_id),
            "UpdateExpression": "SET movements = :number ADD available :change",
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeValues": values,
        }

    def _put(self, movement: Movement) -> dict[str, Any]:
        return {
            "TableName": self._movements,
            "Item": {
                "item_id": text(movement.item_id),
                "number": number(movement.number),
                "change": number(movement.change),
                "moved_at": text(movement.moved_at.isoformat(timespec="milliseconds")),
                "moved_by": text(movement.moved_by),
                "reason": text(movement.reason),
            },
            "ConditionExpression": "attribute_not_exists(item_id)",
        }

    def _pages(self, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        for page in self._dynamodb.get_paginator(operation).paginate(**parameters):
            yield from page["Items"]


def _key(item_id: str) -> dict[str, Any]:
    return {"item_id": text(item_id)}


def _item(row: dict[str, Any]) -> StockItem:
    return StockItem(
        row["item_id"]["S"], int(row.get("available", {}).get("N", 0)), int(row.get("movements", {}).get("N", 0))
    )


def _movement(row: dict[str, Any]) -> Movement:
    return Movement(
        item_id=row["item_id"]["S"],
        number=int(row["number"]["N"]),
        change=int(row["change"]["N"]),
        moved_at=datetime.fromisoformat(row["moved_at"]["S"]),
        moved_by=row["moved_by"]["S"],
        reason=row["reason"]["S"],
    )


def _quantity(order: dict[str, Any], item_id: str) -> int:
    lines = (line["M"] for line in order.get("items", {}).get("L", ()))
    return sum(int(line["quantity"]["N"]) for line in lines if line["item_id"]["S"] == item_id)
