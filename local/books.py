"""What must be true of any pipeline once it has settled, seen from tables, queues, mails and executions alone."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ops.dead_letters.dead_letter import DeadLetter

_TERMINAL: Final = frozenset({"CONFIRMED", "REJECTED", "FAILED", "CANCELLED"})
_MAIL_LEFT: Final = frozenset({"SENT", "DELIVERED", "BOUNCED", "COMPLAINED"})


@dataclass(frozen=True)
class Books:
    """One look at everything, after the system has settled.

    `failed` are the orders of which an execution ended FAILED, TIMED_OUT or ABORTED.
    """

    stock: Mapping[str, int]
    orders: Mapping[str, Mapping[str, Any]]
    mails: Sequence[Mapping[str, Any]]
    dead_letters: Sequence[DeadLetter]
    failed: frozenset[str]


@dataclass(frozen=True)
class Account:
    """Where each published message has gone: published = orders + refused + duplicates, and nothing else."""

    published: int
    orders: int
    refused: int
    duplicates: int  # a message that an order's row or a dead letter has already accounted for


def account(books: Books, published: Sequence[str]) -> Account:
    """Count where the published messages have gone; that each is somewhere is what `violations` tells."""
    refused = sum(letter.error_type is not None for letter in books.dead_letters)
    orders = len(books.orders)
    return Account(len(published), orders, refused, len(published) - orders - refused)


def violations(books: Books, *, stocked: Mapping[str, int], published: Sequence[str]) -> list[str]:
    """Return what is not as it must be; nothing, if all is well.

    Args:
        books: What is there.
        stocked: The pieces of each item that were there before the first order.
        published: The body of every message that was published.
    """
    return [
        *_of_stock(books, stocked),
        *_of_statuses(books),
        *_of_mails(books),
        *_of_messages(books, published),
    ]


def _of_stock(books: Books, stocked: Mapping[str, int]) -> Iterator[str]:
    held: Counter[str] = Counter()
    for order in books.orders.values():
        if order["status"] == "CONFIRMED":
            held.update({line["item_id"]: int(line["quantity"]) for line in order["items"]})
    for item_id, initial in stocked.items():
        left = books.stock.get(item_id, 0)
        if left + held[item_id] != initial or left < 0:
            yield f"item {item_id}: {left} left and {held[item_id]} held, of {initial}"


def _of_statuses(books: Books) -> Iterator[str]:
    for order_id, order in books.orders.items():
        if order["status"] not in _TERMINAL:
            yield f"order {order_id}: left {order['status']}"


def _of_mails(books: Books) -> Iterator[str]:
    sent = Counter(str(mail["Subject"]) for mail in books.mails)
    for order_id, order in books.orders.items():
        count, status = sent.pop(f"Your order {order_id} is confirmed", 0), order.get("email_status")
        if count > 1:
            yield f"order {order_id}: {count} mails"
        if count and order["status"] != "CONFIRMED":
            yield f"order {order_id}: a mail, though it is {order['status']}"
        if (status in _MAIL_LEFT) != bool(count) and not (count and status == "UNKNOWN"):
            yield f"order {order_id}: {count} mails, its row says {status}"
        if order["status"] == "CONFIRMED" and status not in _MAIL_LEFT and order_id not in books.failed:
            yield f"order {order_id}: mail {status}, and no execution that failed shows it"
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


def _is_of(body: str, orders: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether this message's order has a row, with this content."""
    order = orders.get(_order_id(body) or "")
    if order is None:
        return False
    message = json.loads(body)
    try:
        return message["customer_email"] == order["customer_email"] and _sums(message["items"]) == _sums(order["items"])
    except (KeyError, TypeError, ValueError):
        return False


def _sums(lines: Iterable[Mapping[str, Any]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for line in lines:
        sums[line["item_id"]] += int(line["quantity"])
    return sums


def _order_id(body: str) -> str | None:
    try:
        message = json.loads(body)
    except ValueError:
        return None
    order_id = message.get("order_id") if isinstance(message, dict) else None
    return order_id if isinstance(order_id, str) else None
