"""What to do next about an order: nothing where nothing is wrong, else a sentence with the command."""

import json
import re
from typing import Any

import pytest

from ops.dead_letters.dead_letter import DeadLetter
from ops.orders.execution import Attempt
from ops.orders.history import Visit
from ops.orders.next_step import next_step
from ops.tables.order_row import OrderRow
from tests.dead_letters import dead_letter
from tests.ops.states import START


def order(status: str | None, mail: str | None = None, **changes: Any) -> OrderRow:
    return OrderRow(**{"order_id": "12345", "status": status, "email_status": mail} | changes)


def attempt(status: str, *states: Visit, order_id: str = "12345") -> Attempt:
    ended = None if status == "RUNNING" else START
    return Attempt("12345", status, START, ended, number=1, input=json.dumps({"order_id": order_id}), states=states)


def letter(queue: str, error_type: str | None = None) -> DeadLetter:
    return dead_letter(error_type=error_type, queue=queue, message_id="abcdefgh-1")


UNVERIFIED = "SES: MessageRejected: Email address is not verified: {}"
AT_RELEASE = Visit("ReleaseInventory", START, 1.0, tries=4, error="AccessDeniedException")


@pytest.mark.parametrize(
    ("row", "execution", "expected"),
    [
        (order("CONFIRMED", "SENT"), attempt("SUCCEEDED"), None),
        (order("CONFIRMED", "DELIVERED"), attempt("FAILED"), None),
        (order("REJECTED"), attempt("SUCCEEDED"), None),
        (order("CANCELLED"), None, None),
        (order("PROCESSING"), attempt("RUNNING"), None),
        (None, attempt("RUNNING"), None),
        (order("FAILED"), attempt("FAILED"), "fix the cause, then `orders retry 12345`"),
        (order("FAILED"), attempt("FAILED"), "`orders cancel 12345`"),
        (order("PROCESSING"), attempt("TIMED_OUT"), "`orders retry 12345`"),
        (order("PROCESSING"), None, "`orders retry 12345`"),
        (None, attempt("FAILED"), "`orders retry 12345`"),
        (order("CONFIRMED"), attempt("FAILED"), "^fix the cause, then `orders retry 12345`: it is confirmed"),
        (order("CONFIRMED"), attempt("FAILED", AT_RELEASE), "then `orders retry 12345`: it is confirmed"),
        (order("CONFIRMED"), None, "^`orders retry 12345`: it is confirmed"),
        (order("CONFIRMED", "PENDING"), attempt("FAILED"), "then `orders retry 12345`: it is confirmed"),
        (order("CONFIRMED", "PENDING"), attempt("SUCCEEDED"), "`orders email resend 12345`: it is confirmed"),
        (order("CONFIRMED", "SENDING"), attempt("FAILED"), "ask the customer.*`orders email resend 12345`"),
        (order("CONFIRMED", "UNKNOWN"), attempt("FAILED"), "ask the customer .* `orders email resend 12345`"),
        (order("CONFIRMED", "REJECTED"), attempt("FAILED"), "`orders email status`.*`orders retry 12345`"),
        (order("CONFIRMED", "REJECTED"), attempt("SUCCEEDED"), "`orders email status`.*`orders email resend 12345`"),
        (
            order(
                "CONFIRMED", "REJECTED", email_error=UNVERIFIED.format("the recipient"), customer_email="a@b.example"
            ),
            attempt("FAILED"),
            "^`orders email verify a@b.example`, then `orders retry 12345`$",
        ),
        (
            order(
                "CONFIRMED",
                "REJECTED",
                email_error=UNVERIFIED.format("the recipient, the sender"),
                customer_email="a@b.example",
            ),
            attempt("FAILED"),
            "verify a@b.example`, and the sender's as well",
        ),
        (
            order("CONFIRMED", "REJECTED", email_error=UNVERIFIED.format("the sender"), customer_email="a@b.example"),
            attempt("FAILED"),
            "^fix why SES refused the mail .`orders email status`.",
        ),
        (
            order("CONFIRMED", "REJECTED", email_message_id="m-1"),
            attempt("FAILED"),
            "after it had taken it.*`orders email resend 12345`",
        ),
        (order("CONFIRMED", "REJECTED", email_message_id="m-1"), None, "`orders email resend 12345`"),
        (order("CONFIRMED", "BOUNCED"), attempt("SUCCEEDED"), "another way"),
        (order("CONFIRMED", "COMPLAINED"), attempt("SUCCEEDED"), "no more mails"),
        (order("FAILED", order_id="a b"), None, "`orders retry 'a b'`"),
    ],
)
def test_what_to_do_is_told_by_the_row_and_the_last_execution(
    row: OrderRow | None, execution: Attempt | None, expected: str | None
) -> None:
    advice = next_step(row, execution)
    if expected is None:
        assert advice is None
    else:
        assert advice is not None
        assert re.search(expected, advice)


def test_an_execution_that_tries_again_needs_nobody_and_says_why_it_does() -> None:
    state = Visit("ReserveInventory", START, 60.0, tries=3, error="TransientError")
    advice = next_step(order("PROCESSING"), attempt("RUNNING", state))
    assert advice == "nothing yet: ReserveInventory is retried automatically; the cause is TransientError"


def test_a_release_that_failed_comes_before_what_the_row_says() -> None:
    advice = next_step(order("PROCESSING"), attempt("ABORTED"), [letter("orders", "InvalidOrder"), letter("releases")])
    assert advice is not None
    assert "`orders retry 12345`" in advice
    assert "`orders dlq drop abcdefgh`" in advice


def test_a_refused_message_is_advised_about_once_its_order_is_well() -> None:
    refused = [letter("orders", "ConflictingOrder")]
    assert "an id of its own" in (next_step(order("CONFIRMED", "SENT"), attempt("SUCCEEDED"), refused) or "")
    assert "orders retry" in (next_step(order("FAILED"), attempt("FAILED"), refused) or "")
    assert "orders dlq redrive" in (next_step(None, None, [letter("orders")]) or "")
