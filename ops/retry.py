"""Which orders can be started again by publishing them, and what is published then."""

import json
from dataclasses import dataclass

from functions.shared import row
from functions.shared.errors import InvalidOrder
from functions.shared.order import Order
from functions.start_workflow.message import parse_order
from ops.errors import Refused
from ops.next_step import command
from ops.orders import Attempt, OrderRow
from ops.publish import message_of


@dataclass(frozen=True)
class Retry:
    """An order to publish again, the attempt that this starts, and what there is to know about it."""

    order: Order
    attempt: int
    note: str | None = None


def plan(order_id: str, found: OrderRow | None, latest: Attempt | None) -> Retry:
    """Say what publishing the order again would do.

    Raises:
        Refused: it would change nothing, or only a person may decide.
    """
    if found is None and latest is None:
        raise Refused(
            f"{order_id}: nothing is known of it; is it a dead letter? `orders dlq list` shows those there are"
        )
    if latest and latest.is_running:
        raise Refused(
            f"{order_id}: attempt {latest.number} is running: published again, it would be a duplicate;"
            f" {command('watch', order_id)} follows it"
        )
    if found:
        _refuse_settled(found)
    if latest and not latest.has_failed:
        mail = (
            f"; its mail alone: {command('email resend', order_id)}" if found and found.status == row.CONFIRMED else ""
        )
        raise Refused(
            f"{order_id}: attempt {latest.number} has succeeded: published again, it would be a duplicate{mail}"
        )
    attempt = latest.number + 1 if latest else 1
    return Retry(_content(order_id, found, latest), attempt, _note(found, attempt))


def _refuse_settled(found: OrderRow) -> None:
    order_id = found.order_id
    if found.status in (row.REJECTED, row.CANCELLED):
        raise Refused(f"{order_id}: it is {found.status}, closed for good; what is still wanted needs a new order id")
    if found.email_status == row.MAIL_UNKNOWN:
        raise Refused(
            f"{order_id}: its mail may have left, and publishing it sends none; ask the customer, then"
            f" {command('email resend', order_id)}"
        )
    if found.status == row.CONFIRMED and row.was_kept_by_ses(found.email_status, found.email_message_id):
        raise Refused(
            f"{order_id}: SES rejected its mail after it had taken it, and publishing the order again sends none;"
            f" {command('email resend', order_id)} does"
        )
    if found.status == row.CONFIRMED and found.email_status in row.MAIL_LEFT:
        raise Refused(f"{order_id}: it is CONFIRMED and its mail {found.email_status}: nothing is left to be done")


def _content(order_id: str, found: OrderRow | None, latest: Attempt | None) -> Order:
    """Give what to publish: the last execution's order, since other content would be refused as a conflict.

    Where Step Functions has forgotten it, the row's.
    """
    address, items = (found.customer_email or "", found.items) if found else ("", ())
    try:
        order = Order.from_input(json.loads(latest.input)) if latest else Order(order_id, address, items)
        return parse_order(message_of(order))
    except InvalidOrder as error:
        raise Refused(
            f"{order_id}: what is left of it is no order that could be published ({error});"
            " place it anew, under an id of its own"
        ) from error


def _note(found: OrderRow | None, attempt: int) -> str | None:
    if found and found.status == row.FAILED and (found.attempt or 0) >= attempt:
        return (
            f"Step Functions has forgotten its executions, so the attempts count from 1 anew: this one fails,"
            f" and so does each up to attempt {found.attempt}; the one after it is processed"
        )
    return None
