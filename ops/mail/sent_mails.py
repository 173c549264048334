"""The mails that SES on the local AWS was given. SES on AWS keeps none: no API reads a mail that was sent."""

import http
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from functions.send_email.mail_subject import write_subject
from ops.errors import Refused, StackError
from ops.local_aws import ACCOUNT, get_path
from ops.mail.addresses import order_mail
from ops.stack import LOCAL_STAGE, Stack


@dataclass(frozen=True)
class SentMail:
    """A mail that was sent."""

    message_id: str
    """The id that SES gave it"""
    sent_at: datetime
    """When, ISO 8601"""
    sender: str
    """From whom"""
    recipients: tuple[str, ...]
    """To whom"""
    subject: str
    """Its subject"""
    text: str
    """Its text part"""
    html: str | None
    """Its HTML part; null if it has none"""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read one of the emulator's records."""
        return cls(
            message_id=record["MessageId"],
            sent_at=datetime.fromtimestamp(record["Timestamp"], UTC),
            sender=record["Source"],
            recipients=tuple(record["To"]),
            subject=record["Subject"],
            text=record["BodyText"],
            html=record["BodyHtml"] or None,
        )


def read_sent_mails(endpoint: str) -> list[SentMail]:
    """Read all mails of the local AWS there, oldest first.

    Raises:
        StackError: it does not answer, or is no emulator that keeps them.
    """
    try:
        status, body = get_path(endpoint, f"/_ministack/ses/messages?account={ACCOUNT}")
    except (OSError, http.client.HTTPException) as error:
        raise StackError(f"the local AWS at {endpoint} did not return its mails: {error}") from error
    if status != http.HTTPStatus.OK:
        raise StackError(f"the local AWS at {endpoint} did not return its mails: {status} {body[:200]!r}")
    return [SentMail.from_record(record) for record in json.loads(body)["messages"].get(ACCOUNT, [])]


def read_order_mails(stack: Stack, order_id: str) -> list[SentMail]:
    """Read an order's mails, oldest first: one, or more where a person had it sent again.

    Raises:
        Refused: there is none, with the reason where the row has one; or the stack is on AWS.
    """
    if stack.stage != LOCAL_STAGE:
        raise Refused(
            "AWS keeps no mail that was sent: no API reads one. The customer's mailbox has it;"
            " the same order on the local AWS (`make up`) gives the same text"
        )
    subject = write_subject(order_id)
    found = [mail for mail in read_sent_mails(stack.client("sesv2").meta.endpoint_url) if mail.subject == subject]
    if not found:
        order = order_mail(stack, order_id)
        why = ": ".join(filter(None, (order.email_status, order.email_error)))
        raise Refused(
            f"order {order_id}: no mail has left; "
            + (f"its mail is {why}" if why else f"nobody has tried to send one, the order is {order.status}")
        )
    return found
