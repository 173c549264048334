"""An order whose execution is stopped as soon as it has begun, and what becomes of it."""

from functools import partial
from typing import Final

from functions.shared.execution_name import execution_name
from functions.shared.order import Line, Order
from functions.shared.row import FAILED
from ops.doctor.patience import Patience
from ops.doctor.subject import Subject
from ops.orders.ledger import Orders

# Of its calls, which a probe that uses it adds to its own.
ACTIONS: Final = (
    "cloudformation:ListStackResources",
    "dynamodb:GetItem",
    "states:DescribeExecution",
    "states:StartExecution",
    "states:StopExecution",
)

_TRIES: Final = 3
_ENDS: Final = 30.0  # seconds; a stopped execution is ABORTED at once, and DescribeExecution a moment later
_EVERY: Final = 1.0


def start_and_stop(subject: Subject, patience: Patience, mark: str, item_id: str | None = None) -> Order | None:
    """Start an execution as the starter does, stop it at once, and return its order.

    One that ends before it is stopped proves nothing: then another is tried. The orders' ids begin with the mark.

    Args:
        subject: The stage.
        patience: How to wait.
        mark: A name that `make_mark` has made.
        item_id: What is ordered. Without, an item that is not in stock: whatever becomes of the order, nothing is held.

    Returns:
        The order of the execution that was stopped; None if three had ended before.
    """
    for number in range(1, _TRIES + 1):
        order = _make_order(f"{mark}-{number}", item_id or mark)
        if _stop_at_once(subject, patience, order) == "ABORTED":
            return order
    return None


def was_released(subject: Subject, order: Order) -> bool:
    """Whether ReleaseAbandoned has closed the order."""
    row = Orders.of(subject.stack).row(order.order_id)
    return row is not None and row.status == FAILED


def wait_until_released(subject: Subject, patience: Patience, order: Order, *, seconds: float) -> bool:
    """Wait until ReleaseAbandoned has closed the order; whether it did."""
    look = partial(was_released, subject, order)
    return patience.wait_for("a released order", lambda: look() or None, seconds=seconds, every=_EVERY) is not None


def _make_order(order_id: str, item_id: str) -> Order:
    """Make an order to SES's mailbox simulator, should its execution come as far as the mail."""
    return Order(order_id, f"success+{order_id}@simulator.amazonses.com", (Line(item_id, 1),))


def _stop_at_once(subject: Subject, patience: Patience, order: Order) -> str | None:
    """Start and stop one; returns how it ended."""
    states = subject.stack.client("stepfunctions")
    started = states.start_execution(
        stateMachineArn=_find_entry(subject), name=execution_name(order.order_id, 1), input=order.to_input(1)
    )["executionArn"]
    states.stop_execution(executionArn=started)

    def read_end() -> str | None:
        status = states.describe_execution(executionArn=started)["status"]
        return None if status == "RUNNING" else status

    return patience.wait_for("the end of an execution", read_end, seconds=_ENDS, every=_EVERY)


def _find_entry(subject: Subject) -> str:
    """Give the ARN by which the starter starts executions: the alias's, and on the local AWS the state machine's."""
    aliases = subject.find_resources("AWS::StepFunctions::StateMachineAlias")
    return aliases[0].physical_id if aliases else subject.stack["StateMachineArn"]
