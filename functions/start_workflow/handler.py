"""The Lambda handler that reads the order queue."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from functions.shared.aws import make_client
from functions.shared.batch import log_message, queue_reader
from functions.shared.errors import ConflictingOrder, InvalidOrder
from functions.shared.message import parse_order
from functions.shared.observability import count_event, logger
from functions.start_workflow.attempts import start_execution
from functions.start_workflow.destinations import dead_letters, open_workflow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from functions.shared.batch import RequireTime

make_client("stepfunctions")  # made while Lambda starts the function, when it has the most CPU


@queue_reader(left="OrdersLeft")
def start_workflow(record: "SQSRecord", require_time: "RequireTime") -> None:
    """Start one order, or send what can never be one to the dead letters at once: another try would not help.

    An accepted order leaves one line, the metrics' own: its execution, which has its name, tells its story.
    """
    try:
        order = parse_order(record.body)
        start_execution(open_workflow(), order, _read_sent_time(record), require_time)
    except (InvalidOrder, ConflictingOrder) as refusal:
        dead_letters().send(record.body, refusal)
        count_event("OrdersRefused")
        log_message(logger.warning, "OrdersRefused", record, refusal)


def _read_sent_time(record: "SQSRecord") -> datetime:
    """Give the moment at which the message came into the queue, UTC."""
    return datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
