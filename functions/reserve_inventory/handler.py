"""The Lambda handlers of the states ReserveInventory and ReleaseInventory, and of abandoned executions."""

from typing import TYPE_CHECKING, Any

from functions.reserve_inventory import release, reserve
from functions.reserve_inventory.abandoned import AbandonedExecution
from functions.reserve_inventory.store import open_inventory
from functions.shared.errors import InvalidOrder, OrderAlreadyConfirmed
from functions.shared.observability import logger, metrics, tell_order
from functions.shared.step import Step, workflow_step

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@workflow_step
def reserve_inventory(step: Step) -> None:
    """Take the order's stock."""
    reserve.reserve(open_inventory(), step.read_order(), step.attempt)


@workflow_step
def release_inventory(step: Step) -> None:
    """Give back what the order holds."""
    release.release_stock(open_inventory(), step.read_order(), step.attempt, step.reason)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def release_abandoned(event: dict[str, Any], _context: "LambdaContext") -> None:
    """Close the order of an execution that ended badly; only one that was stopped or timed out gives stock back.

    One that FAILED while its order is CONFIRMED failed at its mail, or its own compensation could not run. Both can be
    resumed, and a mail that cannot be sent never cancels an order.
    """
    logger.append_keys(execution=event["detail"]["name"])
    try:
        execution = AbandonedExecution.parse(event["detail"])
        tell_order(execution.order.order_id, execution.attempt)
        release.release_stock(
            open_inventory(),
            execution.order,
            execution.attempt,
            execution.reason,
            gives_back_confirmed=not execution.has_failed,
        )
    except InvalidOrder as error:
        logger.warning("an execution that was started by hand holds no order", error_message=str(error))
    except OrderAlreadyConfirmed as error:
        logger.info("the order stays confirmed", error_message=str(error))
