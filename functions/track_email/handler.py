"""The Lambda handler that reads the queue of SES's events."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from functions.shared.aws import client
from functions.shared.observability import logger, metrics, tell_order, without_addresses
from functions.track_email.event import MailEvent
from functions.track_email.progress import track
from functions.track_email.store import progress

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

client("dynamodb")  # made while Lambda starts the function, when it has the most CPU
_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(clear_state=True)
def track_email(event: dict[str, Any], _context: "LambdaContext") -> "PartialItemFailureResponse":
    """Write down every event of the batch; what could not be written stays in the queue."""
    return process_partial_response(event, _take, _processor)


def _take(record: "SQSRecord") -> None:
    """Take one event on.

    One that cannot be read stays in the queue as well, and goes to the dead letters in the end: nobody but AWS writes
    there, so that what is wrong is how this function reads it, and once that is mended the letter is worth a redrive.
    """
    try:
        _track(record)
    except Exception as failure:
        logger.error(
            "left in the queue for another try",
            message_id=record.message_id,
            error_type=type(failure).__name__,
            error_message=without_addresses(str(failure)),
        )
        raise
    finally:
        metrics.flush_metrics()  # a line a message, so that it holds its order and no other
        logger.remove_keys(["order_id"])


def _track(record: "SQSRecord") -> None:
    mail = MailEvent.parse(record.body)
    if mail is None:
        logger.info("an event of a mail that is not ours", message_id=record.message_id)
        return
    tell_order(mail.order_id)
    track(progress(), mail)
