"""The books: a settled pipeline breaks no rule, and whatever is wrong in one is told."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from local.books import Accounting, Books, account_for, find_violations
from ops.mail.sent_mails import SentMail
from ops.tables.order_row import OrderRow
from tests.dead_letters import dead_letter
from tests.local.rows import order_row


def message(order_id: str, **items: int) -> str:
    lines = [{"item_id": item_id, "quantity": quantity} for item_id, quantity in items.items()]
    return json.dumps({"order_id": order_id, "customer_email": f"{order_id}@example.com", "items": lines})


def row(body: str, status: str, email_status: str | None = None) -> OrderRow:
    return order_row(json.loads(body), status, email_status)


def mail(order_id: str) -> SentMail:
    return SentMail("m", datetime.now(UTC), "s", ("r",), f"Your order {order_id} is confirmed", text="", html=None)


HAPPY, SHORT, UNSURE, FAILED = message("a", tea=2), message("b", tea=99), message("c", tea=1), message("d", tea=1)
POISON, THIEF = "no order", message("a", tea=7)
PUBLISHED = [HAPPY, HAPPY, SHORT, UNSURE, FAILED, POISON, THIEF]
STOCKED = {"tea": 10}
GOOD = Books(
    stock={"tea": 7},
    orders={
        "a": row(HAPPY, "CONFIRMED", "SENT"),
        "b": row(SHORT, "REJECTED"),
        "c": row(UNSURE, "CONFIRMED", "UNKNOWN"),
        "d": row(FAILED, "FAILED"),
    },
    mails=[mail("a")],
    dead_letters=[dead_letter(POISON, "InvalidOrder", "why"), dead_letter(THIEF, "ConflictingOrder", "why")],
    failed=frozenset({"c", "d"}),
)


def with_order(order_id: str, changed: OrderRow) -> Books:
    return replace(GOOD, orders={**GOOD.orders, order_id: changed})


def test_a_settled_pipeline_breaks_no_rule() -> None:
    assert find_violations(GOOD, stocked=STOCKED, published=PUBLISHED) == []
    unsure_mail_left = replace(GOOD, mails=[mail("a"), mail("c")])
    assert find_violations(unsure_mail_left, stocked=STOCKED, published=PUBLISHED) == []


def test_every_message_is_an_order_a_dead_letter_or_a_duplicate() -> None:
    assert account_for(GOOD, PUBLISHED) == Accounting(published=7, orders=4, refused=2, duplicates=1)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (replace(GOOD, stock={"tea": 8}), "item tea: 1 too many: 8 available and 3 held, of 10"),
        (with_order("b", row(SHORT, "CONFIRMED", "SENT")), "item tea: 99 too many: 7 available and 102 held, of 10"),
        (with_order("d", row(FAILED, "PROCESSING")), "order d: left PROCESSING"),
        (replace(GOOD, mails=[mail("a")] * 2), "order a: 2 mails"),
        (replace(GOOD, mails=[mail("a"), mail("b")]), "order b: a mail, though it is REJECTED"),
        (replace(GOOD, mails=[]), "order a: no mail, its row says SENT"),
        (replace(GOOD, mails=[mail("a"), mail("z")]), "a mail of no order: Your order z is confirmed"),
        (with_order("a", row(HAPPY, "CONFIRMED", "PENDING")), "order a: a mail, its row says PENDING"),
        (replace(GOOD, failed=frozenset({"d"})), "order c: mail UNKNOWN, and no execution that failed shows it"),
        (replace(GOOD, dead_letters=GOOD.dead_letters[1:]), "1 × neither an order nor a dead letter with a reason: no"),
        (with_order("z", row(message("z", tea=1), "REJECTED")), "order z: never published"),
        (replace(GOOD, dead_letters=[*GOOD.dead_letters, GOOD.dead_letters[0]]), "1 × a dead letter too many: no"),
        (
            replace(GOOD, dead_letters=[*GOOD.dead_letters, dead_letter(HAPPY)]),
            "a dead letter without a reason: {",
        ),
        (
            replace(GOOD, orders={name: order for name, order in GOOD.orders.items() if name != "d"}),
            "1 × neither an order nor a dead letter with a reason: {",
        ),
    ],
)
def test_what_is_wrong_is_told(wrong: Books, told: str) -> None:
    found = find_violations(wrong, stocked=STOCKED, published=PUBLISHED)
    assert any(line.startswith(told) for line in found), found
