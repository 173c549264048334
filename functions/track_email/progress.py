"""Applies a mail's event to its order's row: forward only, and only if the row is about that same mail."""

from typing import Final

from functions.shared import row
from functions.shared.aws import ConditionFailed
from functions.shared.observability import count_event, logger
from functions.track_email.event import MailEvent
from functions.track_email.store import MailProgress

_COUNTED: Final = {
    row.MAIL_DELIVERED: "MailsDelivered",
    row.MAIL_BOUNCED: "MailsBounced",
    row.MAIL_COMPLAINED: "MailsComplained",
    row.MAIL_REJECTED: "MailsRefused",
}


def track_mail(store: MailProgress, event: MailEvent) -> None:
    """Move the mail on; an event that says nothing new, or of a mail that the row has not, changes nothing.

    Raises:
        TransientError: the table is out of reach or throttles.
    """
    try:
        store.move(event, row.mail_follows(event.status))
    except ConditionFailed:
        logger.info("the row says as much or more, or is another mail's", email_status=event.status)
        return
    if event.status in _COUNTED:
        count_event(_COUNTED[event.status])
    else:
        logger.info("mail is on its way", email_status=event.status)
