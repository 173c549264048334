"""The Lambda handler that reads the order queue."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from functions.shared.aws import client
from functions.shared.errors import ConflictingOrder, InvalidOrder
from functions.shared.observability import count, logger, metrics, without_addresses
from functions.start_workflow.message import parse_order
from functions.start_workflow.start import start
from functions.start_workflow.workflow import dead_letters, workflow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

client("stepfunctions")  # made while Lambda starts the function, when it has the most CPU
_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(clear_state=True)
def start_workflow(event: dict[str, Any], _context: "LambdaContext") -> "PartialItemFailureResponse":
    """Start the workflow of every order in the batch; what could not be started stays in the queue."""
    return process_partial_response(event, _accept, _processor)


def _accept(record: "SQSRecord") -> None:
    """Take one message on, and say what keeps it from being taken on.

    An accepted order leaves one line, the metrics' own: its execution, which has its name, tells its story.
    """
    try:
        _start_or_refuse(record)
    except Exception as failure:
        _log(logger.error, "left in the queue for another try", record, failure)
        raise
    finally:
        metrics.flush_metrics()  # a line a message, so that it holds its order and no other
        logger.remove_keys(["order_id", "attempt"])


def _start_or_refuse(record: "SQSRecord") -> None:
    """Start one order, or send what can never be one to the dead letters at once: another try would not help."""
    try:
        order = parse_order(record.body)
        start(workflow(), order, _sent(record))
    except (InvalidOrder, ConflictingOrder) as refusal:
        dead_letters().send(record.body, refusal)
        count("OrdersRefused")
        _log(logger.warning, "OrdersRefused", record, refusal)


def _sent(record: "SQSRecord") -> datetime:
    """Give the moment at which the message came into the queue, UTC."""
    return datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)


def _log(write: Callable[..., None], what: str, record: "SQSRecord", error: Exception) -> None:
    message = without_addresses(str(error))
    write(what, message_id=record.message_id, error_type=type(error).__name__, error_message=message)
