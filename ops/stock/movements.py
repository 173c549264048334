"""The stock and its ledger: every restock or correction is one transaction that leaves a dated movement behind.

Σ change over an item's movements = what is available + what CONFIRMED orders hold; `ops.books.check` proves it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from functions.shared.aws import TransactionCancelled, call_aws
from functions.shared.row import now_value, number_value, text_value
from ops.contract.kinds import Count, Positive
from ops.errors import Refused
from ops.shell import quote_command
from ops.stack import Stack
from ops.tables import attributes
from ops.tables.attributes import Item, Problem, in_words
from ops.tables.conditional import TRIES, ChangedMeanwhile, until_written
from ops.tables.order_row import OrderRow
from ops.tables.scan import read_all, read_by_keys, read_confirmed, read_movements

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef, UpdateTypeDef

OPENING: Final = "opening balance: stock that was put there without a movement"

_WHOLE: Final = "must be a whole number"


@dataclass(frozen=True)
class StockItem:
    """An item."""

    item_id: str
    """The item's id"""
    available: int | None
    """How many pieces can be ordered; null where the row holds no whole number"""
    movements: Count | None
    """The number of its newest movement; 0 if none accounts for it, null where the row holds no whole number"""
    problems: tuple[Problem, ...] = ()
    """Problems of the row; `orders stock set` corrects them"""

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Read a row as DynamoDB returns it."""
        counts = {
            "available": attributes.read_whole(item.get("available")),
            "movements": attributes.read_whole(item.get("movements", number_value(0))),
        }
        odd = tuple(Problem(name, _WHOLE) for name, count in counts.items() if count is None)
        return cls(item["item_id"]["S"], counts["available"], counts["movements"], odd)


def describe_odd_row(item: StockItem) -> str:
    """Say what is odd about an item's row, and what corrects it."""
    return (
        f"odd row: item {item.item_id}: {in_words(item.problems)}; its orders are rejected as of an unknown item until"
        f" you count its pieces and run {quote_command('orders stock set', item.item_id, 'COUNT')}"
    )


@dataclass(frozen=True)
class Movement:
    """A restock or correction."""

    item_id: str
    """The item's id"""
    number: Positive | None
    """Its place among the item's movements, from 1 without a gap; null where it cannot be read"""
    change: int | None
    """Pieces that came in; below 0: were taken away; null where it cannot be read"""
    moved_at: datetime | None
    """When, ISO 8601; null where it cannot be read"""
    moved_by: str | None
    """By whom: the caller's ARN; null where it cannot be read"""
    reason: str | None
    """Why; null where it cannot be read"""

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Read a row as DynamoDB returns it."""
        return cls(
            item_id=item["item_id"]["S"],
            number=attributes.read_positive(item["number"]),
            change=attributes.read_whole(item.get("change")),
            moved_at=attributes.read_moment(item.get("moved_at")),
            moved_by=attributes.read_text(item.get("moved_by")),
            reason=attributes.read_text(item.get("reason")),
        )


@dataclass(frozen=True)
class _Found:
    """An item's row as it was found, which is what a write goes by; empty where there is none."""

    item_id: str
    row: Item

    @property
    def item(self) -> StockItem | None:
        return StockItem.from_item(self.row) if self.row else None

    @property
    def is_loose(self) -> bool:
        """Whether it was stocked without a movement."""
        item = self.item
        return item is not None and not item.problems and not item.movements

    @property
    def next_number(self) -> int:
        return ((self.item.movements if self.item else 0) or 0) + 1

    def as_it_was(self, *names: str) -> tuple[list[str], dict[str, Any]]:
        """Give the condition that these attributes are still as they were found, and its values."""
        conditions = [
            f"{name} = :found_{name}" if name in self.row else f"attribute_not_exists({name})" for name in names
        ]
        return conditions, {f":found_{name}": self.row[name] for name in names if name in self.row}


class _Broken(Exception):
    """The item's row and its movements do not fit together, so that no movement can follow; says what is wrong."""


class Stock:
    """The inventory and the movements, as an operator reads and writes them."""

    def __init__(
        self, dynamodb: "DynamoDBClient", *, orders: str, inventory: str, movements: str, moved_by: str
    ) -> None:
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
        rows = read_all(self._dynamodb, self._inventory)
        return sorted(map(StockItem.from_item, rows), key=lambda item: item.item_id)

    def item(self, item_id: str) -> StockItem | None:
        """Return one item; None if nothing is known of it."""
        return self._find_item(item_id).item

    def known(self, item_ids: Collection[str]) -> dict[str, StockItem]:
        """Return those of these items of which anything is known, a hundred a call."""
        return {found.item_id: found.item for found in self._find_all(item_ids) if found.item}

    def movements(self, item_id: str) -> list[Movement]:
        """Return an item's movements, the first first."""
        return [Movement.from_item(item) for item in read_movements(self._dynamodb, self._movements, item_id)]

    def add(self, item_id: str, change: int, reason: str) -> Movement:
        """Add pieces, or take some away if `change` is below zero.

        Raises:
            Refused: fewer are available than are to be taken away, the item's row is odd, or orders kept moving it.
            TransientError: DynamoDB throttled it to the end.
        """

        def move() -> Movement:
            try:
                return self._add_movement(self._find_sound(item_id), change, reason)
            except _Broken as broken:
                raise _count_it(item_id, broken) from broken

        return until_written(item_id, move)

    def set(self, item_id: str, available: int, reason: str) -> Movement | None:
        """Make it `available` pieces, as counted; None if that many are there already.

        Where the row is odd, or gone, the movement makes the books right again, whatever stood there: its change is
        what is counted, and what CONFIRMED orders hold, less what the movements before it add up to.

        Raises:
            Refused: orders kept moving the item.
            TransientError: DynamoDB throttled it to the end.
        """

        def correct() -> Movement | None:
            try:
                found = self._find_sound(item_id)
                item = found.item
                change = available - ((item.available if item else 0) or 0)
                return self._set_available(found, available, change, reason) if change or item is None else None
            except _Broken:
                return self._repair_books(item_id, available, reason)

        return until_written(item_id, correct)

    def reconcile(self, item_id: str, reason: str) -> Movement | None:
        """Write a movement for what no movement accounts for; what is available stays. None if it adds up.

        Raises:
            Refused: nothing is known of the item, its row is odd, or orders kept moving it.
            TransientError: DynamoDB throttled it to the end.
        """

        def account() -> Movement | None:
            try:
                found = self._find_sound(item_id)
                moved = self.movements(item_id)
                if found.item is None or found.item.available is None:
                    raise _Broken("it is gone") if moved else Refused(f"unknown: {item_id}")
                available = found.item.available
                missing = available + self._sum_held([item_id])[item_id] - _sum_movements(moved)
                return self._set_available(found, available, missing, reason) if missing else None
            except _Broken as broken:
                raise _count_it(item_id, broken) from broken

        return until_written(item_id, account)

    def open(self, item_ids: Collection[str]) -> None:
        """Write the opening balance of those of these items that were stocked without a movement.

        The orders are read once for all of them; again only for those that an order moved meanwhile. An item that is
        still without a movement at the end gets its opening balance with its first movement.
        """
        for _ in range(TRIES):
            loose = [found for found in self._find_all(item_ids) if found.is_loose]
            if not loose:
                return
            held = self._sum_held([found.item_id for found in loose])
            item_ids = [found.item_id for found in loose if not self._try_opening(found, held[found.item_id])]

    def _try_opening(self, found: _Found, held: int) -> bool:
        """Write one opening balance; tell whether nothing more is to be done, as where the books are broken."""
        try:
            self._write_opening(found, held)
        except ChangedMeanwhile:
            return False
        except TransactionCancelled as cancelled:
            if not cancelled.is_transient:
                raise
            return False
        except _Broken:
            return True
        return True

    def _write_opening(self, found: _Found, held: int) -> None:
        available = (found.item.available if found.item else 0) or 0
        self._set_available(found, available, available + held, OPENING)

    def _find_sound(self, item_id: str) -> _Found:
        """Read an item that a movement may follow; one that was stocked without any gets its opening balance first.

        Raises:
            _Broken: its row is odd.
        """
        found = self._find_item(item_id)
        if found.item and found.item.problems:
            raise _Broken(in_words(found.item.problems))
        if not found.is_loose:
            return found
        self._write_opening(found, self._sum_held([item_id])[item_id])
        return self._find_item(item_id)

    def _repair_books(self, item_id: str, available: int, reason: str) -> Movement:
        """Put the counted pieces there, with the movement that makes the books right; see `set`."""
        found, movements = self._find_item(item_id), self.movements(item_id)
        newest = max((movement.number or 0 for movement in movements), default=0)
        change = available + self._sum_held([item_id])[item_id] - _sum_movements(movements)
        return self._set_available(found, available, change, reason, number_=newest + 1)

    def _sum_held(self, item_ids: Collection[str]) -> Counter[str]:
        """Add up what CONFIRMED orders hold of these items, in one reading of all orders."""
        held = Counter[str](dict.fromkeys(item_ids, 0))
        for order in map(OrderRow.from_item, read_confirmed(self._dynamodb, self._orders)):
            for line in order.held:
                if line.item_id in held:
                    held[line.item_id] += line.quantity
        return held

    def _find_item(self, item_id: str) -> _Found:
        answer = self._dynamodb.get_item(TableName=self._inventory, Key=_make_key(item_id), ConsistentRead=True)
        return _Found(item_id, answer.get("Item", {}))

    def _find_all(self, item_ids: Collection[str]) -> Iterator[_Found]:
        rows = read_by_keys(self._dynamodb, self._inventory, "item_id", item_ids)
        return (_Found(row["item_id"]["S"], row) for row in rows)

    def _add_movement(self, found: _Found, change: int, reason: str) -> Movement:
        """Move by so many, whatever orders do to the item meanwhile."""
        available = (found.item.available if found.item else 0) or 0
        if change < -available:
            raise Refused(f"{found.item_id}: {-change} cannot be taken away, {available} are available")
        conditions, values = found.as_it_was("movements")
        if not found.row:
            conditions.append("attribute_not_exists(available)")
        if change < 0:
            conditions.append("available >= :least")
            values[":least"] = number_value(-change)
        values[":change"] = number_value(change)
        update = "SET movements = :number ADD available :change", conditions, values
        return self._write_movement(found, found.next_number, change, reason, update)

    def _set_available(
        self, found: _Found, available: int, change: int, reason: str, *, number_: int | None = None
    ) -> Movement:
        """Have so many pieces, unless the row has changed since it was found."""
        conditions, values = found.as_it_was("movements", "available")
        values[":available"] = number_value(available)
        update = "SET movements = :number, available = :available", conditions, values
        return self._write_movement(found, number_ or found.next_number, change, reason, update)

    def _write_movement(
        self, found: _Found, number_: int, change: int, reason: str, update: tuple[str, list[str], dict[str, Any]]
    ) -> Movement:
        """Update the row and put the movement, both or neither."""
        movement = {
            **_make_key(found.item_id),
            "number": number_value(number_),
            "change": number_value(change),
            "moved_at": now_value(),
            "moved_by": text_value(self._moved_by),
            "reason": text_value(reason),
        }
        expression, conditions, values = update
        row: UpdateTypeDef = {
            "TableName": self._inventory,
            "Key": _make_key(found.item_id),
            "UpdateExpression": expression,
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeValues": {**values, ":number": number_value(number_)},
        }
        put: PutTypeDef = {
            "TableName": self._movements,
            "Item": movement,
            "ConditionExpression": "attribute_not_exists(item_id)",
        }
        try:
            call_aws(self._dynamodb.transact_write_items, TransactItems=[{"Update": row}, {"Put": put}])
        except TransactionCancelled as cancelled:
            raise _why_not_written(found, number_, cancelled) from cancelled
        return Movement.from_item(movement)


def _why_not_written(found: _Found, number_: int, cancelled: TransactionCancelled) -> Exception:
    """Tell what a cancelled transaction's reasons mean: the row's own, and the movement's."""
    update, put = cancelled.reasons
    if cancelled.is_transient:
        return cancelled
    if update.condition_failed:
        return ChangedMeanwhile()
    if put.condition_failed:
        return _Broken(f"it {'does not count' if found.row else 'is gone, and there is'} movement {number_}")
    return Refused(f"{found.item_id}: DynamoDB refused it: {update if update.code else put}; nothing was changed")


def _count_it(item_id: str, broken: _Broken) -> Refused:
    return Refused(f"{item_id}: its row is odd: {broken}; count its pieces, and `orders stock set` puts it right")


def _make_key(item_id: str) -> dict[str, Any]:
    return {"item_id": text_value(item_id)}


def _sum_movements(movements: Iterable[Movement]) -> int:
    return sum(movement.change or 0 for movement in movements)
