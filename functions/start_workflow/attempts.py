"""Starts an order's execution: one for each order, and another only when the last has failed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from functions.shared.aws import ExecutionExists
from functions.shared.errors import ConflictingOrder, TransientError
from functions.shared.execution_name import execution_name
from functions.shared.observability import count_event, measure_time, tell_order
from functions.shared.order import Order
from functions.start_workflow.destinations import EarlierExecution, Workflow

_ENDED_BADLY: Final = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})

# Our clock and Step Functions' may differ by this much.
_CLOCKS_DIFFER: Final = timedelta(seconds=5)


def start_execution(workflow: Workflow, order: Order, sent: datetime, require_time: Callable[[], None]) -> None:
    """Start the order's first execution, or the next if the last has failed; in hand already is a duplicate.

    `sent` is when its message was: what lies between that and the execution's start is the time it took.

    Raises:
        ConflictingOrder: the order id is used by an order with other content.
        TransientError: Step Functions is out of reach, throttles, or contradicts itself; or the time is up.
    """
    attempt = 1
    while True:
        require_time()
        tell_order(order.order_id, attempt)
        name, content = execution_name(order.order_id, attempt), order.to_input(attempt)
        asked = _current_time()
        try:
            started = workflow.start(name, content)
        except ExecutionExists:
            if _is_done(workflow.describe(name), content):
                return count_event("OrdersDuplicate")
            attempt += 1
        else:
            if _was_running(started, asked):
                return count_event("OrdersDuplicate")
            count_event("OrdersAccepted")
            return measure_time("SecondsToStart", started - sent)


def _was_running(started: datetime, asked: datetime) -> bool:
    """Tell whether StartExecution answered with an execution that was there before, and not with a new one.

    Its answer for a running execution of the same name and input differs from that for a new one in nothing but
    `startDate`, which is Step Functions' clock, while `asked` is ours. Only the count of duplicates hangs on it. So an
    accepted order never counts as a duplicate where our clock is ahead by less than `_CLOCKS_DIFFER`, and a duplicate
    that comes within that time counts as accepted.
    """
    return started < asked - _CLOCKS_DIFFER


def _is_done(existing: EarlierExecution, content: str) -> bool:
    """Tell whether an execution that kept this one from its name has succeeded; else it has failed.

    A running one of the same content would not have: what says so is a look that came too late (DescribeExecution is
    eventually consistent), or the execution is being redriven. Taken for a duplicate, the retry of an order that has
    failed would be lost.
    """
    if existing.input != content:
        raise ConflictingOrder("order_id: is used by an order with other content")
    if existing.status == "SUCCEEDED":
        return True
    if existing.status in _ENDED_BADLY:
        return False
    raise TransientError(f"the execution's name is taken, and it is {existing.status}")


def _current_time() -> datetime:
    return datetime.now(UTC)
