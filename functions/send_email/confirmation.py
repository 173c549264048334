"""How the confirmation is sent: at most once by itself, and never without saying what became of it."""

from functions.send_email.mailer import Mailer
from functions.send_email.store import MailStore
from functions.shared import row
from functions.shared.aws import ConditionFailed
from functions.shared.errors import EmailOutcomeUnknown, EmailRejected, TransientError
from functions.shared.observability import count, logger


def confirm(store: MailStore, mailer: Mailer, order_id: str, claim: str) -> None:
    """Send the customer of a confirmed order its one mail; sent already is done.

    Raises:
        TransientError: the mail has not left and another try is worth it.
        EmailRejected: SES refuses it for good.
        EmailOutcomeUnknown: it may have left.
        OrderClosed, OrderAlreadyFailed: the order is not confirmed, so there is nothing to tell.
    """
    try:
        order = store.claim(order_id, claim)
    except ConditionFailed as found:
        _explain(store, order_id, found.row)
        return
    try:
        message_id = mailer.send(order)
    except TransientError as error:
        store.not_sent(order_id, claim, str(error))
        raise
    except EmailRejected as error:
        store.rejected(order_id, claim, str(error))
        count("MailsRefused")
        raise
    except EmailOutcomeUnknown as error:
        store.unknown(order_id, claim, str(error))
        count("MailsUnknown")
        raise
    store.sent(order_id, claim, message_id)
    count("MailsSent")


def _explain(store: MailStore, order_id: str, found: row.Row | None) -> None:
    """Say why the mail could not be claimed, unless that is because it was sent."""
    if found is None or found.status != row.CONFIRMED:
        raise row.why_not_open(order_id, found)
    if found.email_status == row.MAIL_SENT:
        logger.info("mail sent already")
        return
    if found.email_status == row.MAIL_SENDING:
        _give_up(store, found)
        raise EmailOutcomeUnknown(f"the mail for order {order_id!r} may have left: an earlier try was cut off")
    raise EmailOutcomeUnknown(f"the mail for order {order_id!r} may have left: it is {found.email_status}")


def _give_up(store: MailStore, found: row.Row) -> None:
    """Write UNKNOWN over the claim of an invocation that never reported back."""
    try:
        store.unknown(found.order_id, found.email_claim or "", "an earlier try was cut off")
    except ConditionFailed as changed:
        raise TransientError("another invocation is at this mail") from changed
    count("MailsUnknown")
