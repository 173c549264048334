"""Takes an order's stock."""

from typing import Any

from functions.reserve_inventory.store import InventoryStore
from functions.shared import row
from functions.shared.aws import TransactionCancelled
from functions.shared.errors import OutOfStock, TransientError
from functions.shared.observability import count_event, logger
from functions.shared.order import Line, Order


def reserve(store: InventoryStore, order: Order, attempt: int) -> None:
    """Confirm the order and take its stock, in one transaction; done already by this attempt is done.

    Raises:
        OutOfStock: an item is unknown or too few of it are left; nothing was taken.
        TransientError: other writes were in the way.
        OrderAlreadyConfirmed, OrderClosed, OrderAlreadyFailed: the order is not open for this attempt.
    """
    try:
        store.confirm(order, attempt)
    except TransactionCancelled as cancelled:
        order_reason, *stock_reasons = cancelled.reasons
        if order_reason.condition_failed:
            found = row.Row.from_item(order_reason.item) if order_reason.item else None
            if found and found.is_at(row.CONFIRMED, attempt):
                logger.info("order confirmed already")
                return
            raise row.why_not_open(order.order_id, found) from cancelled
        if cancelled.is_transient:
            raise TransientError("ReserveInventory: other writes were in the way") from cancelled
        short = [pair for pair in zip(order.lines, stock_reasons, strict=True) if pair[1].condition_failed]
        if not short:
            raise  # a stock row that is no stock row: nothing that an order could wait for
        raise OutOfStock(_in_short([_describe_shortage(line, reason.item) for line, reason in short])) from cancelled
    count_event("OrdersConfirmed")


def _in_short(shortages: list[str]) -> str:
    """Name whole shortages, as many as the row's reason holds: all of 99 with long ids are more than Lambda carries."""
    named, said = len(shortages), "; ".join(shortages)
    while len(said) > row.LONGEST_REASON and named > 1:
        named -= 1
        said = "; ".join([*shortages[:named], f"and {len(shortages) - named} more"])
    return said[: row.LONGEST_REASON]  # an execution that was started by hand may hold an id that is longer than that


def _describe_shortage(line: Line, item: dict[str, Any] | None) -> str:
    if not item or "available" not in item:
        return f"{line.item_id}: {line.quantity} wanted, unknown item"
    if "N" not in item["available"]:
        raise ValueError(f"{line.item_id}: `available` must be a number in the inventory's row")
    return f"{line.item_id}: {line.quantity} wanted, {item['available']['N']} available"
