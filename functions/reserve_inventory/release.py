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

    Released already, closed otherwise, or in the hands of a later attempt: there is nothing to do; nor is there for a
    CONFIRMED order, unless what it holds is to be given back.

    Raises:
        OrderAlreadyConfirmed: the order holds its stock and its mail was claimed; it must not be taken back.
        TransientError: other writes were in the way.
    """
    try:
        store.fail_open(order, attempt, reason)
    except ConditionFailed as found:
        held = found.row if found.row and found.row.status == row.CONFIRMED and gives_back_confirmed else None
        if held is None or not _give_back(store, held, attempt, reason):
            logger.info("nothing to release", status=found.row.status if found.row else None)
            return
    count_event("OrdersFailed")


def _give_back(store: InventoryStore, confirmed: row.Row, attempt: int, reason: str) -> bool:
    """Tell whether this call, and not another one at the same time, gave the stock back."""
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
        return False
    return True
