"""The Lambda handlers of the states UpdateOrder and RejectOrder."""

from functions.shared.step import Step, workflow_step
from functions.update_order import transitions
from functions.update_order.store import open_order_store


@workflow_step
def update_order(step: Step) -> None:
    """Accept the order for processing."""
    transitions.open_order(open_order_store(), step.read_order(), step.attempt)


@workflow_step
def reject_order(step: Step) -> None:
    """Close the order, which is out of stock."""
    transitions.reject_order(open_order_store(), step.order_id, step.attempt, step.reason)
