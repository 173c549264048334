"""An order whose execution is stopped as soon as it has begun, and what becomes of it."""

from functools import partial
from typing import Final

from functions.shared.execution_name import execution_name
from functions.shared.order import Order
from functions.shared.row import FAILED
from ops.doctor.own_names import make_order
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

_TRIES: Final = ("", "b", "c")
_ENDS: Final = 30.0  # seconds; a stopped execution is ABORTED at once, and DescribeExecution a moment later
_EVERY: Final = 1.0


def start_and_stop(subject: Subject, patience: Patience, run: str, kind: str) -> Order | None:
    """Start an execution as the starter does, stop it at once, and return its order; None if three had ended before.

    One that ends before it is stopped proves nothing: then another is tried. Unless the run has put its item into
    stock, nothing is held, whatever becomes of the order.
    """
    for suffix in _TRIES:
        order = make_order(run, f"{kind}{suffix}")
        if _stop_at_once(subject, patience, order) == "ABORTED":
            return order
    return None


def start_then_stop(subject: Subject, order: Order) -> str:
    """Start an order's execution as the starter does, stop it at once, and return its ARN."""
    states = subject.stack.client("stepfunctions")
    started = states.start_execution(
        stateMachineArn=_find_entry(subject), name=execution_name(order.order_id, 1), input=order.to_input(1)
    )["executionArn"]
    states.stop_execution(executionArn=started, error="Stopped", cause="orders doctor")
    return started


def was_released(subject: Subject, order: Order) -> bool:
    """Whether ReleaseAbandoned has closed the order."""
    row = Orders.of(subject.stack).row(order.order_id)
    return row is not None and row.status == FAILED


def wait_until_released(subject: Subject, patience: Patience, order: Order, *, seconds: float) -> bool:
    """Wait until ReleaseAbandoned has closed the order; whether it did."""
    look = partial(was_released, subject, order)
    return patience.wait_for("a released order", lambda: look() or None, seconds=seconds, every=_EVERY) is not None


def _stop_at_once(subject: Subject, patience: Patience, order: Order) -> str | None:
    """Start and stop one; returns how it ended."""
    started = start_then_stop(subject, order)

    def read_end() -> str | None:
        status = subject.stack.client("stepfunctions").describe_execution(executionArn=started)["status"]
        return None if status == "RUNNING" else status

    return patience.wait_for("the end of an execution", read_end, seconds=_ENDS, every=_EVERY)


def _find_entry(subject: Subject) -> str:
    """Give the ARN by which the starter starts executions: the alias's, and on the local AWS the state machine's."""
    if subject.is_local:
        return subject.stack["StateMachineArn"]
    return subject.find_resource("AWS::StepFunctions::StateMachineAlias").physical_id
