"""Rules that hold for any pipeline once it has settled, checked on its tables, queues, mails and executions."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from functions.send_email.mail_subject import write_subject
from functions.shared.errors import InvalidOrder
from functions.shared.message import parse_order
from functions.shared.row import ENDS
from ops.books.balance import check_mails, check_order, find_imbalances
from ops.dead_letters.dead_letter import DeadLetter
from ops.mail.sent_mails import SentMail
from ops.tables.order_row import OrderRow


@dataclass(frozen=True)
class Books:
    """One look at everything, after the system has settled.

    `failed` are the orders of which an execution ended FAILED, TIMED_OUT or ABORTED.
    """

    stock: Mapping[str, int]
    orders: Mapping[str, OrderRow]
    mails: Sequence[SentMail]
    dead_letters: Sequence[DeadLetter]
    failed: frozenset[str]


@dataclass(frozen=True)
class Accounting:
    """Accounts for each published message: published = orders + refused + duplicates."""

    published: int
    orders: int
    refused: int
    duplicates: int  # a message that an order's row or a dead letter has already accounted for


def account_for(books: Books, published: Sequence[str]) -> Accounting:
    """Count where the published messages have gone; that each is somewhere is what `violations` tells."""
    refused = sum(letter.error_type is not None for letter in books.dead_letters)
    orders = len(books.orders)
    return Accounting(len(published), orders, refused, len(published) - orders - refused)


def find_violations(books: Books, *, stocked: Mapping[str, int], published: Sequence[str]) -> list[str]:
    """Return what is not as it must be; nothing, if all is well.

    Args:
        books: What is there.
        stocked: The pieces of each item that were there before the first order.
        published: The body of every message that was published.
    """
    available = {item_id: books.stock.get(item_id, 0) for item_id in stocked}
    return [
        *find_imbalances(books.orders.values(), available=available, moved=stocked),
        *_of_orders(books),
        *_of_messages(books, published),
    ]


def _of_orders(books: Books) -> Iterator[str]:
    sent = Counter(mail.subject for mail in books.mails)
    for order_id, order in books.orders.items():
        if order.status not in ENDS:
            yield f"order {order_id}: left {order.status}"
        mails = sent.pop(write_subject(order_id), 0)
        for problem in (*check_order(order), *check_mails(order, mails, is_shown=order_id in books.failed)):
            yield f"order {order_id}: {problem}"
    for subject in sent:
        yield f"a mail of no order: {subject}"


def _of_messages(books: Books, published: Sequence[str]) -> Iterator[str]:
    expected = Counter(body for body in published if not _is_of(body, books.orders))
    found = Counter(letter.body for letter in books.dead_letters if letter.error_type and letter.error_message)
    for body, count in (expected - found).items():
        yield f"{count} × neither an order nor a dead letter with a reason: {body[:80]}"
    for body, count in (found - expected).items():
        yield f"{count} × a dead letter too many: {body[:80]}"
    for letter in books.dead_letters:
        if not letter.error_type:
            yield f"a dead letter without a reason: {letter.body[:80]}"
    known = {order_id for order_id in map(_order_id, published) if order_id}
    for order_id in books.orders.keys() - known:
        yield f"order {order_id}: never published"


def _is_of(body: str, orders: Mapping[str, OrderRow]) -> bool:
    """Whether this message's order has a row, with this content."""
    order = orders.get(_order_id(body) or "")
    if order is None:
        return False
    try:
        message = parse_order(body)
    except InvalidOrder:
        return False
    return (message.customer_email, message.lines) == (order.customer_email, order.lines)


def _order_id(body: str) -> str | None:
    try:
        message = json.loads(body)
    except ValueError:
        return None
    order_id = message.get("order_id") if isinstance(message, dict) else None
    return order_id if isinstance(order_id, str) else None
