"""Opens an order, and rejects it."""

from functions.shared import row
from functions.shared.aws import ConditionFailed
from functions.shared.observability import count_event, logger
from functions.shared.order import Order
from functions.update_order.store import OrderStore


def open_order(store: OrderStore, order: Order, attempt: int) -> None:
    """Put the order to PROCESSING for this attempt.

    Raises:
        OrderAlreadyConfirmed, OrderClosed, OrderAlreadyFailed: the order is not to be worked on; see `why_not_open`.
    """
    try:
        store.open(order, attempt)
    except ConditionFailed as found:
        raise row.why_not_open(order.order_id, found.row) from found
    logger.info("order opened")


def reject_order(store: OrderStore, order_id: str, attempt: int, reason: str) -> None:
    """Close the order as REJECTED; nothing was taken for it.

    Raises:
        OrderAlreadyConfirmed: a reservation thought lost took the stock after all.
        OrderClosed, OrderAlreadyFailed: somebody else has closed it otherwise.
    """
    try:
        store.reject(order_id, attempt, reason)
    except ConditionFailed as found:
        if found.row and found.row.is_at(row.REJECTED, attempt):
            logger.info("order rejected already")
            return
        raise row.why_not_open(order_id, found.row) from found
    count_event("OrdersRejected")
