"""The compensation: closes an order whose attempt is over, and gives back the stock it holds."""

from functions.reserve_inventory.store import InventoryStore
from functions.shared import row
from functions.shared.aws import ConditionFailed, TransactionCancelled
from functions.shared.errors import OrderAlreadyConfirmed, TransientError
from functions.shared.observability import count_event, logger
from functions.shared.order import Order


def release_stock(
    store: InventoryStore, order: Order, attempt: int, reason: str, *, gives_back_confirmed: bool = True
) -> None:
    """Close the order as FAILED. A reservation or UpdateOrder of this attempt that lands later changes nothing.

    A CONFIRMED order holds stock, and with `gives_back_confirmed` gives it back. Released already, closed otherwise, or
    in the hands of a later attempt: there is nothing to do.

    Raises:
        OrderAlreadyConfirmed: the order holds its stock and its mail was claimed; it must not be taken back.
        TransientError: other writes were in the way.
    """
    try:
        store.fail_open(order, attempt, reason)
    except ConditionFailed as refused:
        found = refused.row
        if gives_back_confirmed and found and found.status == row.CONFIRMED:
            _give_back(store, found, attempt, reason)
        else:
            logger.info("nothing to release", status=found.status if found else None)
        return
    count_event("OrdersFailed")


def _give_back(store: InventoryStore, confirmed: row.Row, attempt: int, reason: str) -> None:
    """Close the order and give its stock back, unless somebody else has done so since it was found CONFIRMED."""
    try:
        store.fail_confirmed(confirmed.order_id, confirmed.lines, attempt, reason)
    except TransactionCancelled as cancelled:
        order_reason = cancelled.reasons[0]
        if not order_reason.condition_failed:
            if cancelled.is_transient:
                raise TransientError("ReleaseInventory: other writes were in the way") from cancelled
            raise
        if order_reason.item and row.Row.from_item(order_reason.item).status == row.CONFIRMED:
            raise OrderAlreadyConfirmed(f"order {confirmed.order_id!r} stays CONFIRMED") from cancelled
        logger.info("somebody else has released it")
        return
    count_event("OrdersFailed")
