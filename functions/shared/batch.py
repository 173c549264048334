"""The edge of every function that reads a queue: a message at a time, each with lines and a fate of its own."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from functions.shared.observability import logger, metrics, without_addresses

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def queue_reader(
    take: "Callable[[SQSRecord], None]",
) -> "Callable[[dict[str, Any], LambdaContext], PartialItemFailureResponse]":
    """Make a Lambda handler of a function that takes one message; one for which it raises stays in the queue."""

    def one(record: "SQSRecord") -> None:
        try:
            take(record)
        except Exception as failure:
            log_message(logger.error, "left in the queue for another try", record, failure)
            raise
        finally:
            metrics.flush_metrics()  # a line a message, so that it holds its order and no other
            logger.remove_keys(["order_id", "attempt"])

    @wraps(take)
    @logger.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], _context: "LambdaContext") -> "PartialItemFailureResponse":
        return process_partial_response(event, one, _processor)

    return handler


def log_message(write: Callable[..., None], what: str, record: "SQSRecord", error: Exception) -> None:
    """Write what became of a message, and why."""
    message = without_addresses(str(error))
    write(what, message_id=record.message_id, error_type=type(error).__name__, error_message=message)
