"""Decides whether publishing an order again starts it again, and builds the message."""

import json
from dataclasses import dataclass

from functions.shared import row
from functions.shared.errors import InvalidOrder
from functions.shared.message import parse_order
from functions.shared.order import Order
from ops.errors import Refused
from ops.orders.execution import Attempt
from ops.orders.ledger import Orders
from ops.orders.publish import message_of
from ops.shell import quote_command
from ops.tables.order_row import OrderRow


@dataclass(frozen=True)
class Retry:
    """An order to publish again, the attempt that this starts, and what there is to know about it."""

    order: Order
    attempt: int
    note: str | None = None


def read_order(orders: Orders, order_id: str) -> tuple[OrderRow | None, Attempt | None]:
    """Read what decides about a retry: the order's row, and its last execution."""
    found = orders.row(order_id)
    return found, orders.latest(order_id, at_least=(found.attempt or 0) if found else 0)


def plan_retry(order_id: str, found: OrderRow | None, latest: Attempt | None) -> Retry:
    """Say what publishing the order again would do.

    Raises:
        Refused: it would change nothing, or only a person may decide.
    """
    if found is None and latest is None:
        raise Refused(
            f"{order_id}: nothing is known of it; is it a dead letter? `orders dlq list` shows those there are"
        )
    if reason := why_not(found, latest, order_id):
        raise Refused(f"{order_id}: {reason}")
    attempt = latest.number + 1 if latest else 1
    return Retry(_choose_content(order_id, found, latest), attempt, _note_risk(found, attempt))


def why_not(found: OrderRow | None, latest: Attempt | None, name: str) -> str | None:
    """Say why publishing an order again would change nothing, or is for a person to decide; None if it helps.

    `name` stands in the commands that it names: the order's id, or ORDER where the reason is that of many.
    """
    if latest and latest.is_running:
        return (
            f"attempt {latest.number} is running: published again, it would be a duplicate;"
            f" {quote_command('orders watch', name)} follows it"
        )
    if found and (settled := _why_settled(found, name)):
        return settled
    if latest and not latest.has_failed:
        mail = (
            f"; its mail alone: {quote_command('orders email resend', name)}"
            if found and found.status == row.CONFIRMED
            else ""
        )
        return f"attempt {latest.number} has succeeded: published again, it would be a duplicate{mail}"
    return None


def _why_settled(found: OrderRow, name: str) -> str | None:
    if found.status in (row.REJECTED, row.CANCELLED):
        return f"it is {found.status}, closed permanently; what is still wanted needs a new order id"
    if found.email_status == row.MAIL_UNKNOWN:
        return (
            "its mail may have left, and publishing it sends none; ask the customer, then"
            f" {quote_command('orders email resend', name)}"
        )
    if found.status == row.CONFIRMED and found.email_earlier and found.email_status in row.MAIL_NOT_LEFT:
        return (
            f"its mail was {found.email_earlier} before another was tried, and publishing the order again sends none;"
            f" {quote_command('orders email resend', name)} does"
        )
    if found.status == row.CONFIRMED and found.mail_was_kept:
        return (
            "SES rejected its mail after it had taken it, and publishing the order again sends none;"
            f" {quote_command('orders email resend', name)} does"
        )
    if found.status == row.CONFIRMED and found.email_status in row.MAIL_LEFT:
        return f"it is CONFIRMED and its mail {found.email_status}: nothing is left to be done"
    return None


def _choose_content(order_id: str, found: OrderRow | None, latest: Attempt | None) -> Order:
    """Give what to publish: the last execution's order, since other content would be refused as a conflict.

    Where Step Functions has forgotten it, the row's.
    """
    address, lines = (found.customer_email or "", found.lines) if found else ("", ())
    try:
        order = Order.from_input(json.loads(latest.input)) if latest else Order(order_id, address, lines)
        return parse_order(message_of(order))
    except InvalidOrder as error:
        raise Refused(
            f"{order_id}: what is left of it is no order that could be published ({error});"
            " place it anew, under an id of its own"
        ) from error


def _note_risk(found: OrderRow | None, attempt: int) -> str | None:
    if found and found.status == row.FAILED and (found.attempt or 0) >= attempt:
        return (
            f"Step Functions has forgotten its executions, so the attempts count from 1 anew: this one fails,"
            f" and so does each up to attempt {found.attempt}; the one after it is processed"
        )
    return None
