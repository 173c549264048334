"""Which orders publishing again would start, with what, and which it would not."""

import json
from typing import Any

import pytest

from functions.shared.order import Line, Order
from ops.errors import Refused
from ops.orders.execution import Attempt
from ops.orders.retry import plan_retry
from ops.tables.order_row import OrderRow
from tests.ops.orders.test_next_step import order
from tests.ops.states import START

ORDER = Order("12345", "customer@example.com", (Line("tea", 2),))


def row(status: str, mail: str | None = None, **changes: Any) -> OrderRow:
    return order(
        status, mail, **{"customer_email": ORDER.customer_email, "lines": ORDER.lines, "attempt": 1, **changes}
    )


def attempt(status: str, number: int = 1, content: str | None = None) -> Attempt:
    ended = None if status == "RUNNING" else START
    return Attempt("12345", status, START, ended, number=number, input=content or ORDER.to_input(number))


@pytest.mark.parametrize(
    ("found", "latest", "next_attempt"),
    [
        (row("FAILED"), attempt("FAILED"), 2),
        (row("FAILED"), attempt("TIMED_OUT", 3), 4),
        (row("PROCESSING"), attempt("ABORTED"), 2),
        (row("CONFIRMED"), attempt("FAILED"), 2),
        (row("CONFIRMED", "PENDING"), attempt("FAILED"), 2),
        (row("CONFIRMED", "REJECTED"), attempt("FAILED"), 2),
        (row("CONFIRMED", "SENDING"), attempt("FAILED"), 2),
        (row("CONFIRMED", "REJECTED"), None, 1),
        (None, attempt("FAILED"), 2),
    ],
)
def test_an_order_whose_attempt_is_over_is_published_again_as_it_was(
    found: OrderRow | None, latest: Attempt | None, next_attempt: int
) -> None:
    planned = plan_retry("12345", found, latest)
    assert (planned.order, planned.attempt, planned.note) == (ORDER, next_attempt, None)


@pytest.mark.parametrize(
    ("found", "latest", "why"),
    [
        (None, None, "nothing is known of it"),
        (row("PROCESSING"), attempt("RUNNING"), "attempt 1 is running"),
        (row("PROCESSING"), attempt("PENDING_REDRIVE"), "attempt 1 is running"),
        (row("PROCESSING"), attempt("SUCCEEDED"), "attempt 1 has succeeded"),
        (row("REJECTED"), attempt("SUCCEEDED"), "needs a new order id"),
        (row("CANCELLED"), attempt("FAILED"), "needs a new order id"),
        (row("CONFIRMED", "UNKNOWN"), attempt("FAILED"), "`orders email resend 12345`"),
        (row("CONFIRMED", "REJECTED", email_message_id="m-1"), attempt("FAILED"), "`orders email resend 12345`"),
        (row("CONFIRMED", "SENT"), attempt("FAILED"), "nothing is left to be done"),
        (row("CONFIRMED", "DELIVERED"), None, "nothing is left to be done"),
        (row("FAILED", lines=()), None, "no order that could be published"),
        (None, attempt("FAILED", content="{}"), "no order that could be published"),
        (None, attempt("FAILED", content="[]"), "no order that could be published"),
    ],
)
def test_what_publishing_again_would_not_change_is_refused_with_the_reason(
    found: OrderRow | None, latest: Attempt | None, why: str
) -> None:
    with pytest.raises(Refused, match=why):
        plan_retry("12345", found, latest)


def test_a_row_that_was_changed_by_hand_is_published_as_it_was_started_since_other_content_would_conflict() -> None:
    planned = plan_retry("12345", row("FAILED", customer_email="other@example.com"), attempt("FAILED"))
    assert planned.order == ORDER


def test_an_execution_that_was_started_by_hand_with_what_the_starter_refuses_is_not_published() -> None:
    content = json.loads(ORDER.to_input(1)) | {"customer_email": "nobody"}
    with pytest.raises(Refused, match="customer_email: must be one plain ASCII"):
        plan_retry("12345", None, attempt("FAILED", content=json.dumps(content)))


def test_attempts_that_step_functions_has_forgotten_are_counted_anew_and_it_is_said() -> None:
    planned = plan_retry("12345", row("FAILED", attempt=2), None)
    assert planned.attempt == 1
    assert planned.note is not None
    assert "each up to attempt 2" in planned.note
