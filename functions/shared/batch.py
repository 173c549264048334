"""The edge of every function that reads a queue: each message is processed, logged and acknowledged separately.

It stops before Lambda's timeout. A function that Lambda stops has acknowledged nothing: its whole batch comes back, and
messages that it had refused are refused again.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from functions.shared.aws import LONGEST_READER_CALL
from functions.shared.errors import TransientError
from functions.shared.observability import count_event, logger, metrics, without_addresses

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    RequireTime = Callable[[], None]
    Take = Callable[[SQSRecord, RequireTime], None]
    Handler = Callable[[dict[str, Any], LambdaContext], PartialItemFailureResponse]

# Seconds. At worst a message takes three calls: StartExecution, DescribeExecution, and SendMessage to the dead letters.
# One that goes on to the order's next attempt asks for as much time again.
LONGEST_MESSAGE: Final = 3 * LONGEST_READER_CALL

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


class OutOfTime(TransientError):
    """Too little time is left for the message; its next delivery has more."""


def queue_reader(*, left: str) -> "Callable[[Take], Handler]":
    """Make a Lambda handler of a function that takes one message; one for which it raises stays in the queue.

    Each that stays counts as the metric `left`: Lambda sees no error in it, and SQS leaves a message out of the age of
    the oldest one once it was received three times.

    A message is begun only while there is time for the longest one. The function is also given what raises `OutOfTime`
    when there is not, for a message that may take longer than that.
    """
    return partial(_make_handler, left)


def _make_handler(left: str, take: "Take") -> "Handler":
    def one(require_time: "RequireTime", record: "SQSRecord") -> None:
        try:
            require_time()
            take(record, require_time)
        except Exception as failure:
            count_event(left)
            log_message(logger.error, "left in the queue for another try", record, failure)
            raise
        finally:
            metrics.flush_metrics()  # a line a message, so that it holds its order and no other
            logger.remove_keys(["order_id", "attempt"])

    @wraps(take)
    @logger.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: "LambdaContext") -> "PartialItemFailureResponse":
        return process_partial_response(event, partial(one, partial(_require_time, context)), _processor)

    return handler


def log_message(write: Callable[..., None], what: str, record: "SQSRecord", error: Exception) -> None:
    """Write what became of a message, and why."""
    message = without_addresses(str(error))
    write(what, message_id=record.message_id, error_type=type(error).__name__, error_message=message)


def _require_time(context: "LambdaContext") -> None:
    left = context.get_remaining_time_in_millis() / 1000
    if left < LONGEST_MESSAGE:
        raise OutOfTime(f"{left:.1f} s are left, and a message may take {LONGEST_MESSAGE:.0f} s")
