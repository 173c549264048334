"""Writes to the orders table when a mail is sent. `track_email` writes what SES reports later."""

import os
from functools import cache
from typing import Final

from functions.shared import row
from functions.shared.aws import call_aws, make_client

_NONE: Final = row.MailTry()


class MailStore:
    """Conditional writes on an order's `email_…` attributes; a refused one raises `ConditionFailed` with the row."""

    def __init__(self, table: str) -> None:
        self._table = table

    def claim(self, order_id: str, claim: str, last: row.MailTry = _NONE) -> row.Row:
        """Write SENDING for a confirmed order, and return the order: over no try at all, or over the `last` one found.

        A request that lands late finds another try than the one it names, and takes nothing from it. `claim` names
        this invocation: an answer lost on the way back is then recognised as its own. That a mail may be out already is
        kept permanently: whatever becomes of this one, the customer may have been notified.
        """
        still, named = _require_last_try(last)
        earlier = ", email_earlier = :status" if last.may_have_left else ""
        answer = call_aws(
            make_client("dynamodb").update_item,
            TableName=self._table,
            Key=row.make_key(order_id),
            UpdateExpression=f"SET email_status = :sending, email_claim = :claim, updated_at = :now{earlier}"
            " REMOVE email_error, email_message_id",
            ConditionExpression=f"#status = :confirmed AND (({still})"
            " OR (email_status = :sending AND email_claim = :claim))",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":confirmed": row.text_value(row.CONFIRMED),
                ":sending": row.text_value(row.MAIL_SENDING),
                ":claim": row.text_value(claim),
                ":now": row.now_value(),
                **named,
            },
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return row.Row.from_item(answer["Attributes"])

    def sent(self, order_id: str, claim: str, message_id: str) -> None:
        """Write SENT with the id that SES gave the mail; it also settles what somebody took for UNKNOWN meanwhile.

        Refused where an event of SES was faster and said more.
        """
        self._settle_claim(order_id, claim, row.MAIL_SENT, "email_message_id", message_id)

    def not_sent(self, order_id: str, claim: str, error: str) -> None:
        """Write PENDING: the next try may claim it."""
        self._settle_claim(order_id, claim, row.MAIL_PENDING, "email_error", error)

    def rejected(self, order_id: str, claim: str, error: str) -> None:
        """Write REJECTED, with what SES said."""
        self._settle_claim(order_id, claim, row.MAIL_REJECTED, "email_error", error)

    def unknown(self, order_id: str, claim: str, error: str) -> None:
        """Write UNKNOWN: the mail of this claim may have left."""
        self._settle_claim(order_id, claim, row.MAIL_UNKNOWN, "email_error", error)

    def _settle_claim(self, order_id: str, claim: str, status: str, attribute: str, value: str) -> None:
        """Write what became of this claim's mail, over SENDING, or over the same status: an answer may have been lost.

        SENT is also written over UNKNOWN.
        """
        before = [row.MAIL_SENDING, status, *([row.MAIL_UNKNOWN] if status == row.MAIL_SENT else [])]
        expected = {f":before_{number}": row.text_value(one) for number, one in enumerate(before)}
        call_aws(
            make_client("dynamodb").update_item,
            TableName=self._table,
            Key=row.make_key(order_id),
            UpdateExpression=f"SET email_status = :status, {attribute} = :value, updated_at = :now"
            + (" REMOVE email_error" if status == row.MAIL_SENT else ""),
            ConditionExpression=f"email_claim = :claim AND email_status IN ({', '.join(expected)})",
            ExpressionAttributeValues={
                ":status": row.text_value(status),
                ":value": row.text_value(value[: row.LONGEST_REASON]),
                ":claim": row.text_value(claim),
                ":now": row.now_value(),
                **expected,
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )


def _require_last_try(last: row.MailTry) -> tuple[str, dict[str, row.Value]]:
    """Give the condition that this is still the mail's last try, and its values."""
    if last.status is None:
        return "attribute_not_exists(email_status)", {}
    values = {":status": row.text_value(last.status)}
    if last.claim is None:  # nothing here writes a row so; a person may have
        return "email_status = :status AND attribute_not_exists(email_claim)", values
    return "email_status = :status AND email_claim = :last", {**values, ":last": row.text_value(last.claim)}


@cache
def open_mail_store() -> MailStore:
    """Give the table that the stack names."""
    return MailStore(os.environ["ORDERS_TABLE"])
