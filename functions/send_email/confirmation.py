"""Sends the confirmation: at most once automatically, and the row always says what became of it."""

from contextlib import suppress
from datetime import UTC, datetime

from functions.send_email.mailer import Mailer
from functions.send_email.store import MailStore
from functions.shared import row
from functions.shared.aws import ConditionFailed
from functions.shared.errors import EmailOutcomeUnknown, EmailRejected, TransientError
from functions.shared.observability import count_event, logger, measure_time
from functions.shared.step import Step


def confirm_by_mail(store: MailStore, mailer: Mailer, step: Step) -> None:
    """Send the customer of a confirmed order its one mail; sent already is done.

    Its address and items are the row's, and not those of the execution's input: the row is what stock was taken for.

    A person may have it sent `over` the try that they have read, whatever that says, and over no other.

    Raises:
        TransientError: the mail has not left and another try is worth it.
        EmailRejected: SES refuses it permanently.
        EmailOutcomeUnknown: it may have left.
        OrderClosed, OrderAlreadyFailed: the order is not confirmed, so there is nothing to report.
    """
    try:
        order = _claim_mail(store, step)
    except ConditionFailed as found:
        _raise_unless_sent(store, step.order_id, found.row)
        return
    _send_mail(store, mailer, order, step.invocation)
    count_event("MailsSent")
    if step.started:
        measure_time("SecondsToMail", datetime.now(UTC) - step.started)


def _claim_mail(store: MailStore, step: Step) -> row.Row:
    """Claim a mail that nobody has tried, or, over exactly the try that was found, one that surely has not left."""
    over = step.over
    if over is None:
        try:
            return store.claim(step.order_id, step.invocation)
        except ConditionFailed as refused:
            if refused.row is None or not refused.row.mail_may_be_tried_again:
                raise
            over = refused.row.mail_try
    try:
        return store.claim(step.order_id, step.invocation, over)
    except ConditionFailed as changed:
        raise TransientError("another invocation is at this mail") from changed


def _send_mail(store: MailStore, mailer: Mailer, order: row.Row, claim: str) -> None:
    """Send the mail and write down what became of it. SES's own events may have updated the row before."""
    try:
        message_id = mailer.send(order, claim)
    except TransientError as error:
        with suppress(ConditionFailed):  # the next try reads what the row says, and goes by it
            store.not_sent(order.order_id, claim, str(error))
        raise
    except EmailRejected as error:
        with suppress(ConditionFailed):  # nothing goes back, and what SES answered is reported all the same
            store.rejected(order.order_id, claim, str(error))
            count_event("MailsRefused")
        raise
    except EmailOutcomeUnknown as error:
        try:
            store.unknown(order.order_id, claim, str(error))
        except ConditionFailed as found:
            _accept_event_status(order.order_id, claim, found.row)
            return
        count_event("MailsUnknown")
        raise
    try:
        store.sent(order.order_id, claim, message_id)
    except ConditionFailed as found:
        _accept_event_status(order.order_id, claim, found.row)


def _accept_event_status(order_id: str, claim: str, found: row.Row | None) -> None:
    """Take an event's word for what became of this claim's mail.

    Raises:
        EmailRejected: SES took the mail, and then did not let it pass.
        EmailOutcomeUnknown: the row says nothing of this mail any more.
    """
    mail = found.email_status if found and found.email_claim == claim else None
    if mail == row.MAIL_REJECTED:
        raise _reject_kept_mail(order_id)
    if mail not in row.MAIL_LEFT:
        raise EmailOutcomeUnknown(f"the mail for order {order_id!r} may have left: its row has another one")
    logger.info("an event of the mail came first", email_status=mail)


def _raise_unless_sent(store: MailStore, order_id: str, found: row.Row | None) -> None:
    """Say why the mail could not be claimed, unless that is because it was sent."""
    if found is None or found.status != row.CONFIRMED:
        raise row.why_not_open(order_id, found)
    if found.email_status in row.MAIL_LEFT:
        logger.info("mail sent already")
        return
    if found.email_earlier and found.email_status in row.MAIL_NOT_LEFT:
        raise EmailRejected(f"the mail for order {order_id!r} is sent again by hand alone: an earlier one may be out")
    if found.email_status == row.MAIL_REJECTED:
        raise _reject_kept_mail(order_id)
    if found.email_status == row.MAIL_SENDING:
        _give_up(store, found)
        raise EmailOutcomeUnknown(f"the mail for order {order_id!r} may have left: an earlier try was cut off")
    raise EmailOutcomeUnknown(f"the mail for order {order_id!r} may have left: it is {found.email_status}")


def _reject_kept_mail(order_id: str) -> EmailRejected:
    """Make the error of a mail that only a person has sent again: an execution may have succeeded with it."""
    return EmailRejected(f"SES rejected the mail for order {order_id!r} after it had taken it")


def _give_up(store: MailStore, found: row.Row) -> None:
    """Write UNKNOWN over the claim of an invocation that never reported back."""
    try:
        store.unknown(found.order_id, found.email_claim or "", "an earlier try was cut off")
    except ConditionFailed as changed:
        raise TransientError("another invocation is at this mail") from changed
    count_event("MailsUnknown")
