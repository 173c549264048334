"""Advice to a person about an order, in one sentence; None if nothing is wrong or AWS still retries."""

from collections.abc import Sequence

from functions.shared import row
from ops.dead_letters.advice import give_advice
from ops.dead_letters.dead_letter import RELEASES, DeadLetter
from ops.orders.execution import Attempt
from ops.shell import quote_command
from ops.tables.order_row import OrderRow


def next_step(order: OrderRow | None, latest: Attempt | None, letters: Sequence[DeadLetter] = ()) -> str | None:
    """Say what to do about an order, by its row, its last execution and the dead letters that name it."""
    releases = [letter for letter in letters if letter.queue == RELEASES]
    for_the_order = None if releases else of_order(order, latest)
    return for_the_order or next((give_advice(letter) for letter in [*releases, *letters]), None)


def of_order(order: OrderRow | None, latest: Attempt | None) -> str | None:
    """Likewise, by its row and its last execution alone."""
    if latest and latest.is_running:
        return _while_it_runs(latest)
    if order is None:
        return (
            f"{_retry_command(latest.order_id)}: it has no row"
            if latest and latest.order_id and latest.has_failed
            else None
        )
    if order.status == row.CONFIRMED:
        return _about_the_mail(order, latest)
    if order.status == row.FAILED:
        cancel_it = quote_command("orders cancel", order.order_id)
        return f"fix the cause, then {_retry_command(order.order_id)}; or {cancel_it}"
    if order.status in (row.REJECTED, row.CANCELLED):
        return None
    return f"{_retry_command(order.order_id)}: nobody works on it any more"


def _while_it_runs(latest: Attempt) -> str | None:
    state = latest.states[-1] if latest.states else None
    if state is None or state.error is None or state.tries == 0:
        return None
    return f"nothing yet: {state.state} is retried automatically; the cause is {state.error}"


def _about_the_mail(order: OrderRow, latest: Attempt | None) -> str | None:
    """A succeeded execution is not followed by another: there the mail alone is sent again."""
    name = order.order_id
    if order.email_status in (row.MAIL_SENT, row.MAIL_DELIVERED):
        return None
    resend = quote_command("orders email resend", name)
    if order.email_earlier and order.email_status in row.MAIL_NOT_LEFT:
        return f"an earlier mail was {order.email_earlier}: nothing, or, if the customer asks for another, {resend}"
    if order.mail_was_kept:
        return f"SES rejected the mail after it had taken it: fix what it found in the mail, then {resend}"
    again = resend if latest and not latest.has_failed else _retry_command(name)
    cause = "fix the cause, then " if latest and latest.has_failed else ""
    untold = f"{cause}{again}: it is confirmed, but the customer was not notified"
    return {
        row.MAIL_UNKNOWN: f"ask the customer whether the mail came; if not, {resend}",
        row.MAIL_REJECTED: f"{_find_refusal_fix(order)}, then {again}",
        row.MAIL_SENDING: f"its sender died over the mail, which may have left: ask the customer; if not, {resend}",
        row.MAIL_BOUNCED: "reach the customer another way: the address took no mail",
        row.MAIL_COMPLAINED: "write no more mails to this customer, who reported this one as unwanted",
    }.get(order.email_status or "", untold)


def _find_refusal_fix(order: OrderRow) -> str:
    """Name what has SES take the mail. Which address it did not know, `functions/send_email/mailer.py` writes."""
    refusal = order.email_error or ""
    if "not verified" in refusal and "the recipient" in refusal and order.customer_email:
        sender = ", and the sender's as well (`orders email status`)" if "the sender" in refusal else ""
        return f"{quote_command('orders email verify', order.customer_email)}{sender}"
    return "fix why SES refused the mail (`orders email status`)"


def _retry_command(order_id: str) -> str:
    return quote_command("orders retry", order_id)
