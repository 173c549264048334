"""The Lambda handler that reads the queue of SES's events."""

from typing import TYPE_CHECKING

from functions.shared.aws import QUEUE_READER, make_client
from functions.shared.batch import queue_reader
from functions.shared.observability import logger, tell_order
from functions.track_email.event import MailEvent
from functions.track_email.progress import track_mail
from functions.track_email.store import open_mail_progress

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from functions.shared.batch import RequireTime

make_client("dynamodb", QUEUE_READER)  # made while Lambda starts the function, when it has the most CPU


@queue_reader(left="MailEventsLeft")
def track_email(record: "SQSRecord", _require_time: "RequireTime") -> None:
    """Write one event down.

    One that cannot be read stays in the queue as well, and goes to the dead letters in the end: nobody but AWS writes
    there, so that what is wrong is how this function reads it; once that is fixed, the dead letter is worth a redrive.
    """
    mail = MailEvent.parse(record.body)
    if mail is None:
        logger.info("an event of a mail that is not ours", message_id=record.message_id)
        return
    tell_order(mail.order_id)
    track_mail(open_mail_progress(), mail)
