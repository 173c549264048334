"""Removes what `orders doctor --probe` left in the tables and the dead letter queues, and nothing else.

Per order one transaction deletes its row and gives back what it holds; at last one deletes the item with its movements,
once they add up to what is available. An item that somebody else has moved too stays, and so do its orders. The books
agree before, in between and after. Each write has a condition on what was read, and what moves meanwhile is left for
the next time.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from functions.shared.aws import TransactionCancelled, call_aws
from functions.shared.row import make_key, number_value, text_value
from ops.dead_letters.actions import drop_letters
from ops.dead_letters.dead_letter import DeadLetter
from ops.dead_letters.queues import peek_queues
from ops.doctor.own_names import (
    BEGINNING,
    is_made_item,
    is_own_item,
    is_own_message,
    is_own_order,
    name_item,
    run_of,
)
from ops.errors import Refused
from ops.orders.ledger import Orders
from ops.shell import quote_command
from ops.stack import Stack
from ops.stock.movements import Stock
from ops.tables.attributes import Item
from ops.tables.conditional import ChangedMeanwhile, until_written
from ops.tables.order_row import OrderRow
from ops.tables.scan import read_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import DeleteTypeDef, TransactWriteItemTypeDef, UpdateTypeDef

_MOST_MOVEMENTS: Final = 99  # a transaction has 100 actions, and one is the item's own


@dataclass(frozen=True)
class Leftovers:
    """What runs have left, and so may be removed."""

    orders: tuple[str, ...]
    items: tuple[str, ...]
    letters: tuple[DeadLetter, ...]
    shared: tuple[str, ...]  # items of runs that others have moved since: they stay, with their orders
    gap: str | None  # why dead letters may be missing

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.orders or self.items or self.letters)


def find_leftovers(stack: Stack) -> Leftovers:
    """Look for it in the tables, each read once, and among the dead letters."""
    letters, items = peek_queues(stack), _read_reasons(stack)
    own = {item_id for item_id, reasons in items.items() if is_own_item(item_id, reasons)}
    others = items.keys() - own
    return Leftovers(
        orders=tuple(
            sorted(one.order_id for one in _read_orders(stack) if name_item(run_of(one.order_id)) not in others)
        ),
        items=tuple(sorted(own)),
        letters=tuple(filter(is_own_message, letters.letters)),
        shared=tuple(sorted(item_id for item_id in others if is_made_item(item_id, items[item_id]))),
        gap=letters.gap,
    )


def remove_leftovers(stack: Stack, found: Leftovers) -> Iterator[str]:
    """Remove them, the items last; yields what had to stay, each with its reason."""
    under_way = set[str]()
    for order_id in found.orders:
        for refusal in _try_removing(order_id, partial(_remove_order, stack, order_id)):
            under_way.add(name_item(run_of(order_id)))
            yield refusal
    for item_id in found.items:
        if item_id in under_way:
            yield f"{item_id}: an order of it is left"
        else:
            yield from _try_removing(item_id, partial(_remove_item, stack, item_id))
    dropped = drop_letters(stack, found.letters, lambda _letter: None)
    for letter, reason in dropped.failed:
        yield f"dead letter {letter.short_id}: {reason}"


def _read_orders(stack: Stack) -> Iterator[OrderRow]:
    rows = map(OrderRow.from_item, _read_beginning(stack, "OrdersTableName", "order_id"))
    return (found for found in rows if is_own_order(found))


def _read_reasons(stack: Stack) -> dict[str, list[str | None]]:
    """Read why each item has moved whose id begins as a run's does."""
    stock = Stock.of(stack)
    item_ids = [found["item_id"]["S"] for found in _read_beginning(stack, "InventoryTableName", "item_id")]
    return {item_id: [moved.reason for moved in stock.movements(item_id)] for item_id in item_ids}


def _read_beginning(stack: Stack, table: str, key: str) -> Iterator[Item]:
    """Read a table's rows whose key begins as a run's does; most often these are few."""
    return read_all(
        stack.client("dynamodb"),
        stack[table],
        FilterExpression=f"begins_with({key}, :beginning)",
        ExpressionAttributeValues={":beginning": text_value(BEGINNING)},
    )


def _try_removing(name: str, remove: Callable[[], None]) -> Iterator[str]:
    try:
        until_written(name, remove)
    except Refused as refusal:
        yield str(refusal)


def _remove_order(stack: Stack, order_id: str) -> None:
    """Delete an order's row as it is read here, and give back what it holds."""
    orders = Orders.of(stack)
    found = orders.row(order_id)
    if found is None:
        return
    if not is_own_order(found):
        raise Refused(f"{order_id}: somebody else has placed it again")
    latest = orders.latest(order_id, at_least=found.attempt or 0)
    if latest and latest.is_running:
        raise Refused(f"{order_id}: its execution is still under way")
    _write(stack, [{"Delete": _delete_order(stack, found)}, *_give_back(stack, found)])


def _delete_order(stack: Stack, found: OrderRow) -> "DeleteTypeDef":
    read = {
        "status": found.status and text_value(found.status),
        "attempt": found.attempt and number_value(found.attempt),
        "email_status": found.email_status and text_value(found.email_status),
    }
    conditions, values = _as_read(read)
    return {
        "TableName": stack["OrdersTableName"],
        "Key": make_key(found.order_id),
        "ConditionExpression": conditions,
        "ExpressionAttributeNames": {f"#{name}": name for name in read},
        "ExpressionAttributeValues": values,
    }


def _as_read(read: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Give the condition that a row's attributes are as they were read, and its values; one that is None is absent."""
    conditions = [
        f"attribute_not_exists(#{name})" if value is None else f"#{name} = :{name}" for name, value in read.items()
    ]
    return " AND ".join(conditions), {f":{name}": value for name, value in read.items() if value is not None}


def _give_back(stack: Stack, found: OrderRow) -> "Iterator[TransactWriteItemTypeDef]":
    """Give back what an order holds, unless its item is gone, or moves before that is written.

    Raises:
        Refused: the item is not, or not only, the doctor's.
    """
    stock, (item_id,) = Stock.of(stack), [line.item_id for line in found.lines]
    if stock.item(item_id) is None:
        return
    moved = stock.movements(item_id)
    if not is_own_item(item_id, [one.reason for one in moved]):
        raise Refused(f"{found.order_id}: others use its item too")
    for line in found.held:
        given: UpdateTypeDef = {
            "TableName": stack["InventoryTableName"],
            "Key": {"item_id": text_value(item_id)},
            "UpdateExpression": "ADD available :quantity",
            "ConditionExpression": "movements = :movements",
            "ExpressionAttributeValues": {
                ":quantity": number_value(line.quantity),
                ":movements": number_value(len(moved)),
            },
        }
        yield {"Update": given}


def _remove_item(stack: Stack, item_id: str) -> None:
    """Delete an item that nobody holds, with all of its movements."""
    stock = Stock.of(stack)
    item, moved = stock.item(item_id), stock.movements(item_id)
    if item is None:
        return
    if not is_own_item(item_id, [one.reason for one in moved]):
        raise Refused(f"{item_id}: others use it too")
    numbers = [one.number for one in moved if one.number is not None]
    if item.available is None or item.available != sum(one.change or 0 for one in moved) or len(numbers) < len(moved):
        says = quote_command("orders check")
        raise Refused(f"{item_id}: an order still holds it, or its books are wrong; {says} says which")
    if len(moved) > _MOST_MOVEMENTS:
        raise Refused(f"{item_id}: it has {len(moved)} movements, so others use it too")
    conditions, values = _as_read({"available": number_value(item.available), "movements": number_value(len(moved))})
    key, names = {"item_id": text_value(item_id)}, {"#available": "available", "#movements": "movements"}
    row_: DeleteTypeDef = {
        "TableName": stack["InventoryTableName"],
        "Key": key,
        "ConditionExpression": conditions,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
    table = stack["StockMovementsTableName"]
    movements: list[TransactWriteItemTypeDef] = [
        {"Delete": {"TableName": table, "Key": {**key, "number": number_value(number)}}} for number in numbers
    ]
    _write(stack, [{"Delete": row_}, *movements])


def _write(stack: Stack, actions: "list[TransactWriteItemTypeDef]") -> None:
    """Do all of it or nothing.

    Raises:
        ChangedMeanwhile: a row is not as it was read.
        TransactionCancelled: other writes were in the way.
    """
    try:
        call_aws(stack.client("dynamodb").transact_write_items, TransactItems=actions)
    except TransactionCancelled as cancelled:
        if any(reason.condition_failed for reason in cancelled.reasons):
            raise ChangedMeanwhile from cancelled
        raise
