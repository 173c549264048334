"""Writes to the orders table when SES reports an event of a mail."""

import os
from collections.abc import Sequence
from functools import cache

from functions.shared import row
from functions.shared.aws import QUEUE_READER, call_aws, make_client
from functions.track_email.event import MailEvent


class MailProgress:
    """The one conditional write on an order's `email_…` attributes; refused, it raises `ConditionFailed`."""

    def __init__(self, table: str) -> None:
        self._table = table

    def move(self, event: MailEvent, known: Sequence[str]) -> None:
        """Write the event's status over one of those in `known`, if the row's mail is the one that the event is about.

        A reason is kept with what it is a reason for; one that led to UNKNOWN goes once the mail has turned up.
        """
        why = ", email_error = :reason" if event.reason else " REMOVE email_error"
        places = {f":known{number}": row.text_value(status) for number, status in enumerate(known)}
        call_aws(
            make_client("dynamodb", QUEUE_READER).update_item,
            TableName=self._table,
            Key=row.make_key(event.order_id),
            UpdateExpression=f"SET email_status = :status, email_message_id = :id, updated_at = :now{why}",
            ConditionExpression=f"email_claim = :claim AND email_status IN ({', '.join(places)})",
            ExpressionAttributeValues={
                ":status": row.text_value(event.status),
                ":id": row.text_value(event.message_id),
                ":claim": row.text_value(event.claim),
                ":now": row.now_value(),
                **places,
                **({":reason": row.text_value(event.reason[: row.LONGEST_REASON])} if event.reason else {}),
            },
        )


@cache
def open_mail_progress() -> MailProgress:
    """Give the table that the stack names."""
    return MailProgress(os.environ["ORDERS_TABLE"])
