"""How an order gets its execution: one an order, and the next one only when the last has failed."""

from datetime import UTC, datetime
from typing import Final

from functions.shared.aws import ExecutionExists
from functions.shared.errors import ConflictingOrder
from functions.shared.observability import count, measure, tell_order
from functions.shared.order import Order
from functions.start_workflow.execution import execution_name
from functions.start_workflow.workflow import Workflow

_IN_HAND: Final = frozenset({"RUNNING", "SUCCEEDED", "PENDING_REDRIVE"})


def start(workflow: Workflow, order: Order, sent: datetime) -> None:
    """Start the order's first execution, or the next if the last has failed; in hand already is a duplicate.

    `sent` is when its message was: what lies between that and the execution's start is the time it took.

    Raises:
        ConflictingOrder: the order id is used by an order with other content.
        TransientError: Step Functions is out of reach or throttles.
    """
    attempt = 1
    while True:
        tell_order(order.order_id, attempt)
        name, content = execution_name(order.order_id, attempt), order.to_input(attempt)
        asked = _now()
        try:
            started = workflow.start(name, content)
        except ExecutionExists:
            existing = workflow.describe(name)
            if existing.input != content:
                raise ConflictingOrder("order_id: is used by an order with other content") from None
            if existing.status in _IN_HAND:
                return count("OrdersDuplicate")
            attempt += 1
        else:
            if started < asked:
                return count("OrdersDuplicate")
            count("OrdersAccepted")
            return measure("SecondsToStart", started - sent)


def _now() -> datetime:
    """Give this moment to the millisecond, as Step Functions gives an execution's start."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
