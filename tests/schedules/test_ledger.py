"""The model itself: what it must not let pass."""

from typing import Any

import pytest

from tests.functions.cloud import INVENTORY, ORDERS
from tests.schedules.dynamodb import Change
from tests.schedules.ledger import Ledger


def row(status: str, attempt: int = 1, mail: str | None = None, quantity: int = 2) -> dict[str, Any]:
    found: dict[str, Any] = {
        "order_id": {"S": "1"},
        "status": {"S": status},
        "attempt": {"N": str(attempt)},
        "items": {"L": [{"M": {"item_id": {"S": "book"}, "quantity": {"N": str(quantity)}}}]},
        "created_at": {"S": "2026-01-01T00:00:00.000+00:00"},
    }
    return found | ({"email_status": {"S": mail}} if mail else {})


def order(old: dict[str, Any] | None, new: dict[str, Any]) -> Change:
    return Change(ORDERS, "1", old, new)


def stock(old: int, new: int) -> Change:
    return Change(INVENTORY, "book", {"available": {"N": str(old)}}, {"available": {"N": str(new)}})


KEPT = row("CONFIRMED", mail="REJECTED") | {"email_message_id": {"S": "mail-1"}}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ([order(row("PROCESSING"), row("CONFIRMED"))], "stock moved"),
        ([order(row("PROCESSING"), row("CONFIRMED")), stock(5, 4)], "stock moved"),
        ([order(row("CONFIRMED"), row("FAILED"))], "stock moved"),
        ([order(row("FAILED"), row("FAILED", 2)), stock(3, 5)], "stock moved"),
        ([stock(5, 3)], "stock moved"),
        ([order(row("PROCESSING"), row("CONFIRMED")), stock(1, -1)], "below 0"),
        ([order(row("REJECTED"), row("PROCESSING", 2))], "REJECTED to PROCESSING"),
        ([order(row("CONFIRMED"), row("PROCESSING", 2)), stock(3, 5)], "CONFIRMED to PROCESSING"),
        ([order(row("FAILED"), row("PROCESSING"))], "a closed attempt is opened"),
        ([order(row("PROCESSING", 2), row("PROCESSING", 1))], "back to attempt 1"),
        ([order(row("PROCESSING", 1), row("CONFIRMED", 2)), stock(5, 3)], "by a foreign attempt"),
        ([order(row("CONFIRMED", mail="SENDING"), row("FAILED", mail="SENDING")), stock(3, 5)], "a mail was tried"),
        ([order(KEPT, KEPT | {"email_status": {"S": "SENDING"}})], "a mail claimed that SES kept"),
        ([order(KEPT, row("CONFIRMED", mail="PENDING"))], "mail REJECTED to PENDING"),
        ([order(row("CONFIRMED", mail="UNKNOWN"), row("CONFIRMED", mail="SENDING"))], "mail UNKNOWN to SENDING"),
        ([order(row("CONFIRMED", mail="SENT"), row("CONFIRMED", mail="UNKNOWN"))], "mail SENT to UNKNOWN"),
        ([order(row("FAILED"), row("FAILED", mail="SENDING"))], "a mail claimed"),
        ([order(row("PROCESSING"), row("PROCESSING", quantity=3))], "other content"),
    ],
)
def test_a_commit_that_breaks_a_rule_is_named(changes: list[Change], named: str) -> None:
    with pytest.raises(AssertionError, match=named):
        Ledger().watch(changes)


def test_a_second_mail_and_a_mail_for_an_order_never_confirmed_are_named() -> None:
    ledger = Ledger()
    with pytest.raises(AssertionError, match="never CONFIRMED"):
        ledger.mail("1")
    ledger.watch([order(row("PROCESSING"), row("CONFIRMED")), stock(5, 3)])
    ledger.mail("1")
    with pytest.raises(AssertionError, match="second mail"):
        ledger.mail("1")


def test_stock_that_does_not_add_up_is_named() -> None:
    ledger = Ledger()
    ledger.supply["book"] = 5
    rows: dict[str, dict[str, Any]] = {ORDERS: {"1": row("CONFIRMED")}, INVENTORY: {"book": {"available": {"N": "4"}}}}
    with pytest.raises(AssertionError, match="book"):
        ledger.check(rows)
