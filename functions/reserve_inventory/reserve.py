"""How an order's stock is taken."""

from typing import Any

from functions.reserve_inventory.store import InventoryStore
from functions.shared import row
from functions.shared.aws import Reason, TransactionCancelled
from functions.shared.errors import OutOfStock, TransientError
from functions.shared.observability import count
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
                return
            raise row.why_not_open(order.order_id, found) from cancelled
        if any(reason.transient for reason in cancelled.reasons):
            raise TransientError("ReserveInventory: other writes were in the way") from cancelled
        shortage = _shortage(order.lines, stock_reasons)
        if not shortage:
            raise  # a stock row that is no stock row: nothing that an order could wait for
        raise OutOfStock(shortage) from cancelled
    count("OrdersConfirmed")


def _shortage(lines: tuple[Line, ...], reasons: list[Reason]) -> str:
    short = [(line, reason.item) for line, reason in zip(lines, reasons, strict=True) if reason.condition_failed]
    return "; ".join(f"{line.item_id}: {line.quantity} wanted, {_available(item)}" for line, item in short)


def _available(item: dict[str, Any] | None) -> str:
    return f"{item['available']['N']} available" if item and "available" in item else "unknown item"
